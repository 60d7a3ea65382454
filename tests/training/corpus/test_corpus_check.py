"""The check of texts and the choice of evidence phrases, on real measurements."""

from __future__ import annotations

from dataclasses import replace

import pytest
from corpus_kit import case_of

from ecgr1_core.evidence import reference_from_text
from ecgr1_core.interpretation import parse
from ecgr1_core.protocol import compose
from training.corpus.cases import Case
from training.corpus.evidence import asked_for, phrases_of, read_phrases
from training.corpus.guider import ProtocolGuider, limits_of_step
from training.corpus.making import row_of_case
from training.corpus.validation import check


@pytest.fixture
def case() -> Case:
    return case_of("av_block_1")


def text_of(case: Case) -> str:
    return compose(case.findings).raw


def test_the_protocol_text_passes_and_stays_as_it_is(case: Case) -> None:
    checked = check(case, True, text_of(case))
    assert (checked.kind, checked.complaints) == (None, ())
    assert checked.text == text_of(case)
    assert checked.labels == ("sinus rhythm", "first-degree AV block")


def test_a_text_comes_out_in_the_canonical_form_with_labels_by_their_names(case: Case) -> None:
    loose = text_of(case).replace("**Step 2: Conduction, Axis & Intervals**", "Step 2 - conduction, axis & intervals:")
    loose = loose.replace("<answer>sinus rhythm; first-degree AV block", "<answer>NSR;1AVB; sinus rhythm")
    checked = check(case, False, loose)
    assert checked.kind is None
    assert checked.text == text_of(case)


@pytest.mark.parametrize(
    ("old", "new", "kind", "said"),
    [
        ("**Step 3: Chamber Hypertrophy & Voltage**", "", "form", "step 3 is missing"),
        ("Step 3: Chamber Hypertrophy & Voltage", "Step 3: Chambers", "form", "step 3 is headed 'Chambers'"),
        ("</think>", "", "form", "</think> is missing"),
        ("<think>", "Well. <think>", "form", "text before <think>"),
        ("</answer>", "</answer> So it is.", "form", "text after </answer>"),
        ("</answer>", "", "form", "</answer> is missing"),
        ("first-degree AV block</answer>", "</answer>", None, ""),
        ("sinus rhythm; first-degree AV block</answer>", "</answer>", "form", "answer is missing"),
        (
            "sinus rhythm; first-degree AV block</answer>",
            "sinus rhythm; sinus rhythm</answer>",
            "form",
            "given twice",
        ),
        ("first-degree AV block</answer>", "a broken heart</answer>", "label", "'a broken heart' in the answer"),
        ("\n\n**Step 2", " Also.\n\nAnd more.\n\n**Step 2", "form", "step 1 is not one paragraph"),
        ("\n\n**Step 2", " The QRS lasts 190 ms.\n\n**Step 2", "contradicted", "in step 1 is contradicted: measured"),
        ("sinus rhythm; first", "atrial fibrillation; first", "contradicted", "in the answer is contradicted"),
    ],
)
def test_every_fault_is_named(case: Case, old: str, new: str, kind: str | None, said: str) -> None:
    text = text_of(case)
    assert old in text
    checked = check(case, False, text.replace(old, new))
    assert checked.kind == kind
    assert said in "; ".join(checked.complaints)


@pytest.mark.parametrize("text", ["", "I cannot help with that.", "<think></think><answer></answer>", "{" * 5000])
def test_nonsense_is_no_reading(case: Case, text: str) -> None:
    assert check(case, False, text).kind == "form"


def test_what_is_known_must_be_named_or_implied_where_so_configured(case: Case) -> None:
    text = text_of(case)
    missed = replace(case, known=("sinus rhythm", "left ventricular hypertrophy"))
    assert check(missed, False, text).kind is None
    checked = check(missed, True, text)
    assert (checked.kind, checked.complaints) == (
        "known label missed",
        ("the answer does not name left ventricular hypertrophy",),
    )
    assert check(replace(case, known=None), True, text).kind is None


def test_phrases_of_the_findings_are_short_and_verbatim_in_any_wording(case: Case) -> None:
    for kind in ("av_block_1", "lbbb", "atrial_fibrillation"):
        findings = case_of(kind).findings
        for seed in (None, 1, 2):
            reading = compose(findings, seed)
            found = phrases_of(findings, reading.raw).by_step
            assert found
            for number, phrases in found.items():
                step = reading.step(number)
                assert step is not None
                assert 1 <= len(phrases) <= 3
                assert all(phrase in step.text and len(phrase.split()) < 4 for phrase in phrases)
    told = phrases_of(case.findings, text_of(case)).by_step
    assert told[2] == ("first-degree AV block", "PR 239 ms", "QRS 89 ms")


def test_limits_and_ends_of_ranges_are_no_phrases(case: Case) -> None:
    text = text_of(case)
    step = parse(text).step(1)
    assert step is not None
    changed = text.replace(step.text, "Within 60–100 bpm, above 50 bpm; the rate is 66 bpm.")
    assert phrases_of(case.findings, changed).by_step[1] == ("66 bpm",)


@pytest.mark.parametrize(
    ("answer", "wanted", "unusable"),
    [
        ('{"1": ["Sinus rhythm at"], "step_2_conduction_axis_intervals": ["PR"]}', {2: ("PR",)}, 1),
        ('Sure:\n```json\n{"Step 2": ["PR", "PR", "not there", "PR above; all", 7]}\n```', {2: ("PR",)}, 3),
        ('{"2": "PR", "9": ["PR"]}', {}, 1),
        ("[1, 2]", {}, 0),
        ("no idea", {}, 0),
        ('{"2": ["PR"', {}, 0),
    ],
)
def test_only_usable_phrases_of_a_model_are_taken(
    case: Case, answer: str, wanted: dict[int, tuple[str, ...]], unusable: int
) -> None:
    text = text_of(case)
    found = read_phrases(answer, text)
    assert (dict(found.by_step), found.unusable) == (wanted, unusable)
    assert "Step 6, Final Medical Reasoning\n" in asked_for(text)[0]["content"]


def test_a_row_holds_what_its_file_needs_and_its_solution_reads_back(case: Case) -> None:
    checked = check(case, True, text_of(case))
    phrases = phrases_of(case.findings, checked.text).by_step
    sft, rl, test = (row_of_case(case, part, checked, phrases) for part in ("sft", "rl", "test"))
    assert (sft.answer, sft.solution) == (checked.text, None)
    assert rl.answer is None
    assert rl.solution is not None
    back = reference_from_text(rl.solution)
    assert (dict(back.phrases), back.answer) == (dict(phrases), checked.labels)
    assert test.answer is None
    assert test.rest["reference"] == checked.text
    known = row_of_case(replace(case, known=("sinus rhythm",)), "test", checked, phrases)
    assert (known.labels, known.rest["labels_from"]) == (("sinus rhythm",), "recording")
    unknown = row_of_case(replace(case, known=None), "test", checked, phrases)
    assert (unknown.labels, unknown.rest["labels_from"]) == (checked.labels, "reading")


def test_the_prompt_holds_values_limits_labels_and_form(case: Case) -> None:
    system, asked = ProtocolGuider().messages(case)
    assert system["role"] == "system"
    text = asked["content"]
    measured = case.measurements
    assert f"PR {measured.pr_interval_ms:.0f} ms" in text
    assert "PR interval above: first-degree AV block: 200 ms" in text
    assert "KNOWN OF THIS RECORDING (the answer names all of it): sinus rhythm; first-degree AV block" in text
    assert "complete left bundle branch block" in text
    assert "**Step 6: Final Medical Reasoning**" in text
    again = ProtocolGuider().messages(case, [("first text", ["step 3 is missing", "it is cut off"])])
    assert again[:2] == [system, asked]
    assert again[2] == {"role": "assistant", "content": "first text"}
    assert "cannot be used: step 3 is missing; it is cut off." in again[3]["content"]


def test_limits_are_those_of_the_sex_and_published_ones(case: Case) -> None:
    names = {
        sex: {row.name for step in range(1, 7) for row in limits_of_step(step, replace(case.who, sex=sex))}
        for sex in ("F", "M", None)
    }
    assert "qtc_female_ms" in names["F"]
    assert "qtc_male_ms" not in names["F"]
    assert "cornell_female_mv" not in names["M"]
    assert {"qtc_female_ms", "qtc_male_ms"} <= names[None]
    assert "rr_regular" not in names[None]
    assert len(names[None]) > 60
    assert not limits_of_step(6, case.who)
