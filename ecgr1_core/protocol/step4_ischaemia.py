"""Step 4: ST elevation and depression, T waves and Q waves, and what else could explain them.

The shape of ST (convex, concave) is said where ST is elevated, but decides nothing: it is measured against a chord
only. PR depression is not measured. T and Q waves have their rules in `step4_t_waves.py` and `step4_infarction.py`.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import step4_infarction, step4_t_waves, words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding, Findings
from ecgr1_core.protocol.step4_secondary import assess_block, explained_leads
from ecgr1_core.protocol.territories import (
    OPPOSITE,
    SEPTAL,
    TERRITORIES,
    contiguous,
    territory,
)
from ecgr1_core.record import LEADS, PRECORDIAL_LEADS

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
    elevation = _elevation(case, earlier, levels, depressed)
    found = [*elevation]
    found += _depression(case, depressed, secondary, levels, elevated=any(f.status == "abnormal" for f in elevation))
    found += step4_t_waves.assess(case, secondary)
    return found + step4_infarction.assess(case, Findings((*earlier.items, *found)))


def st_elevation_limit_mv(case: Case, lead: str) -> float:
    """Return the J-point limit of one lead in mV for the patient, the lowest that may apply if age or sex is unknown.

    Fourth universal definition of myocardial infarction (2018), ECG criteria.
    """
    limits, patient = case.limits, case.patient
    if lead not in ("V2", "V3"):
        return limits.st_elevation_mv
    if patient.sex != "M":
        return limits.st_elevation_v2v3_female_mv
    if patient.age_years is not None and patient.age_years < limits.st_elevation_age_years:
        return limits.st_elevation_v2v3_male_young_mv
    return limits.st_elevation_v2v3_male_mv


def _unknown_patient(case: Case) -> str:
    """Return a remark where the limit of V2 and V3 rests on an unknown age or sex."""
    if case.patient.sex is None:
        return ", the limit for women, since the sex is unknown"
    if case.patient.sex == "M" and case.patient.age_years is None:
        return ", the limit for older men, since the age is unknown"
    return ""


def _elevation(case: Case, earlier: Findings, levels: dict[str, float], depressed: list[str]) -> list[Finding]:
    raised = [lead for lead in _JUDGED if lead in levels and levels[lead] >= st_elevation_limit_mv(case, lead)]
    hypertrophic = [
        lead for lead in raised if lead in SEPTAL and _explained_by_hypertrophy(case, earlier, lead, levels[lead])
    ]
    raised = list(contiguous([lead for lead in raised if lead not in hypertrophic]))
    if not raised:
        left_main = _left_main(case, levels, depressed)
        return [left_main] if left_main is not None else [_no_elevation(case, levels, hypertrophic)]
    return _named_elevation(case, levels, raised, depressed)


def _no_elevation(case: Case, levels: dict[str, float], hypertrophic: list[str]) -> Finding:
    others, front = words.mv(case.limits.st_elevation_mv), words.mv(st_elevation_limit_mv(case, "V2"))
    judged = [lead for lead in _JUDGED if lead in levels]
    alone = [lead for lead in judged if lead not in hypertrophic and levels[lead] >= st_elevation_limit_mv(case, lead)]
    statement = f"No ST elevation at the J point in two contiguous leads of {words.leads(judged)} (limit {others}, "
    statement += f"in V2 and V3 {front}{_unknown_patient(case)})."
    if alone:
        values = words.lead_values([(lead, levels[lead]) for lead in alone])
        statement += f" Without a neighbor above its limit: {values}."
    if hypertrophic:
        statement += f" ST elevation in {words.leads(hypertrophic)} belongs to the deep S of hypertrophy."
    return Finding(
        id="st_elevation.none",
        step=4,
        statement=statement,
        status="normal",
        leads=tuple(judged),
        numbers={f"{lead}.st_j_mv": level for lead, level in levels.items()},
        rule="J point in two contiguous leads",
        basic=True,
    )


def _explained_by_hypertrophy(case: Case, earlier: Findings, lead: str, level: float) -> bool:
    qrs = case.qrs(lead)
    hypertrophy = earlier.has("lvh.voltage", "lvh.strain", at_least="possible")
    return hypertrophy and qrs is not None and level < case.limits.lvh_st_to_qrs * qrs.s_depth


def _named_elevation(case: Case, levels: dict[str, float], raised: list[str], depressed: list[str]) -> list[Finding]:
    walls = [wall for wall, leads in TERRITORIES.items() if contiguous([lead for lead in raised if lead in leads])]
    opposite = {lead for wall in walls for lead in OPPOSITE[wall]} - set(raised)
    reciprocal = [lead for lead in LEADS if lead in opposite and levels.get(lead, 0.0) <= -case.limits.st_reciprocal_mv]
    reached = [wall for wall, leads in TERRITORIES.items() if any(lead in leads for lead in raised)]
    seen = words.lead_values([(lead, levels[lead]) for lead in raised])
    numbers = {f"{lead}.st_j_mv": levels[lead] for lead in (*raised, *reciprocal)}
    limit = ""
    if {"V2", "V3"} & set(raised):
        limit = f" (limit in V2 and V3 {words.mv(st_elevation_limit_mv(case, 'V2'))}{_unknown_patient(case)})"
    plain = Finding(
        id="st_elevation.present",
        step=4,
        statement=f"ST elevation at the J point: {seen}{limit}.{_shape(case, raised)}",
        status="abnormal",
        label=vocabulary.label("ST elevation"),
        leads=tuple(raised),
        numbers=numbers,
        rule="J point in two contiguous leads",
        phrase=f"ST elevation in {words.leads(raised)}",
        basic=True,
    )
    if len(raised) >= case.limits.st_diffuse_leads and len(reached) == len(TERRITORIES) and not reciprocal:
        return [plain, _diffuse(case, raised)]
    wall = territory(raised)
    minor = all(lead in PRECORDIAL_LEADS and levels[lead] < case.limits.st_elevation_precordial_mv for lead in raised)
    if minor and not reciprocal:
        return [plain, _minor(case, raised)]
    return [plain, _infarct(case, wall, levels, raised, reciprocal)]


def _diffuse(case: Case, raised: list[str]) -> Finding:
    return Finding(
        id="stemi.diffuse",
        step=4,
        statement="It reaches inferior, anterior and lateral leads without reciprocal depression: possible "
        "pericarditis; early "
        f"repolarization is the alternative, and large infarction is not excluded{_convex(case, raised)}. "
        "PR depression is not measured.",
        status="abnormal",
        certainty="possible",
        label=vocabulary.label("pericarditis"),
        leads=tuple(raised),
        rule="ST elevation in all territories, no reciprocal depression",
        phrase="possible pericarditis or early repolarization",
        reasoning="Symptoms, PR depression and change over time decide between pericarditis and early repolarization.",
    )


def _minor(case: Case, raised: list[str]) -> Finding:
    limit = words.mv(case.limits.st_elevation_precordial_mv)
    return Finding(
        id="stemi.minor",
        step=4,
        statement=f"Below {limit} in precordial leads only and without reciprocal depression, it fits early "
        f"repolarization{_convex(case, raised)}; acute ischemia is decided by symptoms and a repeat.",
        status="abnormal",
        certainty="possible",
        label=vocabulary.label("early repolarization"),
        leads=tuple(raised),
        rule=f"ST elevation < {case.limits.st_elevation_precordial_mv} mV in precordial leads, no reciprocal "
        "depression",
        phrase="possible early repolarization",
        reasoning="Slight precordial ST elevation with symptoms is repeated within minutes and compared with "
        "an earlier recording.",
    )


def _infarct(case: Case, wall: str, levels: dict[str, float], raised: list[str], reciprocal: list[str]) -> Finding:
    front = [lead for lead in raised if lead in ("V1", "V4", "V5", "V6")]
    marked = [lead for lead in front if levels[lead] >= case.limits.st_elevation_precordial_mv]
    name = {"anteroseptal": "anterior"}.get(wall, wall)
    label = vocabulary.lookup(f"acute {name} ST-elevation myocardial infarction") or vocabulary.label(
        "ST-elevation myocardial infarction"
    )
    certainty: Certainty = "probable" if reciprocal or len(marked) > 1 else "possible"
    support = (
        f"reciprocal ST depression in {words.leads(reciprocal)} supports it"
        if reciprocal
        else f"without reciprocal depression in {words.leads(_opposite(wall, levels))} early repolarization is "
        "the alternative"
    )
    right = (
        levels.get("V1", 0.0) >= case.limits.st_elevation_mv
        and levels["V1"] > levels.get("V2", 0.0)
        and "III" in raised
    )
    note = " ST is higher in V1 than in V2: right ventricular infarction is possible, record V4R." if right else ""
    return Finding(
        id="stemi.probable" if certainty == "probable" else "stemi.possible",
        step=4,
        statement=f"This is a pattern of {certainty} {label.name}; {support}.{note}",
        status="abnormal",
        certainty=certainty,
        label=label,
        leads=tuple(raised + reciprocal),
        numbers={f"{lead}.st_j_mv": levels[lead] for lead in (*raised, *reciprocal)},
        rule="ST elevation of one territory, reciprocal ST depression",
        phrase=f"{certainty} {label.name}",
        reasoning="ST elevation with symptoms is an emergency: compare with an earlier recording and repeat "
        "within minutes."
        if certainty == "probable"
        else "Symptoms, an earlier recording and a repeat within minutes decide whether the ST elevation is acute.",
        urgent=True,
    )


def _by_shape(case: Case, leads: list[str], shape: str) -> list[str]:
    return [name for name in leads if (lead := case.lead(name)) is not None and lead.st_shape == shape]


def _shape(case: Case, raised: list[str]) -> str:
    """Say in which of the raised leads ST is convex, concave or straight up to the T peak; "" where it was not told."""
    parts = [
        f"{name} in {words.leads(leads)}"
        for shape, name in (("convex", "convex (domed)"), ("concave", "concave"), ("straight", "straight"))
        if (leads := _by_shape(case, raised, shape))
    ]
    return f" ST is {words.join(parts)}." if parts else ""


def _convex(case: Case, raised: list[str]) -> str:
    """Return a remark where a convex ST speaks against a benign elevation."""
    leads = _by_shape(case, raised, "convex")
    return f", although a convex ST in {words.leads(leads)} speaks for injury" if leads else ""


def _opposite(wall: str, levels: dict[str, float]) -> list[str]:
    parts = [part for part in TERRITORIES if part in wall or (part == "anterior" and wall.startswith("antero"))]
    parts += ["inferior"] if wall.startswith("infero") else []
    parts += ["lateral"] if wall.endswith("lateral") and "lateral" not in parts else []
    opposite = {lead for part in parts for lead in OPPOSITE[part]}
    return [lead for lead in LEADS if lead in opposite and lead in levels]


def _left_main(case: Case, levels: dict[str, float], depressed: list[str]) -> Finding | None:
    avr, limits = levels.get("aVR"), case.limits
    deep = [lead for lead in depressed if levels.get(lead, 0.0) <= -limits.st_depression_marked_mv]
    if avr is None or avr < limits.left_main_avr_mv or len(deep) < limits.left_main_leads:
        return None
    return Finding(
        id="st_elevation.avr",
        step=4,
        statement=f"ST elevation in aVR ({words.mv(avr)}) with ST depression in {words.leads(deep)}: pattern "
        "of left main or "
        "multivessel ischemia.",
        status="abnormal",
        certainty="probable",
        label=vocabulary.label("ischemic ST-T changes"),
        leads=("aVR", *deep),
        numbers={f"{lead}.st_j_mv": levels[lead] for lead in ("aVR", *deep)},
        rule=f"ST aVR >= {limits.left_main_avr_mv} mV and depression in >= {limits.left_main_leads:.0f} leads",
        phrase="ST elevation in aVR with widespread ST depression",
        reasoning="Widespread ST depression with elevation in aVR at rest calls for urgent assessment of the "
        "coronary arteries; "
        "tachycardia, anemia and severe hypertrophy can cause it too.",
        basic=True,
        urgent=True,
    )


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
    numbers = {f"{lead}.st_j_mv": levels[lead] for lead in depressed}
    posterior = [lead for lead in SEPTAL if lead in depressed and (case.t_wave_mv(lead) or 0.0) > 0]
    v2 = case.qrs("V2")
    deepest = min(levels[lead] for lead in depressed)
    marked = deepest <= -limits.st_depression_marked_mv
    if elevated:
        meaning, name, certainty = "reciprocal to the ST elevation", "ST depression", "definite"
    elif len(posterior) > 1 and v2 is not None and v2.upright:
        meaning, name, certainty = (
            "with an upright T and a dominant R in V2 a posterior infarction is possible, record V7–V9",
            "posterior myocardial infarction",
            "possible",
        )
    elif marked:
        meaning, name, certainty = "suggests subendocardial ischemia", _ischemic(depressed), "probable"
    else:
        meaning, name, certainty = "nonspecific by its depth", "ST depression", "definite"
    sure: Certainty = "definite" if certainty == "definite" else "probable" if certainty == "probable" else "possible"
    return [
        Finding(
            id="st_depression.present",
            step=4,
            statement=f"Horizontal or downsloping ST depression: {values}; {meaning}.",
            status="abnormal",
            certainty="definite" if name == "ST depression" else sure,
            label=vocabulary.label(name),
            leads=tuple(depressed),
            numbers=numbers,
            rule=f"J and J60 <= -{limits.st_depression_mv} mV in two contiguous leads",
            phrase=f"ST depression in {words.leads(depressed)}",
            reasoning="ST depression needs the clinical picture: ischemia, tachycardia, digitalis and low "
            "potassium all cause it."
            if not elevated
            else "",
            basic=True,
            urgent=marked and not elevated,
        ),
        *_secondary_note(secondary),
    ]


def _ischemic(leads: list[str]) -> str:
    wall = territory(leads)
    return f"ischemic ST-T changes in {wall} leads" if wall else "ischemic ST-T changes"


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
