"""Judges claims about rate regularity, rhythm, P waves, AV block, premature beats and the quality of the recording.

It uses beat times, the P-wave test and the counts of the measurements; it looks at no voltage but that of P.
"""

from __future__ import annotations

from collections.abc import Callable

from ecgr1_core.verify.trace import Trace, Truth, all_of, by_lead, listed, negation, number, present_in
from ecgr1_core.verify.types import Mention, Value, Verdict

_P_IN_T_BPM = 140.0  # above this rate the wave before the QRS may be T (docs/measurements.md)
_P_LEADS = ("I", "II", "aVF")


def _regularity(trace: Trace) -> tuple[Truth, dict[str, Value], str]:
    """Return whether RR is regular, with the numbers and the words."""
    rhythm, value = trace.m.rhythm, trace.m.rhythm.rr_irregularity
    if value is None:
        return "unknown", {}, "the irregularity of RR is not measurable: too few intervals between normal beats"
    width = trace.error("rr_regular")
    middle = (trace.limits.rr_regular + trace.limits.rr_irregular) / 2
    truth = trace.under(value, middle, width)
    measured: dict[str, Value] = {
        "rr_irregularity": value,
        "rr_min_ms": rhythm.rr_min_ms,
        "rr_max_ms": rhythm.rr_max_ms,
    }
    span = f", RR {rhythm.rr_min_ms:.0f}–{rhythm.rr_max_ms:.0f} ms" if rhythm.rr_min_ms and rhythm.rr_max_ms else ""
    limit = f"up to {100 * trace.limits.rr_regular:.0f} % is regular"
    words = f"RR differs by {100 * value:.0f} % from beat to beat{span}; {limit}"
    return truth, measured, words


def _uneven(trace: Trace) -> bool:
    """Whether single beats or breathing make an otherwise regular rhythm uneven."""
    rhythm = trace.m.rhythm
    ectopic = rhythm.ectopic_ventricular_count + rhythm.ectopic_supraventricular_count
    spread = (rhythm.rr_max_ms or 0.0) - (rhythm.rr_min_ms or 0.0)
    return ectopic > 0 or spread > trace.limits.sinus_arrhythmia_ms


def regular(trace: Trace, mention: Mention) -> Verdict:
    """Regular: the median change of RR is at most that of the protocol's limit; premature beats make it near."""
    truth, measured, words = _regularity(trace)
    truth = "near" if truth == "yes" and _uneven(trace) else truth
    return Verdict(truth, words, measured, "regular RR intervals")


def irregular(trace: Trace, mention: Mention) -> Verdict:
    """Irregular: the opposite of regular."""
    verdict = regular(trace, mention)
    return Verdict(negation(verdict.truth), verdict.why, verdict.measured, "irregular RR intervals")


def irregularly_irregular(trace: Trace, mention: Mention) -> Verdict:
    """Irregular from beat to beat; premature beats in a regular rhythm are not that."""
    truth, measured, words = _regularity(trace)
    return Verdict(negation(truth), words, measured, "RR intervals without a pattern")


def _p_truth(trace: Trace) -> tuple[Truth, str]:
    present, share = trace.m.rhythm.p_wave_present, trace.m.rhythm.p_per_qrs
    if present is None:
        return "unknown", f"P waves are not measurable: {trace.reason('p_duration_ms')}"
    if not present and trace.m.rhythm.p_train_steady:
        return "near", "P waves of constant shape go on, but not one before each QRS complex"
    if not present:
        return "no", "no P wave of constant shape was found before the QRS complexes"
    words = "a P wave of constant shape precedes the QRS complexes"
    if (rate := trace.m.heart_rate_bpm) is not None and rate > _P_IN_T_BPM:
        return "near", f"{words}, but at {rate:.0f} bpm it may be T or a flutter wave"
    if share is not None and share < 0.8:
        return "near", f"{words}, but only {100 * share:.0f} % of them"
    return "yes", words


def p_present(trace: Trace, mention: Mention) -> Verdict:
    """A P wave of constant shape before the QRS complexes."""
    truth, words = _p_truth(trace)
    rhythm = trace.m.rhythm
    return Verdict(
        truth,
        words,
        {"p_wave_present": rhythm.p_wave_present, "p_per_qrs": rhythm.p_per_qrs},
        "a P wave before each QRS complex",
    )


def _p_sign(trace: Trace, mention: Mention, *, upright: bool) -> Verdict:
    present, words = _p_truth(trace)
    expected = "upright P waves" if upright else "inverted P waves"
    if present == "no":
        return Verdict("no", words, {"p_wave_present": False}, expected, mention.leads)
    leads = mention.leads or ((*_P_LEADS,) if upright else ("II", "aVF"))
    values = {lead: one.p_amplitude_mv if (one := trace.lead(lead)) is not None else None for lead in leads}
    width = trace.error("p_amplitude") / 2
    truths = {lead: trace.over(value, 0.0, width) if value is not None else "unknown" for lead, value in values.items()}
    if not upright:
        truths = {lead: negation(truth) for lead, truth in truths.items()}
    truth = present_in({lead: t for lead, t in truths.items() if not (upright and lead == "aVR" and len(leads) > 6)})
    if truth == "unknown":
        return trace.unknown("the P wave was not measured in these leads", leads)
    return Verdict(
        truth, f"P {listed(values, 'p_amplitude_mv')}", by_lead(values, "p_amplitude_mv"), expected, tuple(leads)
    )


def p_upright(trace: Trace, mention: Mention) -> Verdict:
    """P above the baseline in at least half of the leads."""
    return _p_sign(trace, mention, upright=True)


def p_inverted(trace: Trace, mention: Mention) -> Verdict:
    """P below the baseline in at least half of the leads."""
    return _p_sign(trace, mention, upright=False)


def p_tall(trace: Trace, mention: Mention) -> Verdict:
    """P in II (or the leads named) above the protocol's limit."""
    leads = mention.leads or ("II",)
    values = {lead: one.p_amplitude_mv if (one := trace.lead(lead)) is not None else None for lead in leads}
    limit = trace.limits.p_height_ii_mv
    truths = {lead: trace.over(value, limit, trace.error("p_amplitude")) for lead, value in values.items()}
    truth = present_in(truths)
    if truth == "unknown" and trace.m.rhythm.p_wave_present is False:
        return Verdict("no", _p_truth(trace)[1], {"p_wave_present": False}, "a tall P wave", leads)
    if truth == "unknown":
        return trace.unknown(f"P is not measurable: {trace.reason('p_duration_ms')}", leads)
    words = f"P {listed(values, 'p_amplitude_mv')}; tall means above {number(limit, 'x_mv')}"
    return Verdict(truth, words, by_lead(values, "p_amplitude_mv"), f"P above {number(limit, 'x_mv')}", tuple(leads))


def p_normal(trace: Trace, mention: Mention) -> Verdict:
    """P there, not tall in II; its duration is judged only where it is clearly long in all leads."""
    present, words = _p_truth(trace)
    if present in ("no", "unknown"):
        return Verdict(present, words, {"p_wave_present": trace.m.rhythm.p_wave_present}, "normal P waves")
    tall, long = p_tall(trace, Mention(0, 0, "", leads=("II",))), _p_long(trace)
    truth = all_of([negation(tall.truth), negation(long)])
    return Verdict(
        truth,
        f"{tall.why}; P lasts {_ms(trace.m.p_duration_ms)}",
        {**tall.measured, "p_duration_ms": trace.m.p_duration_ms},
        "normal P waves",
    )


def _p_long(trace: Trace) -> Truth:
    return trace.over(trace.m.p_duration_ms, trace.limits.p_duration_all_leads_ms, trace.error("p_duration"))


def _ms(value: float | None) -> str:
    return "an unknown time" if value is None else f"{value:.0f} ms"


def sinus(trace: Trace, mention: Mention) -> Verdict:
    """P before the QRS with an axis near 0 to 90 degrees; contradicted without a P wave that may not hide in T."""
    present, words = _p_truth(trace)
    measured: dict[str, Value] = {"p_wave_present": trace.m.rhythm.p_wave_present, "p_axis_deg": trace.m.p_axis_deg}
    rate = trace.m.heart_rate_bpm
    if present == "no" and rate is not None and rate > 120 and _regularity(trace)[0] != "no":
        return trace.unknown(f"{words}, but at {rate:.0f} bpm it may be hidden in T")
    if _paced(trace) == "yes" and present != "yes":
        return trace.unknown("the ventricles are paced; atrial waves are not measured")
    if present in ("no", "unknown"):
        return Verdict(present, words, measured, "a sinus P wave before each QRS complex")
    axis = trace.m.p_axis_deg
    if axis is None:
        return Verdict(
            present, f"{words}; its axis was not measured", measured, "a sinus P wave before each QRS complex"
        )
    low, high = trace.limits.sinus_p_axis_low_deg, trace.limits.sinus_p_axis_high_deg
    off = max(low - axis, axis - high, 0.0)
    truth: Truth = "yes" if off == 0.0 and present == "yes" else "near" if off <= 45.0 * trace.zone else "no"
    return Verdict(
        truth,
        f"{words}; P axis {number(axis, 'x_deg')}, sinus {low:.0f}° to {high:.0f}°",
        measured,
        "a sinus P wave before each QRS complex",
    )


def sinus_arrhythmia(trace: Trace, mention: Mention) -> Verdict:
    """Sinus rhythm with RR intervals that vary by more than the protocol's limit."""
    base, rhythm = sinus(trace, mention), trace.m.rhythm
    if rhythm.rr_max_ms is None or rhythm.rr_min_ms is None or base.truth in ("no", "unknown"):
        return base if base.truth == "no" else trace.unknown(base.why)
    spread = rhythm.rr_max_ms - rhythm.rr_min_ms
    truth = all_of([base.truth, trace.over(spread, trace.limits.sinus_arrhythmia_ms, 40.0 * trace.zone)])
    words = f"RR varies by {spread:.0f} ms; from {trace.limits.sinus_arrhythmia_ms:.0f} ms on it is sinus arrhythmia"
    return Verdict(
        truth, words, {"rr_min_ms": rhythm.rr_min_ms, "rr_max_ms": rhythm.rr_max_ms}, "varying RR in sinus rhythm"
    )


def fibrillation(trace: Trace, mention: Mention) -> Verdict:
    """Irregular RR without a constant P wave; a constant P wave or regular RR contradict it."""
    present, p_words = _p_truth(trace)
    truth, measured, rr_words = _regularity(trace)
    if _paced(trace) == "yes":
        return trace.unknown("the ventricles are paced; atrial waves are not measured")
    either = all_of([negation(present), negation(truth)])
    if trace.zone > 1 and present == "yes" and truth == "no":
        either = "unknown"
    return Verdict(
        either,
        f"{p_words}; {rr_words}",
        {**measured, "p_wave_present": trace.m.rhythm.p_wave_present},
        "irregular RR without P waves",
    )


def flutter(trace: Trace, mention: Mention) -> Verdict:
    """Not named by measurement; contradicted by a P wave at a rate below 110 bpm with regular RR."""
    present, words = _p_truth(trace)
    rate = trace.m.heart_rate_bpm
    if present == "yes" and rate is not None and rate < 110 and _regularity(trace)[0] != "no":
        measured: dict[str, Value] = {"p_wave_present": True, "heart_rate_bpm": rate}
        return Verdict("no", f"{words} at {rate:.0f} bpm", measured, "flutter waves")
    power, line = trace.m.rhythm.flutter_power, trace.m.rhythm.atrial_rate_per_min
    if present == "no" and power is not None and line is not None and power >= 0.55:
        return Verdict(
            "yes",
            f"no P wave, and one atrial rate of {line:.0f} per min",
            {"atrial_rate_per_min": line},
            "flutter waves",
        )
    return trace.unknown("atrial waves between the beats are not told apart by measurement")


def _fast(name: str, *, wide: bool | None) -> Callable[[Trace, Mention], Verdict]:
    def judge(trace: Trace, mention: Mention) -> Verdict:
        rate, qrs = trace.m.heart_rate_bpm, trace.m.qrs_duration_ms
        truths = [trace.over(rate, trace.limits.rate_high_bpm, trace.error("rate"))]
        if wide is not None:
            over = trace.over(qrs, trace.limits.qrs_wide_ms, trace.error("qrs"))
            truths.append(over if wide else "yes")
        truth = all_of(truths)
        words = f"rate {'unknown' if rate is None else f'{rate:.0f} bpm'}, QRS {_ms(qrs)}"
        measured: dict[str, Value] = {"heart_rate_bpm": rate, "qrs_duration_ms": qrs}
        if truth != "no" and wide is False and trace.m.rhythm.p_wave_present:
            return trace.unknown(f"{words}, and a wave before each QRS complex, which may be a sinus or another P wave")
        return Verdict(truth, words, measured, name)

    return judge


supraventricular_tachycardia = _fast("a rate above 100 bpm", wide=False)
wide_tachycardia = _fast("a rate above 100 bpm with a wide QRS", wide=True)


def junctional(trace: Trace, mention: Mention) -> Verdict:
    """Regular without a P wave before the QRS; a sinus P wave with a normal PR contradicts it."""
    present, words = _p_truth(trace)
    before, pr = trace.m.rhythm.p_wave_present, trace.m.pr_interval_ms
    measured: dict[str, Value] = {"p_wave_present": before, "pr_interval_ms": pr}
    if present == "yes" and trace.over(pr, trace.limits.pr_short_ms, trace.error("pr")) == "yes":
        return Verdict("no", f"{words}, PR {_ms(pr)}", measured, "no P wave before the QRS")
    truth, more, rr_words = _regularity(trace)
    if truth == "no":
        return Verdict("no", rr_words, more, "a regular rhythm")
    return Verdict("near", words, measured, "no P wave before the QRS") if before is False else trace.unknown(words)


def ectopic_atrial(trace: Trace, mention: Mention) -> Verdict:
    """A P wave with an axis outside that of sinus rhythm."""
    axis = trace.m.p_axis_deg
    if axis is None:
        return trace.unknown(f"the P axis is not measurable: {trace.reason('p_axis_deg')}")
    low, high = trace.limits.sinus_p_axis_low_deg, trace.limits.sinus_p_axis_high_deg
    off = max(low - axis, axis - high)
    words = f"P axis {number(axis, 'x_deg')}, sinus {low:.0f}° to {high:.0f}°"
    return Verdict(
        trace.over(off, 0.0, 20.0 * trace.zone), words, {"p_axis_deg": axis}, "a P axis outside that of sinus rhythm"
    )


def without_p(trace: Trace, mention: Mention) -> Verdict:
    """No constant P wave."""
    verdict = p_present(trace, mention)
    return Verdict(negation(verdict.truth), verdict.why, verdict.measured, "no P waves")


def _paced(trace: Trace) -> Truth:
    kinds = [beat.kind for beat in trace.m.beats]
    if "paced" in kinds or trace.m.rhythm.pacing_spike_count > 0:
        return "yes" if "paced" in kinds else "near"
    return "no" if kinds or trace.m.rhythm.beat_count else "unknown"


def paced(trace: Trace, mention: Mention) -> Verdict:
    """Pacing spikes before QRS complexes; without them a wide QRS leaves it open (recorders may filter them)."""
    truth, count = _paced(trace), trace.m.rhythm.pacing_spike_count
    qrs = trace.m.qrs_duration_ms
    measured: dict[str, Value] = {"pacing_spike_count": count, "qrs_duration_ms": qrs}
    if truth == "unknown":
        return trace.unknown("no beats were found")
    if (
        truth == "no"
        and not mention.negated
        and (qrs is None or qrs >= trace.limits.qrs_wide_ms)
        and not trace.m.rhythm.p_wave_present
    ):
        return trace.unknown("no pacing spikes were found, but a recorder may have filtered them out of a wide QRS")
    words = (
        f"{count} pacing spikes were found"
        if count
        else "no pacing spikes were found"
        if truth == "no"
        else "beats are paced"
    )
    return Verdict(truth, words, measured, "pacing spikes")


def higher_block(trace: Trace, mention: Mention) -> Verdict:
    """Second- or third-degree block: contradicted by one P wave of constant PR before every QRS without a pause."""
    present, words = _p_truth(trace)
    regular_rr, rhythm = _regularity(trace)[0], trace.m.rhythm
    pause = rhythm.longest_pause_ms is not None and rhythm.longest_pause_ms > trace.limits.pause_ms
    pause = pause or len(rhythm.p_times_s) > rhythm.beat_count + 1  # one P wave may stand before the last, cut QRS
    steady = present == "yes" and trace.m.pr_interval_ms is not None and regular_rr == "yes" and not pause
    if steady and (rate := trace.m.heart_rate_bpm) is not None and rate >= 50:
        measured: dict[str, Value] = {"pr_interval_ms": trace.m.pr_interval_ms, "heart_rate_bpm": rate}
        return Verdict(
            "no",
            f"{words}, with PR {_ms(trace.m.pr_interval_ms)} and regular RR at {rate:.0f} bpm",
            measured,
            "dropped beats or dissociation",
        )
    return trace.unknown("single atrial waves between the beats are not measured")


def any_block(trace: Trace, mention: Mention) -> Verdict:
    """Any AV block: a long PR, or what `higher_block` finds."""
    pr = trace.m.pr_interval_ms
    if pr is None:
        return trace.unknown(f"the PR interval is not measurable: {trace.reason('pr_interval_ms')}")
    truth = trace.over(pr, trace.limits.pr_long_ms, trace.error("pr"))
    higher = higher_block(trace, mention)
    if truth == "no" and higher.truth == "unknown" and not mention.negated:
        return higher
    return Verdict(
        truth,
        f"PR {pr:.0f} ms; AV block begins above {trace.limits.pr_long_ms:.0f} ms",
        {"pr_interval_ms": pr},
        "a long PR or dropped beats",
    )
