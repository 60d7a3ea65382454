"""Step 5, U waves and the patterns of electrolyte disturbance: form of T, length of ST, U waves, QT.

An ECG measures no electrolyte: nothing here is ever more than possible.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Finding, Findings
from ecgr1_core.record import LIMB_LEADS, PRECORDIAL_LEADS

_U_LEADS = ("V2", "V3", "V4", "V5")


def assess(case: Case, earlier: Findings, qt: Finding) -> list[Finding]:
    """Return the findings on U waves and electrolytes; `qt` is the finding on QT of the same step."""
    u_waves = _u_waves(case)
    return [*u_waves, *_electrolytes(case, earlier, qt, u_waves)]


def _u_waves(case: Case) -> list[Finding]:
    """Return the finding on prominent U waves, none where no two of V2 to V5 have one."""
    if case.uncalibrated is not None:
        return []
    tall = {}
    for name in _U_LEADS:
        measured = case.lead(name)
        if measured is None or measured.u_amplitude_mv is None:
            continue
        u, t = measured.u_amplitude_mv, max(measured.t_amplitude_mv or 0.0, 0.0)
        if u >= case.limits.u_wave_mv and u >= case.limits.u_wave_to_t * t:
            tall[name] = u
    if len(tall) < 2:
        return []
    return [
        Finding(
            id="u_wave.prominent",
            step=5,
            statement=f"Prominent U waves: {words.lead_values(list(tall.items()))}, at least "
            f"{100 * case.limits.u_wave_to_t:.0f} % of T.",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label("prominent U waves"),
            leads=tuple(tall),
            numbers={f"{name}.u_amplitude_mv": u for name, u in tall.items()},
            rule=f"U >= {case.limits.u_wave_mv} mV and >= {case.limits.u_wave_to_t} T in two of V2-V5",
            phrase=f"prominent U waves in {words.leads(tall)}",
            reasoning="Prominent U waves fit low potassium, a slow rate and drugs; a next P or a second part of T "
            "can look like one.",
        )
    ]


def _electrolytes(case: Case, earlier: Findings, qt: Finding, u_waves: list[Finding]) -> list[Finding]:
    if case.uncalibrated is not None:
        statement = "Electrolyte patterns are not assessable: T amplitudes are not calibrated."
        return [
            Finding("electrolytes.unknown", 5, statement, "not_assessable", rule="T", phrase="electrolyte patterns")
        ]
    t = {lead: value for lead in (*LIMB_LEADS, *PRECORDIAL_LEADS) if (value := case.t_wave_mv(lead)) is not None}
    if not t:
        return [Finding("electrolytes.unknown", 5, "Electrolyte patterns are not assessable: T was not "
            "measured.", "not_assessable",
                        rule="T", phrase="electrolyte patterns")]  # fmt: skip
    found = [*_potassium_high(case, earlier, t), *_potassium_low(earlier, qt, u_waves), *_calcium(case, earlier, qt)]
    if found:
        return found
    parts = ["no T wave is tall enough to suggest hyperkalemia"]
    if not earlier.has("t_wave.low", "st_t.nonspecific") and qt.id == "qt.normal" and not u_waves:
        parts.append("neither T, U nor QTc suggests hypokalemia")
    if qt.id == "qt.normal":
        parts.append("QTc suggests no disturbance of calcium")
    return [
        Finding(
            "electrolytes.none", 5, f"{words.capital(words.join(parts))}; normal values are not proved by that.",
            "normal",
            numbers={"t_amplitude_max_mv": max(t.values())}, rule="T amplitude, QTc",
        )
    ]  # fmt: skip


def _potassium_high(case: Case, earlier: Findings, t: dict[str, float]) -> list[Finding]:
    """Tall T waves in two leads that are narrow and symmetric, or whose form was not measured."""
    limits, qrs = case.limits, case.measurements.qrs_duration_ms
    tall = [
        lead
        for lead, value in t.items()
        if value > (limits.tall_t_limb_mv if lead in LIMB_LEADS else limits.tall_t_precordial_mv)
    ]
    tented, known = [], []
    for lead in tall:
        measured = case.lead(lead)
        if measured is None or measured.t_half_width_ms is None or measured.t_symmetry is None:
            continue
        known.append(lead)
        even = 1.0 / limits.tented_t_symmetry <= measured.t_symmetry <= limits.tented_t_symmetry
        if measured.t_half_width_ms <= limits.tented_t_width_ms and even:
            tented.append(lead)
    if len(tall) < 2 or (len(known) > 1 and len(tented) < 2):
        return []
    wide = qrs is not None and qrs >= limits.qrs_wide_ms
    without_p = earlier.has(
        "rhythm.regular_without_p", "rhythm.junctional", "rhythm.ventricular_escape", at_least="possible"
    )
    more = words.join(["a wide QRS"] * wide + ["no P wave"] * without_p)
    form = f", narrow and symmetric in {words.leads(tented)}" if tented else ""
    return [
        Finding(
            id="electrolytes.hyperkalemia",
            step=5,
            statement=f"Tall T waves ({words.lead_values([(lead, t[lead]) for lead in tall])}){form}"
            f"{f' with {more}' if more else ''}: hyperkalemia is possible.",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label("hyperkalemia"),
            leads=tuple(tall),
            numbers={f"{lead}.t_amplitude_mv": t[lead] for lead in tall},
            rule=f"T > {limits.tall_t_limb_mv} mV (limb) or {limits.tall_t_precordial_mv} mV (precordial) in two "
            f"leads, at most {limits.tented_t_width_ms:.0f} ms wide at half its height and symmetric",
            phrase="tall T waves (hyperkalemia possible)",
            reasoning="Tall T waves ask for the potassium level; early repolarization and hyperacute "
            "ischemia are the alternatives.",
            urgent=bool(more),
        )
    ]


def _potassium_low(earlier: Findings, qt: Finding, u_waves: list[Finding]) -> list[Finding]:
    long_qt = qt.id == "qt.long"
    if not earlier.has("t_wave.low", "st_t.nonspecific") or not (long_qt or u_waves):
        return []
    signs = words.join(["a long QT"] * long_qt + ["prominent U waves"] * bool(u_waves))
    return [
        Finding(
            id="electrolytes.hypokalemia",
            step=5,
            statement=f"Low T waves with {signs}: hypokalemia is possible"
            f"{'' if u_waves else ', though no prominent U wave was found'}.",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label("hypokalemia"),
            rule="low T with long QTc or prominent U",
            phrase=f"low T waves with {signs} (hypokalemia possible)",
        )
    ]


def _calcium(case: Case, earlier: Findings, qt: Finding) -> list[Finding]:
    """Long QT by a long ST segment: low calcium; short QT by a short one: high calcium. Not with a wide QRS."""
    limits, st, qrs = case.limits, case.measurements.st_segment_ms, case.measurements.qrs_duration_ms
    if st is None or qrs is None or qrs >= limits.qrs_wide_ms or earlier.has("st_elevation.present"):
        return []
    numbers = {"st_segment_ms": st} | dict(qt.numbers)
    if qt.id == "qt.long" and st >= limits.st_long_ms:
        name, seen, why = "hypocalcemia", f"QT is long by its ST segment ({words.ms(st)})", "long"
    elif qt.id == "qt.short" and st <= limits.st_short_ms:
        name, seen, why = "hypercalcemia", f"QT is short by its ST segment ({words.ms(st)})", "short"
    else:
        return []
    limit = f">= {limits.st_long_ms:.0f}" if why == "long" else f"<= {limits.st_short_ms:.0f}"
    return [
        Finding(
            id=f"electrolytes.{name}",
            step=5,
            statement=f"{seen}: {name} is possible.",
            status="abnormal",
            certainty="possible",
            label=vocabulary.label(name),
            numbers=numbers,
            rule=f"{why} QTc with an ST segment {limit} ms",
            phrase=f"{why} ST segment ({name} possible)",
        )
    ]
