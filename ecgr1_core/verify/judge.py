"""From mentions to claims: which judge decides a kind of claim, and what negation and doubt make of its verdict.

A denied finding is supported where the finding is absent. Within the grey zone ("near") neither wording is
contradicted. A hedged claim is judged with a grey zone half as wide again, so only a clear measurement contradicts it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ecgr1_core.protocol.territories import ANTERIOR, INFERIOR, LATERAL, SEPTAL
from ecgr1_core.verify import judge_beats as beats
from ecgr1_core.verify import judge_conduction as conduction
from ecgr1_core.verify import judge_numbers as amounts
from ecgr1_core.verify import judge_patterns as patterns
from ecgr1_core.verify import judge_qrs as qrs
from ecgr1_core.verify import judge_rhythm as rhythm
from ecgr1_core.verify import judge_waves as waves
from ecgr1_core.verify.judge_overall import intervals_normal, sinus_with_rate, whole
from ecgr1_core.verify.tolerances import Category
from ecgr1_core.verify.trace import Trace, Truth, all_of, in_arc, number
from ecgr1_core.verify.types import Mention, Status, Verdict

Judge = Callable[[Trace, Mention], Verdict]

_JUDGES: dict[str, Judge] = {
    "rhythm.sinus": rhythm.sinus,
    "rhythm.sinus_bradycardia": sinus_with_rate("rate.slow"),
    "rhythm.sinus_tachycardia": sinus_with_rate("rate.fast"),
    "rhythm.sinus_arrhythmia": rhythm.sinus_arrhythmia,
    "rhythm.fibrillation": rhythm.fibrillation,
    "rhythm.flutter": rhythm.flutter,
    "rhythm.supraventricular_tachycardia": rhythm.supraventricular_tachycardia,
    "rhythm.supraventricular_arrhythmia": patterns.open_question("which arrhythmia is meant is not said"),
    "rhythm.wide_tachycardia": rhythm.wide_tachycardia,
    "rhythm.junctional": rhythm.junctional,
    "rhythm.ectopic_atrial": rhythm.ectopic_atrial,
    "rhythm.without_p": rhythm.without_p,
    "rhythm.paced": rhythm.paced,
    "regularity.regular": rhythm.regular,
    "regularity.irregular": rhythm.irregular,
    "regularity.irregularly_irregular": rhythm.irregularly_irregular,
    "p_wave.precedes": rhythm.p_present,
    "p_wave.present": rhythm.p_present,
    "p_wave.upright": rhythm.p_upright,
    "p_wave.inverted": rhythm.p_inverted,
    "p_wave.tall": rhythm.p_tall,
    "p_wave.normal": rhythm.p_normal,
    "av_block.second": rhythm.higher_block,
    "av_block.third": rhythm.higher_block,
    "av_block.any": rhythm.any_block,
    "preexcitation": conduction.preexcitation,
    "qrs.rbbb": conduction.rbbb,
    "qrs.lbbb": conduction.lbbb,
    "qrs.irbbb": conduction.irbbb,
    "qrs.ilbbb": conduction.ilbbb,
    "qrs.bbb": conduction.any_bundle_block,
    "qrs.ivcd": conduction.ivcd,
    "qrs.abnormal": conduction.abnormal_qrs,
    "qrs.upright": qrs.qrs_sign,
    "qrs.negative": qrs.qrs_negative,
    "fascicle.lafb": conduction.lafb,
    "fascicle.lpfb": conduction.lpfb,
    "fascicle.any": conduction.any_fascicular,
    "fascicle.bifascicular": conduction.bifascicular,
    "fascicle.trifascicular": conduction.trifascicular,
    "axis.any": conduction.any_axis,
    "atrial.left": patterns.left_atrial,
    "atrial.right": patterns.right_atrial,
    "atrial.any": patterns.any_atrial,
    "hypertrophy.lvh": patterns.lvh,
    "hypertrophy.lvh_voltage": patterns.lvh_voltage,
    "hypertrophy.sokolow": patterns.sokolow,
    "hypertrophy.cornell": patterns.cornell,
    "hypertrophy.strain": patterns.strain,
    "hypertrophy.rvh": patterns.rvh,
    "hypertrophy.any": patterns.any_hypertrophy,
    "hypertrophy.septal": patterns.open_question("septal hypertrophy has no sign that is measured"),
    "voltage.low": qrs.low_voltage,
    "voltage.normal": qrs.normal_voltage,
    "voltage.high": patterns.high_voltage,
    "progression.poor": qrs.poor_progression,
    "progression.normal": qrs.normal_progression,
    "progression.late": qrs.late_transition,
    "progression.early": qrs.early_transition,
    "progression.usual_transition": qrs.usual_transition,
    "transition": qrs.transition,
    "r_wave.dominant_v1": qrs.dominant_r_v1,
    "r_wave.dominant": qrs.dominant("r"),
    "s_wave.dominant": qrs.dominant("s"),
    "q_wave.present": qrs.q_present,
    "q_wave.pathological": qrs.q_pathological,
    "q_wave.septal": qrs.q_present,
    "st.elevation": waves.st_elevation,
    "st.depression": waves.st_depression,
    "st.isoelectric": waves.st_isoelectric,
    "st.deviation": waves.st_deviation,
    "st.concordant": patterns.open_question("whether ST goes with or against the QRS is not judged"),
    "st.normal": waves.st_isoelectric,
    "st_t.change": patterns.st_t_change,
    "t_wave.inverted": waves.t_inverted,
    "t_wave.upright": waves.t_upright,
    "t_wave.flat": waves.t_flat,
    "t_wave.tall": waves.t_tall,
    "t_wave.normal": waves.t_normal,
    "t_wave.abnormal": waves.t_abnormal,
    "t_wave.biphasic": patterns.open_question("the two parts of a T wave are not judged"),
    "t_wave.wellens": patterns.wellens,
    "u_wave.present": waves.u_present,
    "u_wave.prominent": waves.u_present,
    "qt.long": patterns.qt("long"),
    "qt.short": patterns.qt("short"),
    "qt.normal": patterns.qt("normal"),
    "qt.borderline": patterns.qt("borderline"),
    "ischemia.any": patterns.ischaemia,
    "mi.stemi": patterns.stemi,
    "mi.acute": patterns.infarction(acute=True),
    "mi.any": patterns.infarction(),
    "mi.q_wave": patterns.q_wave_infarction,
    "rhythm.undetermined": patterns.open_question("it names no rhythm"),
    "mi.inferior": patterns.infarction(*INFERIOR),
    "mi.anterior": patterns.infarction(*ANTERIOR),
    "mi.anteroseptal": patterns.infarction(*SEPTAL, "V4"),
    "mi.anterolateral": patterns.infarction("I", "aVL", "V3", "V4", "V5", "V6"),
    "mi.lateral": patterns.infarction(*LATERAL),
    "mi.inferolateral": patterns.infarction(*INFERIOR, "V5", "V6"),
    "mi.inferoposterior": patterns.inferoposterior,
    "mi.posterior": patterns.posterior_infarction,
    "mi.right_ventricular": patterns.needs_elevation,
    "pericarditis": patterns.needs_elevation,
    "early_repolarization": patterns.needs_elevation,
    "aneurysm": patterns.needs_elevation,
    "digitalis": patterns.open_question("digitalis is not measured"),
    "electrolytes.hyperkalemia": patterns.hyperkalaemia,
    "electrolytes.hypokalemia": patterns.open_question("potassium is not measured"),
    "electrolytes.calcium": patterns.open_question("calcium is not measured"),
    "electrolytes.any": patterns.open_question("electrolytes are not measured"),
    "ectopy.ventricular": beats.ventricular_ectopy,
    "ectopy.supraventricular": beats.supraventricular_ectopy,
    "ectopy.any": beats.any_ectopy,
    "ectopy.bigeminy": beats.grouped_ectopy,
    "ectopy.trigeminy": beats.grouped_ectopy,
    "ectopy.couplet": beats.grouped_ectopy,
    "rhythm.ventricular_escape": patterns.open_question("the origin of single beats is not measured"),
    "pause": beats.pause,
    "quality.good": beats.quality_good,
    "quality.poor": beats.quality_poor,
    "quality.noise": beats.noise,
    "quality.wander": beats.wander,
    "quality.missing": beats.missing,
    "quality.stable": beats.stable_baseline,
    "quality.reversal": patterns.reversal,
    "overall.normal": whole(normal=True),
    "overall.abnormal": whole(normal=False),
    "intervals.normal": intervals_normal,
    "pr.depression": patterns.open_question("PR depression is not judged"),
    "st_t.normal": waves.st_isoelectric,
}


@dataclass(frozen=True)
class Judged:
    """The status of a mention with its verdict and one sentence for people."""

    status: Status
    verdict: Verdict
    why: str


def judge(trace: Trace, mention: Mention) -> Judged:
    """Return what the trace says of a mention; KeyError for an unknown kind. `trace.zone` is that of its hedging.

    Of a value with limits, the first that is contradicted decides, the value before its limits; else the value does.
    """
    own = _judge_one(trace, replace(mention, limits=()))
    if own.status == "contradicted":
        return own
    for kind, amount in mention.limits:
        limit = _judge_one(trace, replace(mention, kind=kind, amount=amount, limits=()))
        if limit.status == "contradicted":
            return replace(limit, why=f"{limit.why}, not {amounts.said(amount)}")
    return own


def _judge_one(trace: Trace, mention: Mention) -> Judged:
    verdict = verdict_of(trace, mention)
    status: Status
    if verdict.truth == "unknown":
        status = "not_measurable"
    elif verdict.truth == "near":
        status = "supported"
    else:
        status = "supported" if (verdict.truth == "yes") != mention.negated else "contradicted"
    note = " (borderline, neither wording is contradicted)" if verdict.truth == "near" else ""
    return Judged(status, verdict, f"{verdict.why.rstrip('.')}{note}")


def verdict_of(trace: Trace, mention: Mention) -> Verdict:
    """Return the verdict on the claim as if it were not denied."""
    if mention.amount is not None:
        return amounts.judge(trace, mention)
    if mention.kind.startswith("shape."):
        return qrs.shape(trace, mention)
    category = trace.tolerances.category.get(mention.kind)
    return _category(trace, category) if category is not None else _JUDGES[mention.kind](trace, mention)


def can_judge(kind: str, categories: frozenset[str]) -> bool:
    """Whether there is a judge for a kind of claim; `categories` are those of the tolerance table."""
    return kind in _JUDGES or kind in amounts.KINDS or kind in categories


def _category(trace: Trace, category: Category) -> Verdict:
    """Judge a wording that means that one measurement lies between two limits."""
    name = category.measurement
    value = getattr(trace.m, name)
    if name.endswith("axis_deg") and trace.case.uncalibrated is not None:
        return trace.unknown(f"amplitudes are not calibrated: {trace.case.uncalibrated}")
    if value is None:
        return trace.unknown(f"it is not measurable: {trace.reason(name)}")
    above, below = _limit(trace, category.above), _limit(trace, category.below)
    error = trace.error(category.error)
    if name.endswith("axis_deg") and above is not None and below is not None:
        inside = in_arc(value, above, below)
        truth: Truth = "near" if abs(inside) <= error else "yes" if inside > 0 else "no"
        meaning = f"{number(above, name)} to {number(below, name)}"
    else:
        sides = [trace.over(value, above, error)] if above is not None else []
        sides += [trace.under(value, below, error)] if below is not None else []
        truth = all_of(sides)
        parts = [f"from {number(above, name)}"] if above is not None else []
        parts += [f"{'to' if above is not None else 'below'} {number(below, name)}"] if below is not None else []
        meaning = " ".join(parts)
    return Verdict(truth, f"measured {number(value, name)}; {category.words} means {meaning}", {name: value}, meaning)


def _limit(trace: Trace, limit: str | float | None) -> float | None:
    return float(getattr(trace.limits, limit)) if isinstance(limit, str) else limit
