"""Step 5: the corrected QT interval; U waves and electrolytes have a file of their own."""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import step5_electrolytes, words
from ecgr1_core.protocol.case import Case, wide_qrs_qt_factor
from ecgr1_core.protocol.findings import Certainty, Finding, Findings


def assess(case: Case, earlier: Findings) -> list[Finding]:
    """Return the findings of step 5; a wide QRS and the rhythm of the earlier steps change how QT is read."""
    qt = _qt(case, earlier)
    return [qt, *step5_electrolytes.assess(case, earlier, qt)]


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
        text += (
            f"; corrected for the wide QRS ({share} of it taken off QT) {words.ms(bazett)} and {words.ms(fridericia)}"
        )
    if earlier.has("rhythm.atrial_fibrillation"):
        text += " (mean RR, in atrial fibrillation)"
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
    clear = high + limits.qt_tolerance_ms
    certainty: Certainty = "definite" if all(over) and min(bazett, fridericia) >= clear and not wide else "probable"
    if not all(over) or max(bazett, fridericia) < clear:
        certainty = "possible"
    prefix = "" if certainty == "definite" else f"{certainty} "
    grave = min(bazett, fridericia) > limits.qtc_high_risk_ms
    note = f"; above {words.ms(limits.qtc_high_risk_ms)}, with a high risk of torsade de pointes" if grave else ""
    disagree = "" if all(over) else "; only one of the formulas exceeds it"
    by, value = ("Fridericia", fridericia) if over[1] else ("Bazett", bazett)
    return _finding(
        "qt.long",
        f"{text}, at or above {words.ms(low)}{who}{disagree}: {prefix}prolonged QT interval{note}",
        "prolonged QT interval",
        certainty,
        numbers,
        f"{prefix}prolonged QT interval (QTc {words.ms(value)} by {by})",
        urgent=grave,
        sure=all(over),
    )


def _limits_for(case: Case) -> tuple[float, float, str]:
    """Return the lower and the upper limit that may apply, and words on whose limit it is."""
    male, female = case.limits.qtc_male_ms, case.limits.qtc_female_ms
    if case.patient.sex == "M":
        return male, male, " for a man"
    if case.patient.sex == "F":
        return female, female, " for a woman"
    return male, female, f" (sex unknown: the limit for men, {words.ms(female)} for women)"


def _finding(
    id: str,
    text: str,
    name: str,
    certainty: Certainty,
    numbers: dict[str, float],
    phrase: str,
    *,
    urgent: bool = False,
    sure: bool = True,
) -> Finding:
    drugs = "Look for drugs that prolong QT and for low potassium, magnesium or calcium." if sure else ""
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
        reasoning=drugs
        if name.startswith("prolonged")
        else "A short QT interval fits hypercalcemia, digitalis or, rarely, a short QT syndrome.",
        basic=True,
        urgent=urgent,
    )
