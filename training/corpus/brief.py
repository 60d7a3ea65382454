"""The protocol's findings as a short reading, for models of a few million parameters: six steps of a sentence or three.

Named are rate, intervals and axis, what is abnormal in the findings' own words, and which of the usual questions were
answered with no. Amplitudes, which so small a model does not tell to the tenth of a millivolt, are left out. Every
number stands in a finding. The wording is the same for every recording.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from ecgr1_core.interpretation import STEP_NUMBERS, STEP_TITLES, Step, write
from ecgr1_core.protocol import Finding, Findings, compose, words

_INTERVALS: Final = (
    ("pr", "PR", "pr_interval_ms", words.ms),
    ("qrs", "QRS", "qrs_duration_ms", words.ms),
    ("axis", "axis", "qrs_axis_deg", words.degrees),
)
_QT: Final = (("QT", "qt_interval_ms"), ("QTc", "qtc_fridericia_ms"))
# What a step denies, by the finding that denies it, in the order of the protocol.
_DENIED: Final[Mapping[int, Mapping[str, str]]] = {
    1: {"premature.none": "premature beats"},
    3: {
        "lvh.none": "voltage criteria for left ventricular hypertrophy",
        "rvh.none": "dominant R wave in V1",
        "low_voltage.none": "low QRS voltage",
        "progression.normal": "poor R-wave progression",
    },
    4: {
        "st_elevation.none": "ST elevation",
        "st_depression.none": "horizontal or downsloping ST depression",
        "t_wave.normal": "T-wave inversion",
        "q_wave.none": "pathological Q waves",
    },
    5: {"qt.normal": "prolonged QT interval"},
}
_LIMITED: Final = re.compile(r"belongs? to")  # a statement that names leads in which it is not so
_OPEN: Final = "Not assessable."


def brief(findings: Findings) -> str:
    """Return the short reading of the findings in ECG-R1's form; its answer is that of the whole reading."""
    texts = [_step(findings, number) for number in STEP_NUMBERS[:-1]]
    answer = compose(findings).answer
    rhythm = next((one.phrase for one in findings.topic("rhythm") if one.phrase), answer[0])
    named = [one for one in findings.abnormal if one.phrase and one.topic != "rhythm"]
    sure = [one.phrase for one in named if one.certainty != "possible"]
    possible = [one.phrase for one in named if one.certainty == "possible"]
    conclusion = words.capital(rhythm) + (f"; {'; '.join(sure)}." if sure else ".")
    reasoning = conclusion if named else f"{conclusion} Nothing else is abnormal."
    summary = "Normal ECG." if findings.is_normal else f"{words.capital('; '.join([rhythm, *sure, *possible]))}."
    steps = [Step(*step) for step in zip(STEP_NUMBERS, STEP_TITLES, [*texts, reasoning], strict=True)]
    return write(steps, summary, answer)


def _step(findings: Findings, number: int) -> str:
    """Return the text of one of the first five steps: values, what is abnormal, what is denied."""
    judged = findings.of_step(number)
    parts = []
    if number == 1:
        parts += [one.phrase for one in judged if one.topic == "rhythm" and one.phrase][:1]
    if values := _values(judged, number):
        parts.append(values)
    parts += [_named(one) for one in judged if one.phrase and one.topic != "rhythm"]
    secondary = next((one for one in judged if one.id == "st_secondary.present"), None)
    if secondary is not None:  # the usual denials are then of some leads only
        parts.append(secondary.statement.partition(" and not counted")[0].removesuffix("."))
    found = {one.id for one in judged if not _LIMITED.search(one.statement)}
    if secondary is not None:
        found &= {"q_wave.none"}
    if denied := [told for id, told in _DENIED.get(number, {}).items() if id in found]:
        parts.append(f"no {words.join(denied, 'or')}")
    return " ".join(f"{words.capital(part)}." for part in parts) or _OPEN


def _named(finding: Finding) -> str:
    return f"{finding.phrase} not assessable" if finding.status == "not_assessable" else finding.phrase


def _values(judged: Sequence[Finding], number: int) -> str:
    if number == 2:
        told = [
            f"{name} {in_words(one.numbers[key])}"
            for topic, name, key, in_words in _INTERVALS
            for one in judged
            if key in one.numbers and one.topic == topic
        ]
    elif number == 5:
        qt = next((one for one in judged if one.topic == "qt"), None)
        told = [f"{name} {words.ms(qt.numbers[key])}" for name, key in _QT if qt is not None and key in qt.numbers]
    else:
        told = []
    return ", ".join(dict.fromkeys(told))
