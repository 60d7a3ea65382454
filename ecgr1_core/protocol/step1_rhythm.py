"""Step 1: rate, rhythm, premature beats and pauses; the recording itself and the P wave have files of their own.

Single atrial waves between the beats are not measured, so flutter and the higher degrees of AV block are named only as
what cannot be told apart.
"""

from __future__ import annotations

from itertools import pairwise

from ecgr1_core import vocabulary
from ecgr1_core.protocol import step1_p_wave, step1_recording, words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Finding, Findings


def assess(case: Case, earlier: Findings) -> list[Finding]:
    """Return the findings of step 1; nothing comes earlier."""
    rhythm = _rhythm(case)
    found = [*step1_recording.assess(case), _rate(case), rhythm]
    found += (
        _intermittent_pacing(case, rhythm)
        + _sinus_arrhythmia(case, rhythm)
        + _premature(case, rhythm)
        + _pause(case, rhythm)
    )
    return found + (step1_p_wave.assess(case) if rhythm.id == "rhythm.sinus" else [])


def _rate(case: Case) -> Finding:
    rate, low, high = case.measurements.heart_rate_bpm, case.limits.rate_low_bpm, case.limits.rate_high_bpm
    if rate is None:
        return _unknown(case, "rate", "heart_rate_bpm", "The ventricular rate", "ventricular rate")
    if rate < low:
        word, status = f"slow (below {low:.0f})", "abnormal"
    elif rate > high:
        word, status = f"fast (above {high:.0f})", "abnormal"
    else:
        word, status = f"within {low:.0f}–{high:.0f}", "normal"
    return Finding(
        id="rate.slow" if rate < low else "rate.fast" if rate > high else "rate.normal",
        step=1,
        statement=f"Ventricular rate {words.bpm(rate)}, {word}.",
        status="abnormal" if status == "abnormal" else "normal",
        numbers={"heart_rate_bpm": rate},
        rule=f"{low:.0f} <= rate <= {high:.0f} bpm",
        basic=True,
    )


def _rhythm(case: Case) -> Finding:
    measured, limits = case.measurements.rhythm, case.limits
    rate, kinds = case.measurements.heart_rate_bpm, [beat.kind for beat in case.measurements.beats]
    at = f" at {words.bpm(rate)}" if rate is not None else ""
    if kinds and kinds.count("paced") * 2 >= len(kinds):
        return Finding(
            id="rhythm.paced",
            step=1,
            statement=f"Pacing spikes precede {kinds.count('paced')} of {len(kinds)} QRS complexes: "
            "ventricular paced rhythm.",
            status="abnormal",
            label=vocabulary.label("paced rhythm"),
            numbers={"paced_beats": kinds.count("paced"), "beat_count": len(kinds)},
            rule="a spike before at least half of the QRS complexes",
            phrase=f"ventricular paced rhythm{at}",
            reasoning="In a paced rhythm QRS shape, axis, voltage, Q waves and ST-T follow the pacing site and "
            "are not used as "
            "evidence of block, hypertrophy or infarction.",
            basic=True,
        )
    irregularity = measured.rr_irregularity
    if measured.p_wave_present is None or measured.beat_count < 2:
        return _unknown(case, "rhythm", "p_wave_present", "The rhythm", "rhythm")
    if measured.p_wave_present:
        return _with_p_waves(case, at)
    if irregularity is None:
        return _unknown(case, "rhythm", "rr_irregularity", "The rhythm (no P waves, too few intervals)", "rhythm")
    numbers = {"rr_irregularity": irregularity} | ({"heart_rate_bpm": rate} if rate is not None else {})
    if irregularity > limits.rr_regular:
        sure = irregularity >= limits.rr_irregular and measured.beat_count >= limits.rr_beats
        return Finding(
            id="rhythm.atrial_fibrillation",
            step=1,
            statement="No constant P wave precedes the QRS complexes and the RR intervals are "
            f"{'irregularly irregular' if sure else 'somewhat irregular'} ({_range(case)}): "
            f"{'' if sure else 'possible '}atrial fibrillation. Flutter with changing conduction cannot be "
            "excluded, since "
            "atrial waves between the beats are not measured.",
            status="abnormal",
            certainty="definite" if sure else "possible",
            label=vocabulary.label("atrial fibrillation"),
            leads=("II", "V1"),
            numbers=numbers,
            rule=f"no P wave and RR irregularity >= {limits.rr_irregular}",
            phrase=f"{'' if sure else 'possible '}atrial fibrillation with a ventricular rate of {words.bpm(rate)}"
            if rate is not None
            else "atrial fibrillation",
            reasoning="Absent P waves with irregularly irregular RR intervals make sinus rhythm with premature "
            "beats unlikely."
            if sure
            else "",
            basic=True,
        )
    return _regular_without_p(case, at, numbers)


def _with_p_waves(case: Case, at: str) -> Finding:
    limits, axis, rate = case.limits, case.measurements.p_axis_deg, case.measurements.heart_rate_bpm
    off = 0.0 if axis is None else max(limits.sinus_p_axis_low_deg - axis, axis - limits.sinus_p_axis_high_deg, 0.0)
    numbers = {} if axis is None else {"p_axis_deg": axis}
    if rate is not None:
        numbers["heart_rate_bpm"] = rate
    if off > limits.p_axis_tolerance_deg and axis is not None:
        return Finding(
            id="rhythm.ectopic_atrial",
            step=1,
            statement=f"A P wave precedes the QRS complexes but its axis is {words.degrees(axis)}, outside "
            f"{words.degrees(limits.sinus_p_axis_low_deg)} to {words.degrees(limits.sinus_p_axis_high_deg)}: "
            "possible ectopic "
            "atrial rhythm, unless limb electrodes are exchanged.",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label("ectopic atrial rhythm"),
            leads=("II", "aVF", "aVR"),
            numbers=numbers,
            rule="P upright in II and aVF, inverted in aVR",
            phrase=f"possible ectopic atrial rhythm{at}",
            basic=True,
        )
    name, low, high = "sinus rhythm", limits.rate_low_bpm, limits.rate_high_bpm
    if rate is not None:
        name = "sinus bradycardia" if rate < low else "sinus tachycardia" if rate > high else name
    sure = axis is not None and off == 0.0
    if axis is None:
        seen = "A P wave precedes the QRS complexes; its axis was not measured"
    elif sure:
        where = "upright in II and aVF and inverted in aVR"
        where += f" (P axis {words.degrees(axis)})" if case.uncalibrated is None else ""
        seen = f"A P wave of constant shape, {where}, precedes the QRS complexes"
    else:
        seen = (
            f"A P wave precedes the QRS complexes, with an axis of {words.degrees(axis)} at the edge of the sinus range"
        )
    return Finding(
        id="rhythm.sinus",
        step=1,
        statement=f"{seen}: {'' if sure else 'probably '}{name}.",
        status="normal" if name == "sinus rhythm" else "abnormal",
        certainty="definite" if sure else "probable",
        label=vocabulary.label(name),
        leads=("II", "aVF", "aVR"),
        numbers=numbers,
        rule="P upright in II and aVF, inverted in aVR",
        phrase=f"{name}{at}",
        basic=True,
    )


def _regular_without_p(case: Case, at: str, numbers: dict[str, float]) -> Finding:
    rate, qrs, limits = case.measurements.heart_rate_bpm, case.measurements.qrs_duration_ms, case.limits
    slow = rate is not None and rate < limits.rate_low_bpm
    fast, wide = rate is not None and rate > limits.rate_high_bpm, qrs is not None and qrs >= limits.qrs_wide_ms
    if fast and wide and qrs is not None:
        return Finding(
            id="rhythm.wide_tachycardia",
            step=1,
            statement=f"Regular tachycardia with a wide QRS ({words.ms(qrs)}) and without identifiable P "
            "waves: wide complex "
            "tachycardia, to be taken for ventricular tachycardia until shown otherwise.",
            status="abnormal",
            label=vocabulary.label("wide complex tachycardia"),
            numbers=numbers | {"qrs_duration_ms": qrs},
            rule=f"rate > {limits.rate_high_bpm:.0f} bpm, QRS >= {limits.qrs_wide_ms:.0f} ms, no P wave",
            phrase=f"wide complex tachycardia{at}",
            reasoning="Ventricular tachycardia is the diagnosis to exclude first; bundle branch block with "
            "supraventricular "
            "tachycardia and pre-excitation are the alternatives.",
            basic=True,
            urgent=True,
        )
    name = "supraventricular tachycardia" if fast else "rhythm without identifiable P waves"
    return Finding(
        id="rhythm.regular_without_p",
        step=1,
        statement=f"Regular rhythm{at} without identifiable P waves ({_range(case)}): junctional or other "
        "supraventricular "
        "origin, or flutter, cannot be told from these measurements.",
        status="abnormal",
        certainty="probable",
        label=vocabulary.label(name),
        leads=("II", "V1"),
        numbers=numbers,
        rule=f"no P wave and RR irregularity <= {limits.rr_regular}",
        phrase=f"{name if fast else 'regular rhythm without identifiable P waves'}{at}",
        reasoning="Look at II and V1 for flutter waves and for retrograde P waves after the QRS."
        + (" At a slow rate AV block with an escape rhythm must be excluded." if slow else "")
        + (" A rate near 150 bpm suggests flutter with 2:1 conduction." if fast else ""),
        basic=True,
    )


def _intermittent_pacing(case: Case, rhythm: Finding) -> list[Finding]:
    """Return the finding on paced beats among others; none where the rhythm itself is paced."""
    beats = case.measurements.beats
    paced = [beat.number for beat in beats if beat.kind == "paced"]
    if not paced or rhythm.id == "rhythm.paced":
        return []
    one = len(paced) == 1
    return [
        Finding(
            id="pacing.intermittent",
            step=1,
            statement=f"Pacing spikes precede {len(paced)} of {len(beats)} QRS complexes (beat{'' if one else 's'} "
            f"{words.join(map(str, paced))}): intermittent ventricular pacing.",
            status="abnormal",
            certainty="probable",
            label=vocabulary.label("paced rhythm"),
            numbers={"paced_beats": len(paced), "beat_count": len(beats)},
            rule="a spike before fewer than half of the QRS complexes",
            phrase="intermittent ventricular pacing",
            reasoning="What is measured are the conducted beats; earlier pacing can change their T waves.",
        )
    ]


def _range(case: Case) -> str:
    shortest, longest = case.measurements.rhythm.rr_min_ms, case.measurements.rhythm.rr_max_ms
    if shortest is None or longest is None:
        return "range of RR unknown"
    return f"RR {shortest:.0f}–{longest:.0f} ms"


def _sinus_arrhythmia(case: Case, rhythm: Finding) -> list[Finding]:
    if rhythm.id != "rhythm.sinus":
        return []
    beats, limit = case.measurements.beats, case.limits.sinus_arrhythmia_ms
    normal = [b.rr_ms for a, b in pairwise(beats) if a.kind == b.kind == "normal" and b.rr_ms is not None]
    if len(normal) < 3 or max(normal) - min(normal) <= limit or max(normal) > case.limits.pause_ms:
        return []
    # After a premature beat the interval is not sinus-timed; with any such beat the spread says nothing.
    if any(beat.kind != "normal" for beat in beats):
        return []
    spread = max(normal) - min(normal)
    return [
        Finding(
            id="sinus_arrhythmia.present",
            step=1,
            statement=f"RR varies by {words.ms(spread)} with an unchanged P wave: sinus arrhythmia.",
            status="normal",
            label=vocabulary.label("sinus arrhythmia"),
            numbers={"rr_min_ms": min(normal), "rr_max_ms": max(normal)},
            rule=f"longest - shortest RR > {limit:.0f} ms",
            phrase="sinus arrhythmia",
        )
    ]


def _premature(case: Case, rhythm: Finding) -> list[Finding]:
    beats = case.measurements.beats
    if not beats or rhythm.id in ("rhythm.paced", "rhythm.unknown"):
        return []
    found = []
    for kind, name in (
        ("ventricular_ectopic", "premature ventricular complex"),
        ("supraventricular_ectopic", "premature atrial complex"),
    ):
        numbers = [beat.number for beat in beats if beat.kind == kind]
        if numbers:
            pattern, urgent = _pattern(numbers, len(beats))
            which = words.join(str(number) for number in numbers)
            plural = name if len(numbers) == 1 else f"{name}es"
            found.append(
                Finding(
                    id=f"premature.{kind}",
                    step=1,
                    statement=f"{words.capital(words.count(len(numbers), name, name + 'es'))} "
                    f"(beat{'s' if len(numbers) > 1 else ''} {which}{pattern}), "
                    f"{'wide and of another shape' if kind.startswith('v') else 'early, with the usual QRS shape'}.",
                    status="abnormal",
                    label=vocabulary.label(name),
                    numbers={f"{kind}_count": len(numbers)},
                    rule="premature beat by RR interval and shape",
                    phrase=plural,
                    reasoning="Three or more ventricular beats in a row are a run of ventricular tachycardia."
                    if urgent
                    else "",
                    urgent=urgent and kind == "ventricular_ectopic",
                )
            )
    if found:
        return found
    if rhythm.id == "rhythm.atrial_fibrillation":
        return []
    return [
        Finding(
            id="premature.none", step=1, statement="No premature beats.", status="normal", rule="premature beat by RR"
        )
    ]


def _pattern(numbers: list[int], beats: int) -> tuple[str, bool]:
    """Return words for bigeminy, couplets or runs, and whether three or more stand in a row."""
    longest = run = 1
    for first, second in pairwise(numbers):
        run = run + 1 if second == first + 1 else 1
        longest = max(longest, run)
    if longest >= 3:
        return f", {words.count(longest, 'beat')} in a row", True
    if longest == 2:
        return ", with a couplet", False
    if len(numbers) >= 3 and all(b - a == 2 for a, b in pairwise(numbers)) and 2 * len(numbers) >= beats - 2:
        return ", in bigeminy", False
    return "", False


def _pause(case: Case, rhythm: Finding) -> list[Finding]:
    pause, limit = case.measurements.rhythm.longest_pause_ms, case.limits.pause_ms
    if pause is None or pause <= limit:
        return []
    return [
        Finding(
            id="pause.present",
            step=1,
            statement=f"The longest RR interval is {words.ms(pause)}, a pause (above {words.ms(limit)}).",
            status="abnormal",
            label=None if rhythm.id == "rhythm.atrial_fibrillation" else vocabulary.label("sinus pause"),
            certainty="probable",
            numbers={"longest_pause_ms": pause},
            rule=f"RR > {limit:.0f} ms",
            phrase=f"a pause of {words.ms(pause)}",
            reasoning=""
            if rhythm.id == "rhythm.atrial_fibrillation"
            else "Whether the pause is sinus arrest, a blocked premature beat or AV block is decided by P "
            "waves between the "
            "beats, which are not measured.",
        )
    ]


def _unknown(case: Case, topic: str, measurement: str, subject: str, phrase: str) -> Finding:
    return Finding(
        id=f"{topic}.unknown",
        step=1,
        statement=f"{subject} is not measurable: {case.reason(measurement)}.",
        status="not_assessable",
        rule=measurement,
        phrase=phrase,
        basic=True,
    )
