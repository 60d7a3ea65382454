"""Judges numbers: rates, intervals, axes, amplitudes by lead and sums of amplitudes, each with its tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecgr1_core.protocol.case import wide_qrs_qt_factor
from ecgr1_core.record import LEADS, LIMB_LEADS, PRECORDIAL_LEADS
from ecgr1_core.verify.tolerances import Tolerance
from ecgr1_core.verify.trace import Trace, degrees_apart, number, present_in
from ecgr1_core.verify.types import Amount, Mention, Value, Verdict

_LIMIT_SHARE = 0.5  # of the tolerance: how far a measurement may lie on the other side of a limit that is claimed
_GLOBAL: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    # kind: tolerance, measurements of which one must fit, the measurement whose reason is told
    "heart_rate": ("heart_rate", ("heart_rate_bpm",), "heart_rate_bpm"),
    "atrial_rate": ("atrial_rate", ("rhythm.atrial_rate_per_min", "rhythm.p_rate_per_min"), "atrial_rate_per_min"),
    "rr": ("rr", ("rr_ms",), "rr_ms"),
    "rr_max": ("rr_max", ("rhythm.rr_max_ms",), "rr_ms"),
    "p_duration": ("p_duration", ("p_duration_ms",), "p_duration_ms"),
    "pr": ("pr", ("pr_interval_ms",), "pr_interval_ms"),
    "qrs_duration": ("qrs_duration", ("qrs_duration_ms",), "qrs_duration_ms"),
    "qt": ("qt", ("qt_interval_ms",), "qt_interval_ms"),
    "qtc": ("qtc", ("qtc_bazett_ms", "qtc_fridericia_ms"), "qt_interval_ms"),
    "qtc_bazett": ("qtc", ("qtc_bazett_ms",), "qt_interval_ms"),
    "qtc_fridericia": ("qtc", ("qtc_fridericia_ms",), "qt_interval_ms"),
    "qtc_framingham": ("qtc", ("qtc_framingham_ms",), "qt_interval_ms"),
    "qtc_hodges": ("qtc", ("qtc_hodges_ms",), "qt_interval_ms"),
    "qrs_axis": ("axis", ("qrs_axis_deg",), "qrs_axis_deg"),
    "p_axis": ("p_axis", ("p_axis_deg",), "p_axis_deg"),
    "t_axis": ("t_axis", ("t_axis_deg",), "t_axis_deg"),
}
_IN_LEADS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # kind: tolerance, measurements of a lead of which one must fit
    "p_amplitude": ("p_amplitude", ("p_amplitude_mv", "p_negative_amplitude_mv")),
    "p_negative_amplitude": ("p_amplitude", ("p_negative_amplitude_mv",)),
    "q_amplitude": ("amplitude", ("q_amplitude_mv",)),
    "q_duration": ("q_duration", ("q_duration_ms",)),
    "r_amplitude": ("amplitude", ("r_amplitude_mv", "r_prime_amplitude_mv")),
    "s_amplitude": ("amplitude", ("s_amplitude_mv", "s_prime_amplitude_mv")),
    "t_amplitude": ("amplitude", ("t_amplitude_mv", "t_negative_amplitude_mv")),
    "t_inversion": ("amplitude", ("t_amplitude_mv", "t_negative_amplitude_mv")),
    "u_amplitude": ("p_amplitude", ("u_amplitude_mv",)),
    "st": ("st", ("st_j_mv", "st_j40_mv", "st_j60_mv", "st_j80_mv")),
    "st_elevation": ("st", ("st_j_mv", "st_j40_mv", "st_j60_mv", "st_j80_mv")),
    "st_depression": ("st", ("st_j_mv", "st_j40_mv", "st_j60_mv", "st_j80_mv")),
}
_USUAL_LEAD = {"p_amplitude": ("II",), "p_negative_amplitude": ("V1",)}
_SUMS = {
    "sokolow_lyon": ((("s", "V1"), ("r", "V5")), (("s", "V1"), ("r", "V6"))),
    "cornell": ((("r", "aVL"), ("s", "V3")),),
}
KINDS = frozenset([*_GLOBAL, *_IN_LEADS, *_SUMS, "wave", "qrs_amplitude"])


def judge(trace: Trace, mention: Mention) -> Verdict:
    """Judge a claim that holds an amount; "unknown" with the measurement's own reason where it was not measured."""
    amount = mention.amount
    if amount is None:
        raise ValueError(f"{mention.kind} without an amount")
    if amount.unit in ("mV", "deg") and trace.case.uncalibrated is not None:
        return trace.unknown(f"amplitudes are not calibrated: {trace.case.uncalibrated}", mention.leads)
    if mention.kind in _GLOBAL:
        return _global(trace, mention, amount)
    if mention.kind in _IN_LEADS:
        return _in_leads(trace, mention, amount)
    if mention.kind == "qrs_amplitude":
        return _qrs_amplitude(trace, mention, amount)
    return _sum(trace, mention, amount)


def said(amount: Amount) -> str:
    """Return the amount in words: "120 ms", "above 0.20 mV", "60 to 100 bpm"."""
    name = {"ms": "x_ms", "mV": "x_mv", "bpm": "x_bpm", "deg": "x_deg"}[amount.unit]
    if amount.low is None or amount.high is None:
        limit = amount.low if amount.low is not None else amount.high
        return f"{'above' if amount.high is None else 'below'} {number(limit or 0.0, name)}"
    if amount.low == amount.high:
        return number(amount.low, name)
    return f"{number(amount.low, name)} to {number(amount.high, name)}"


def fits(measured: float, amount: Amount, tolerance: Tolerance, zone: float) -> bool:
    """Whether a measured value fits the amount, within the tolerance; half of it round a compared limit."""
    allowed = tolerance.around(measured, approximate=amount.approximate) * zone
    if amount.form == "limit":
        allowed *= _LIMIT_SHARE
    if amount.unit == "deg" and amount.low is not None and amount.low == amount.high:
        return degrees_apart(measured, amount.low) <= allowed + 1e-9
    low = amount.low if amount.low is not None else -float("inf")
    high = amount.high if amount.high is not None else float("inf")
    return low - allowed - 1e-9 <= measured <= high + allowed + 1e-9


def _tolerance_words(tolerance: Tolerance, amount: Amount, measured: float, zone: float) -> str:
    name = {"ms": "x_ms", "mV": "x_mv", "bpm": "x_bpm", "deg": "x_deg"}[amount.unit]
    allowed = (
        tolerance.around(measured, approximate=amount.approximate)
        * zone
        * (_LIMIT_SHARE if amount.form == "limit" else 1.0)
    )
    return f"{said(amount)} ± {number(allowed, name)}"


def _global(trace: Trace, mention: Mention, amount: Amount) -> Verdict:
    key, names, reason = _GLOBAL[mention.kind]
    tolerance = trace.tolerances.value[key]
    found: dict[str, float] = {}
    for name in names:
        owner, _, field = name.rpartition(".")
        value = getattr(trace.m.rhythm if owner else trace.m, field)
        if value is not None:
            found[field] = value
    if not found:
        return trace.unknown(f"it is not measurable: {trace.reason(reason)}")
    beat_by_beat = trace.m.by_beat.get(reason)
    if found and beat_by_beat is not None and mention.kind in ("pr", "qrs_duration", "qt"):
        found[f"by_beat.{reason}"] = beat_by_beat
    if mention.kind == "heart_rate" and amount.low is not None and amount.high is not None and amount.low < amount.high:
        found |= _instant_rates(trace)
    if mention.kind == "rr" and trace.m.rhythm.rr_min_ms and trace.m.rhythm.rr_max_ms:
        return _rr(trace, amount, tolerance)
    fitting = [value for value in found.values() if fits(value, amount, tolerance, trace.zone)]
    factor = wide_qrs_qt_factor(trace.m, trace.limits) if mention.kind.startswith("qtc") else 1.0
    if factor < 1.0:
        fitting += [value * factor for value in found.values() if fits(value * factor, amount, tolerance, trace.zone)]
    first = next(iter(found.values()))
    names_said = {"qtc_bazett_ms": " (Bazett)", "qtc_fridericia_ms": " (Fridericia)"}
    seen = " and ".join(
        f"{number(value, name)}{names_said.get(name, '')}"
        for name, value in found.items()
        if not name.startswith(("instant", "by_beat"))
    )
    return Verdict(
        "yes" if fitting else "no",
        f"measured {seen}",
        dict(found),
        _tolerance_words(tolerance, amount, first, trace.zone),
    )


def _instant_rates(trace: Trace) -> dict[str, float]:
    """Return the rates of the shortest and longest RR, which a range of rates in fibrillation means."""
    rhythm = trace.m.rhythm
    ends = {"instant_rate_max_bpm": rhythm.rr_min_ms, "instant_rate_min_bpm": rhythm.rr_max_ms}
    return {name: 60000.0 / rr for name, rr in ends.items() if rr}


def _rr(trace: Trace, amount: Amount, tolerance: Tolerance) -> Verdict:
    """RR of one value is the mean, of a range the shortest to the longest or one that holds the mean."""
    rhythm, mean = trace.m.rhythm, trace.m.rr_ms
    measured: dict[str, Value] = {"rr_ms": mean, "rr_min_ms": rhythm.rr_min_ms, "rr_max_ms": rhythm.rr_max_ms}
    values = [
        value
        for value in (mean, *((rhythm.rr_min_ms, rhythm.rr_max_ms) if amount.low != amount.high else ()))
        if value is not None
    ]
    fitting = any(fits(value, amount, tolerance, trace.zone) for value in values)
    average = "unknown" if mean is None else f"{mean:.0f} ms"
    words = f"measured RR {rhythm.rr_min_ms:.0f} to {rhythm.rr_max_ms:.0f} ms, mean {average}"
    return Verdict(
        "yes" if fitting else "no", words, measured, _tolerance_words(tolerance, amount, mean or 0.0, trace.zone)
    )


def _lead_values(trace: Trace, kind: str, lead: str) -> list[float]:
    """Return what was measured of a lead for this kind, in the sign in which a text gives it."""
    one = trace.lead(lead)
    if one is None:
        return []
    values = [value for name in _IN_LEADS[kind][1] if (value := getattr(one, name)) is not None]
    qrs = trace.case.qrs(lead)
    if kind in ("q_amplitude", "s_amplitude", "r_amplitude"):
        found = [max(abs(value) for value in values)] if values else []
        if qrs is not None:  # a QS stands under Q or S, as the text has it
            found += {"q": [qrs.q], "s": [qrs.s_depth], "r": [qrs.height]}[kind[0]]
            alone = qrs.height <= 0.1 or (kind == "s_amplitude" and not qrs.s_depth)
            found += [qrs.depth] if kind != "r_amplitude" and alone else []
        return found
    if kind in ("st_depression", "t_inversion", "p_negative_amplitude"):
        return [-value for value in values]
    return values


def _in_leads(trace: Trace, mention: Mention, amount: Amount) -> Verdict:
    kind = mention.kind
    tolerance = trace.tolerances.value[_IN_LEADS[kind][0]]
    leads = mention.leads or _USUAL_LEAD.get(kind, ())
    if mention.unrecorded and not leads:
        return trace.unknown(f"{', '.join(mention.unrecorded)} is not among the recorded leads")
    anywhere = not leads
    if anywhere and kind not in ("st_elevation", "st_depression", "t_inversion", "q_duration", "q_amplitude", "st"):
        return trace.unknown("no lead is named")
    leads = leads or LEADS
    values = {lead: _lead_values(trace, kind, lead) for lead in leads}
    amounts = (
        [amount, _negated(amount)]
        if kind in ("st", "t_amplitude", "p_amplitude", "q_amplitude", "s_amplitude")
        else [amount]
    )
    amounts += [_negated(amount)] if (amount.high or 0.0) < 0 and len(amounts) == 1 else []
    fit = {
        lead: any(fits(value, one, tolerance, trace.zone) for value in found for one in amounts)
        for lead, found in values.items()
        if found
    }
    if not fit:
        reasons = [
            one.reasons.get(_IN_LEADS[kind][1][0]) or one.reasons.get("all")
            for lead in leads
            if (one := trace.lead(lead)) is not None
        ]
        why = next((reason for reason in reasons if reason), "nothing was measured there")
        return trace.unknown(f"{', '.join(leads)}: {why}", leads)
    truth = (
        ("yes" if any(fit.values()) else "no")
        if anywhere
        else present_in({lead: "yes" if good else "no" for lead, good in fit.items()})
    )
    name = "x_ms" if amount.unit == "ms" else "x_mv"
    shown = {lead: found[0] for lead, found in values.items() if found}
    few = dict([(lead, value) for lead, value in shown.items() if truth != "no" or not fit[lead]][:6])
    seen = ", ".join(f"{lead} {number(value, name)}" for lead, value in few.items())
    measured: dict[str, Value] = {
        f"{lead}.{_IN_LEADS[kind][1][0]}": getattr(trace.m.leads[lead], _IN_LEADS[kind][1][0]) for lead in shown
    }
    return Verdict(
        truth,
        f"measured {seen}",
        measured,
        _tolerance_words(tolerance, amount, next(iter(shown.values())), trace.zone),
        tuple(leads),
    )


def _negated(amount: Amount) -> Amount:
    low = -amount.high if amount.high is not None else None
    high = -amount.low if amount.low is not None else None
    return Amount(low, high, amount.unit, amount.form, amount.approximate)


def _qrs_amplitude(trace: Trace, mention: Mention, amount: Amount) -> Verdict:
    leads = mention.leads or LEADS
    sizes = {
        lead: one.qrs_peak_to_peak_mv
        for lead in leads
        if (one := trace.lead(lead)) is not None and one.qrs_peak_to_peak_mv is not None
    }
    if not sizes:
        return trace.unknown("QRS was not measured in these leads", leads)
    groups = leads in (LIMB_LEADS, PRECORDIAL_LEADS) or not mention.leads
    values = [max(sizes.values())] if groups or len(sizes) > 1 else list(sizes.values())
    tolerance = trace.tolerances.value["amplitude"]
    truth = any(fits(value, amount, tolerance, trace.zone) for value in values)
    return Verdict(
        "yes" if truth else "no",
        f"measured at most {number(values[0], 'x_mv')} from peak to peak",
        {f"{lead}.qrs_peak_to_peak_mv": size for lead, size in sizes.items()},
        _tolerance_words(tolerance, amount, values[0], trace.zone),
        tuple(leads),
    )


def _sum(trace: Trace, mention: Mention, amount: Amount) -> Verdict:
    ways: Sequence[Sequence[tuple[str, str]]] = _SUMS.get(mention.kind, (mention.parts,))
    found: dict[str, float] = {}
    for parts in ways:
        sizes = [_size(trace, wave, lead) for wave, lead in parts]
        known = [size for size in sizes if size is not None]
        if sizes and len(known) == len(sizes):
            found[" + ".join(f"{wave.upper()} {lead}" for wave, lead in parts)] = sum(known)
    if not found:
        return trace.unknown("the leads of the sum were not measured", mention.leads)
    tolerance = trace.tolerances.value["voltage_sum"]
    truth = any(fits(value, amount, tolerance, trace.zone) for value in found.values())
    seen = ", ".join(f"{name} {number(value, 'x_mv')}" for name, value in found.items())
    return Verdict(
        "yes" if truth else "no",
        f"measured {seen}",
        {f"{name} mV": round(value, 4) for name, value in found.items()},
        _tolerance_words(tolerance, amount, max(found.values()), trace.zone),
        tuple(dict.fromkeys(lead for parts in ways for _, lead in parts)),
    )


def _size(trace: Trace, wave: str, lead: str) -> float | None:
    qrs, one = trace.case.qrs(lead), trace.lead(lead)
    if wave in ("r", "s", "q"):
        return None if qrs is None else {"r": qrs.height, "s": qrs.s_depth, "q": qrs.q}[wave]
    value = None if one is None else one.p_amplitude_mv if wave == "p" else one.t_amplitude_mv
    return None if value is None else abs(value)
