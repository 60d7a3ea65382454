"""`ecgr1 verify` and the claims of `ecgr1 interpret`, on real recordings."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from app import main
from ecgr1_core import formats
from ecgr1_core.interpretation import parse
from ecgr1_core.measure import measure
from ecgr1_core.modality import ModalityView
from ecgr1_core.readers import get_reader
from ecgr1_core.verify import part_texts, verify

_KEYS = ["step", "start", "end", "text", "kind", "status", "measured", "expected", "leads", "negated", "hedged", "why"]


@pytest.fixture
def recording(shared_data: Path) -> Path:
    return shared_data / "ptbxl" / "records500" / "00003_hr.hea"


def test_prose_is_checked(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "reading.txt"
    text.write_text(
        "Sinus rhythm with a narrow QRS. The QRS is 180 ms wide. Ventricular rate 190 bpm.", encoding="utf-8"
    )
    assert main(["verify", str(recording), "--text", str(text)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data) == ["path", "name", "counts", "claims", "warnings", "disclaimer"]
    assert data["counts"] == {"supported": 2, "contradicted": 2, "not_measurable": 0}
    assert list(data["claims"][0]) == _KEYS
    assert [claim["kind"] for claim in data["claims"] if claim["status"] == "contradicted"] == [
        "qrs_duration",
        "heart_rate",
    ]


def test_standard_input(recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"QRS 400 ms")))
    assert main(["verify", str(recording), "--text", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["contradicted"] == 1


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"", "empty"), (b"\xff\xfe\x00x", "UTF-8"), (b"a" * ((1 << 20) + 1), "1 MiB"), (None, "no such file")],
)
def test_a_bad_text_is_one_sentence(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, fault: str
) -> None:
    text = tmp_path / "reading.txt"
    if content is not None:
        text.write_bytes(content)
    assert main(["verify", str(recording), "--text", str(text)]) == 2
    error = capsys.readouterr().err
    assert fault in error
    assert len(error.strip().splitlines()) == 1


def test_interpret_gives_claims_answer_and_evidence(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interpret", str(recording)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert len(data["claims"]) > 20
    assert {claim["status"] for claim in data["claims"]} <= {"supported", "not_measurable"}
    parts: dict[int | str, str] = {step["number"]: step["text"] for step in data["steps"]}
    parts |= {"summary": data["summary"], "answer": "; ".join(label["label"] for label in data["answer"])}
    for claim in data["claims"]:
        assert list(claim) == _KEYS
        assert parts[claim["step"]][claim["start"] : claim["end"]] == claim["text"]
    assert [list(label) for label in data["answer"]] == [["label", "scp", "certainty"]] * len(data["answer"])
    assert {label["certainty"] for label in data["answer"]} <= {"definite", "probable"}
    assert data["evidence"]


def test_the_protocol_reader_contradicts_no_measurement(shared_data: Path) -> None:
    paths = sorted((shared_data / "ptbxl" / "records500").rglob("*_hr.hea"))[::24][:10]
    paths += sorted((shared_data / "ludb").rglob("*.hea"))[::40][:3]
    assert len(paths) >= 10
    reader = get_reader("protocol")
    for path in paths:
        record = formats.read(path)
        reading = parse("".join(reader.read(ModalityView("signal", record))))
        found = verify(reading, measure(record), record.patient, record.warnings)
        parts = dict(part_texts(reading))
        assert all(parts[claim.step][claim.start : claim.end] == claim.text for claim in found)
        assert [(path.name, c.step, c.text, c.why) for c in found if c.status == "contradicted"] == []
        assert sum(claim.status == "supported" for claim in found) > 15
