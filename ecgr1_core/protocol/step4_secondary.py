"""ST-T change that something else explains: block, pacing, pre-excitation, hypertrophy.

In left bundle branch block and pacing only the Sgarbossa criteria are read; elsewhere the explained leads are left out.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Finding, Findings
from ecgr1_core.protocol.step3_left_ventricle import strain_leads
from ecgr1_core.protocol.territories import SEPTAL
from ecgr1_core.record import LEADS


def explained_leads(case: Case, earlier: Findings) -> dict[str, str]:
    """Return the leads whose ST depression and T inversion are secondary, with the cause in words."""
    found: dict[str, str] = {}
    if earlier.has("qrs.rbbb"):
        found |= dict.fromkeys(SEPTAL, "the right bundle branch block")
    if earlier.has("rvh.present"):
        found |= dict.fromkeys(SEPTAL, "right ventricular hypertrophy")
    if earlier.has("lvh.strain"):
        found |= dict.fromkeys(strain_leads(case), "left ventricular hypertrophy (strain)")
    return {lead: found[lead] for lead in LEADS if lead in found}


def assess_block(case: Case, earlier: Findings, levels: dict[str, float]) -> list[Finding]:
    """Return the findings of step 4 where block, pacing or an unknown origin shapes the whole of ST-T; else none.

    Sgarbossa et al. 1996 with the ratio of Smith et al. 2012.
    """
    if earlier.has("rhythm.wide_tachycardia"):
        return [_left_out("wide complex tachycardia")]
    if earlier.has("pr.short_wide", "pr.delta", at_least="possible"):
        return [_left_out("pre-excitation" if earlier.has("pr.delta") else "possible pre-excitation")]
    if not earlier.has("qrs.lbbb", "rhythm.paced"):
        return []
    cause = "ventricular pacing" if earlier.has("rhythm.paced") else "left bundle branch block"
    limits, signs, leads, numbers = case.limits, list[str](), list[str](), dict[str, float]()
    for lead, qrs in case.complexes(levels).items():
        level = levels[lead]
        sign = ""
        if lead != "aVR" and qrs.upright and level >= limits.sgarbossa_concordant_mv:
            sign = f"concordant ST elevation in {lead} ({words.mv(level)})"
        elif lead in SEPTAL and not qrs.upright and level <= -limits.sgarbossa_concordant_mv:
            sign = f"concordant ST depression in {lead} ({words.mv(level)})"
        elif (
            not qrs.upright and level >= limits.sgarbossa_concordant_mv and level >= limits.sgarbossa_ratio * qrs.depth
        ):
            sign = f"ST elevation in {lead} of {100 * level / qrs.depth:.0f} % of S ({words.mv(level)})"
        if sign:
            signs.append(sign)
            leads.append(lead)
            numbers[f"{lead}.st_j_mv"] = level
    q_note = f" Q waves are not used for infarction in {cause}."
    if not signs:
        return [
            Finding(
                id="sgarbossa.none",
                step=4,
                statement=f"In {cause} ST-T change opposite to the QRS is secondary; no concordant ST "
                "elevation or depression of "
                f"{words.mv(limits.sgarbossa_concordant_mv)} and no ST elevation of "
                f"{100 * limits.sgarbossa_ratio:.0f} % of S (modified "
                f"Sgarbossa criteria not met).{q_note}",
                status="normal",
                leads=tuple(levels),
                rule="modified Sgarbossa criteria",
            )
        ]
    return [
        Finding(
            id="sgarbossa.met",
            step=4,
            statement=f"{words.capital(words.join(signs))}: by the modified Sgarbossa criteria acute "
            "infarction is possible in spite of "
            f"{cause}.{q_note}",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label("ST-elevation myocardial infarction"),
            leads=tuple(leads),
            numbers=numbers,
            rule="modified Sgarbossa criteria",
            phrase="possible acute infarction by the modified Sgarbossa criteria",
            reasoning="The Sgarbossa criteria rest on ST levels in single leads: look at these leads, and "
            "compare with an earlier recording.",
            urgent=True,
        )
    ]


def _left_out(cause: str) -> Finding:
    return Finding(
        id="st.secondary",
        step=4,
        statement=f"ST, T and Q waves are not used for ischemia or infarction: {cause} changes all of them.",
        status="not_assessable",
        rule="secondary ST-T",
        phrase=f"ischemia and infarction ({cause})",
        basic=True,
    )
