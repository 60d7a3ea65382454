"""Step 4, ST elevation: infarction by territory with reciprocal change, pericarditis, early repolarization, aVR.

The shape of ST (convex, concave) is said where ST is elevated; being measured against a chord only, it can hold a
benign reading back but makes none.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding, Findings
from ecgr1_core.protocol.territories import (
    INFERIOR,
    LATERAL,
    OPPOSITE,
    SEPTAL,
    TERRITORIES,
    contiguous,
    territory,
)
from ecgr1_core.record import LEADS, PRECORDIAL_LEADS

_JUDGED = tuple(lead for lead in LEADS if lead != "aVR")


def assess(case: Case, earlier: Findings, levels: dict[str, float], depressed: list[str]) -> list[Finding]:
    """Return the findings on ST elevation.

    `levels` are the J points in mV by lead, `depressed` the leads with ST depression; hypertrophy found before explains
    elevation over a deep S.
    """
    levels = levels | _lasting(case, earlier, levels)
    raised = [lead for lead in _JUDGED if lead in levels and levels[lead] >= st_elevation_limit_mv(case, lead)]
    hypertrophic = [
        lead for lead in raised if lead in SEPTAL and _explained_by_hypertrophy(case, earlier, lead, levels[lead])
    ]
    raised = list(contiguous([lead for lead in raised if lead not in hypertrophic]))
    if not raised:
        left_main = _left_main(case, levels, depressed)
        return [left_main] if left_main is not None else [_no_elevation(case, levels, hypertrophic)]
    return _named_elevation(case, levels, raised)


def _lasting(case: Case, earlier: Findings, levels: dict[str, float]) -> dict[str, float]:
    """With a wide QRS, whose end may lie after the J point that was found, a level counts only if it lasts to J60."""
    if not earlier.has("qrs.rbbb", "qrs.irbbb", "qrs.ivcd", at_least="possible"):
        return {}
    later = {lead: m.st_j60_mv for lead in levels if (m := case.lead(lead)) is not None and m.st_j60_mv is not None}
    return {lead: min(levels[lead], level) for lead, level in later.items() if levels[lead] > 0.0}


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


def _no_elevation(case: Case, levels: dict[str, float], hypertrophic: list[str]) -> Finding:
    others, front = words.mv(case.limits.st_elevation_mv), words.mv(st_elevation_limit_mv(case, "V2"))
    judged = [lead for lead in _JUDGED if lead in levels and lead not in hypertrophic]
    alone = [lead for lead in judged if levels[lead] >= st_elevation_limit_mv(case, lead)]
    statement = f"No ST elevation at the J point in two contiguous leads of {words.leads(judged)}; limit {others}, "
    statement += f"in V2 and V3 {front}{_unknown_patient(case)}."
    if alone:
        values = words.lead_values([(lead, levels[lead]) for lead in alone])
        statement += f" Without a neighbor above its limit: {values}."
    if hypertrophic:
        statement += f" ST elevation in {words.leads(hypertrophic)} belongs to the deep S there."
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
    hypertrophy = earlier.has("lvh.voltage", "lvh.strain", "qrs.ivcd", "qrs.ilbbb", at_least="possible")
    return hypertrophy and qrs is not None and level < case.limits.lvh_st_to_qrs * qrs.s_depth


def _named_elevation(case: Case, levels: dict[str, float], raised: list[str]) -> list[Finding]:
    walls = [wall for wall, leads in TERRITORIES.items() if contiguous([lead for lead in raised if lead in leads])]
    opposite = {lead for wall in walls for lead in OPPOSITE[wall]} - set(raised)
    reciprocal = [lead for lead in LEADS if lead in opposite and levels.get(lead, 0.0) <= -case.limits.st_reciprocal_mv]
    if "inferior" not in walls and len(reciprocal) < 2:
        reciprocal = []  # III or V1 alone mirrors nothing
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
    diffuse = len(raised) >= case.limits.st_diffuse_leads and len(reached) == len(TERRITORIES) and not reciprocal
    minor = all(lead in PRECORDIAL_LEADS and levels[lead] < case.limits.st_elevation_precordial_mv for lead in raised)
    if diffuse:
        return [plain, _diffuse(case, levels, raised)]
    if minor and not reciprocal:
        return [plain, _early_repolarization(case, raised, _below(case))]
    return [plain, *_infarct(case, territory(raised), levels, raised, reciprocal)]


def _diffuse(case: Case, levels: dict[str, float], raised: list[str]) -> Finding:
    """Return pericarditis or early repolarization for an elevation in all territories without reciprocal depression.

    For pericarditis speak a depressed PR segment in two leads and, in V6, an ST level of a quarter of T (Ginzton and
    Laks 1982).
    """
    limits = case.limits
    depressed = {
        lead: level
        for lead in ("I", "II", "aVF", "V3", "V4", "V5", "V6")
        if (m := case.lead(lead)) is not None
        and (level := m.pr_segment_mv) is not None
        and level <= -limits.pr_depression_mv
    }
    v6, t_v6 = levels.get("V6"), case.t_wave_mv("V6")
    ratio = v6 / t_v6 if v6 is not None and t_v6 is not None and t_v6 > 0 and v6 > 0 else None
    signs = [f"PR is depressed in {words.leads(depressed)}"] if len(depressed) > 1 else []
    signs += (
        [f"ST is {100 * ratio:.0f} % of T in V6"] if ratio is not None and ratio >= limits.pericarditis_st_to_t else []
    )
    if not signs:
        return _early_repolarization(case, raised, "It reaches inferior, anterior and lateral leads without reciprocal "
            "depression, without PR depression and with a low ST against T in V6")  # fmt: skip
    sure: Certainty = "probable" if len(signs) > 1 and not _by_shape(case, raised, "convex") else "possible"
    return Finding(
        id=f"pericarditis.{sure}",
        step=4,
        statement=f"It reaches inferior, anterior and lateral leads without reciprocal depression, and "
        f"{words.join(signs)}: {sure} pericarditis; early repolarization is the alternative, and large infarction is "
        f"not excluded{_convex(case, raised)}.",
        status="abnormal",
        certainty=sure,
        label=vocabulary.label("pericarditis"),
        leads=tuple(raised),
        numbers={f"{lead}.pr_segment_mv": level for lead, level in depressed.items()}
        | ({"V6.st_to_t": round(ratio, 2)} if ratio is not None else {}),
        rule=f"ST elevation in all territories, no reciprocal depression; PR <= -{limits.pr_depression_mv} mV, ST/T in "
        f"V6 >= {limits.pericarditis_st_to_t}",
        phrase=f"{sure} pericarditis",
        reasoning="Symptoms, a friction rub and change over days decide between pericarditis and early repolarization.",
    )


def _below(case: Case) -> str:
    limit = words.mv(case.limits.st_elevation_precordial_mv)
    return f"Below {limit} in precordial leads only and without reciprocal depression"


def _early_repolarization(case: Case, raised: list[str], why: str) -> Finding:
    """Return early repolarization; probable with a notch at the end of R (Macfarlane et al. 2015), else possible."""
    limits, qrs = case.limits, case.measurements.qrs_duration_ms
    notched = [
        lead
        for lead in (*INFERIOR, *LATERAL, "V4")
        if (m := case.lead(lead)) is not None and m.j_notch_mv is not None and m.j_notch_mv >= limits.j_notch_mv
    ]
    pair = contiguous([lead for lead in LEADS if lead in notched])
    narrow = qrs is not None and qrs < limits.qrs_wide_ms
    sure: Certainty = "probable" if pair and narrow and not _by_shape(case, raised, "convex") else "possible"
    notch = f"; a notch at the end of R in {words.leads(pair)} belongs to it" if pair and narrow else ""
    return Finding(
        id=f"early_repolarization.{sure}",
        step=4,
        statement=f"{why}: {sure} early repolarization{notch}{_convex(case, raised)}; acute ischemia is decided by "
        "symptoms and a repeat.",
        status="abnormal",
        certainty=sure,
        label=vocabulary.label("early repolarization"),
        leads=tuple(raised),
        numbers={
            f"{lead}.j_notch_mv": m.j_notch_mv for lead in pair if (m := case.lead(lead)) is not None and m.j_notch_mv
        },
        rule=f"ST elevation without reciprocal depression; a notch of {limits.j_notch_mv} mV at the end of R",
        phrase=f"{sure} early repolarization",
        reasoning="Slight ST elevation with symptoms is repeated within minutes and compared with an earlier "
        "recording.",
    )


def _infarct(
    case: Case, wall: str, levels: dict[str, float], raised: list[str], reciprocal: list[str]
) -> list[Finding]:
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
    found = Finding(
        id="stemi.probable" if certainty == "probable" else "stemi.possible",
        step=4,
        statement=f"This is a pattern of {certainty} {label.name}; {support}.",
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
    return [found, *_right_ventricle(case, levels, raised)]


def _right_ventricle(case: Case, levels: dict[str, float], raised: list[str]) -> list[Finding]:
    """Return the finding on the right ventricle: inferior elevation with ST in V1 raised and above that in V2."""
    v1, v2 = levels.get("V1"), levels.get("V2")
    if v1 is None or v2 is None or "III" not in raised or v1 < case.limits.st_elevation_mv or v1 <= v2:
        return []
    return [
        Finding(
            id="stemi.right_ventricular",
            step=4,
            statement=f"ST is higher in V1 ({words.mv(v1)}) than in V2 ({words.mv(v2)}): right ventricular infarction "
            "is possible, record V4R.",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label("right ventricular myocardial infarction"),
            leads=("III", "V1", "V2"),
            numbers={"V1.st_j_mv": v1, "V2.st_j_mv": v2},
            rule=f"inferior ST elevation, V1 >= {case.limits.st_elevation_mv} mV and above V2",
            phrase="possible right ventricular infarction",
            reasoning="In right ventricular infarction nitrates and diuretics can bring the blood pressure down.",
            urgent=True,
        )
    ]


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
        "of left main or multivessel ischemia.",
        status="abnormal",
        certainty="probable",
        label=vocabulary.label("left main or multivessel ischemia"),
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
