"""The readers medgemma, pulse and gem on tiny checkpoints: what they offer, how they are asked and stopped."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecgr1_core.errors import InputError, UnsupportedModalityError
from ecgr1_core.interpretation import STEP_TITLES
from ecgr1_core.modality import MODALITIES, Modality, ModalityView
from ecgr1_core.readers import GemReader, MedGemmaReader, PulseReader, Reader, ReadingOptions, get_reader
from ecgr1_core.readers.local_model import SIX_STEPS, GuestModel
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings

SHORT = ReadingOptions(max_new_tokens=12)
NAMES = ("medgemma", "pulse", "gem")
SEES: dict[str, tuple[Modality, ...]] = {"medgemma": ("image",), "pulse": ("image",), "gem": ("both",)}


@pytest.fixture(scope="session")
def guests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Directories of tiny random models by the names of their readers; do not write into them."""
    import torch
    from tiny_guests import build_gem, build_medgemma, build_pulse

    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("guests")
    build_medgemma(root / "tiny-medgemma")
    build_pulse(root / "tiny-pulse", "bin")
    build_gem(root / "tiny-gem")
    return {name: root / f"tiny-{name}" for name in NAMES}


@pytest.fixture(scope="session")
def readers(guests: dict[str, Path]) -> dict[str, GuestModel]:
    settings = Settings(**guests, model_precision="int8", model_device="cpu")
    found = {name: get_reader(name, settings) for name in NAMES}
    return {name: reader for name, reader in found.items() if isinstance(reader, GuestModel)}


def view(name: str) -> ModalityView:
    record = EcgRecord(np.random.default_rng(1).normal(0, 0.4, (12, 750)).astype(np.float32), 250.0, name="short")
    return ModalityView(SEES[name][0], record, Image.new("RGB", (320, 224), "white"), "rendered")


def test_they_are_readers_and_import_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from ecgr1_core.readers import get_reader\n"
        "from ecgr1_core.settings import Settings\n"
        "for name in ('medgemma', 'pulse', 'gem'):\n"
        "    reader = get_reader(name, Settings(**{name: 'tests'}))\n"
        "    reader.version, reader.unavailable, reader.privacy\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'sentencepiece', 'gradio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    for name in NAMES:
        reader = get_reader(name, Settings())
        assert isinstance(reader, Reader)
        assert (reader.modalities, reader.generative, reader.embedded) == (SEES[name], True, False)
        assert "sent nowhere" in reader.privacy


@pytest.mark.parametrize("name", NAMES)
def test_without_a_directory_it_says_what_to_do(name: str, tmp_path: Path) -> None:
    setting = f"ECGR1_{name.upper()}"
    unset = get_reader(name, Settings())
    assert unset.unavailable is not None
    assert unset.unavailable.startswith("No model is set: ")
    assert f"set {setting} to its directory" in unset.unavailable
    empty = get_reader(name, Settings(**{name: tmp_path}))
    assert empty.unavailable is not None
    assert empty.unavailable.startswith(f"{setting} names {tmp_path.name!r}, which is not the directory of a model")
    assert str(tmp_path.parent) not in empty.unavailable
    with pytest.raises(InputError, match="not the directory of a model"):
        empty.read(view(name))


@pytest.mark.parametrize("name", NAMES)
def test_it_reads_what_it_can_see_and_tells_how(name: str, readers: dict[str, GuestModel]) -> None:
    reader = readers[name]
    assert reader.unavailable is None
    stream = reader.read(view(name), SHORT)
    text = "".join(stream)
    details = stream.details
    assert text
    assert (details.stop_reason, details.new_tokens, details.phase) == ("length", 12, "done")
    assert (details.precision, details.device) == ("int8", "cpu")
    assert details.version == reader.version
    assert reader.version.startswith(f"tiny-{name} int8 ")
    assert details.seconds_to_first_token is not None
    assert "the page image was drawn from the signal" in details.notes
    assert ("padded with zeros from 3 s to 10 s" in details.notes) == (name == "gem")
    assert any("30 % of its width is not seen" in note for note in details.notes) == (name == "gem")
    assert "".join(reader.read(view(name), SHORT)) == text
    record = view("gem").record
    for modality in MODALITIES:
        if modality not in reader.modalities:
            with pytest.raises(UnsupportedModalityError, match=f"{reader.title}: it cannot read the modality"):
                reader.read(ModalityView(modality, record, Image.new("RGB", (8, 8)), "upload"))


def test_the_six_steps_are_asked_for(readers: dict[str, GuestModel]) -> None:
    for number, title in enumerate(STEP_TITLES, 1):
        assert f"**Step {number}: {title}**" in SIX_STEPS
    for name, reader in readers.items():
        loaded = reader._model(reader.read(view(name)).details)
        ids = loaded.processor.inputs(view(name), reader.question, reader.system)["input_ids"][0]
        text = loaded.processor.tokenizer.decode(ids)
        for title in STEP_TITLES if name != "medgemma" else ():  # its tiny vocabulary has few letters
            assert title in text
        assert text.endswith("<start_of_turn>model\n" if name == "medgemma" else " ASSISTANT:")


@pytest.mark.parametrize("name", NAMES)
def test_options_are_heeded(name: str, readers: dict[str, GuestModel]) -> None:
    reader = readers[name]
    drawn = ReadingOptions(max_new_tokens=12, temperature=1.5, seed=4)
    text = "".join(reader.read(view(name), drawn))
    assert "".join(reader.read(view(name), drawn)) == text
    assert "".join(reader.read(view(name), SHORT)) != text
    scored = reader.read(view(name), ReadingOptions(max_new_tokens=5, log_probabilities=True))
    list(scored)
    assert scored.details.token_scores is not None
    assert len(scored.details.token_scores) == 5
    with pytest.raises(InputError, match="the temperature"):
        list(reader.read(view(name), ReadingOptions(temperature=-1)))


@pytest.mark.parametrize("name", ["pulse", "gem"])
def test_cancelling_ends_it_within_a_token(name: str, readers: dict[str, GuestModel]) -> None:
    reader = readers[name]
    stream = reader.read(view(name), ReadingOptions(max_new_tokens=2048))
    next(piece for piece in stream if piece)
    stream.cancel()
    stopped = time.monotonic()
    list(stream)
    assert time.monotonic() - stopped < 2
    assert stream.details.stop_reason == "cancelled"
    assert stream.details.new_tokens is not None
    assert stream.details.new_tokens < 2000
    stream = reader.read(view(name), ReadingOptions(max_new_tokens=2048))
    next(stream)
    stream.close()
    assert list(stream) == []
    assert "".join(reader.read(view(name), SHORT))


def test_it_is_loaded_once_and_given_back(guests: dict[str, Path]) -> None:
    reader = PulseReader(Settings(pulse=guests["pulse"], model_device="cpu"))
    phases: list[str] = []
    stream = reader.read(view("pulse"), SHORT)
    for _ in stream:
        if stream.details.phase not in phases:
            phases.append(stream.details.phase)
    assert phases[-1] == "done"
    assert stream.details.load_s is not None
    assert stream.details.precision == "int8"
    assert reader.loaded
    again = reader.read(view("pulse"), SHORT)
    text = "".join(again)
    assert again.details.load_s is None
    reader.unload()
    assert not reader.loaded
    assert "".join(reader.read(view("pulse"), SHORT)) == text


@pytest.mark.parametrize(
    ("make", "name", "held", "fault"),
    [
        (PulseReader, "pulse", "gem", "describes a GEM.*, not a LLaVA that reads images only.*set ECGR1_GEM to it"),
        (PulseReader, "pulse", "medgemma", "describes a Gemma 3.*set ECGR1_MEDGEMMA to it"),
        (GemReader, "gem", "pulse", "describes a LLaVA that reads images only.*set ECGR1_PULSE to it"),
        (MedGemmaReader, "medgemma", "gem", "describes a GEM.*, not a Gemma 3"),
        (GemReader, "gem", "ecg-r1", "describes an ECG-R1, not a GEM.*set ECGR1_MODEL to it"),
    ],
)
def test_another_kind_of_checkpoint_is_named(
    make: Callable[[Settings], GuestModel],
    name: str,
    held: str,
    fault: str,
    guests: dict[str, Path],
    endless_model: Path,
) -> None:
    directory = endless_model if held == "ecg-r1" else guests[held]
    reader = make(Settings(**{name: directory, "model_device": "cpu"}))
    with pytest.raises(InputError, match=fault):
        list(reader.read(view(name), SHORT))


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ('{"model_type": "llava_next", "vision_config": {}}', "in the layout of transformers instead of LLaVA's own"),
        ('{"model_type": "gemma3_text"}', "describes a model of type 'gemma3_text', not a LLaVA"),
        ("[]", "is not a JSON object"),
        ("{", "is not JSON"),
        (
            '{"model_type": "llava_llama", "mm_vision_tower": "x", "quantization_config": {}}',
            "weights that were quantised already",
        ),
    ],
)
def test_what_is_no_such_checkpoint_is_a_sentence(config: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(config)
    reader = PulseReader(Settings(pulse=tmp_path, model_device="cpu"))
    with pytest.raises(InputError, match=fault):
        list(reader.read(view("pulse"), SHORT))


def test_faults_of_weights_are_sentences_without_the_place_on_the_disk(guests: dict[str, Path], tmp_path: Path) -> None:
    broken = Path(shutil.copytree(guests["pulse"], tmp_path / "broken"))
    shard = sorted(broken.glob("*.bin"))[1]
    shard.write_bytes(shard.read_bytes()[:-2000])
    reader = PulseReader(Settings(pulse=broken, model_device="cpu"))
    with pytest.raises(InputError, match="is truncated, damaged or no file of weights") as caught:
        list(reader.read(view("pulse"), SHORT))
    assert str(tmp_path) not in str(caught.value)
    assert shard.name in str(caught.value)


def test_the_version_tells_other_weights_apart(guests: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(guests["pulse"], tmp_path / "tiny-pulse"))
    versions = [PulseReader(Settings(pulse=folder)).version for folder in (guests["pulse"], copy)]
    assert versions[0] == versions[1]
    shard = sorted(copy.glob("*.bin"))[0]
    shard.write_bytes(shard.read_bytes() + b"x")
    assert PulseReader(Settings(pulse=copy)).version != versions[0]
