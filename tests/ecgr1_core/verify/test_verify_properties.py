"""What holds for every text and number: no fault, exact offsets, true values never contradicted, far ones always."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ecgr1_core.interpretation import Interpretation, Step, parse, write
from ecgr1_core.measure.types import Measurements
from ecgr1_core.record import Patient
from ecgr1_core.verify import ANSWER, claims_json, counts, part_texts, verify
from ecgr1_core.verify.tolerances import tolerances

from hand_made import ECGS, MAN, claims, ecg  # isort: skip

_WORDS = some.sampled_from(
    [
        "PR",
        "QRS",
        "ST elevation",
        "no",
        "not",
        "V1–V4",
        "in",
        "and",
        "or",
        ",",
        "(",
        ")",
        "162 ms",
        "2 mm",
        "−30°",
        "wide",
        "normal",
        "T waves",
        "inverted",
        "sinus rhythm",
        "possible",
        "but",
        ";",
        ".",
        ":",
        "II",
        "axis",
        "if",
        "LBBB",
        "absent",
        "R",
        "S",
        "+",
        "0.2 mV",
        ">",
        "is",
        "are",
        "rSr'",
        "normal range",
        "V7",
        "1:1",
        "/",
        "QTc",
        "12-lead",
        "\n",
        "I",
        "without",
        "Q waves",
        "cannot be excluded",
        "%",
        "per minute",
        "-",
    ]
)


def _check_offsets(reading: Interpretation) -> None:
    parts = dict(part_texts(reading))
    for case in ("normal", "lbbb"):
        for claim in verify(reading, ECGS[case], MAN):
            assert parts[claim.step][claim.start : claim.end] == claim.text
            assert claim.text.strip()
            assert claim.why


@settings(deadline=None, max_examples=150)
@given(some.lists(_WORDS, max_size=40))
def test_any_words_are_read_without_a_fault(words: list[str]) -> None:
    _check_offsets(Interpretation(summary=" ".join(words)))


@settings(deadline=None, max_examples=100)
@given(some.text(max_size=200))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    _check_offsets(parse(text))
    _check_offsets(Interpretation(steps=(Step(1, "x", text),), summary=text, answer=(text,) if text.strip() else ()))


def test_nothing_measured_is_not_measurable() -> None:
    text = (
        "Sinus rhythm at 72 bpm, PR 160 ms, narrow QRS, normal axis, no ST elevation, T waves upright, LVH, QTc 400 ms."
    )
    found = verify(Interpretation(summary=text), Measurements(), Patient())
    assert len(found) >= 8
    assert {claim.status for claim in found} == {"not_measurable"}


_GLOBALS = [
    (
        "heart_rate_bpm",
        "heart_rate",
        50.0,
        140.0,
        ["Heart rate {v:.0f} bpm.", "Ventricular rate of {v:.0f}/min.", "The rate is about {v:.0f} beats per minute."],
    ),
    (
        "pr_interval_ms",
        "pr",
        110.0,
        280.0,
        [
            "PR {v:.0f} ms.",
            "The PR interval measures {s:.3f} s.",
            "A PR interval of {v:.0f} msec.",
            "PQ interval: {v:.0f} ms",
        ],
    ),
    (
        "qrs_duration_ms",
        "qrs_duration",
        70.0,
        180.0,
        ["QRS {v:.0f} ms.", "QRS duration of {s:.3f} seconds.", "The QRS complex lasts {v:.0f} milliseconds."],
    ),
    ("qt_interval_ms", "qt", 300.0, 520.0, ["QT {v:.0f} ms.", "The QT interval is {s:.3f} s."]),
    (
        "qtc_bazett_ms",
        "qtc",
        330.0,
        560.0,
        ["QTc (Bazett) {v:.0f} ms.", "QTcB {v:.0f} ms", "Bazett-corrected QT interval of {v:.0f} ms."],
    ),
    (
        "qrs_axis_deg",
        "axis",
        -80.0,
        170.0,
        ["The QRS axis is {v:.0f}°.", "Axis {v:.0f} degrees.", "Frontal plane axis at {v:+.0f}°."],
    ),
]


@pytest.mark.parametrize(("name", "key", "low", "high", "wordings"), _GLOBALS)
@settings(deadline=None, max_examples=25)
@given(share=some.floats(0.0, 1.0), sign=some.sampled_from([-1.0, 1.0]))
def test_a_true_number_is_supported_and_one_three_tolerances_off_contradicted(
    name: str, key: str, low: float, high: float, wordings: list[str], share: float, sign: float
) -> None:
    value = float(round(low + share * (high - low)))
    measured = ecg(**{name: value})
    tolerance = tolerances().value[key]
    far = value + sign * (3 * 1.5 * tolerance.around(value) + 1)
    for wording in wordings:
        for said, status in ((value, "supported"), (far, "contradicted")):
            if said <= 0 and name != "qrs_axis_deg":
                continue
            text = wording.format(v=said, s=said / 1000).replace("-", "−" if name == "qrs_axis_deg" else "-")
            found = verify(Interpretation(summary=text), measured, MAN)
            assert [(c.kind, c.status) for c in found if c.kind == found[-1].kind] == [(found[-1].kind, status)], text


@settings(deadline=None, max_examples=40)
@given(
    lead=some.sampled_from(["I", "II", "V2", "V5", "V6"]),
    value=some.floats(0.3, 3.0),
    sign=some.sampled_from([-1.0, 1.0]),
)
def test_amplitudes_in_every_unit(lead: str, value: float, sign: float) -> None:
    value = round(value, 2)
    measured = ecg({lead: {"r_amplitude_mv": value, "qrs_peak_to_peak_mv": value + 0.3}})
    tolerance = tolerances().value["amplitude"].around(value)
    for said, status in (
        (value, "supported"),
        (value + (3.2 * tolerance if value < 3.2 * tolerance + 0.1 else sign * 3.2 * tolerance), "contradicted"),
    ):
        for text in (
            f"R in {lead} {said:.2f} mV.",
            f"R wave in lead {lead} of {10 * said:.1f} mm.",
            f"The R wave amplitude in {lead} is {1000 * said:.0f} µV.",
            f"R-wave amplitude of {10 * said:.1f} mm in {lead}.",
        ):
            (claim,) = verify(Interpretation(summary=text), measured, MAN)
            assert claim.status == status, (text, claim)


def test_claims_know_their_part() -> None:
    steps = tuple(Step(n, title, f"Step text {n}: QRS 92 ms.") for n, title in enumerate("abcdef", 1))
    raw = write(steps, "Narrow QRS.", ("sinus rhythm", "LBBB", "something else"))
    found = verify(parse(raw), ECGS["normal"], MAN)
    assert [claim.step for claim in found] == [1, 2, 3, 4, 5, 6, "summary", ANSWER, ANSWER, ANSWER]
    assert [(c.text, c.status) for c in found if c.step == ANSWER] == [
        ("sinus rhythm", "supported"),
        ("LBBB", "contradicted"),
        ("something else", "not_measurable"),
    ]
    assert counts(found) == {"supported": 8, "contradicted": 1, "not_measurable": 1}
    assert claims_json(found)[0]["measured"] == {"qrs_duration_ms": 92.0}


def test_uncalibrated_amplitudes_are_not_judged() -> None:
    reading = Interpretation(summary="ST elevation in V1–V4, axis −60°, S V1 + R V5 55 mm, QRS 150 ms.")
    found = verify(reading, ECGS["normal"], MAN, ["amplitudes are not millivolts: gain unknown"])
    assert {c.kind: c.status for c in found} == {
        "st.elevation": "not_measurable",
        "qrs_axis": "not_measurable",
        "wave": "not_measurable",
        "qrs_duration": "contradicted",
    }


def test_a_long_reading_is_checked_in_milliseconds() -> None:
    text = " ".join(
        ["Sinus rhythm at 72 bpm with PR 160 ms, QRS 92 ms and no ST elevation, Q waves or T inversion in II and aVF."]
        * 20
    )
    claims(text)
    start = time.process_time()
    found = claims(text)
    assert time.process_time() - start < 0.2
    assert len(found) == 140
