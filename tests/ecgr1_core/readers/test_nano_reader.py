"""The small ECG-R1 that comes with the program: there only with its weights, read in float32 whatever is set."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ecgr1_core.errors import InputError
from ecgr1_core.modality import MODALITIES, ModalityView
from ecgr1_core.model.loading import LoadedModel
from ecgr1_core.readers import NanoReader, ReadingOptions, known_readers
from ecgr1_core.readers.base import Cautioned, Preparing, prepare
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings


def test_without_weights_it_is_not_among_the_readers(tmp_path: Path) -> None:
    assert NanoReader(Settings(), tmp_path).unavailable is not None
    listed = any(isinstance(one, NanoReader) for one in known_readers())
    assert listed == (NanoReader(Settings()).directory is not None)


def test_it_reads_in_float32_whatever_the_large_model_is_set_to(endless_model: Path, tmp_path: Path) -> None:
    settings = Settings(model=tmp_path, model_adapter=tmp_path, model_precision="int4", model_device="cuda")
    reader = NanoReader(settings, endless_model)
    assert reader.unavailable is None
    assert (reader.embedded, reader.generative, reader.modalities) == (True, True, MODALITIES)
    record = EcgRecord(np.random.default_rng(1).normal(0, 0.4, (12, 750)).astype(np.float32), 250.0, name="short")
    stream = reader.read(ModalityView("signal", record, None, None), ReadingOptions(max_new_tokens=4))
    assert "".join(stream)
    assert (stream.details.precision, stream.details.device) == ("fp32", "cpu")
    assert " fp32 " in reader.version


def test_it_says_what_to_know_before_trusting_it() -> None:
    reader = NanoReader(Settings())
    assert isinstance(reader, Cautioned)
    assert "protocol reader" in reader.caution


def test_it_gets_ready_before_it_is_asked(endless_model: Path, tmp_path: Path) -> None:
    reader = NanoReader(Settings(), endless_model)
    assert isinstance(reader, Preparing)
    prepare(reader)
    until = time.monotonic() + 60
    while not reader.loaded and time.monotonic() < until:
        time.sleep(0.05)
    assert reader.loaded
    reader.unload()
    NanoReader(Settings(), tmp_path).get_ready()  # nothing to get ready, and nothing is said


def test_it_computes_in_one_thread_and_leaves_others_theirs(endless_model: Path) -> None:
    class Watched(NanoReader):
        def _load(self, directory: Path) -> LoadedModel:
            seen.append(torch.get_num_threads())
            return super()._load(directory)

    seen: list[int] = []
    record = EcgRecord(np.random.default_rng(1).normal(0, 0.4, (12, 750)).astype(np.float32), 250.0, name="short")
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        reader = Watched(Settings(), endless_model)
        assert "".join(reader.read(ModalityView("signal", record, None, None), ReadingOptions(max_new_tokens=2)))
        begun_later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        begun_later.start()
        begun_later.join()
        assert seen == [1, 3]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_weights_that_cannot_be_loaded_are_told_by_the_reading_not_before(endless_model: Path, tmp_path: Path) -> None:
    shutil.copytree(endless_model, tmp_path / "broken")
    for weights in (tmp_path / "broken").glob("*.safetensors"):
        weights.write_bytes(b"no weights")
    reader = NanoReader(Settings(), tmp_path / "broken")
    reader.get_ready()
    record = EcgRecord(np.zeros((12, 2500), dtype=np.float32), 250.0, name="flat")
    with pytest.raises(InputError):
        list(reader.read(ModalityView("signal", record, None, None), ReadingOptions(max_new_tokens=4)))
