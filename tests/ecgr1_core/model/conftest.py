"""One tiny checkpoint for all tests of the model, built once in each worker, and what is read with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from ecgr1_core.modality import MODALITIES, ModalityView
from ecgr1_core.record import EcgRecord

if TYPE_CHECKING:
    from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
    from ecgr1_core.model.processing import EcgR1Processor


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a tiny ECG-R1 in the published layout, fp32; do not write into it."""
    import torch
    from tiny import build_checkpoint

    torch.set_num_threads(1)
    return build_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny-ecg-r1")


@pytest.fixture(scope="session")
def tiny_processor(tiny_checkpoint: Path) -> EcgR1Processor:
    """The processor of the tiny checkpoint."""
    from ecgr1_core.model.processing import EcgR1Processor

    return EcgR1Processor.from_pretrained(tiny_checkpoint)


@pytest.fixture
def tiny_model(tiny_checkpoint: Path) -> EcgR1ForConditionalGeneration:
    """The tiny checkpoint loaded anew, fp32 on the CPU, in evaluation mode."""
    from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration

    return EcgR1ForConditionalGeneration.from_pretrained(tiny_checkpoint).eval()


@pytest.fixture
def made_record() -> EcgRecord:
    """10 s at 500 Hz of noise in mV that is different in every lead."""
    signal = np.random.default_rng(11).normal(0, 0.4, (12, 5000)).astype(np.float32)
    return EcgRecord(signal, 500.0, name="made")


@pytest.fixture
def made_page() -> Image.Image:
    """A page of 320 x 224 coloured pixels, which takes 70 image tokens."""
    pixels = np.random.default_rng(12).integers(0, 255, (224, 320, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def four_views(made_record: EcgRecord, made_page: Image.Image) -> list[ModalityView]:
    """The same recording in all four modalities."""
    return [ModalityView(modality, made_record, made_page, "upload") for modality in MODALITIES]
