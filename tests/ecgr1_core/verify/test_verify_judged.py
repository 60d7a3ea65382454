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


def test_a_limit_is_one_place_with_the_value_that_is_held_against_it() -> None:
    text = "QT 400 ms, QTc 431 ms (Bazett) and 426 ms (Fridericia), below 450 ms."
    compared = [claim for claim in claims(text, next(iter(TRUE))) if claim.text.endswith("below 450 ms")]
    assert [claim.text for claim in compared] == ["426 ms (Fridericia), below 450 ms"]
