"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

SHARED_DATA = Path(os.environ.get("ECGR1_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_finish() -> None:
    """Leave what was imported by now out of collections: unloading a model collects, which takes a second otherwise."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data pack (real recordings); tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the development data pack at {SHARED_DATA} (set ECGR1_TEST_DATA to its folder)")
    return SHARED_DATA
