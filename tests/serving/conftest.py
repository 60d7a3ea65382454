"""The tiny checkpoint of the model's own tests, and what is read with it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecgr1_core.record import EcgRecord

sys.path.insert(0, str(Path(__file__).parents[1] / "ecgr1_core" / "model"))


@pytest.fixture(scope="session")
def published_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a tiny ECG-R1 in the published layout; do not write into it."""
    import torch
    from tiny import build_checkpoint

    torch.set_num_threads(1)
    return build_checkpoint(tmp_path_factory.mktemp("served") / "tiny-ecg-r1")


@pytest.fixture
def drawn_record() -> EcgRecord:
    """10 s at 500 Hz of noise in mV that is different in every lead."""
    signal = np.random.default_rng(21).normal(0, 0.4, (12, 5000)).astype(np.float32)
    return EcgRecord(signal, 500.0, name="drawn")


@pytest.fixture
def drawn_page() -> Image.Image:
    """A page of 320 x 224 coloured pixels, which takes 70 image tokens."""
    return Image.fromarray(np.random.default_rng(22).integers(0, 255, (224, 320, 3), dtype=np.uint8))
