"""The corpus: recordings, made or read, become rows for SFT, RL and tests, each text checked against its recording."""

from training.corpus.config import CorpusConfig
from training.corpus.run import run_corpus

__all__ = ["CorpusConfig", "run_corpus"]
