"""The protocol reader and the list of readers, on real recordings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecgr1_core import formats
from ecgr1_core.errors import InputError, UnsupportedModalityError
from ecgr1_core.interpretation import StreamParser, parse
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.readers import Reader, ReadingOptions, get_reader, known_readers
from ecgr1_core.readers.base import evidence_json
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.paper import render_page


@pytest.fixture(scope="module")
def record(shared_data: Path) -> EcgRecord:
    return formats.read(shared_data / "ptbxl" / "records500" / "00003_hr.hea")


def test_the_list_of_readers() -> None:
    names = [reader.name for reader in known_readers()]
    assert names[:2] == ["protocol", "ecg-r1"]
    assert len(set(names)) == len(names)
    reader = get_reader("protocol")
    assert isinstance(reader, Reader)
    assert reader.embedded
    assert reader.modalities == ("signal", "image")
    assert get_reader("protocol") is reader
    with pytest.raises(InputError, match="choose one of: protocol, ecg-r1"):
        get_reader("oracle")


def test_it_streams_a_whole_reading_sentence_by_sentence(record: EcgRecord) -> None:
    reader = get_reader("protocol")
    deltas = list(reader.read(ModalityView("signal", record)))
    assert len(deltas) > 20
    assert max(map(len, deltas)) < 600
    parser = StreamParser()
    seen = [parser.feed(delta) for delta in deltas]
    assert seen[-1] == parse("".join(deltas))
    assert seen[-1].complete
    assert "sinus rhythm" in seen[-1].answer
    assert "".join(reader.read(ModalityView("signal", record))) == "".join(deltas)


def test_its_pieces_are_whole_sentences(record: EcgRecord) -> None:
    pieces = list(get_reader("protocol").read(ModalityView("signal", record)))
    text = parse("".join(pieces))
    for piece in pieces[:-1]:
        assert piece.endswith(".")
        assert not re.search(r"[a-z)°]\. [A-Z]", piece), "one sentence a piece"
    assert pieces[-1].split("<answer>")[0].strip() == ""
    last = pieces[-2].rpartition("\n")[2].strip()
    assert last != ""
    assert text.summary.endswith(last)


def test_what_it_rests_on_is_known_from_the_first_piece_on(record: EcgRecord) -> None:
    stream = get_reader("protocol").read(ModalityView("signal", record))
    assert stream.details.evidence is stream.details.certainties is None
    assert evidence_json(stream.details) == {"evidence": None, "certainties": None}
    first = next(stream)
    data = evidence_json(stream.details)
    reading = parse(first + "".join(stream))
    texts = {str(step.number): step.text for step in reading.steps} | {"summary": reading.summary}
    covered = dict.fromkeys(texts, "")
    for one in data["evidence"]:
        sentence = texts[one["step"]][one["start"] : one["end"]]
        covered[one["step"]] += f" {sentence}" if one["start"] else sentence
        assert one["finding_ids"]
        assert one["certainty"] in ("definite", "probable", "possible")
        assert one["status"] in ("normal", "abnormal", "not_assessable")
    assert covered == texts
    assert tuple(data["certainties"]) == reading.answer
    assert json.loads(json.dumps(data)) == data


def test_its_words_are_the_same_whatever_the_seed(record: EcgRecord) -> None:
    reader = get_reader("protocol")
    texts = {
        "".join(reader.read(ModalityView("signal", record), options))
        for options in (None, ReadingOptions(seed=1), ReadingOptions(seed=2))
    }
    assert len(texts) == 1


@pytest.mark.parametrize("modality", ["both", "swapped"])
def test_it_refuses_what_it_cannot_see_before_it_starts(record: EcgRecord, modality: Modality) -> None:
    view = ModalityView(modality, record, Image.new("RGB", (8, 8)), "upload")
    with pytest.raises(UnsupportedModalityError, match="the signal or the page"):
        get_reader("protocol").read(view)


def test_a_recording_without_any_beat_is_read_without_a_fault() -> None:
    record = EcgRecord(np.zeros((12, 2500), dtype=np.float32), 250.0)
    reading = parse("".join(get_reader("protocol").read(ModalityView("signal", record))))
    assert reading.complete
    assert reading.answer == ("undetermined rhythm",)


def test_interpret_on_the_shell(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from app import main

    path = shared_data / "ptbxl" / "records500" / "00003_hr.hea"
    assert main(["interpret", str(path)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data) == [
        "path", "reader", "reader_version", "modality", "page_origin", "steps", "summary", "answer", "claims",
        "evidence", "raw", "missing", "notes", "generation", "timing_s", "warnings", "disclaimer",
    ]  # fmt: skip
    assert data["generation"] is data["page_origin"] is None
    assert [step["number"] for step in data["steps"]] == [1, 2, 3, 4, 5, 6]
    assert {"label": "sinus rhythm", "scp": "SR", "certainty": "definite"} in data["answer"]
    assert {claim["status"] for claim in data["claims"]} <= {"supported", "not_measurable"}
    assert data["evidence"][0]["finding_ids"]
    assert "not a diagnosis" in data["disclaimer"].lower()


@pytest.mark.parametrize("extra", [["--reader", "oracle"], ["--modality", "both"]])
def test_bad_choices_on_the_shell(shared_data: Path, capsys: pytest.CaptureFixture[str], extra: list[str]) -> None:
    from app import main

    path = shared_data / "ptbxl" / "records500" / "00003_hr.hea"
    assert main(["interpret", str(path), *extra]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_many_recordings_are_read_by_several_processes_in_their_order(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from app import main

    paths = [shared_data / "ptbxl" / "records500" / f"0000{n}_hr.hea" for n in (1, 2, 3)] * 3
    absent = shared_data / "ptbxl" / "absent.hea"
    assert main(["interpret", "--jobs", "2", *map(str, [*paths, absent])]) == 2
    printed = capsys.readouterr()
    assert [json.loads(line)["path"] for line in printed.out.splitlines()] == list(map(str, paths))
    assert "absent.hea" in printed.err


def test_it_reads_the_page_as_the_signal(record: EcgRecord) -> None:
    reader = get_reader("protocol")
    page = render_page(record)
    of_page = reader.read(ModalityView("image", record, page, "rendered"))
    assert next(of_page) == ""  # says that it is at work while the page is read
    found = parse("".join(of_page))
    expected = parse("".join(reader.read(ModalityView("signal", record))))
    assert found.complete
    assert "are shown for 2.5 s each" in found.step(1).text
    assert set(expected.answer) & set(found.answer)
    assert of_page.details.evidence


def test_a_recording_that_was_read_off_the_page_is_not_read_off_again(record: EcgRecord) -> None:
    blank = Image.new("RGB", (800, 600), "white")
    view = ModalityView("image", None, blank, "upload", page_record=record)
    reader = get_reader("protocol")
    assert "".join(reader.read(view)) == "".join(reader.read(ModalityView("signal", record)))
    with pytest.raises(InputError, match=r"^the page: "):
        list(reader.read(ModalityView("image", record, blank, "upload")))


def test_interpret_takes_a_page(record: EcgRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from app import main

    page = tmp_path / "page.png"
    render_page(record).save(page)
    assert main(["interpret", str(page), "--reader", "protocol", "--modality", "image"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["page_origin"] == "upload"
    assert told["claims"]
    assert told["answer"]
    blank = tmp_path / "blank.png"
    Image.new("RGB", (1600, 1200), "white").save(blank)
    assert main(["interpret", str(blank), "--modality", "image"]) == 2
    assert capsys.readouterr().err.startswith("ecgr1: blank.png: ")
