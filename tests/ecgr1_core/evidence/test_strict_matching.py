"""Strict matching: what counts beside the same letters, and what the published mode counts and strict does not."""

from __future__ import annotations

import pytest

from ecgr1_core.evidence import Mode, Reference, match, match_steps, strict_steps


def status(phrase: str, text: str, mode: Mode = "strict") -> str:
    return match_steps({4: text}, Reference({4: (phrase,)}), mode).steps[0].phrases[0].status


# phrase, text, strict status; each row is one where the published mode says otherwise, and why
DIFFERENCES = [
    ("ST elevation", "No ST elevation.", "negated", "denied before"),
    ("ST elevation", "There is no acute ischemia, ST elevation, or Q wave.", "negated", "denied through a list"),
    ("ST elevation", "ST elevation is not seen.", "negated", "denied behind"),
    ("LVH", "Voltage criteria for LVH are not met.", "negated", "denied behind, with a noun between"),
    ("Q waves", "Pathological Q waves, ST depression and T inversion are absent.", "negated", "denied behind a list"),
    ("P waves", "P waves cannot be clearly identified.", "negated", "cannot be identified"),
    ("hyperkalemia", "hyperkalemia: none", "negated", "none behind a colon"),
    ("ischemia", "Ischemia is unlikely.", "negated", "unlikely"),
    ("infarction", "The course argues against infarction.", "negated", "argues against"),
    ("MI", "Mild changes.", "missed", "inside another word"),
    ("AV block", "LAV blocks", "missed", "inside another word"),
    ("VT", "SVT", "missed", "inside another word"),
    ("V1", "V10", "missed", "inside another word"),
    ("RBBB", "incomplete RBBB", "missed", "incomplete is another diagnosis"),
    ("QRS 12", "QRS 120 ms", "missed", "part of a number"),
    ("QRS", "QRSTU", "missed", "inside another word"),
]  # fmt: skip

ONLY_STRICT = [
    ("LBBB", "Complete left bundle-branch block.", "abbreviation"),
    ("left bundle branch block", "CLBBB is present", "statement code"),
    ("acute inferior MI", "Acute inferior myocardial infarction.", "abbreviation inside a phrase"),
    ("sinus rhythm", "NSR at 72 bpm", "synonym"),
    ("inverted T waves", "T-wave inversion in V1", "synonym"),
    ("first-degree AV block", "1st degree atrioventricular block", "ordinal"),
    ("ischemic changes", "Ischaemic change", "British spelling, plural"),
    ("non-specific changes", "nonspecific change", "prefix"),
    ("ST elevation", "ST-segment elevation", "hyphen and noun"),
    ("T wave inversion", "T-wave inversions", "plural"),
    ("PR interval 160 ms", "PR 160 ms", "noun of the phrase"),
    ("QRS 146 ms", "QRS duration is approximately 0.15 s", "unit and tolerance"),
    ("QTc 440 ms", "QTc (Bazett): 460 ms", "tolerance of QT"),
    ("rate 72 bpm", "ventricular rate of 75/min", "unit and tolerance"),
    ("axis -30", "axis of −32°", "minus sign and tolerance"),
    ("ST elevation 2 mm", "ST elevation of 0.2 mV", "mm of the paper"),
    ("PR 0,16 s", "PR 160 ms", "decimal comma"),
    ("rate 60-100 bpm", "rate 60 – 100 beats per minute", "range"),
    ("QRS <120 ms", "QRS less than 120 ms", "limit in words"),
    ("ST elevation V1-V4", "ST elevation in leads V1, V2, V3, and V4", "range of leads"),
    ("ST elevation V2", "ST elevation in V1–V4", "lead in a range"),
    ("II, III, aVF", "in II, III and aVF", "list of leads"),
    ("no ST elevation", "ST elevation is not seen", "denial in other words"),
    ("absent P waves", "P waves are absent", "denial in other words"),
    ("without ischemia", "There is no evidence of ischaemia.", "denial in other words"),
    ("the PR interval", "PR interval", "article"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "text", "expected", "why"), DIFFERENCES)
def test_published_hit_is_no_strict_hit(phrase: str, text: str, expected: str, why: str) -> None:
    assert status(phrase, text, "published") == "hit", why
    assert status(phrase, text) == expected, why


@pytest.mark.parametrize(("phrase", "text", "why"), ONLY_STRICT)
def test_strict_hit_is_no_published_hit(phrase: str, text: str, why: str) -> None:
    assert status(phrase, text, "published") == "missed", why
    assert status(phrase, text) == "hit", why


# What a denial does not reach, and what is none.
@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("normal axis", "No ectopy and normal axis."),
        ("atrial fibrillation", "No P waves, suggesting atrial fibrillation."),
        ("atrial fibrillation", "P waves are absent, consistent with atrial fibrillation."),
        ("ST depression", "No ST elevation but ST depression in V5."),
        ("irregular", "No P waves with irregular RR intervals."),
        ("prolonged", "There is no evidence of ischemia, and the QTc is prolonged."),
        ("prolonged", "There is no ischemia and the QTc is prolonged."),
        ("regular", "The rhythm is regular, and P waves are absent."),
        ("LVH", "No ST elevation. LVH is present."),
        ("LVH", "No ST elevation; LVH"),
        ("LVH", "Not only LVH but also strain"),
        ("ischemia", "Ischemia cannot be ruled out."),
        ("ischemia", "Ischemia is not excluded."),
        ("ST elevation", "ST elevation is not diagnostic of pericarditis."),
        ("PR interval", "The PR interval is not prolonged."),
        ("T wave inversion", "QRS without notches (normal); T-wave inversion in V2"),
        ("LBBB", "LBBB (no pacing spikes)"),
        ("ischemia", "Possible ischemia."),
        ("ST elevation", "No ST elevation in V1. ST elevation in V4."),
        ("QRS 146 ms", "QRS 146 ms, not narrow"),
    ],
)
def test_said(phrase: str, text: str) -> None:
    assert status(phrase, text) == "hit"


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("no ischemia", "Ischemia is present.", "negated"),
        ("no ischemia", "Normal axis.", "missed"),
        ("absent P waves", "P waves precede each QRS.", "negated"),
        ("pericarditis", "ST elevation is not diagnostic of pericarditis.", "negated"),
        ("ST depression", "No leads with ST depression", "negated"),
        ("ischemia", "No changes consistent with ischemia", "negated"),
        ("Q waves", "No ST elevation in II, III and aVF or Q waves", "negated"),
        ("strain", "LVH (without strain) is present", "negated"),
        ("prolonged QT", "The measurements speak against AV block and a prolonged QT interval.", "negated"),
        ("hypertrophy", "The measurements speak against fibrillation, AV block and hypertrophy.", "negated"),
        ("hypertrophy", "No fibrillation, but hypertrophy and strain.", "hit"),
        ("a wide QRS", "No P waves and a wide QRS.", "hit"),
        ("hypokalemia", "Neither T, U nor QTc suggests hypokalemia.", "negated"),
        ("QT prolonged", "QT not prolonged", "negated"),
        ("QT not prolonged", "The QT interval is not prolonged.", "hit"),
        ("QT not prolonged", "The QT interval is prolonged.", "negated"),
        ("QT prolonged", "The QT interval is prolonged.", "hit"),
        ("Q waves", "Q waves have not yet developed.", "negated"),
        ("pathological Q waves", "Small septal Q waves in I", "missed"),
        ("old inferior MI", "inferior MI", "missed"),
        ("Mobitz I", "Mobitz II", "missed"),
        ("QRS 120 ms", "QRS <120 ms", "missed"),
        ("QRS <120 ms", "QRS >120 ms", "missed"),
        ("QRS <120 ms", "QRS <110 ms", "missed"),
        ("QRS 146 ms", "QRS 157 ms", "missed"),
        ("QRS 146 ms", "QRS 156 ms", "hit"),
        ("QTc 440 ms", "QTc 466 ms", "missed"),
        ("rate 72 bpm", "rate 72 ms", "missed"),
        ("rate 60-100 bpm", "rate 80 bpm", "missed"),
        ("72 bpm", "73 bpm", "missed"),  # nothing says what the number is of
        ("72 bpm", "72 beats per minute", "hit"),
        ("160 ms", "0.16 s", "hit"),
        ("160", "160 ms", "missed"),
        ("axis 30", "axis -30", "missed"),
        ("ST elevation V1-V4", "ST elevation in V1 and V4", "missed"),
        ("lead I", "I think", "hit"),  # a capital I is the lead: a known limit
        ("lead I", "i.e. V1", "missed"),
        ("sinus rhythm", "sinus. Rhythm", "missed"),
        ("regular rhythm", "The rhythm is regular", "missed"),
        ("sinus rhythm", "", "missed"),
        ("…", "…", "hit"),
        ("no", "no", "hit"),
        ("normal ECG", "norm", "missed"),
    ],
)
def test_strict_status(phrase: str, text: str, expected: str) -> None:
    assert status(phrase, text) == expected


def test_spans_and_negated_spans_are_both_given() -> None:
    text = "No ST elevation in V1. ST-segment elevation in V4."
    (phrase,) = match_steps({4: text}, Reference({4: ("ST elevation",)}), "strict").steps[0].phrases
    assert [text[a:b] for a, b in phrase.spans] == ["ST-segment elevation"]
    assert [text[a:b] for a, b in phrase.negated_spans] == ["ST elevation"]


def test_of_overlapping_wordings_the_longer_is_marked() -> None:
    text = "Complete left bundle branch block"
    (phrase,) = match_steps({2: text}, Reference({2: ("LBBB",)}), "strict").steps[0].phrases
    assert phrase.spans == ((0, len(text)),)


def test_a_phrase_twice_counts_once() -> None:
    reference = Reference({1: ("paced", "Sinus rhythm", "sinus  rhythm")})
    found = match_steps({1: "Sinus rhythm"}, reference, "strict").steps[0]
    assert [one.phrase for one in found.phrases] == ["paced", "Sinus rhythm"]
    assert found.score == 0.5
    assert match_steps({1: "Sinus rhythm"}, reference).steps[0].score == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "completion",
    [
        "<think>**Step 1: Technical, Rate & Rhythm**\nSinus.</think>",
        "<think>### Step 1: Technical, Rate & Rhythm\nSinus.",
        "Step 1:\nSinus.",
        "Technical, Rate & Rhythm\nSinus.",
    ],
)
def test_strict_finds_steps_under_any_heading_and_leaves_the_title_out(completion: str) -> None:
    assert strict_steps(completion)[1].text == "Sinus."
    step = match(completion, Reference({1: ("sinus", "rhythm")}), "strict").steps[0]
    assert [one.status for one in step.phrases] == ["hit", "missed"]
    assert step.start is not None
    assert completion[step.start :].startswith("Sinus.")


def test_start_is_unknown_where_a_step_was_put_together() -> None:
    found = strict_steps("<think>**Step 1: A**\nSinus.\n**Step 2: B**\nPR.\n**Step 1: A**\nRate.</think>")
    assert found[1].start is None
    assert "Sinus." in found[1].text
    assert "Rate." in found[1].text
