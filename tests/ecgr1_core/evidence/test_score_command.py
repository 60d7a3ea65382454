"""`ecgr1 score`: JSON out, one line on standard error for bad input."""

from __future__ import annotations

import doctest
import json
from pathlib import Path
from typing import Any

import pytest

import app
from ecgr1_core.evidence import matching, reference, rewards

COMPLETION = (
    "<think>\n**Step 4: Ischemia**\nNo ST elevation. T-wave inversion in V2.\n</think>\n\nS.\n\n<answer>TWI</answer>"
)
PUBLISHED = (
    "<|key_diagnostic_evidence|>step_4_ischemia_infarction_mimics: ST elevation; inverted T waves; Q waves"
    "<|/key_diagnostic_evidence|><|answer|>T-wave inversion; LVH<|/answer|>"
)


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def score(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[dict[str, Any]]:
    assert app.main(["score", *map(str, arguments)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    out = captured.out
    return [json.loads(out)] if out.startswith("{\n") else [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize(
    ("mode", "statuses", "evidence", "accuracy"),
    [("published", ["hit", "missed", "missed"], 1 / 3, 0.0), ("strict", ["negated", "hit", "missed"], 1 / 3, 1 / 2)],
)
def test_one_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str, statuses: list[str], evidence: float, accuracy: float
) -> None:
    reading, wanted = write(tmp_path / "reading.txt", COMPLETION), write(tmp_path / "row.txt", PUBLISHED)
    (result,) = score(capsys, "--completion", reading, "--reference", wanted, "--mode", mode)
    (step,) = result["steps"]
    assert [one["status"] for one in step["phrases"]] == statuses
    for one in step["phrases"]:
        assert all(step["text"][a:b] for a, b in one["spans"] + one["negated_spans"])
    assert COMPLETION[step["start"] :].startswith(step["text"])
    assert result["score"] == step["score"] == pytest.approx(evidence)
    format_ = 1.0 if mode == "published" else 0.0
    assert result["rewards"] == {
        "evidence": pytest.approx(evidence), "accuracy": pytest.approx(accuracy), "format": format_
    }  # fmt: skip
    assert result["mode"] == mode


def test_the_same_from_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = {"evidence": {"4": ["ST elevation", "inverted T waves", "Q waves"]}, "answer": ["T-wave inversion", "LVH"]}
    readings = [COMPLETION, {"raw": COMPLETION, "path": "x"}, {"completion": COMPLETION}, {"response": COMPLETION}]
    results = [
        score(
            capsys,
            "--completion", write(tmp_path / "reading", given),
            "--reference", write(tmp_path / f"reference{suffix}", wanted),
        )
        for given in readings
        for wanted in (PUBLISHED, ours, {"solution": PUBLISHED}, json.dumps(PUBLISHED))
        for suffix in ([".json"] if wanted != PUBLISHED else [""])
    ]  # fmt: skip
    assert len(results) == 16
    assert all(result == results[0] for result in results)


def test_several_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"completion": COMPLETION, "solution": PUBLISHED}, {"completion": "", "reference": {"answer": ["a"]}}]
    joined = write(tmp_path / "pairs.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n")
    together = score(capsys, "--completion", joined)
    assert [one["score"] for one in together] == [pytest.approx(1 / 3), None]
    assert together[1]["rewards"] == {"evidence": None, "accuracy": 0.0, "format": 0.0}
    readings = write(tmp_path / "a.jsonl", "\n".join(json.dumps(row["completion"]) for row in rows))
    wanted = write(tmp_path / "b.jsonl", "\n".join(map(json.dumps, ({"solution": PUBLISHED}, {"answer": "a"}))))
    assert score(capsys, "--completion", readings, "--reference", wanted) == together


def test_json_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = write(tmp_path / "pair.json", {"completion": COMPLETION, "reference": PUBLISHED})
    assert app.main(["score", "--completion", str(pair), "--json"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_accuracy_is_unknown_without_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = write(tmp_path / "pair.json", {"completion": COMPLETION, "reference": {"evidence": {"4": ["inversion"]}}})
    (result,) = score(capsys, "--completion", pair)
    assert result["rewards"] == {"evidence": 1.0, "accuracy": None, "format": 1.0}


@pytest.mark.parametrize(
    ("completion", "wanted", "subject", "part"),
    [
        (None, PUBLISHED, "a.txt", "there is no such file"),
        ("", PUBLISHED, "a.txt", "it is empty"),
        (COMPLETION, "  ", "b.txt", "it is empty"),
        (COMPLETION, "sinus rhythm", "b.txt", "neither evidence tags nor a step key"),
        (COMPLETION, '{"evidence": ', "b.txt", "it is not JSON"),
        ('{"text": "x"}', PUBLISHED, "a.txt", "none of completion, raw, response"),
        ('{"completion": 3}', PUBLISHED, "a.txt", '"completion" is not a string'),
        ('{"completion": "\\ud800"}', PUBLISHED, "a.txt", "half of a surrogate pair"),
        ('{"completion": ' + "[" * 100_000, PUBLISHED, "a.txt", "nested too deeply"),
        (b"\xff\xfe\x00", PUBLISHED, "a.txt", "not text in UTF-8"),
        (COMPLETION, None, "a.txt", "it holds no reference"),
        ('{"completion": "x"}', None, "a.txt", "it holds no reference"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    completion: str | bytes | None,
    wanted: str | None,
    subject: str,
    part: str,
) -> None:
    arguments = ["score", "--completion", str(tmp_path / "a.txt")]
    if completion is not None:
        (tmp_path / "a.txt").write_bytes(completion if isinstance(completion, bytes) else completion.encode())
    if wanted is not None:
        arguments += ["--reference", str(write(tmp_path / "b.txt", wanted))]
    check_bad(capsys, arguments, subject, part)


@pytest.mark.parametrize(
    ("completions", "wanted", "subject", "part"),
    [
        ('"a"\n"b"', '{"answer": "a"}', "b.jsonl", "it has 1 references, and a.jsonl has 2 completions"),
        ('"a"\n{', '{"answer": "a"}\n{"answer": "a"}', "a.jsonl, line 2", "it is not JSON"),
        ('"a"\n\n"b"', '{"answer": "a"}\n\n\n{"evidence": {"9": ["x"]}}', "b.jsonl, line 4", "'9' is no step"),
        ("\n", '{"answer": "a"}', "a.jsonl", "it is empty"),
    ],
)
def test_bad_lines_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], completions: str, wanted: str, subject: str, part: str
) -> None:
    a, b = write(tmp_path / "a.jsonl", completions), write(tmp_path / "b.jsonl", wanted)
    check_bad(capsys, ["score", "--completion", str(a), "--reference", str(b)], subject, part)


def check_bad(capsys: pytest.CaptureFixture[str], arguments: list[str], subject: str, part: str) -> None:
    assert app.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"ecgr1: {subject}: ")
    assert part in captured.err
    assert captured.err.count("\n") == 1


def test_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_bad(capsys, ["score", "--completion", str(tmp_path)], tmp_path.name, "cannot be read")


@pytest.mark.parametrize("module", [matching, reference, rewards])
def test_examples_of_the_docstrings(module: Any) -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted >= 1
    assert outcome.failed == 0
