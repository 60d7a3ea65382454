"""Step 5: the corrected QT interval, and what T waves, U waves and QT say of electrolytes.

The width of T and the length of the ST segment are not judged; what would need them is not assessable.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case, wide_qrs_qt_factor
from ecgr1_core.protocol.findings import Certainty, Finding, Findings
from ecgr1_core.record import LIMB_LEADS, PRECORDIAL_LEADS

_U_LEADS = ("V2", "V3", "V4", "V5")


def assess(case: Case, earlier: Findings) -> list[Finding]:
    """Return the findings of step 5; a wide QRS and the rhythm of the earlier steps change how QT is read."""
    qt = _qt(case, earlier)
    u_waves = _u_waves(case)
    return [qt, *u_waves, *_electrolytes(case, earlier, qt, bool(u_waves))]


def _qt(case: Case, earlier: Findings) -> Finding:
    m, limits = case.measurements, case.limits
    if m.qt_interval_ms is None or m.qtc_bazett_ms is None or m.qtc_fridericia_ms is None or m.heart_rate_bpm is None:
        return Finding(
            "qt.unknown", 5, "QT is not measurable: "
            f"{case.reason('qt_interval_ms')}.", "not_assessable", rule="QTc", phrase="QTc",
            basic=True,
        )  # fmt: skip
    bazett, fridericia = m.qtc_bazett_ms, m.qtc_fridericia_ms
    numbers = {"qt_interval_ms": m.qt_interval_ms, "qtc_bazett_ms": bazett, "qtc_fridericia_ms": fridericia}
    text = f"QT {words.ms(m.qt_interval_ms)}, QTc {words.ms(bazett)} (Bazett) and {words.ms(fridericia)} (Fridericia)"
    factor = wide_qrs_qt_factor(m, limits)
    wide = m.qrs_duration_ms is not None and m.qrs_duration_ms >= limits.qrs_wide_ms
    if wide:
        bazett, fridericia = float(round(bazett * factor)), float(round(fridericia * factor))
        numbers |= {"qtc_bazett_qrs_corrected_ms": bazett, "qtc_fridericia_qrs_corrected_ms": fridericia}
        share = f"{100 * limits.wide_qrs_qt_share:.1f} %"
        text += f"; with {share} of the wide QRS taken off QT {words.ms(bazett)} and {words.ms(fridericia)}"
    if earlier.has("rhythm.atrial_fibrillation"):
        text += "; in atrial fibrillation the mean RR is used"
    low, high, who = _limits_for(case)
    misled = m.heart_rate_bpm > limits.bazett_rate_high_bpm or m.heart_rate_bpm < limits.bazett_rate_low_bpm
    if min(bazett, fridericia) <= limits.qtc_short_ms and max(bazett, fridericia) <= limits.qtc_male_ms and not wide:
        judged = [fridericia] if misled else [bazett, fridericia]
        if max(judged) <= limits.qtc_short_ms:
            return _finding("qt.short", f"{text}, up to {words.ms(limits.qtc_short_ms)}: short QT "
                "interval", "short QT interval",
                            "definite", numbers, f"short QT interval (QTc {words.ms(fridericia)})")  # fmt: skip
    over = [value >= low for value in (bazett, fridericia)]
    if not any(over) or (misled and not over[1]):
        by = " by Fridericia" if any(over) else ""
        more = f" (Bazett's formula misleads at {words.bpm(m.heart_rate_bpm)})" if any(over) else ""
        borderline = fridericia > limits.qtc_normal_ms or (not misled and bazett > limits.qtc_normal_ms)
        verdict = f"above {words.ms(limits.qtc_normal_ms)} but" if borderline else ""
        statement = f"{text}, {verdict}{by} below {words.ms(low)}{who}{more}: QT not prolonged.".replace(",  ", ", ")
        return Finding("qt.normal", 5, statement, "normal", numbers=numbers, rule=f"QTc < {low:.0f} ms", basic=True)
    certainty: Certainty = "definite" if all(over) and min(bazett, fridericia) >= high and not wide else "probable"
    if not all(over) or (low != high and max(bazett, fridericia) < high):
        certainty = "possible"
    prefix = "" if certainty == "definite" else f"{certainty} "
    grave = min(bazett, fridericia) > limits.qtc_high_risk_ms
    note = f"; above {words.ms(limits.qtc_high_risk_ms)}, with a high risk of torsade de pointes" if grave else ""
    disagree = "" if all(over) else "; only one of the formulas exceeds it"
    return _finding("qt.long", f"{text}, at or above {words.ms(low)}{who}{disagree}: {prefix}prolonged "
        f"QT interval{note}",
                    "prolonged QT interval", certainty, numbers, f"{prefix}prolonged QT interval (QTc "
                    f"{words.ms(fridericia)})",
                    urgent=grave)  # fmt: skip


def _limits_for(case: Case) -> tuple[float, float, str]:
    """Return the lower and the upper limit that may apply, and words on whose limit it is."""
    male, female = case.limits.qtc_male_ms, case.limits.qtc_female_ms
    if case.patient.sex == "M":
        return male, male, " for a man"
    if case.patient.sex == "F":
        return female, female, " for a woman"
    return male, female, f" (sex unknown: the limit for men, {words.ms(female)} for women)"


def _finding(
    id: str, text: str, name: str, certainty: Certainty, numbers: dict[str, float], phrase: str, *, urgent: bool = False
) -> Finding:
    return Finding(
        id=id,
        step=5,
        statement=f"{text}.",
        status="abnormal",
        certainty=certainty,
        label=vocabulary.label(name),
        numbers=numbers,
        rule="QTc by Bazett and Fridericia",
        phrase=phrase,
        reasoning="Look for drugs that prolong QT and for low potassium, magnesium or calcium."
        if name.startswith("prolonged")
        else "A short QT interval fits hypercalcemia, digitalis or, rarely, a short QT syndrome.",
        basic=True,
        urgent=urgent,
    )


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
            leads=tuple(tall),
            numbers={f"{name}.u_amplitude_mv": u for name, u in tall.items()},
            rule=f"U >= {case.limits.u_wave_mv} mV and >= {case.limits.u_wave_to_t} T in two of V2-V5",
            phrase=f"prominent U waves in {words.leads(tall)}",
            reasoning="Prominent U waves fit low potassium, a slow rate and drugs; a next P or a second part of T "
            "can look like one.",
        )
    ]


def _electrolytes(case: Case, earlier: Findings, qt: Finding, u_waves: bool) -> list[Finding]:
    if case.uncalibrated is not None:
        statement = "Electrolyte patterns are not assessable: T amplitudes are not calibrated."
        return [
            Finding("electrolytes.unknown", 5, statement, "not_assessable", rule="T", phrase="electrolyte patterns")
        ]
    limits = case.limits
    t = {lead: value for lead in (*LIMB_LEADS, *PRECORDIAL_LEADS) if (value := case.t_wave_mv(lead)) is not None}
    if not t:
        return [Finding("electrolytes.unknown", 5, "Electrolyte patterns are not assessable: T was not "
            "measured.", "not_assessable",
                        rule="T", phrase="electrolyte patterns")]  # fmt: skip
    tall = [
        lead
        for lead, value in t.items()
        if value > (limits.tall_t_limb_mv if lead in LIMB_LEADS else limits.tall_t_precordial_mv)
    ]
    found = []
    if len(tall) > 1:
        qrs = case.measurements.qrs_duration_ms
        wide = qrs is not None and qrs >= limits.qrs_wide_ms
        found.append(
            Finding(
                id="electrolytes.hyperkalemia",
                step=5,
                statement=f"Tall T waves ({words.lead_values([(lead, t[lead]) for lead in tall])})"
                f"{' with a wide QRS' if wide else ''}: hyperkalemia is possible; whether T is narrow and "
                "tented is not measured.",
                status="abnormal",
                certainty="possible",
                label=vocabulary.label("hyperkalemia"),
                leads=tuple(tall),
                numbers={f"{lead}.t_amplitude_mv": t[lead] for lead in tall},
                rule=f"T > {limits.tall_t_limb_mv} mV (limb) or {limits.tall_t_precordial_mv} mV (precordial) "
                "in two leads",
                phrase="tall T waves (hyperkalemia possible)",
                reasoning="Tall T waves ask for the potassium level; early repolarization and hyperacute "
                "ischemia are the alternatives.",
            )
        )
    long_qt = qt.id == "qt.long"
    if earlier.has("t_wave.low") and (long_qt or u_waves):
        signs = words.join(["a long QT"] * long_qt + ["prominent U waves"] * u_waves)
        found.append(
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
        )
    if found:
        return found
    parts = ["no T wave is tall enough to suggest hyperkalemia"]
    if not earlier.has("t_wave.low") and qt.id == "qt.normal" and not u_waves:
        parts.append("neither T, U nor QTc suggests hypokalemia")
    statement = (
        f"{words.capital(words.join(parts))}; a low potassium is not excluded by that, nor a low "
        "calcium, since the length of the ST segment is not measured."
    )
    return [
        Finding(
            "electrolytes.none", 5, statement, "normal",
            numbers={"t_amplitude_max_mv": max(t.values())}, rule="T amplitude, QTc",
        )
    ]  # fmt: skip
