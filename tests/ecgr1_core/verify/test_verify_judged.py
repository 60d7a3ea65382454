"""Sentences of every kind about hand-made ECGs: the true ones are not contradicted, the false ones are."""

from __future__ import annotations

import pytest

from ecgr1_core.record import LEADS, Patient
from ecgr1_core.verify.judge import can_judge
from ecgr1_core.verify.phrases import kinds_of_claims
from ecgr1_core.verify.tolerances import tolerances

from hand_made import claims, statuses  # isort: skip
from hand_made_prose import FALSE_PROSE, NO_CLAIM_PROSE, TRUE_PROSE  # isort: skip
from hand_made_sentences import FALSE, NOTHING, TRUE  # isort: skip


def _pairs(*tables: dict[str, list[str]] | dict[str, str]) -> list[tuple[str, str]]:
    return [
        (case, text)
        for table in tables
        for case, texts in table.items()
        for text in (texts.strip().splitlines() if isinstance(texts, str) else texts)
    ]


@pytest.mark.parametrize(("case", "text"), _pairs(TRUE, TRUE_PROSE))
def test_a_true_sentence_is_supported_and_not_contradicted(case: str, text: str) -> None:
    found = claims(text, case)
    assert [(c.kind, c.text, c.why) for c in found if c.status == "contradicted"] == []
    assert any(claim.status == "supported" for claim in found)


@pytest.mark.parametrize(("case", "text"), _pairs(FALSE, FALSE_PROSE))
def test_a_false_sentence_is_contradicted(case: str, text: str) -> None:
    found = claims(text, case)
    assert "contradicted" in {claim.status for claim in found}, [(c.kind, c.text, c.status, c.why) for c in found]


@pytest.mark.parametrize("text", [*NOTHING, *NO_CLAIM_PROSE.strip().splitlines()])
def test_a_sentence_about_no_patient_claims_nothing(text: str) -> None:
    for case in ("normal", "lbbb", "inferior", "fibrillation"):
        assert [(c.kind, c.text) for c in claims(text, case) if c.status == "contradicted"] == []


def test_there_is_a_judge_for_every_kind_of_the_table() -> None:
    categories = frozenset(tolerances().category)
    assert [kind for kind in sorted(kinds_of_claims()) if not can_judge(kind, categories)] == []


def test_the_reason_of_the_measurement_is_told_where_there_is_none() -> None:
    (claim,) = claims("The PR interval is 160 ms.", "fibrillation")
    assert claim.status == "not_measurable"
    assert "no P wave belongs to the QRS complexes" in claim.why


def test_what_a_contradiction_tells() -> None:
    (claim,) = claims("The QRS is narrow.", "lbbb")
    assert (claim.text, claim.kind, claim.status, claim.step) == (
        "QRS is narrow",
        "qrs.narrow",
        "contradicted",
        "summary",
    )
    assert claim.measured == {"qrs_duration_ms": 152.0}
    assert claim.why == "measured 152 ms; narrow means below 120 ms"
    assert not claim.negated
    assert not claim.hedged


def test_leads_that_do_not_show_it_are_named() -> None:
    (claim,) = claims("ST elevation in II, III, aVF and V5.", "inferior")
    assert claim.status == "supported"
    assert claim.leads == ("II", "III", "aVF", "V5")
    assert "not in V5" in claim.why
    assert statuses("ST elevation in III, V4, V5 and V6.", "inferior") == {"contradicted"}


def test_a_hedged_claim_is_contradicted_only_by_a_clear_measurement() -> None:
    assert statuses("The PR interval is prolonged.", "normal") == {"contradicted"}
    assert statuses("Possible left ventricular hypertrophy.", "normal") == {"contradicted"}
    assert statuses("Sinus arrhythmia cannot be excluded.", "normal") <= {"contradicted", "not_measurable"}
    (hedged,) = claims("Possible right axis deviation.", "normal")
    assert hedged.hedged


def test_limits_depend_on_the_sex() -> None:
    woman, man = Patient(50.0, "F"), Patient(50.0, "M")
    assert [claims("Cornell criterion met.", "normal", who)[0].status for who in (woman, man)] == ["contradicted"] * 2


def test_every_lead_and_group_is_understood() -> None:
    for lead in LEADS:
        assert claims(f"ST elevation in {lead}.")[0].leads == (lead,)
    for words, leads in {
        "V1–V4": ("V1", "V2", "V3", "V4"),
        "V1 through V3": ("V1", "V2", "V3"),
        "V2 to V5": ("V2", "V3", "V4", "V5"),
        "V1-3": ("V1", "V2", "V3"),
        "leads I and aVL": ("I", "aVL"),
        "the inferior leads": ("II", "III", "aVF"),
        "lateral leads": ("I", "aVL", "V5", "V6"),
        "V₁–V₃": ("V1", "V2", "V3"),
        "II, III and aVF": ("II", "III", "aVF"),
        "the precordial leads": ("V1", "V2", "V3", "V4", "V5", "V6"),
        "inferior leads (II, III, aVF)": ("II", "III", "aVF"),
        "the inferior and lateral leads": ("I", "II", "III", "aVL", "aVF", "V5", "V6"),
    }.items():
        assert claims(f"T-wave inversion in {words}.")[0].leads == leads, words


def test_leads_beyond_the_twelve_are_not_measurable() -> None:
    assert statuses("ST elevation in V7–V9.") == {"not_measurable"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PR 160 ms, within 120–200 ms.", ["PR 160 ms, within 120–200 ms"]),
        ("QRS axis 45°, between −30° and 90°.", ["QRS axis 45°, between −30° and 90°"]),
        (
            "QT 400 ms, QTc 410 ms (Bazett) and 405 ms (Fridericia), below 450 ms.",
            ["QT 400 ms", "QTc 410 ms", "QTc 410 ms (Bazett) and 405 ms (Fridericia), below 450 ms"],
        ),
        ("QTc 410 ms, above 400 ms but below 450 ms.", ["QTc 410 ms, above 400 ms but below 450 ms"]),
        ("QTc 410 ms (no atrial fibrillation), up to 450 ms.", ["atrial fibrillation", "QTc 410 ms … 450 ms"]),
        ("PR not above 200 ms (160 ms).", ["PR not above 200 ms (160 ms"]),
        ("PR 160 ms, a PR below 200 ms.", ["PR 160 ms, a PR below 200 ms"]),
        ("R of at least 0.20 mV (2.0 mm): V2 0.40 mV, V3 0.80 mV.", ["R of … V2 0.40 mV", "R of … V3 0.80 mV"]),
        ("R in V2 is 0.40 mV (4.0 mm), above 0.20 mV (2.0 mm).", ["R in V2 … above 0.20 mV (2.0 mm)"]),
        ("R in V2 is 0.40 mV (4.0 mm).", ["R in V2 is 0.40 mV (4.0 mm)"]),
        ("R in V2 is 0.40 mV (normal).", ["R in V2 is 0.40 mV"]),
        ("R of at least 0.20 mV in V2, V3 and V4.", ["R of at least 0.20 mV"]),
        ("PR 160 ms; QRS above 80 ms.", ["PR 160 ms", "QRS above 80 ms"]),
        ("PR 160 ms and QRS below 120 ms.", ["PR 160 ms", "QRS below 120 ms"]),
    ],
)
def test_a_limit_is_one_claim_with_the_value_that_is_held_against_it(text: str, expected: list[str]) -> None:
    found = claims(text, "normal")
    places = [(claim.start, claim.end) for claim in found]
    assert len(set(places)) == len(found) == len(expected), [(c.kind, c.text) for c in found]
    for words in expected:
        start, end = words.split(" … ")[0], words.split(" … ")[-1]
        assert any(claim.text.startswith(start) and claim.text.endswith(end) for claim in found), words
    assert {claim.status for claim in found} == {"supported"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("PR 160 ms, above 200 ms.", "measured 160 ms, not above 200 ms"),
        ("PR 240 ms, within 120–200 ms.", "measured 160 ms"),
        ("PR 160 ms, outside the usual and longer than 220 ms.", "measured 160 ms, not above 220 ms"),
        ("PR not below 200 ms (160 ms).", "measured 160 ms, not above 200 ms"),
    ],
)
def test_a_value_is_contradicted_with_its_limit(text: str, why: str) -> None:
    (claim,) = claims(text, "normal")
    assert (claim.status, claim.why) == ("contradicted", why)
