"""Grammar that once turned true sentences into contradicted claims: two rates, what fits, what would be secondary."""

from __future__ import annotations

import pytest

from ecgr1_core.interpretation import Interpretation
from ecgr1_core.verify import Claim, verify

from hand_made import MAN, claims, ecg  # isort: skip

# Second-degree AV block: P waves at 78 per minute, some without a QRS complex, 59 of the ventricles.
_DROPPED = ecg(
    rhythm={
        "p_wave_present": False, "p_train_steady": True, "p_rate_per_min": 78.4, "p_per_qrs": 0.0,
        "rr_min_ms": 790.0, "rr_max_ms": 1500.0, "rr_irregularity": 0.2,
    },
    heart_rate_bpm=59.0,
    rr_ms=1017.0,
    pr_interval_ms=None,
    p_duration_ms=None,
    p_axis_deg=None,
    reasons={"pr_interval_ms": "no P wave belongs to the QRS complexes"},
)  # fmt: skip


def _dropped(text: str) -> dict[tuple[str, str], str]:
    """Return the status of each claim of a text about the dropped beats by (kind, text)."""
    found: tuple[Claim, ...] = verify(Interpretation(summary=text), _DROPPED, MAN)
    return {(claim.kind, claim.text): claim.status for claim in found}


@pytest.mark.parametrize(
    ("text", "atrial", "ventricular"),
    [
        ("P waves follow each other at {} per minute, with {} bpm of the ventricles.", "78", "59"),
        ("The P waves march through at {} bpm, but only {} bpm in the ventricles.", "78", "59"),
        ("Sinus rhythm at {} per minute with dropped beats (ventricular rate {} bpm).", "78", "59"),
        ("P waves at {} per minute and QRS complexes at {} bpm.", "78", "59"),
    ],
)
def test_the_rate_of_the_atria_and_that_of_the_ventricles_are_told_apart(
    text: str, atrial: str, ventricular: str
) -> None:
    right = {kind: status for (kind, _), status in _dropped(text.format(atrial, ventricular)).items()}
    assert (right["atrial_rate"], right["heart_rate"]) == ("supported", "supported")
    wrong = {kind: status for (kind, _), status in _dropped(text.format("140", "95")).items()}
    assert (wrong["atrial_rate"], wrong["heart_rate"]) == ("contradicted", "contradicted")


@pytest.mark.parametrize(
    "text",
    [
        "Sinus rhythm at 110 bpm.",
        "P waves precede each QRS complex at 110 bpm.",
        "The P waves are upright, at 110 bpm.",
        "QRS complexes at 110 bpm.",
    ],
)
def test_a_rate_that_no_atria_have_for_themselves_is_the_heart_rate(text: str) -> None:
    assert ("heart_rate", "contradicted") in {(claim.kind, claim.status) for claim in claims(text)}


def test_sinus_rhythm_is_not_contradicted_by_p_waves_that_go_on_without_a_qrs() -> None:
    assert set(_dropped("Sinus rhythm.").values()) == {"supported"}
    assert {claim.status for claim in claims("Sinus rhythm.", "fibrillation")} == {"contradicted"}


def test_p_waves_without_a_qrs_leave_higher_block_open() -> None:
    times = tuple(0.2 + 0.833 * n for n in range(12))
    for spare, status in ((0, "contradicted"), (3, "not_measurable")):
        rhythm = {"p_times_s": times, "beat_count": 12 - spare, "rr_max_ms": 850.0 * (2 if spare else 1)}
        (claim,) = verify(Interpretation(summary="Second-degree AV block."), ecg(rhythm=rhythm), MAN)
        assert claim.status == status


def test_junctional_rhythm_is_not_contradicted_by_p_waves_that_go_their_own_way() -> None:
    rhythm = {"p_wave_present": False, "p_train_steady": True, "p_rate_per_min": 84.0}
    (claim,) = verify(Interpretation(summary="Junctional rhythm."), ecg(rhythm=rhythm, pr_interval_ms=None), MAN)
    assert claim.status == "supported"


def test_a_bare_number_behind_qrs_is_still_a_duration() -> None:
    assert [(claim.kind, claim.status) for claim in claims("QRS 92, axis 45.")] == [
        ("qrs_duration", "supported"),
        ("qrs_axis", "supported"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Prominent U waves fit low potassium, a slow rate and drugs.",
        "This fits a slow rate or a short PR interval.",
    ],
)
def test_what_a_finding_fits_is_not_claimed(text: str) -> None:
    assert {"rate.slow", "pr.short"} & {claim.kind for claim in claims(text)} == set()


def test_what_a_finding_can_be_is_not_claimed() -> None:
    assert [claim.kind for claim in claims("A tall R can be a posterior infarction with ST elevation.")] == []


def test_what_stands_before_fits_is_claimed() -> None:
    found = {(claim.kind, claim.status) for claim in claims("The slow rate fits a drug effect.")}
    assert ("rate.slow", "contradicted") in found


def test_no_primary_inversion_does_not_deny_a_secondary_one() -> None:
    without = "No T inversion of 0.10 mV in two contiguous leads with a dominant R."
    assert {claim.status for claim in claims(without, "hypertrophy")} == {"contradicted"}
    assert claims(without.replace("T inversion", "primary T inversion"), "hypertrophy") == ()
