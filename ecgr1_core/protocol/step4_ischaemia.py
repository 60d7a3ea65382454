"""Step 4: ST depression, and the order in which ST elevation, T waves and Q waves are judged.

ST elevation, T waves, Q waves and what explains ST-T change have files of their own.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import step4_elevation, step4_infarction, step4_t_waves, words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Finding, Findings
from ecgr1_core.protocol.step4_elevation import st_elevation_limit_mv as st_elevation_limit_mv
from ecgr1_core.protocol.step4_secondary import assess_block, explained_leads
from ecgr1_core.protocol.territories import SEPTAL, contiguous, territory
from ecgr1_core.record import LEADS

_JUDGED = tuple(lead for lead in LEADS if lead != "aVR")


def assess(case: Case, earlier: Findings) -> list[Finding]:
    """Return the findings of step 4; block, pacing and hypertrophy of the earlier steps decide what is secondary."""
    if case.uncalibrated is not None:
        statement = "ST level, T waves and Q waves are not judged: amplitudes are not calibrated."
        return [_unjudged("st.uncalibrated", statement, "ST, T and Q")]
    levels = {lead: m.st_j_mv for lead in LEADS if (m := case.lead(lead)) is not None and m.st_j_mv is not None}
    if not levels:
        return [_unjudged("st.unknown", "ST level is not measurable in any lead.", "ST, T and Q")]
    if block := assess_block(case, earlier, levels):
        return block
    secondary = explained_leads(case, earlier)
    depressed = _depressed(case, secondary)
    elevation = step4_elevation.assess(case, earlier, levels, depressed)
    found = [*elevation]
    found += _depression(case, depressed, secondary, levels, elevated=any(f.status == "abnormal" for f in elevation))
    found += step4_t_waves.assess(case, secondary)
    return found + step4_infarction.assess(case, Findings((*earlier.items, *found)))


def _depressed(case: Case, secondary: dict[str, str]) -> list[str]:
    """Leads with horizontal or downsloping ST depression that nothing else explains, contiguous ones only."""
    found = []
    for lead in _JUDGED:
        measured = case.lead(lead)
        if measured is None or lead in secondary or measured.st_j_mv is None or measured.st_j60_mv is None:
            continue
        limit, slope = case.limits.st_depression_mv, measured.st_j60_mv - measured.st_j_mv
        if measured.st_j_mv <= -limit and measured.st_j60_mv <= -limit and slope < case.limits.st_upsloping_mv:
            found.append(lead)
    return list(contiguous(found))


def _depression(
    case: Case, depressed: list[str], secondary: dict[str, str], levels: dict[str, float], *, elevated: bool
) -> list[Finding]:
    limits = case.limits
    if not depressed:
        judged = [lead for lead in _JUDGED if lead in levels and lead not in secondary]
        if len(judged) < limits.st_depression_leads:
            return _secondary_note(secondary)
        return [
            Finding(
                id="st_depression.none",
                step=4,
                statement=f"No horizontal or downsloping ST depression of {words.mv(limits.st_depression_mv)} "
                "in two contiguous leads "
                f"of {words.leads(judged)}.",
                status="normal",
                leads=tuple(judged),
                rule=f"J and J60 <= -{limits.st_depression_mv} mV in two contiguous leads",
                basic=True,
            ),
            *_secondary_note(secondary),
        ]
    values = words.lead_values([(lead, levels[lead]) for lead in depressed])
    deepest = min(levels[lead] for lead in depressed)
    marked = deepest <= -limits.st_depression_marked_mv
    posterior = [] if elevated else _posterior(case, depressed)
    meaning = "nonspecific by its depth"
    if elevated:
        meaning = "reciprocal to the ST elevation"
    elif posterior:
        meaning = "in leads that mirror the posterior wall"
    elif marked:
        meaning = f"at least {words.mv(limits.st_depression_marked_mv)} deep"
    present = Finding(
        id="st_depression.present",
        step=4,
        statement=f"Horizontal or downsloping ST depression: {values}; {meaning}.",
        status="abnormal",
        label=vocabulary.label("ST depression"),
        leads=tuple(depressed),
        numbers={f"{lead}.st_j_mv": levels[lead] for lead in depressed},
        rule=f"J and J60 <= -{limits.st_depression_mv} mV in two contiguous leads",
        phrase=f"ST depression in {words.leads(depressed)}",
        reasoning="ST depression needs the clinical picture: ischemia, tachycardia, digitalis and low "
        "potassium all cause it."
        if not elevated
        else "",
        basic=True,
        urgent=marked and not elevated,
    )
    ischemia = [_ischemia(depressed)] if marked and not elevated and not posterior else []
    digitalis = [] if elevated else _digitalis(case, depressed)
    return [present, *ischemia, *posterior, *digitalis, *_secondary_note(secondary)]


def _ischemia(depressed: list[str]) -> Finding:
    wall = territory(depressed)
    name = f"ischemic ST-T changes in {wall} leads" if wall else "ischemic ST-T changes"
    return Finding(
        id="ischemia.subendocardial",
        step=4,
        statement=f"ST depression of that depth suggests subendocardial ischemia: probable {name}.",
        status="abnormal",
        certainty="probable",
        label=vocabulary.label(name),
        leads=tuple(depressed),
        rule="marked horizontal or downsloping ST depression without another explanation",
        phrase=f"probable {name}",
        urgent=True,
    )


def _posterior(case: Case, depressed: list[str]) -> list[Finding]:
    """ST depression in two of V1 to V3 with an upright T and a dominant R in V2 mirrors the posterior wall."""
    leads = [lead for lead in SEPTAL if lead in depressed and (case.t_wave_mv(lead) or 0.0) > 0]
    v2 = case.qrs("V2")
    if len(leads) < 2 or v2 is None or not v2.upright:
        return []
    return [
        Finding(
            id="stemi.posterior",
            step=4,
            statement=f"With an upright T in {words.leads(leads)} and a dominant R in V2 a posterior infarction is "
            "possible, record V7–V9.",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label("posterior myocardial infarction"),
            leads=tuple(leads),
            numbers={"V2.r_amplitude_mv": v2.height},
            rule="ST depression in two of V1-V3 with an upright T, R > S in V2",
            phrase="possible posterior infarction",
            reasoning="ST depression confined to V1–V3 can be a posterior infarction with ST elevation, which is "
            "treated as one.",
            urgent=True,
        )
    ]


def _digitalis(case: Case, depressed: list[str]) -> list[Finding]:
    """A sagging ST depression with a QT interval that is short for the rate can be the effect of digitalis."""
    m, limits = case.measurements, case.limits
    sagging = [lead for lead in depressed if (one := case.lead(lead)) is not None and one.st_shape == "concave"]
    if len(contiguous(sagging)) < 2 or m.qtc_fridericia_ms is None or m.qtc_fridericia_ms > limits.digitalis_qtc_ms:
        return []
    return [
        Finding(
            id="digitalis.possible",
            step=4,
            statement=f"ST sags in {words.leads(sagging)} and QTc is {words.ms(m.qtc_fridericia_ms)} (Fridericia): "
            "digitalis effect is possible.",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label("digitalis effect"),
            leads=tuple(sagging),
            numbers={"qtc_fridericia_ms": m.qtc_fridericia_ms},
            rule=f"sagging ST depression in two contiguous leads, QTc <= {limits.digitalis_qtc_ms:.0f} ms",
            phrase="possible digitalis effect",
            reasoning="Whether digitalis is taken is asked; its effect on ST-T is no sign of intoxication.",
        )
    ]


def _secondary_note(secondary: dict[str, str]) -> list[Finding]:
    by_cause: dict[str, list[str]] = {}
    for lead, cause in secondary.items():
        by_cause.setdefault(cause, []).append(lead)
    return [
        Finding(
            "st_secondary.present", 4, f"ST-T change in {words.leads(leads)} is secondary to {cause} and not "
            "counted as ischemia.",
            "normal", leads=tuple(leads), rule="secondary ST-T",
        )
        for cause, leads in by_cause.items()
    ]  # fmt: skip


def _unjudged(id: str, statement: str, phrase: str) -> Finding:
    return Finding(id, 4, statement, "not_assessable", rule="amplitudes", phrase=phrase, basic=True)
