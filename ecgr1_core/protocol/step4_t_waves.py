"""Step 4, T waves: inversion, the pattern of Wellens in V2 and V3, low amplitude, nonspecific ST-T change."""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Finding
from ecgr1_core.protocol.territories import contiguous
from ecgr1_core.record import LEADS

_T_LEADS = ("I", "II", "aVL", "aVF", "V2", "V3", "V4", "V5", "V6")


def assess(case: Case, secondary: dict[str, str]) -> list[Finding]:
    """Return the findings on T waves; `secondary` are the leads that something else explains."""
    limits = case.limits
    t = {lead: value for lead in _T_LEADS if lead not in secondary and (value := case.t_wave_mv(lead)) is not None}
    qrs = case.complexes(t)
    if not t:
        return [
            Finding(
                "t_wave.unknown",
                4,
                "T waves are not measurable.",
                "not_assessable",
                rule="T",
                phrase="T waves",
                basic=True,
            )
        ]
    numbers = {f"{lead}.t_amplitude_mv": value for lead, value in t.items()}
    inverted = contiguous(
        [lead for lead in t if t[lead] <= -limits.t_inversion_mv and lead in qrs and qrs[lead].upright]
    )
    wellens = _wellens(case, t)
    front = [lead for lead in ("V2", "V3") if t.get(lead, 0.0) <= -limits.t_inversion_mv]
    if inverted or len(front) > 1:
        leads = [lead for lead in LEADS if lead in {*inverted, *(front if len(front) > 1 else [])}]
        return [
            Finding(
                id="t_wave.inverted",
                step=4,
                statement=f"T inversion of at least {words.mv(limits.t_inversion_mv)}: "
                f"{words.lead_values([(lead, t[lead]) for lead in leads])}.",
                status="abnormal",
                label=vocabulary.label("T-wave inversion"),
                leads=tuple(leads),
                numbers={f"{lead}.t_amplitude_mv": t[lead] for lead in leads},
                rule=f"T <= -{limits.t_inversion_mv} mV in two contiguous leads with R > S, or in V2 and V3",
                phrase=f"T-wave inversion in {words.leads(leads)}",
                reasoning="T inversion without another cause is compatible with ischemia, but also with "
                "strain, pericarditis, intracranial events and drugs.",
                basic=True,
            ),
            *wellens,
        ]
    if wellens:
        return wellens
    low = contiguous(
        [
            lead
            for lead in ("I", "II", "aVL", "V4", "V5", "V6")
            if lead in t
            and lead in qrs
            and qrs[lead].height >= limits.t_low_r_mv
            and t[lead] < limits.t_low_to_r * qrs[lead].height
        ]
    )
    if low:
        return [_low(case, low, t)]
    upright = [lead for lead, value in t.items() if value > 0]
    seen = f"T is upright in {words.leads(upright)}" if upright else f"T is flat in {words.leads(t)}"
    return [
        Finding(
            id="t_wave.normal",
            step=4,
            statement=f"{seen}; no inversion of "
            f"{words.mv(limits.t_inversion_mv)} in two contiguous leads "
            "with a dominant R.",
            status="normal",
            leads=tuple(upright),
            numbers=numbers,
            rule=f"T <= -{limits.t_inversion_mv} mV in two contiguous leads",
            basic=True,
        )
    ]


def _low(case: Case, low: tuple[str, ...], t: dict[str, float]) -> Finding:
    """Return low T waves; with a slight ST depression in two of the same leads the change is of ST and T."""
    limits = case.limits
    slight = [
        lead
        for lead in low
        if (one := case.lead(lead)) is not None and one.st_j60_mv is not None and one.st_j60_mv <= -limits.st_slight_mv
    ]
    values = words.lead_values([(lead, t[lead]) for lead in low])
    numbers = {f"{lead}.t_amplitude_mv": t[lead] for lead in low}
    if len(slight) > 1:
        st = {
            lead: one.st_j60_mv for lead in slight if (one := case.lead(lead)) is not None and one.st_j60_mv is not None
        }
        return Finding(
            id="st_t.nonspecific",
            step=4,
            statement=f"T is less than a tenth of R in {words.leads(low)} ({values}) and ST slightly depressed in "
            f"{words.leads(slight)} ({words.lead_values(list(st.items()))}): nonspecific ST-T change.",
            status="abnormal",
            label=vocabulary.label("nonspecific ST-T changes"),
            leads=low,
            numbers=numbers | {f"{lead}.st_j60_mv": level for lead, level in st.items()},
            rule=f"T < {limits.t_low_to_r} R and ST at J60 <= -{limits.st_slight_mv} mV in two leads",
            phrase=f"nonspecific ST-T change in {words.leads(low)}",
            basic=True,
        )
    return Finding(
        id="t_wave.low",
        step=4,
        statement=f"T is less than a tenth of R in {words.leads(low)} ({values}): low T waves, nonspecific.",
        status="abnormal",
        label=vocabulary.label("low amplitude T waves"),
        leads=low,
        numbers=numbers,
        rule=f"T < {limits.t_low_to_r} R in two contiguous leads with R >= {limits.t_low_r_mv} mV",
        phrase=f"low T waves in {words.leads(low)}",
        basic=True,
    )


def _wellens(case: Case, t: dict[str, float]) -> list[Finding]:
    """Return the pattern of Wellens (de Zwaan et al. 1982): T in V2 and V3 deeply inverted, or first up and then down.

    ST must be no higher than the limit of elevation, R preserved (no QS) in both leads.
    """
    limits, names = case.limits, ("V2", "V3")
    leads, qrs = [case.lead(name) for name in names], case.complexes(names)
    if any(lead is None or name not in t for name, lead in zip(names, leads, strict=True)) or len(qrs) < len(names):
        return []
    if any(one.is_qs for one in qrs.values()):
        return []
    if any(lead is not None and abs(lead.st_j_mv or 0.0) > limits.st_elevation_mv for lead in leads):
        return []
    deep = all(t[name] <= -limits.wellens_t_mv for name in names)
    biphasic = all(lead is not None and lead.t_phases == "positive_negative" for lead in leads) and all(
        lead is not None and (lead.t_negative_amplitude_mv or 0.0) <= -limits.t_inversion_mv for lead in leads
    )
    if not deep and not biphasic:
        return []
    depth = {name: lead.t_negative_amplitude_mv or t[name] for name, lead in zip(names, leads, strict=True) if lead}
    return [
        Finding(
            id="t_wave.wellens",
            step=4,
            statement=f"T in V2 and V3 is {'deeply inverted' if deep else 'first upright and then inverted'} "
            f"({words.lead_values(list(depth.items()))}) with R preserved and without ST elevation: possible Wellens "
            "pattern.",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label("Wellens pattern"),
            leads=names,
            numbers={f"{name}.t_negative_amplitude_mv": value for name, value in depth.items()},
            rule=f"T <= -{limits.wellens_t_mv} mV, or positive and then <= -{limits.t_inversion_mv} mV, in V2 and V3",
            phrase="possible Wellens pattern (V2 and V3)",
            reasoning="After pain has gone, this pattern raises the question of a critical stenosis of the left "
            "anterior descending artery; right ventricular strain and a juvenile pattern are the alternatives.",
            urgent=True,
        )
    ]
