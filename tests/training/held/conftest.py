"""Rows of four synthetic recordings with their pages, and a tiny checkpoint that knows their words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "sft"))
from sft_kit import checkpoint

from training.corpus.config import CorpusConfig, Shares, SyntheticSource
from training.corpus.run import run_corpus
from training.rows import Row, read_rows


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("held_rows")
    sources = (SyntheticSource(count=4, kinds=("sinus", "lbbb")),)
    run_corpus(
        CorpusConfig(
            out=out, sources=sources, shares=Shares(sft=1, rl=0, test=0), pages="plain", page_pixels=60000, jobs=1
        )
    )
    return out / "sft.jsonl"


@pytest.fixture(scope="module")
def rows(corpus: Path) -> list[Row]:
    return [row for row in read_rows(corpus) if isinstance(row, Row)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> Path:
    """A tiny checkpoint whose tokens are those of the corpus: readings have hundreds of them, not thousands."""
    torch.set_num_threads(1)
    return checkpoint(tmp_path_factory.mktemp("held") / "tiny", texts=[row.answer or "" for row in rows])
