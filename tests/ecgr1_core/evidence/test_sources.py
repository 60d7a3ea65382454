"""References from traces, from YAML and JSON by step, and from the findings of a recording, through `ecgr1 score`."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import app
from ecgr1_core.errors import InputError
from ecgr1_core.evidence import Reference, match, reference_from_file, reference_from_trace, sources, trace_phrases
from ecgr1_core.interpretation import STEP_TITLES, Step, write
from ecgr1_core.protocol import compose
from ecgr1_core.protocol.evidence_phrases import reference_of
from training.synthesis import kind_spec, synthesize

TEXTS = (
    "Sinus rhythm at 72 bpm, within 60-100 bpm. No premature beats.",
    "PR interval is 160 ms (normal 120–200 ms); QRS 146 ms, above 120 ms: left bundle branch block.",
    "Without LVH. Normal voltage.",
    "No ST elevation. T-wave inversion in V5 and V6, ST depression in V6.",
    "QTc 450 ms; 12 ms more than before.",
    "Acute inferior ST-elevation myocardial infarction is unlikely.",
)
TRACE = write([Step(n, t, x) for n, (t, x) in enumerate(zip(STEP_TITLES, TEXTS, strict=True), 1)], "S", ["LBBB", "TWI"])
FOUND = Reference(
    {
        1: ("Sinus rhythm", "72 bpm"),
        2: ("left bundle branch", "160 ms", "QRS 146 ms"),
        4: ("T-wave inversion", "ST depression", "No ST elevation"),
        5: ("QTc 450 ms",),
    },
    ("LBBB", "TWI"),
)


def test_a_trace_gives_labels_then_values_then_denials_verbatim() -> None:
    assert reference_from_trace(TRACE) == FOUND
    assert match(TRACE, FOUND).score == 1.0
    assert match(TRACE, FOUND, "strict").score == 1.0


PIECES = ["LBBB", "no ", "QRS 146 ms", " is ", "72 bpm", "incomplete right bundle branch block", "; ", ". ", "above ",
          "V1–V4", "(", "acute inferior myocardial infarction", " ", "normal", "120–200 ms"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_phrases_of_any_trace_are_few_short_and_verbatim(text: str) -> None:
    try:
        found = reference_from_trace(f"Step 2: Conduction\n{text}\n")
    except InputError:
        found = reference_from_trace(f"Step 2: Conduction\n{text}\nStep 1: Rate\n72 bpm")
        assert set(found.phrases) == {1}, "nothing to take from step 2"
        return
    (phrases,) = found.phrases.values()
    assert 1 <= len(phrases) <= 3
    assert len(set(phrases)) == len(phrases)
    assert all(phrase in text and 1 <= len(phrase.split()) <= 3 for phrase in phrases)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trace.txt", TRACE),
        ("trace.json", json.dumps(TRACE)),
        ("interpret.json", json.dumps({"reader": "x", "raw": TRACE, "evidence": [{"step": "1"}]})),
    ],
)
def test_a_trace_is_known_in_any_file(name: str, text: str) -> None:
    assert reference_from_file(text, name) == FOUND


LISTED = Reference({1: ("sinus rhythm", "72 bpm"), 4: ("no ST elevation",)}, ("LBBB",))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "1: [sinus rhythm, 72 bpm]\n4:\n- no ST elevation\n5:\nanswer: [LBBB]\n"),
        ("a.YML", "step_1_technical_rate_rhythm: sinus rhythm; 72 bpm\n4: no ST elevation\nanswer: LBBB\n"),
        ("a.yaml", "evidence: {1: [sinus rhythm, 72 bpm], 4: [no ST elevation]}\nanswer: [LBBB]\n"),
        ("a.json", '{"1": "sinus rhythm; 72 bpm", "4": ["no ST elevation"], "answer": "LBBB"}'),
        ("a.txt", '{"1": "sinus rhythm; 72 bpm", "4": ["no ST elevation"], "answer": "LBBB"}'),
    ],
)
def test_a_cardiologist_may_list_phrases_by_step(name: str, text: str) -> None:
    assert reference_from_file(text, name) == LISTED


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.yaml", "1: [sinus\n2: x: y", "a.yaml: it is not YAML (line 2"),
        ("a.yaml", "1: [72]", "the phrases of step 1 are not a list of strings"),
        ("a.yaml", "1: [no]", "the phrases of step 1 are not a list of strings"),
        ("a.yaml", "1: sinus rhythm\nremark: x", "'remark' is no step"),
        ("a.yaml", "7: sinus rhythm\n", 'neither "evidence" nor "answer"'),
        ("a.yaml", "just words", "neither evidence tags nor a step key"),
        ("a.yaml", "!!python/object/apply:os.getcwd []", "it is not YAML"),
        ("a.yaml", "[" * 5000, "YAML"),
        ("a.txt", "**Step 1: x**\nNothing here.", "its steps name no label and no value"),
        ("a.json", '{"raw": "Nothing here."}', "it has no steps"),
        ("a.json", '{"1": ', "it is not JSON"),
    ],
)
def test_what_is_no_reference_says_why(name: str, text: str, fault: str) -> None:
    with pytest.raises(InputError) as caught:
        reference_from_file(text, name)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def _printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, object]:
    assert app.main(["score", *map(str, arguments)]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_score_takes_each_of_the_three(tmp_path: Path, capsys: pytest.CaptureFixture[str], shared_data: Path) -> None:
    from ecgr1_core.formats import ReadOptions, read
    from ecgr1_core.measure import measure
    from ecgr1_core.protocol import assess

    recording = min((shared_data / "ptbxl" / "records500").rglob("*.hea"))
    record = read(recording, ReadOptions())
    findings = assess(measure(record), record.patient, record.warnings)
    reading, trace, listed = tmp_path / "reading.txt", tmp_path / "trace.txt", tmp_path / "by-hand.yaml"
    reading.write_text(compose(findings).raw)
    trace.write_text(compose(findings, seed=3).raw)
    listed.write_text("1: [sinus rhythm]\n2: [third-degree AV block]\n")
    assert _printed(capsys, "--completion", reading, "--reference", listed)["score"] == 0.5
    own = _printed(capsys, "--completion", reading, "--reference-findings", recording)
    assert (own["score"], own["rewards"]) == (1.0, {"evidence": 1.0, "accuracy": 1.0, "format": 1.0})
    steps = {step["number"]: [one["phrase"] for one in step["phrases"]] for step in own["steps"]}  # type: ignore[attr-defined]
    assert steps == {number: list(phrases) for number, phrases in reference_of(findings).phrases.items()}
    by_trace = _printed(capsys, "--completion", reading, "--reference", trace, "--mode", "strict")
    assert isinstance(by_trace["score"], float)
    assert by_trace["score"] > 0.5


def test_two_references_at_once_or_a_recording_that_is_none_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reading = tmp_path / "reading.txt"
    reading.write_text(TRACE)
    with pytest.raises(SystemExit):
        app.main(["score", "--completion", "a", "--reference", "b", "--reference-findings", "c"])
    assert "not allowed with" in capsys.readouterr().err
    assert app.main(["score", "--completion", str(reading), "--reference-findings", str(reading)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ecgr1: reading.txt")
    assert err.count("\n") == 1


@pytest.mark.parametrize("kind", ["sinus", "lbbb", "atrial_fibrillation"])
def test_the_trace_of_a_reading_tells_it_from_another(kind: str) -> None:
    own, other = (_reading(one) for one in (kind, "inferior_stemi"))
    reference = reference_from_trace(own)
    assert match(own, reference, "strict").score == 1.0
    score = match(other, reference, "strict").score
    assert score is not None
    assert score < 0.9


def _reading(kind: str) -> str:
    from ecgr1_core.measure import measure
    from ecgr1_core.protocol import assess

    record, _ = synthesize(kind_spec(kind), np.random.default_rng(1))
    findings = assess(measure(record), record.patient)
    return compose(findings).raw


@pytest.mark.parametrize("module", [sources, trace_phrases])
def test_examples_of_the_docstrings(module: object) -> None:
    outcome = doctest.testmod(module)  # type: ignore[arg-type]
    assert outcome.attempted >= 1
    assert outcome.failed == 0
