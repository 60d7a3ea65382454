"""Step 4, Q waves: pathological width with depth, QS complexes, the wall they name.

The age of an infarction is not in one recording; ST elevation in the same leads makes it recent.
"""

from __future__ import annotations

import dataclasses

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case, Complex
from ecgr1_core.protocol.findings import Certainty, Finding, Findings
from ecgr1_core.protocol.territories import ANTERIOR, INFERIOR, LATERAL, SEPTAL, contiguous, territory

_LEADS = ("I", "II", "III", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def assess(case: Case, earlier: Findings) -> list[Finding]:
    """Return the findings on Q waves; hypertrophy, fascicular block and ST elevation found before decide how sure."""
    limits, seen = case.limits, case.complexes(_LEADS)
    if not seen:
        return [
            Finding(
                "q_wave.unknown",
                4,
                "Q waves are not measurable.",
                "not_assessable",
                rule="Q",
                phrase="Q waves",
                basic=True,
            )
        ]
    marked = {lead: qrs for lead, qrs in seen.items() if _pathological(case, lead, qrs)}
    v3 = seen.get("V3")
    low_r = v3 is not None and v3.height <= limits.poor_progression_r_v3_mv
    variant: list[str] = []
    if set(marked) & set(ANTERIOR) <= {"V1", "V2"} and not low_r:
        # With a good R in V3, QS in V1 and V2 is a normal variant and a matter of electrode height.
        variant = [lead for lead in marked if lead in ("V1", "V2")]
        marked = {lead: qrs for lead, qrs in marked.items() if lead not in variant}
    found = [
        _infarction(case, earlier, wall, {lead: marked[lead] for lead in leads})
        for wall in (INFERIOR, ANTERIOR + LATERAL)
        if (leads := contiguous([lead for lead in marked if lead in wall]))
    ]
    if found:
        return _joined(case, found)
    walls = [
        f"{name} ({', '.join(there)})"
        for name, group in (("inferior", INFERIOR), ("anterior", ANTERIOR), ("lateral", LATERAL))
        if (there := [lead for lead in group if lead in seen and lead not in variant])
    ]
    depth = f"{words.ms(limits.q_duration_ms)} and {words.mv(limits.q_depth_mv)}"
    size = f"pathological is at least {depth}, and a quarter of R or {words.ms(limits.q_wide_ms)}"
    note = f" Q or QS in {words.leads(variant)} with a good R in V3 is taken for a normal variant." if variant else ""
    return [
        Finding(
            id="q_wave.none",
            step=4,
            statement=f"No pathological Q waves in two contiguous {words.join(walls, 'or')} leads: no sign of old "
            f"infarction; {size}.{note}",
            status="normal",
            leads=tuple(seen),
            numbers={f"{lead}.q_duration_ms": qrs.q_ms for lead, qrs in seen.items() if qrs.q_ms is not None},
            rule="Q in two contiguous leads",
            basic=True,
        )
    ]


def _joined(case: Case, found: list[Finding]) -> list[Finding]:
    """Name inferior Q waves with lateral ones, V4 at most beside them, as one inferolateral infarction."""
    if len(found) < 2 or not set(found[1].leads) <= {*LATERAL, "V4"}:
        return found
    certainty: Certainty = "definite" if any(f.certainty == "definite" for f in found) else "probable"
    if all(f.certainty == "possible" for f in found):
        certainty = "possible"
    name, prefix = "inferolateral myocardial infarction", "" if certainty == "definite" else f"{certainty} "
    first, other = (f.statement.split(": ", 1)[1].rsplit(": ", 1)[0] for f in found)
    recent = any("(recent)" in f.phrase for f in found)
    age = "with ST elevation in the same leads, acute or recent" if recent else "of undetermined age"
    return [
        dataclasses.replace(
            found[0],
            id="q_wave.inferolateral",
            statement=f"Pathological Q waves: {first}, {other}: {prefix}{name} {age}.",
            certainty=certainty,
            label=vocabulary.label(name),
            leads=(*found[0].leads, *found[1].leads),
            numbers={**found[0].numbers, **found[1].numbers},
            phrase=f"{prefix}{name} ({'recent' if recent else 'age undetermined'})",
        )
    ]


def _pathological(case: Case, lead: str, qrs: Complex) -> bool:
    """A QS; in V2 and V3 a Q of 20 ms; elsewhere one of 30 ms and 0.1 mV that is also wide (40 ms) or a quarter of R.

    Fourth universal definition of myocardial infarction (2018) with the share of R of the protocol, which keeps septal
    q waves beside a tall R apart.
    """
    limits = case.limits
    if qrs.is_qs:
        return qrs.depth >= limits.q_depth_mv
    if qrs.q < limits.q_depth_mv or qrs.q_ms is None:
        return False
    if lead in ("V2", "V3"):
        return qrs.q_ms >= limits.q_duration_v2v3_ms
    large = qrs.q >= limits.q_to_r * qrs.height or qrs.q_ms >= limits.q_wide_ms
    return qrs.q_ms >= limits.q_duration_ms and large


def _infarction(case: Case, earlier: Findings, group: tuple[str, ...], marked: dict[str, Complex]) -> Finding:
    wall = territory(list(marked)) or ("inferior" if group == INFERIOR else "anterior")
    name = f"{wall} myocardial infarction"
    certainty: Certainty = "definite" if len(marked) > 2 else "probable"
    doubt = ""
    if set(marked) <= set(SEPTAL) and earlier.has("lvh.voltage", "lvh.strain"):
        certainty, doubt = "possible", "; left ventricular hypertrophy can cause the same"
    elif (
        wall == "inferior"
        and set(marked) == {"III", "aVF"}
        and not all(q.q >= case.limits.q_to_r * q.height for q in marked.values())
    ):
        certainty, doubt = "possible", "; II is free of Q and the Q waves are small against R"
    raised = [f for f in earlier.topic("st_elevation") if f.status == "abnormal" and set(f.leads) & set(marked)]
    age = "with ST elevation in the same leads, acute or recent" if raised else "of undetermined age"
    seen = ", ".join(
        f"{lead} QS {words.mv(qrs.depth)}" if qrs.is_qs else f"{lead} {words.ms(qrs.q_ms or 0.0)} and {words.mv(qrs.q)}"
        for lead, qrs in marked.items()
    )
    prefix = "" if certainty == "definite" else f"{certainty} "
    return Finding(
        id=f"q_wave.{'inferior' if group == INFERIOR else 'anterolateral'}",
        step=4,
        statement=f"Pathological Q waves: {seen}: {prefix}{name} {age}{doubt}.",
        status="abnormal",
        certainty=certainty,
        label=vocabulary.label(name),
        leads=tuple(marked),
        numbers={f"{lead}.q_amplitude_mv": -qrs.q for lead, qrs in marked.items()}
        | {f"{lead}.q_duration_ms": qrs.q_ms for lead, qrs in marked.items() if qrs.q_ms is not None},
        rule=f"Q >= {case.limits.q_duration_ms:.0f} ms and {case.limits.q_depth_mv} mV, or QS, in two contiguous leads",
        phrase=f"{prefix}{name} {'(recent)' if raised else '(age undetermined)'}",
        reasoning="Q waves do not date an infarction; an earlier recording, symptoms and troponin do.",
        basic=True,
    )
