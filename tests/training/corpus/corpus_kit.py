"""Cases and configurations for the tests of the corpus: real recordings of known kind, prepared as a run does."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from ecgr1_core.errors import InputError
from ecgr1_core.record import EcgRecord
from training.corpus import CorpusConfig
from training.corpus.cases import Case, prepare
from training.corpus.config import LlmAuthoring, SyntheticSource
from training.corpus.sources import Recipe
from training.synthesis import kind_spec, synthesize


@cache
def case_of(kind: str) -> Case:
    """A noiseless synthetic recording of a kind as a case."""
    source = SyntheticSource(count=1, wander_mv=0, muscle_mv=0)
    with tempfile.TemporaryDirectory() as folder:
        case = prepare(Path(folder), 3, "none", Recipe(f"{kind}_1", "p1", kind, source))
    assert not isinstance(case, InputError)
    return case


@cache
def example_record() -> EcgRecord:
    """Ten seconds of sinus rhythm."""
    return synthesize(kind_spec("sinus"), np.random.default_rng(2))[0]


def synthetic(out: Path, count: int = 4, *kinds: str, **more: object) -> CorpusConfig:
    """A corpus of synthetic recordings."""
    kinds = kinds or ("sinus", "av_block_1", "rbbb", "sinus_tachycardia")
    return CorpusConfig(out=out, seed=1, sources=(SyntheticSource(count=count, kinds=kinds),), **more)  # type: ignore[arg-type]


def llm(url: str, **more: object) -> LlmAuthoring:
    """A language model at a server of this machine; nothing is asked again unless told."""
    given = {"url": url, "model": "m", "attempts": 1, "retries": 0, "evidence": "findings", **more}
    return LlmAuthoring(**given)  # type: ignore[arg-type]
