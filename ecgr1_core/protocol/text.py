"""From findings to the reading: six headed paragraphs, a summary and the answer, in ECG-R1's form.

Every number in the text stands in a finding; this module adds none and judges nothing. Step 6 and the summary are made
of the same findings as the steps, so that they cannot contradict them.
"""

from __future__ import annotations

from ecgr1_core.interpretation import STEP_TITLES, Interpretation, Step, parse, write
from ecgr1_core.protocol import words
from ecgr1_core.protocol.findings import Finding, Findings

UNDETERMINED = "undetermined rhythm"


def compose(findings: Findings) -> Interpretation:
    """Return the reading of the findings; its `raw` is the output form and its answer the names of the labels.

    Findings that are only possible are in the text, not in the answer. An answer is never empty: where nothing could be
    judged it says that the rhythm is undetermined.
    """
    texts = [" ".join(finding.statement for finding in findings.of_step(number)) for number in range(1, 6)]
    texts.append(_reasoning(findings))
    steps = tuple(
        Step(number, title, text) for number, (title, text) in enumerate(zip(STEP_TITLES, texts, strict=True), 1)
    )
    answer = tuple(label.name for label in findings.labels) or (UNDETERMINED,)
    return parse(write(steps, _summary(findings), answer))


def _reasoning(findings: Findings) -> str:
    """Step 6: what leads, what each abnormal finding means, what is open."""
    if findings.is_normal:
        return _normal_reasoning(findings)
    abnormal = findings.abnormal
    sure = [f.phrase for f in abnormal if f.phrase and f.certainty != "possible" and f.topic != "rhythm"]
    sentences = [f"{words.capital(_rhythm(findings))}{' with ' + words.join(sure) if sure else ''}."]
    seen: set[str] = set()
    for finding in abnormal:
        if finding.reasoning and finding.reasoning not in seen:
            seen.add(finding.reasoning)
            sentences.append(finding.reasoning)
    if not [f for f in abnormal if f.phrase and f.topic != "rhythm"]:
        sentences.append(_excluded(findings))
    possible = _possible(findings)
    if possible:
        sentences.append(f"Only possible, and therefore not in the answer: {words.join(possible)}.")
    return " ".join([*sentences, *_open(findings)]).replace("  ", " ")


def _normal_reasoning(findings: Findings) -> str:
    return (
        f"{words.capital(_rhythm(findings))} with normal AV and ventricular conduction. {_excluded(findings)} "
        "By these limits the recording is normal."
    )


def _excluded(findings: Findings) -> str:
    """What the normal findings exclude, in one sentence; only what was judged is named."""
    excluded = {
        "pr.normal": "first-degree AV block",
        "qrs.normal": "bundle branch block",
        "lvh.none": "left ventricular hypertrophy by voltage",
        "rvh.none": "right ventricular hypertrophy by R in V1",
        "st_elevation.none": "ST-elevation infarction",
        "q_wave.none": "Q-wave infarction",
        "qt.normal": "a prolonged QT interval",
    }
    named = [text for id, text in excluded.items() if findings.get(id) is not None]
    return f"The measurements speak against {words.join(named, 'and')}." if named else ""


def _rhythm(findings: Findings) -> str:
    phrase = next((f.phrase for f in findings.topic("rhythm") if f.status != "not_assessable"), "")
    arrhythmia = findings.get("sinus_arrhythmia.present")
    return (phrase or UNDETERMINED) + (" and sinus arrhythmia" if arrhythmia is not None else "")


def _possible(findings: Findings) -> list[str]:
    phrases = [f.phrase for f in findings.abnormal if f.certainty == "possible" and f.topic != "rhythm"]
    return [phrase.removeprefix("possible ") for phrase in phrases if phrase]


def _open(findings: Findings) -> list[str]:
    phrases = list(dict.fromkeys(f.phrase for f in findings.items if f.status == "not_assessable" and f.phrase))
    return [f"Not assessable on this recording: {words.join(phrases)}."] if phrases else []


def _summary(findings: Findings) -> str:
    """One paragraph: rhythm, what is there, what is possible, what is open."""
    intervals = _intervals(findings)
    if findings.is_normal:
        return (
            f"Normal ECG: {_rhythm(findings)}{intervals}, without voltage criteria of hypertrophy, "
            "pathological Q waves or "
            "ST-T changes of ischemia."
        )
    sure = [f.phrase for f in findings.abnormal if f.phrase and f.certainty != "possible" and f.topic != "rhythm"]
    sentences = [f"{words.capital(_rhythm(findings))}{intervals}{'; ' + words.join(sure) if sure else ''}."]
    possible = _possible(findings)
    if possible:
        sentences.append(f"Possible: {words.join(possible)}.")
    elif not sure:
        sentences.append("No other abnormality in what could be judged.")
    return " ".join([*sentences, *_open(findings)])


def _intervals(findings: Findings) -> str:
    """The normal intervals and axis in a few words; abnormal ones stand among the findings."""
    parts = []
    for id, name, key, form in (
        ("pr.normal", "PR", "pr_interval_ms", words.ms),
        ("qrs.normal", "QRS", "qrs_duration_ms", words.ms),
        ("axis.normal", "axis", "qrs_axis_deg", words.degrees),
        ("qt.normal", "QTc (Fridericia)", "qtc_fridericia_ms", words.ms),
        ("qt.normal", "less the wide QRS", "qtc_fridericia_qrs_corrected_ms", words.ms),
    ):
        finding: Finding | None = findings.get(id)
        if finding is not None and key in finding.numbers:
            parts.append(f"{name} {form(finding.numbers[key])}")
    return f", {', '.join(parts)}" if parts else ""
