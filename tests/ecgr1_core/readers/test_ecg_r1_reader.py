"""The reader ecg-r1 on a tiny model: loaded once, streamed, stopped, one reading at a time, and told on the shell."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ecgr1_core.errors import InputError, UnsuitableRecordingError
from ecgr1_core.modality import MODALITIES, Modality, ModalityView
from ecgr1_core.readers import EcgR1Reader, Reader, ReadingOptions, get_reader
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings

SHORT = ReadingOptions(max_new_tokens=12)


@pytest.fixture(scope="module")
def reader(endless_model: Path) -> EcgR1Reader:
    return EcgR1Reader(Settings(model=endless_model, model_precision="int8", model_device="cpu"))


@pytest.fixture(scope="module")
def record() -> EcgRecord:
    return EcgRecord(np.random.default_rng(1).normal(0, 0.4, (12, 750)).astype(np.float32), 250.0, name="short")


def view(record: EcgRecord, modality: Modality = "signal") -> ModalityView:
    return ModalityView(modality, record, Image.new("RGB", (320, 224), "white"), "rendered")


def test_it_is_a_reader_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from ecgr1_core.readers import get_reader\n"
        "from ecgr1_core.settings import Settings\n"
        "reader = get_reader('ecg-r1', Settings(model='tests'))\n"
        "reader.version, reader.unavailable, reader.privacy\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'pandas', 'gradio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert isinstance(get_reader("ecg-r1"), Reader)


def test_it_is_made_once_for_the_same_settings(endless_model: Path) -> None:
    settings = Settings(model=endless_model)
    assert get_reader("ecg-r1", settings) is get_reader("ecg-r1", Settings(model=endless_model))
    assert get_reader("ecg-r1", settings) is not get_reader("ecg-r1", Settings(model=None))


def test_without_a_model_it_says_what_to_do(record: EcgRecord, tmp_path: Path) -> None:
    for settings, fault in ((Settings(model=None), "No model is set"), (Settings(model=tmp_path), "ECGR1_MODEL names")):
        reader = EcgR1Reader(settings)
        assert reader.unavailable is not None
        assert reader.unavailable.startswith(fault)
        assert str(tmp_path.parent) not in reader.unavailable
        with pytest.raises(InputError, match=fault):
            reader.read(view(record))


@pytest.mark.parametrize("modality", MODALITIES)
def test_it_reads_every_modality_and_tells_how(reader: EcgR1Reader, record: EcgRecord, modality: Modality) -> None:
    stream = reader.read(view(record, modality), SHORT)
    text = "".join(stream)
    details = stream.details
    assert text
    assert (details.stop_reason, details.new_tokens, details.phase) == ("length", 12, "done")
    assert (details.precision, details.device) == ("int8", "cpu")
    assert details.version == reader.version
    assert reader.version.startswith("tiny-endless int8 ")
    assert details.seconds_to_first_token is not None
    assert details.tokens_per_s is not None
    notes = " ".join(details.notes)
    assert ("padded with zeros from 3 s to 10 s" in notes) == (modality != "image")
    assert ("drawn from the signal" in notes) == (modality != "signal")
    assert "".join(reader.read(view(record, modality), SHORT)) == text


def test_the_phases_are_told_and_the_model_is_loaded_once(endless_model: Path, record: EcgRecord) -> None:
    reader = EcgR1Reader(Settings(model=endless_model, model_device="cpu"))
    assert not reader.loaded
    phases: list[str] = []
    stream = reader.read(view(record), SHORT)
    for _ in stream:
        if stream.details.phase not in phases:
            phases.append(stream.details.phase)
    assert phases[-1] == "done"
    assert stream.details.load_s is not None
    assert stream.details.expected_load_s is not None
    assert reader.loaded
    again = reader.read(view(record), SHORT)
    text = "".join(again)
    assert again.details.load_s is None
    reader.unload()
    assert not reader.loaded
    assert "".join(reader.read(view(record), SHORT)) == text


def test_cancelling_and_closing_free_the_model_at_once(reader: EcgR1Reader, record: EcgRecord) -> None:
    for stop in ("cancel", "close"):
        stream = reader.read(view(record), ReadingOptions(max_new_tokens=2048))
        for piece in stream:
            if piece:
                break
        getattr(stream, stop)()
        rest = list(stream)
        if stop == "cancel":
            assert stream.details.stop_reason == "cancelled"
            assert len(rest) < 500
        else:
            assert rest == []
        started = time.monotonic()
        assert "".join(reader.read(view(record), SHORT))
        assert time.monotonic() - started < 5


def test_a_second_reading_waits_for_the_first_and_can_be_cancelled(reader: EcgR1Reader, record: EcgRecord) -> None:
    first = reader.read(view(record), ReadingOptions(max_new_tokens=2048))
    next(piece for piece in first if piece)
    second = reader.read(view(record), SHORT)
    assert next(second) == "", "a sign that it is at work, without a word yet"
    assert second.details.phase == "waiting"
    second.cancel()
    assert "".join(second) == ""
    assert second.details.stop_reason == "cancelled"
    third = reader.read(view(record), SHORT)
    got: list[str] = []
    thread = threading.Thread(target=lambda: got.append("".join(third)))
    thread.start()
    first.close()
    thread.join(timeout=20)
    assert got
    assert got[0]


def test_options_are_heeded(reader: EcgR1Reader, record: EcgRecord) -> None:
    drawn = ReadingOptions(max_new_tokens=12, temperature=1.5, seed=4)
    text = "".join(reader.read(view(record), drawn))
    assert "".join(reader.read(view(record), drawn)) == text
    assert "".join(reader.read(view(record), SHORT)) != text
    scored = reader.read(view(record), ReadingOptions(max_new_tokens=5, log_probabilities=True))
    list(scored)
    assert scored.details.token_scores is not None
    assert len(scored.details.token_scores) == 5
    assert scored.details.label_confidences == ()
    with pytest.raises(InputError, match="the temperature"):
        list(reader.read(view(record), ReadingOptions(temperature=-1)))


def test_faults_of_the_model_and_the_recording_are_sentences(endless_model: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(endless_model, tmp_path / "broken"))
    shard = next(broken.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-10])
    reader = EcgR1Reader(Settings(model=broken, model_device="cpu"))
    with pytest.raises(InputError, match="truncated"):
        list(reader.read(view(EcgRecord(np.zeros((12, 5000), dtype=np.float32), 500.0))))
    reader = EcgR1Reader(Settings(model=endless_model, model_device="cpu"))
    unknown = EcgRecord(np.full((12, 5000), np.nan, dtype=np.float32), 500.0, name="unknown")
    with pytest.raises(UnsuitableRecordingError, match="unknown"):
        list(reader.read(view(unknown)))
    assert "".join(reader.read(view(EcgRecord(np.zeros((12, 5000), dtype=np.float32), 500.0)), SHORT))


def test_the_version_tells_other_weights_apart(endless_model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(endless_model, tmp_path / "tiny-endless"))
    versions = [EcgR1Reader(Settings(model=folder)).version for folder in (endless_model, copy)]
    assert versions[0] == versions[1]
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "ecg_mask_padding": True}))
    assert EcgR1Reader(Settings(model=copy)).version != versions[0]
    packed = {**config, "quantization": {"precision": "int4"}}
    (copy / "config.json").write_text(json.dumps(packed))
    assert " int4 " in EcgR1Reader(Settings(model=copy)).version


def run_interpret(capsys: pytest.CaptureFixture[str], path: Path, *extra: str) -> tuple[int, str, str]:
    from app import main

    code = main(["interpret", str(path), *extra])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_interpret_on_the_shell(
    endless_model: Path, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shared_data / "ptbxl" / "records500" / "00003_hr.hea"
    model = ("--reader", "ecg-r1", "--model", str(endless_model), "--precision", "int8", "--max-new-tokens", "9")
    code, out, _ = run_interpret(capsys, path, *model, "--modality", "both", "--log-probabilities", "--seed", "2")
    data: dict[str, Any] = json.loads(out)
    assert code == 0
    assert (data["reader"], data["modality"], data["page_origin"]) == ("ecg-r1", "both", "rendered")
    assert data["reader_version"].startswith("tiny-endless int8 ")
    assert data["notes"] == ["the page image was drawn from the signal"]
    generation = data["generation"]
    assert generation["precision"] == "int8"
    assert (generation["stop_reason"], generation["new_tokens"]) == ("length", 9)
    assert generation["seconds_to_first_token"] > 0
    assert generation["tokens_per_s"] > 0
    assert len(generation["tokens"]) == 9
    assert all(token["log_probability"] <= 0 <= token["entropy_nats"] for token in generation["tokens"])
    assert "answer" in data["missing"]

    page = tmp_path / "page.png"
    Image.new("RGB", (320, 224), "white").save(page)
    _, out, _ = run_interpret(capsys, path, *model, "--modality", "image", "--page", str(page))
    uploaded = json.loads(out)
    assert (uploaded["page_origin"], uploaded["notes"]) == ("upload", [])
    assert uploaded["generation"]["prompt_tokens"] < generation["prompt_tokens"] - 600


@pytest.mark.parametrize(
    ("extra", "fault"),
    [
        (["--reader", "ecg-r1", "--model", "nowhere"], "nowhere"),
        (["--reader", "ecg-r1", "--model", "{model}", "--temperature", "-1"], "the temperature"),
        (["--reader", "ecg-r1", "--model", "{model}", "--page", "x.png"], "shows no page"),
        (["--reader", "ecg-r1", "--model", "{model}", "--modality", "image", "--page", "absent.png"], "absent.png"),
        (["--seed", "3", "--log-probabilities"], "--seed, --log-probabilities"),
    ],
)
def test_bad_choices_are_one_line_on_the_shell(
    endless_model: Path, shared_data: Path, capsys: pytest.CaptureFixture[str], extra: list[str], fault: str
) -> None:
    path = shared_data / "ptbxl" / "records500" / "00003_hr.hea"
    code, out, err = run_interpret(capsys, path, *(word.format(model=endless_model) for word in extra))
    assert (code, out) == (2, "")
    (line,) = err.strip().splitlines()
    assert fault in line


def test_two_views_are_written_at_once_with_the_texts_they_have_alone(reader: EcgR1Reader, record: EcgRecord) -> None:
    views = [view(record, "signal"), view(record, "image")]
    alone = ["".join(reader.read(one, SHORT)) for one in views]
    streams = reader.read_together(views, SHORT)
    assert ["".join(stream) for stream in streams] == alone
    assert [stream.details.stop_reason for stream in streams] == ["length", "length"]
    with pytest.raises(InputError, match="cannot read the modality"):
        reader.read_together([views[0], ModalityView("signal", record), _Odd()], SHORT)


def test_one_of_two_readings_is_stopped_and_the_other_goes_on(reader: EcgR1Reader, record: EcgRecord) -> None:
    options = ReadingOptions(max_new_tokens=60)
    first, second = reader.read_together([view(record, "signal"), view(record, "image")], options)
    begun = next(piece for piece in first if piece)
    first.cancel()
    rest = "".join(first)
    text = "".join(second)
    assert first.details.stop_reason == "cancelled"
    assert second.details.stop_reason == "length"
    assert second.details.new_tokens == 60
    assert len(begun + rest) < len("".join(reader.read(view(record, "signal"), options)))
    assert text == "".join(reader.read(view(record, "image"), options))


class _Odd(ModalityView):
    """A view of a modality that no reader knows."""

    def __init__(self) -> None:
        object.__setattr__(self, "modality", "smell")
