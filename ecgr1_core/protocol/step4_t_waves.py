"""Step 4, T waves: inversion, the pattern of V2 and V3, low amplitude. Symmetry is not measured."""

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
    wellens = [lead for lead in ("V2", "V3") if t.get(lead, 0.0) <= -limits.t_inversion_mv]
    wellens += ["V4"] if len(wellens) == 2 and t.get("V4", 0.0) <= -limits.t_inversion_mv else []
    if inverted or len(wellens) > 1:
        leads = [lead for lead in LEADS if lead in {*inverted, *(wellens if len(wellens) > 1 else [])}]
        note = (
            " Inversion in V2 and V3 without another cause raises the question of a critical stenosis of the "
            "left anterior "
            "descending artery (Wellens), "
            "after right ventricular strain and a juvenile pattern are excluded."
            if len(wellens) > 1
            else ""
        )
        return [
            Finding(
                id="t_wave.inverted",
                step=4,
                statement=f"T inversion of at least {words.mv(limits.t_inversion_mv)}: "
                f"{words.lead_values([(lead, t[lead]) for lead in leads])}.{note}",
                status="abnormal",
                label=vocabulary.label("T-wave inversion"),
                leads=tuple(leads),
                numbers={f"{lead}.t_amplitude_mv": t[lead] for lead in leads},
                rule=f"T <= -{limits.t_inversion_mv} mV in two contiguous leads with R > S, or in V2 and V3",
                phrase=f"T-wave inversion in {words.leads(leads)}",
                reasoning="T inversion without another cause is compatible with ischemia, but also with "
                "strain, pericarditis, "
                "intracranial events and drugs.",
                basic=True,
            )
        ]
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
        return [
            Finding(
                id="t_wave.low",
                step=4,
                statement=f"T is less than a tenth of R in {words.leads(low)} "
                f"({words.lead_values([(lead, t[lead]) for lead in low])}): "
                "low T waves, nonspecific.",
                status="abnormal",
                label=vocabulary.label("low amplitude T waves"),
                leads=low,
                numbers={f"{lead}.t_amplitude_mv": t[lead] for lead in low},
                rule=f"T < {limits.t_low_to_r} R in two contiguous leads with R >= {limits.t_low_r_mv} mV",
                phrase=f"low T waves in {words.leads(low)}",
                basic=True,
            )
        ]
    upright = [lead for lead, value in t.items() if value > 0]
    seen = f"T is upright in {words.leads(upright)}" if upright else f"T is not upright in {words.leads(t)}"
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
