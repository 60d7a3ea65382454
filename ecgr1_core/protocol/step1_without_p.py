"""Step 1, rhythms without a P wave before each QRS: fibrillation, flutter, junctional rhythm, tachycardias.

What they have in common is decided before: P waves were looked for and do not belong to the QRS complexes.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding


def assess(case: Case, at: str) -> Finding:
    """Return the finding on the rhythm; `at` is the rate in words. The irregularity of RR must have been measured."""
    measured, rate = case.measurements.rhythm, case.measurements.heart_rate_bpm
    irregularity = measured.rr_irregularity or 0.0
    numbers = {"rr_irregularity": irregularity} | ({"heart_rate_bpm": rate} if rate is not None else {})
    for name, value in (("rr_min_ms", measured.rr_min_ms), ("rr_max_ms", measured.rr_max_ms)):
        if value is not None:
            numbers[name] = float(round(value))
    if measured.atrial_rate_per_min is not None:
        return _flutter(case, at, numbers)
    if irregularity > case.limits.rr_regular:
        return _fibrillation(case, irregularity, numbers)
    return _regular(case, at, numbers)


def _flutter(case: Case, at: str, numbers: dict[str, float]) -> Finding:
    atrial, rate = case.measurements.rhythm.atrial_rate_per_min or 0.0, case.measurements.heart_rate_bpm
    ratio = None if rate is None else atrial / rate
    whole = ratio is not None and abs(ratio - round(ratio)) <= case.limits.flutter_ratio_tolerance and ratio > 1
    conduction = f", {round(ratio)}:1 conduction" if whole and ratio is not None else ", varying conduction"
    return Finding(
        id="rhythm.atrial_flutter",
        step=1,
        statement=f"Between the QRS complexes one regular atrial wave runs on at {atrial:.0f} per minute{conduction} "
        f"({_range(case)}): atrial flutter.",
        status="abnormal",
        certainty="probable",
        label=vocabulary.label("atrial flutter"),
        leads=("II", "III", "aVF", "V1"),
        numbers=numbers | {"atrial_rate_per_min": float(round(atrial))},
        rule="one line of the spectrum of atrial activity outweighs the rest",
        phrase=f"atrial flutter with a ventricular rate of {words.bpm(rate)}" if rate is not None else "atrial flutter",
        reasoning="Flutter waves are looked for in II, III, aVF and V1; coarse fibrillation and atrial tachycardia are "
        "the alternatives.",
        basic=True,
    )


def _fibrillation(case: Case, irregularity: float, numbers: dict[str, float]) -> Finding:
    limits, rate = case.limits, case.measurements.heart_rate_bpm
    sure = irregularity >= limits.rr_irregular and case.measurements.rhythm.beat_count >= limits.rr_beats
    alike = case.measurements.rhythm.p_per_qrs
    some = alike is not None and alike >= limits.af_p_share  # it may be sinus rhythm with many premature beats
    how = "irregularly irregular" if sure else "somewhat irregular"
    sure = sure and not some
    how += ", though a similar wave stands before some of the QRS complexes" if some else ""
    return Finding(
        id="rhythm.atrial_fibrillation",
        step=1,
        statement="No constant P wave precedes the QRS complexes and the RR intervals are "
        f"{how} ({_range(case)}): "
        f"{'' if sure else 'possible '}atrial fibrillation. No regular flutter wave was found between the "
        "beats; flutter with changing conduction is not excluded.",
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


def _regular(case: Case, at: str, numbers: dict[str, float]) -> Finding:
    rate, qrs, limits = case.measurements.heart_rate_bpm, case.measurements.qrs_duration_ms, case.limits
    fast, wide = rate is not None and rate > limits.rate_high_bpm, qrs is not None and qrs >= limits.qrs_wide_ms
    if fast and wide and qrs is not None:
        return _wide_tachycardia(case, at, qrs, numbers)
    if fast:
        return Finding(
            id="rhythm.supraventricular_tachycardia",
            step=1,
            statement=f"Regular rhythm{at} with a narrow QRS and without identifiable P waves ({_range(case)}): "
            "supraventricular tachycardia; flutter with 2:1 conduction must be excluded.",
            status="abnormal",
            certainty="probable",
            label=vocabulary.label("supraventricular tachycardia"),
            leads=("II", "V1"),
            numbers=numbers,
            rule=f"no P wave, RR irregularity <= {limits.rr_regular}, rate > {limits.rate_high_bpm:.0f} bpm",
            phrase=f"supraventricular tachycardia{at}",
            reasoning="Look at II and V1 for flutter waves and for retrograde P waves after the QRS. A rate near "
            "150 bpm suggests flutter with 2:1 conduction.",
            basic=True,
        )
    return _escape(case, at, wide, numbers)


def _wide_tachycardia(case: Case, at: str, qrs: float, numbers: dict[str, float]) -> Finding:
    limits, measured, rate = case.limits, case.measurements.rhythm, case.measurements.heart_rate_bpm or 0.0
    p_rate = measured.p_rate_per_min
    dissociated = measured.p_train_steady and p_rate is not None and p_rate * limits.av_dissociation_rate < rate
    name = "ventricular tachycardia" if dissociated else "wide complex tachycardia"
    more = (
        f"P waves go on at {p_rate:.0f} per minute, independently of it: probable ventricular tachycardia"
        if dissociated and p_rate is not None
        else "wide complex tachycardia, to be taken for ventricular tachycardia until shown otherwise"
    )
    return Finding(
        id="rhythm.wide_tachycardia",
        step=1,
        statement=f"Regular tachycardia with a wide QRS ({words.ms(qrs)}) and without a P wave before the QRS: {more}.",
        status="abnormal",
        certainty="probable" if dissociated else "definite",
        label=vocabulary.label(name),
        numbers=numbers | {"qrs_duration_ms": qrs},
        rule=f"rate > {limits.rate_high_bpm:.0f} bpm, QRS >= {limits.qrs_wide_ms:.0f} ms, no P wave",
        phrase=f"{'probable ' if dissociated else ''}{name}{at}",
        reasoning="Ventricular tachycardia is the diagnosis to exclude first; bundle branch block with "
        "supraventricular tachycardia and pre-excitation are the alternatives.",
        basic=True,
        urgent=True,
    )


def _escape(case: Case, at: str, wide: bool, numbers: dict[str, float]) -> Finding:
    """Regular, not fast, no P wave: junctional, ventricular escape, or not to be told."""
    limits, rate = case.limits, case.measurements.heart_rate_bpm
    rule = f"no P wave and RR irregularity <= {limits.rr_regular}"
    slow = rate is not None and rate < limits.rate_low_bpm
    if rate is not None and slow:
        name = "ventricular escape rhythm" if wide else "junctional rhythm"
        certainty: Certainty = "possible" if wide else "probable"
        alternative = (
            "a junctional rhythm with bundle branch block" if wide else "fine fibrillation with complete AV block"
        )
        return Finding(
            id="rhythm.ventricular_escape" if wide else "rhythm.junctional",
            step=1,
            statement=f"Regular rhythm{at} with a {'wide' if wide else 'narrow'} QRS and without identifiable P waves "
            f"({_range(case)}): {certainty} {name}; {alternative} is the alternative.",
            status="abnormal",
            certainty=certainty,
            label=vocabulary.label(name),
            leads=("II", "V1"),
            numbers=numbers,
            rule=f"{rule}, rate < {limits.rate_low_bpm:.0f} bpm",
            phrase=f"{certainty} {name}{at}",
            reasoning="An escape rhythm asks why the sinus node or the AV node fails: drugs, sick sinus syndrome, AV "
            "block, high potassium.",
            basic=True,
            urgent=wide,
        )
    return Finding(
        id="rhythm.regular_without_p",
        step=1,
        statement=f"Regular rhythm{at} without identifiable P waves ({_range(case)}): accelerated junctional or other "
        "supraventricular origin cannot be told from these measurements.",
        status="abnormal",
        certainty="probable",
        label=vocabulary.label("rhythm without identifiable P waves"),
        leads=("II", "V1"),
        numbers=numbers,
        rule=rule,
        phrase=f"regular rhythm without identifiable P waves{at}",
        reasoning="Look at II and V1 for flutter waves and for retrograde P waves after the QRS.",
        basic=True,
    )


def _range(case: Case) -> str:
    shortest, longest = case.measurements.rhythm.rr_min_ms, case.measurements.rhythm.rr_max_ms
    if shortest is None or longest is None:
        return "range of RR unknown"
    return f"RR {shortest:.0f}–{longest:.0f} ms"
