"""The endpoint on a free port of this machine, with the protocol reader and a tiny model that never ends by itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from ecgr1_core.readers import known_readers
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings
from training.synthesis import kind_spec, synthesize
from ui.api.server import build_api
from ui.web.server import listen

sys.path.insert(0, str(Path(__file__).parents[2] / "ecgr1_core" / "model"))

KEY = "a key for the tests"


@pytest.fixture(scope="session")
def endless_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    import torch
    from endless import build_endless_checkpoint

    torch.set_num_threads(1)
    model = build_endless_checkpoint(tmp_path_factory.mktemp("models") / "tiny-endless")
    return Settings(model=model, model_precision="int8", model_device="cpu")


@pytest.fixture
def api(endless_settings: Settings) -> Iterator[httpx.Client]:
    """A client with the key, of a server where one request may wait."""
    built = build_api(known_readers(endless_settings), key=KEY, waiting=1, largest_bytes=2 * 2**20)
    running = listen(built, "127.0.0.1", 0)
    with httpx.Client(
        base_url=running.address, headers={"authorization": f"Bearer {KEY}"}, timeout=60, trust_env=False
    ) as client:
        yield client
    running.stop()


@pytest.fixture(scope="session")
def sinus() -> EcgRecord:
    return synthesize(kind_spec("sinus"), np.random.default_rng(3))[0]
