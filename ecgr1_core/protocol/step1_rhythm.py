"""Step 1: rate and rhythm; the recording itself, single beats and the P wave have files of their own.

Rhythms without a P wave before each QRS are named in `step1_without_p.py`. What P waves without a QRS mean for AV
conduction is said in step 2; here they only decide what the rhythm is.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import step1_ectopy, step1_p_wave, step1_recording, step1_without_p, step2_av_block, words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding, Findings


def assess(case: Case, earlier: Findings) -> list[Finding]:
    """Return the findings of step 1; nothing comes earlier."""
    rhythm = _rhythm(case)
    found = [*step1_recording.assess(case), _rate(case), rhythm, *step1_ectopy.assess(case, rhythm)]
    return found + (step1_p_wave.assess(case) if rhythm.id == "rhythm.sinus" else [])


def _rate(case: Case) -> Finding:
    rate, low, high = case.measurements.heart_rate_bpm, case.limits.rate_low_bpm, case.limits.rate_high_bpm
    if rate is None:
        return _unknown(case, "rate", "heart_rate_bpm", "The ventricular rate", "ventricular rate")
    grave = case.limits.bradycardia_bpm
    if rate < low:
        status = "abnormal" if rate < grave else "normal"
        word = f"slow (below {low:.0f}" + (")" if rate < grave else f", but from {grave:.0f} on often normal)")
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
    measured = case.measurements.rhythm
    rate, kinds = case.measurements.heart_rate_bpm, [beat.kind for beat in case.measurements.beats]
    at = f" at {words.bpm(rate)}" if rate is not None else ""
    if kinds and kinds.count("paced") * 2 >= len(kinds):
        return _paced(case, at, kinds.count("paced"), len(kinds))
    if measured.p_wave_present is None or measured.beat_count < 2:
        return _unknown(case, "rhythm", "p_wave_present", "The rhythm", "rhythm")
    if (blocked := _with_block(case, at)) is not None:
        return blocked
    if _p_is_a_t_wave(case) and measured.rr_irregularity is not None:
        return step1_without_p.assess(case, at)
    if measured.p_wave_present and measured.atrial_spike_count * 2 >= measured.beat_count:
        return _atrial_paced(case, at)
    if measured.p_wave_present:
        return _with_p_waves(case, at)
    if measured.rr_irregularity is None:
        return _unknown(case, "rhythm", "rr_irregularity", "The rhythm (no P waves, too few intervals)", "rhythm")
    return step1_without_p.assess(case, at)


def _p_is_a_t_wave(case: Case) -> bool:
    """Whether in a tachycardia the wave taken for P stands further than half an RR interval before the QRS."""
    m, limits = case.measurements, case.limits
    if m.pr_interval_ms is None or m.rr_ms is None or m.heart_rate_bpm is None:
        return False
    return m.heart_rate_bpm > limits.rate_high_bpm and m.pr_interval_ms > limits.pr_share_of_rr * m.rr_ms


def _paced(case: Case, at: str, paced: int, beats: int) -> Finding:
    atrial = case.measurements.rhythm.atrial_spike_count
    dual = atrial * 2 >= beats
    name = "dual-chamber paced rhythm" if dual else "ventricular paced rhythm"
    before = " and others stand before those, where the P wave belongs" if dual else ""
    return Finding(
        id="rhythm.paced",
        step=1,
        statement=f"Pacing spikes precede {paced} of {beats} QRS complexes{before}: {name}.",
        status="abnormal",
        label=vocabulary.label("dual-chamber paced rhythm" if dual else "paced rhythm"),
        numbers={"paced_beats": paced, "beat_count": beats} | ({"atrial_spike_count": atrial} if dual else {}),
        rule="a spike before at least half of the QRS complexes",
        phrase=f"{name}{at}",
        reasoning="In a paced rhythm QRS shape, axis, voltage, Q waves and ST-T follow the pacing site and "
        "are not used as evidence of block, hypertrophy or infarction.",
        basic=True,
    )


def _atrial_paced(case: Case, at: str) -> Finding:
    measured = case.measurements.rhythm
    return Finding(
        id="rhythm.atrial_paced",
        step=1,
        statement=f"Pacing spikes stand at a constant distance before {measured.atrial_spike_count} of "
        f"{measured.beat_count} QRS complexes, which are conducted: atrial paced rhythm.",
        status="abnormal",
        certainty="probable",
        label=vocabulary.label("atrial paced rhythm"),
        leads=("II", "V1"),
        numbers={"atrial_spike_count": measured.atrial_spike_count, "beat_count": measured.beat_count},
        rule="a spike before at least half of the P waves",
        phrase=f"atrial paced rhythm{at}",
        reasoning="With atrial pacing the shape of P says nothing of the atria; QRS and ST-T are read as usual.",
        basic=True,
    )


def _with_block(case: Case, at: str) -> Finding | None:
    """Return the rhythm where P waves go their own way or some of them are not conducted; None otherwise."""
    found = step2_av_block.conduction(case)
    p_rate, rate = case.measurements.rhythm.p_rate_per_min, case.measurements.heart_rate_bpm
    if found is None or p_rate is None or rate is None or case.measurements.rhythm.p_wave_present:
        return None
    numbers = {"p_rate_per_min": float(round(p_rate)), "heart_rate_bpm": rate}
    if found.kind == "complete":
        qrs = case.measurements.qrs_duration_ms
        wide = qrs is not None and qrs >= case.limits.qrs_wide_ms
        escape = "" if qrs is None else f" by a {'ventricular' if wide else 'junctional'} escape rhythm"
        return Finding(
            id="rhythm.complete_block",
            step=1,
            statement=f"P waves at {p_rate:.0f} per minute and QRS complexes at {words.bpm(rate)} each follow a "
            f"regular rhythm of their own: AV dissociation, the ventricles being driven{escape}.",
            status="abnormal",
            certainty="probable",
            label=vocabulary.label("AV dissociation"),
            leads=("II", "V1"),
            numbers=numbers,
            rule="a steady train of P waves faster than the regular QRS complexes, without a fixed relation",
            phrase=f"AV dissociation with an atrial rate of {p_rate:.0f} per minute and a ventricular rate of "
            f"{words.bpm(rate)}",
            basic=True,
            urgent=True,
        )
    return Finding(
        id="rhythm.second_degree",
        step=1,
        statement=f"P waves of constant shape follow each other at {p_rate:.0f} per minute, with {words.bpm(rate)} of "
        "the ventricles: sinus rhythm, not every P wave being conducted.",
        status="abnormal",
        certainty="probable",
        label=vocabulary.label("sinus rhythm"),
        leads=("II", "V1"),
        numbers=numbers,
        rule="a steady train of P waves, some without a QRS complex",
        phrase=f"sinus rhythm at {p_rate:.0f} per minute with dropped beats (ventricular rate {words.bpm(rate)})",
        basic=True,
    )


def _with_p_waves(case: Case, at: str) -> Finding:
    limits, axis, rate = case.limits, case.measurements.p_axis_deg, case.measurements.heart_rate_bpm
    off = 0.0 if axis is None else max(limits.sinus_p_axis_low_deg - axis, axis - limits.sinus_p_axis_high_deg, 0.0)
    numbers = {} if axis is None else {"p_axis_deg": axis}
    if rate is not None:
        numbers["heart_rate_bpm"] = rate
    if off > limits.p_axis_tolerance_deg and axis is not None:
        return _ectopic_atrial(case, axis, at, numbers)
    name, low, high = "sinus rhythm", limits.rate_low_bpm, limits.rate_high_bpm
    if rate is not None:
        name = "sinus bradycardia" if rate < low else "sinus tachycardia" if rate > high else name
    mild = rate is not None and low > rate >= limits.bradycardia_bpm  # by the protocol; often normal
    extent = "mild " if mild else ""
    sure = axis is not None and off == 0.0
    if axis is None:
        seen = "A P wave precedes the QRS complexes; its axis was not measured"
    elif sure:
        where = _p_directions(case)
        where += f" (P axis {words.degrees(axis)})" if case.uncalibrated is None else ""
        seen = f"A P wave of constant shape{where}{',' if where.startswith(',') else ''} precedes the QRS complexes"
    else:
        seen = (
            f"A P wave precedes the QRS complexes, with an axis of {words.degrees(axis)} at the edge of the sinus range"
        )
    return Finding(
        id="rhythm.sinus",
        step=1,
        statement=f"{seen}: {'' if sure else 'probably '}{extent}{name}.",
        status="normal" if mild or name == "sinus rhythm" else "abnormal",
        certainty="definite" if sure else "probable",
        label=vocabulary.label(name),
        leads=("II", "aVF", "aVR"),
        numbers=numbers,
        rule="P upright in II and aVF, inverted in aVR",
        phrase=f"{'' if sure else 'probable '}{extent}{name}{at}",
        basic=True,
    )


def _p_directions(case: Case) -> str:
    """Return ", upright in II and aVF and inverted in aVR" with those of the leads in which P has that direction."""
    waves = {lead: m.p_amplitude_mv or 0.0 for lead in ("II", "aVF", "aVR") if (m := case.lead(lead)) is not None}
    upright = [lead for lead in ("II", "aVF") if waves.get(lead, 0.0) > 0]
    parts = [f"upright in {words.leads(upright)}"] if upright else []
    parts += ["inverted in aVR"] if waves.get("aVR", 0.0) < 0 else []
    return f", {' and '.join(parts)}" if parts else ""


def _ectopic_atrial(case: Case, axis: float, at: str, numbers: dict[str, float]) -> Finding:
    """P before each QRS from elsewhere: low atrial; junctional with a short PR, atrial tachycardia where it is fast."""
    limits, rate, pr = case.limits, case.measurements.heart_rate_bpm, case.measurements.pr_interval_ms
    inferior = [m.p_amplitude_mv for lead in ("II", "III", "aVF") if (m := case.lead(lead)) is not None]
    inverted = len(inferior) > 1 and all(p is not None and p < 0 for p in inferior)
    fast = rate is not None and rate > limits.rate_high_bpm
    name, certainty = "ectopic atrial rhythm", "possible"
    if fast:
        name = "ectopic atrial tachycardia"
    elif inverted and pr is not None and pr < limits.pr_short_ms:
        name = "junctional rhythm"
    if inverted and not fast:
        certainty = "probable"
    prefix = "possible " if certainty == "possible" else ""
    seen = ", inverted in II, III and aVF" if inverted else ""
    sure: Certainty = "probable" if certainty == "probable" else "possible"
    return Finding(
        id="rhythm.junctional" if name == "junctional rhythm" else "rhythm.ectopic_atrial",
        step=1,
        statement=f"A P wave precedes the QRS complexes but its axis is {words.degrees(axis)}{seen}, outside "
        f"{words.degrees(limits.sinus_p_axis_low_deg)} to {words.degrees(limits.sinus_p_axis_high_deg)}: "
        f"{prefix}{name}, unless limb electrodes are exchanged.",
        status="abnormal",
        certainty=sure,
        label=vocabulary.label(name),
        leads=("II", "aVF", "aVR"),
        numbers=numbers,
        rule="P upright in II and aVF, inverted in aVR",
        phrase=f"{prefix}{name}{at}",
        basic=True,
    )


def _unknown(case: Case, topic: str, measurement: str, subject: str, phrase: str) -> Finding:
    return Finding(
        id=f"{topic}.unknown",
        step=1,
        statement=f"{subject} is not measurable: {case.reason(measurement)}.",
        status="not_assessable",
        numbers={}
        if case.measurements.heart_rate_bpm is None
        else {"heart_rate_bpm": case.measurements.heart_rate_bpm},
        rule=measurement,
        phrase=phrase,
        basic=True,
    )
