"""One small corpus and one tiny checkpoint for all tests of fine-tuning."""

from __future__ import annotations

from pathlib import Path

import pytest
from sft_kit import checkpoint, corpus


@pytest.fixture(scope="session")
def sft_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.set_num_threads(1)
    return checkpoint(tmp_path_factory.mktemp("sft") / "tiny")


@pytest.fixture(scope="session")
def sft_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight rows; in `held_out` beside them `test.jsonl`, two rows of other patients."""
    folder = tmp_path_factory.mktemp("rows")
    corpus(folder / "held_out", range(8, 10), "test.jsonl")
    return corpus(folder, range(8))
