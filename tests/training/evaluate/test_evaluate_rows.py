"""A test file in the published layout is read, predicted and scored; what cannot be is named and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecgr1_core.errors import InputError
from training.evaluate.answerers import ReaderAnswerer, answerer_of
from training.evaluate.cases import Case, cases_of_folder, cases_of_rows
from training.evaluate.config import EvaluateConfig
from training.evaluate.lines import Lines
from training.evaluate.predictions import predict
from training.evaluate.run import run_evaluate
from training.evaluate.scores import score, table
from training.media import media_beside
from training.problems import Problems
from training.run_config import load_config


@pytest.fixture(scope="module")
def protocol() -> Any:
    from ecgr1_core.settings import Settings

    return answerer_of("protocol", Settings(), Path())


def _cases(path: Path) -> tuple[list[Case], Problems]:
    problems = Problems()
    return list(cases_of_rows(path, problems)), problems


def test_the_reference_of_a_row_is_its_answer_and_its_solution(rows_file: Path) -> None:
    cases, problems = _cases(rows_file)
    assert [case.id for case in cases][:2] == ["sinus", "atrial_fibrillation"]
    assert problems.counts == {"unreadable row": 2}
    block = next(case for case in cases if case.id == "av_block_1")
    assert "first-degree AV block" in (block.labels or ())
    assert block.evidence is not None
    assert block.report.startswith("<think>")


def test_rows_that_cannot_be_read_are_named_and_counted(rows_file: Path, tmp_path: Path, protocol: Any) -> None:
    cases, _ = _cases(rows_file)
    problems = Problems(path=tmp_path / "problems.jsonl")
    rows = predict(cases, [protocol], ["signal"], media_beside(rows_file), tmp_path / "p.jsonl", problems)
    assert [row["id"] for row in rows] == ["sinus", "atrial_fibrillation", "lafb", "sinus_tachycardia", "no-tag", "odd"]
    assert problems.counts == {"no signal": 1, "unreadable": 1}
    told = [json.loads(line) for line in (tmp_path / "problems.jsonl").read_text().splitlines()]
    assert any("nowhere" in one["subject"] for one in told)


def test_a_row_is_shown_as_its_own_tags_say(rows_file: Path, tmp_path: Path, protocol: Any) -> None:
    cases, _ = _cases(rows_file)
    problems = Problems()
    rows = predict(cases, [protocol], ["row"], media_beside(rows_file), tmp_path / "p.jsonl", problems)
    assert {row["id"]: row["modality"] for row in rows} == {
        "atrial_fibrillation": "signal",
        "av_block_1": "image",
        "odd": "signal",
    }
    assert problems.counts["modality of the reader"] == 3  # both, swapped, both: the protocol sees one at a time


def test_readings_are_scored_against_the_reference(rows_file: Path, tmp_path: Path, protocol: Any) -> None:
    cases, _ = _cases(rows_file)
    media, problems = media_beside(rows_file), Problems()
    rows = predict(cases, [protocol], ["signal"], media, tmp_path / "p.jsonl", problems)
    scored = {row["id"]: row for row in score(cases, rows, media, problems)}
    sinus = scored["sinus"]  # its reference is the protocol's own reading
    assert (sinus["jaccard"], sinus["eder"], sinus["complete"]) == (1.0, 1.0, 1.0)
    assert sinus["claims"]["contradicted"] == 0
    assert sinus["claims"]["supported"] > 5
    assert scored["odd"]["jaccard"] == pytest.approx(
        1 / 3
    )  # "moon phase" is compared by its letters, normal ECG beside
    assert scored["no-tag"]["jaccard"] is None
    line = table(list(scored.values()), seed=1)[0]
    assert line["cases"] == 6
    assert line["labels"]["cases"] == 5
    assert line["eder"]["cases"] == 4


def test_a_wrong_reading_scores_low(rows_file: Path) -> None:
    cases, _ = _cases(rows_file)
    fibrillation = next(case for case in cases if case.id == "atrial_fibrillation")
    text = (
        "<think>\n**Step 1: Technical, Rate & Rhythm**\nSinus rhythm with clear P waves.\n</think>\n\n"
        "<answer>sinus rhythm; complete left bundle branch block</answer>"
    )
    row = {"id": fibrillation.id, "reader": "x", "version": "1", "modality": "signal", "text": text, "seconds": 1.0}
    found = score([fibrillation], [row], media_beside(rows_file), Problems())[0]
    assert found["jaccard"] == 0.0
    assert found["complete"] == 0.0
    assert found["claims"]["contradicted"] >= 2
    assert found["eder_strict"] < 0.3


def test_a_reading_is_not_made_twice(rows_file: Path, tmp_path: Path) -> None:
    from ecgr1_core.readers import ProtocolReader

    reads = []

    class Counting(ProtocolReader):
        def read(self, view: Any, options: Any = None) -> Any:
            reads.append(view.modality)
            return super().read(view, options)

    cases = _cases(rows_file)[0][:2]
    media, path = media_beside(rows_file), tmp_path / "p.jsonl"
    first = predict(cases, [ReaderAnswerer(Counting(), None)], ["signal"], media, path, Problems())
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])  # the second line was cut off by a kill
    again = predict(cases, [ReaderAnswerer(Counting(), None)], ["signal"], media, path, Problems())
    assert len(reads) == 3
    assert [row["text"] for row in again] == [row["text"] for row in first]
    Counting.version = "2"
    predict(cases, [ReaderAnswerer(Counting(), None)], ["signal"], media, path, Problems())
    assert len(reads) == 5


def test_a_file_of_other_lines_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"no": "key"}\n')
    with pytest.raises(InputError, match="no run has written"):
        Lines(path)


def test_a_folder_with_labels_is_evaluated(tmp_path: Path, rows_file: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        "record,scp_codes\n"
        "sinus.hea,\"{'NORM': 100.0, 'SR': 0.0}\"\n"
        "lafb.hea,\"{'LAFB': 100.0, 'NOCODE': 50.0}\"\n"
        "sinus.hea,no dictionary\n"
    )
    problems = Problems()
    cases = list(cases_of_folder(rows_file.parent / "ecg", table, problems))
    assert [case.labels for case in cases] == [("normal ECG", "sinus rhythm"), ("left anterior fascicular block",)]
    assert problems.counts == {"unreadable reference": 1}


def test_ecg_r1_is_asked_with_the_prompt_of_the_row(rows_file: Path, tmp_path: Path) -> None:
    import torch
    from tiny import build_checkpoint

    torch.set_num_threads(1)
    model = build_checkpoint(tmp_path / "tiny")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(rows_file.read_text().splitlines()[1] + "\n")
    (tmp_path / "ecg").symlink_to(rows_file.parent / "ecg")
    config = EvaluateConfig(
        out=tmp_path / "out", rows=rows, readers=("ecg-r1",), model=model, max_new_tokens=12, consistency=False
    )
    first = run_evaluate(config)
    assert first["scores"][0]["reader"] == "ecg-r1"
    kept = (tmp_path / "out" / "predictions.jsonl").read_text()
    assert run_evaluate(config)["scores"] == first["scores"]
    assert (tmp_path / "out" / "predictions.jsonl").read_text() == kept
    rows.write_text(rows.read_text().replace("What does this tracing show?", "Name the rhythm only."))
    run_evaluate(config)
    texts = [json.loads(line)["text"] for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert len(texts) == 2
    assert texts[0] != texts[1]  # another question, another text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["rows=a.jsonl", "recordings=b"], "rows or recordings"),
        (["seed=1"], "nothing to evaluate"),
        (["rows=a.jsonl", "modalities=[sideways]"], "modalities"),
        (["rows=a.jsonl", "judge={url: x}"], "judge.model"),
        (["rows=a.jsonl", "colour=red"], "colour"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(tmp_path: Path, changes: list[str], said: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("out: out\n")
    with pytest.raises(InputError, match=said):
        load_config(EvaluateConfig, path, changes)


def test_the_yaml_of_the_repository_loads() -> None:
    path = Path(__file__).parents[3] / "training" / "configs" / "evaluate.yaml"
    config = load_config(EvaluateConfig, path)
    assert config.readers == ("ecg-r1",)
    assert path.read_text().startswith("# ecgr1 train evaluate --config training/configs/evaluate.yaml\n")


def test_a_reader_that_cannot_read_here_says_so(tmp_path: Path, rows_file: Path) -> None:
    with pytest.raises(InputError, match="ecg-r1"):
        run_evaluate(EvaluateConfig(out=tmp_path, rows=rows_file, readers=("ecg-r1",)))
    with pytest.raises(InputError, match="no such reader"):
        run_evaluate(EvaluateConfig(out=tmp_path, rows=rows_file, readers=("nobody",)))
    with pytest.raises(InputError, match="no case could be read"):
        run_evaluate(EvaluateConfig(out=tmp_path, rows=rows_file, modalities=("both",)))
    with pytest.raises(InputError, match=r"test\.jsonl line"):
        run_evaluate(EvaluateConfig(out=tmp_path, rows=rows_file, on_problem="stop"))
