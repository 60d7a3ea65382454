"""Recordings and a tiny taught model, made once for all tests of DAPO."""

from __future__ import annotations

from pathlib import Path

import pytest
from dapo_kit import corpus, recordings, row, taught_checkpoint


@pytest.fixture(scope="session")
def rl_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four rows with recordings and pages beside them."""
    folder = tmp_path_factory.mktemp("rl")
    recordings(folder, 4)
    return corpus(folder, [row(number) for number in range(4)])


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory, rl_rows: Path) -> Path:
    """A checkpoint that thinks in half of its answers to these rows' signals; do not write into it."""
    return taught_checkpoint(tmp_path_factory.mktemp("taught") / "model", rl_rows)
