"""Rows in the published layout: what is read is what is written, and what is none is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from ecgr1_core.errors import InputError
from training.media import media_beside
from training.problems import Problems
from training.rows import Row, leaking, read_rows, row_of, write_rows

PUBLISHED = {
    "messages": [
        {"role": "system", "content": "You read ECGs."},
        {"role": "user", "content": "<ecg><image>What does it show?"},
        {"role": "assistant", "content": "<think>…</think><answer>NORM</answer>"},
    ],
    "images": [{"path": "mimic_gen/1.png"}],
    "objects": {"ecg": ["files/p1/1"], "bbox": []},
    "channel": "30k",
}


def test_a_published_row_comes_back_as_it_was_but_for_the_form_of_its_paths(tmp_path: Path) -> None:
    row = row_of(PUBLISHED, "row 1")
    assert (row.ecg, row.image, row.modality) == ("files/p1/1", "mimic_gen/1.png", "both")
    assert row.answer == PUBLISHED["messages"][-1]["content"]
    assert [turn["role"] for turn in row.question] == ["system", "user"]
    write_rows(tmp_path / "rows.jsonl", [row])
    assert json.loads((tmp_path / "rows.jsonl").read_text()) == {**PUBLISHED, "images": ["mimic_gen/1.png"]}


@pytest.mark.parametrize(
    ("tags", "modality"),
    [("<ecg>", "signal"), ("<image>", "image"), ("<ecg><image>", "both"), ("<image><ecg>", "swapped")],
)
def test_the_tags_of_the_question_say_what_is_seen(tags: str, modality: str) -> None:
    row = row_of(PUBLISHED, "row").shown(modality)  # type: ignore[arg-type]
    assert row.messages[1]["content"] == f"{tags}What does it show?"
    assert row.modality == modality


def test_a_tag_without_its_file_and_a_question_without_tags_are_named() -> None:
    with pytest.raises(InputError, match="row 7: has the tag <image> but no file for it"):
        _ = row_of({**PUBLISHED, "images": []}, "row 7").modality
    bare = {**PUBLISHED, "messages": [{"role": "user", "content": "What?"}]}
    with pytest.raises(InputError, match="shows neither an ECG nor a page"):
        _ = row_of(bare, "row").modality


def test_lines_that_are_no_rows_stand_as_errors_in_their_place(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps(PUBLISHED), "{not json", "", '{"messages": []}', json.dumps({**PUBLISHED, "solution": 3})]
    path.write_text("\n".join(lines))
    found = list(read_rows(path))
    assert [isinstance(one, Row) for one in found] == [True, False, False, False]
    assert [str(one).split(":")[0] for one in found[1:]] == [f"rows.jsonl line {n}" for n in (2, 4, 5)]


def test_a_reference_kept_apart_is_the_answer_only_where_there_is_no_other() -> None:
    row = row_of({**PUBLISHED, "messages": PUBLISHED["messages"][:2], "reference": "Sinus rhythm."}, "row")
    assert row.answer is None
    assert row.with_reference().answer == "Sinus rhythm."
    taught = row_of({**PUBLISHED, "reference": "other"}, "row")
    assert taught.with_reference().answer == PUBLISHED["messages"][-1]["content"]


def test_patients_of_both_files_are_told_by_name_or_recording() -> None:
    rows = [row_of({**PUBLISHED, "patient": name}, "row") for name in ("a", "b")]
    assert leaking(rows, rows[1:]) == ["b"]
    nameless = row_of(PUBLISHED, "row")
    assert leaking([nameless], [nameless]) == ["recording files/p1/1"]


def test_problems_are_counted_written_and_may_end_the_run(tmp_path: Path) -> None:
    problems = Problems("skip", tmp_path / "problems.jsonl")
    for line in (1, 2):
        problems.note("image", InputError(f"line {line}", "has no image", "give one"))
    assert problems.sentence() == "2 rows were left out (image 2); see problems.jsonl"
    assert [json.loads(line)["subject"] for line in problems.path.read_text().splitlines()] == ["line 1", "line 2"]  # type: ignore[union-attr]
    with pytest.raises(InputError, match="has no image"):
        Problems("stop").note("image", InputError("line", "has no image", "give one"))


def test_a_page_that_is_missing_or_none_is_one_sentence(tmp_path: Path) -> None:
    media = media_beside(tmp_path / "rows.jsonl")
    row = row_of({**PUBLISHED, "images": ["page.png"]}, "row 3")
    with pytest.raises(InputError, match=r"row 3: its image page.png cannot be read"):
        media.page(row)
    (tmp_path / "page.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="cannot be read"):
        media.page(row)
    Image.new("L", (40, 30), 200).save(tmp_path / "page.png")
    assert (media.page(row).mode, media.page(row).size) == ("RGB", (40, 30))
