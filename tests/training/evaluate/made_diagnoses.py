"""Chains over the 17 diagnoses of ECG-Reasoning-Benchmark, worded here, on synthetic ECGs.

Every answer comes from the truth of the generator and never from our measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from made_chain import Chain, question, told

LATERAL, INFERIOR, ANTERIOR = ("I", "aVL", "V5", "V6"), ("II", "III", "aVF"), ("V1", "V2", "V3", "V4")
Build = Callable[[Chain], None]


def first_degree(chain: Chain) -> None:
    chain.round(
        "Evidence of 1:1 atrioventricular conduction",
        ["Complete dissociation of P waves and QRS complexes", "Absence of P waves"],
        "Is every P wave followed by a QRS complex?",
        True,
    )
    pr = chain.truth.pr_interval_ms or 0.0
    chain.round(
        "Prolongation of the PR interval",
        ["Progressive prolongation of the PR interval", "Shortened PR intervals"],
        "Is the PR interval prolonged, that is, greater than 200 milliseconds?",
        pr > 200,
        [
            chain.wave("Which segment holds a P wave before such a PR interval?", chain.p, chain.t),
            chain.range("In which range is the PR interval of that segment?", pr, [140, 170, 200, 230, 270], "ms"),
        ],
        decision=pr > 200,
    )


def second_degree(chain: Chain) -> None:
    blocked = [(p.onset_s, p.offset_s) for p in chain.truth.p_waves if not p.conducted]
    onsets = [b.qrs_onset_s for b in chain.truth.beats]
    pauses = [n for n, (a, b) in enumerate(pairwise(onsets)) if any(a < p[0] < b for p in blocked)]
    criterion, decoys = "Occurrence of dropped beats", ["Completely irregular rhythm", "Consistently regular RR"]
    finding = "Could there be dropped beats, an RR interval being significantly longer than those before?"
    if not pauses:
        chain.round(criterion, decoys, finding, False, decision=False)
        return
    at = next(one for one in pauses if one)  # a pause before which there is another interval
    options = [
        f"[{n + 1}th QRS wave - {n + 2}th QRS wave]" for n in range(len(onsets) - 1) if n == at or n not in pauses
    ]
    first = told((chain.truth.beats[0].qrs_onset_s, chain.truth.beats[0].qrs_offset_s))
    ask = f"Which interval between QRS waves is this significantly longer one? The 1st QRS wave is at {first}."
    chain.round(
        criterion,
        decoys,
        finding,
        True,
        [question("wave_grounding", ask, options, f"[{at + 1}th QRS wave - {at + 2}th QRS wave]")],
    )
    inside = [p for p in blocked if onsets[at] < p[0] < onsets[at + 1]]
    chain.round(
        "A non-conducted P wave within the pause",
        ["Fibrillatory waves in place of P waves", "An early P wave of another form"],
        "Is a non-conducted P wave, not one of a premature beat, visible within this interval?",
        True,
        [chain.wave("In which segment is the non-conducted P wave?", inside, chain.t)],
        decision=True,
    )


def third_degree(chain: Chain) -> None:
    rate = chain.truth.heart_rate_bpm or 0.0
    chain.round(
        "Presence of bradycardia (slow ventricular rate)",
        ["Tachycardia-bradycardia syndrome", "Normal resting heart rate"],
        "Is the heart rate slow, that is, less than 70 bpm?",
        rate < 70,
        [chain.range("In which range is the heart rate?", rate, [30, 45, 60, 70, 90, 110], " bpm")],
        decision=None if rate < 70 else False,
    )
    if rate >= 70:
        return
    irregular = ["Irregularly irregular RR intervals", "Phasic variation in RR intervals"]
    chain.round("Regularity of the RR intervals", irregular, "Is the ventricular rhythm regular?", True)
    ask = "Are there fibrillatory waves instead of P waves, as in atrial fibrillation?"
    chain.round("Presence of atrial fibrillation", ["Right atrial enlargement", "Sinus arrhythmia"], ask, False)
    atrial = 60 / float(np.median(np.diff([p.onset_s for p in chain.truth.p_waves])))
    apart = not any(p.conducted for p in chain.truth.p_waves)
    rate_question = chain.range("In which range is the atrial rate?", atrial, [55, 70, 100, 115], " bpm")
    chain.round(
        "Presence of AV dissociation",
        ["Retrograde P wave conduction", "Fixed PR interval with intermittent conduction failure"],
        "Is the atrial rhythm independent of the ventricular rhythm?",
        apart,
        [rate_question] if apart else [],
        decision=apart,
    )


def bundle_branch(chain: Chain) -> None:
    qrs = chain.truth.qrs_duration_ms or 0.0
    chain.round(
        "Prolongation of the QRS duration",
        ["Variable QRS duration", "Prolongation of the QT interval"],
        "Is the QRS duration prolonged, that is, greater than 120 ms?",
        qrs > 120,
        [
            chain.wave("Which segment holds a QRS wave of this duration?", chain.qrs, chain.t),
            chain.range("In which range is the QRS duration of that segment?", qrs, [80, 100, 120, 160], "ms"),
        ],
        decision=None if qrs > 120 else False,
    )


def left_bundle(chain: Chain) -> None:
    bundle_branch(chain)
    if chain.present is False:
        return
    chain.round(
        "Presence of a dominant S wave in leads V1 and V2",
        ["Presence of a dominant R wave in leads V1 and V2", "An RSR' pattern in leads V1 and V2"],
        "Do leads V1 and V2 show dominant S waves, the QRS being more negative than positive?",
        True,
        [chain.wave("In which segment is the QRS complex with the dominant S wave?", chain.qrs, chain.t)],
    )
    chain.present = True  # the chain is cut here: the generator's truth tells no notches


def right_bundle(chain: Chain) -> None:
    bundle_branch(chain)
    if chain.present is False:
        return
    primed = [lead for lead in ("V1", "V2") if chain.truth.leads[lead].r_prime_amplitude_mv]
    chain.round(
        "Presence of an RSR' pattern in leads V1 and V2",
        ["Pathological Q waves in leads V1 and V2", "A delta wave in precordial leads"],
        "Does lead V1 or V2 show an RSR' pattern, a second positive deflection (r' or R') after the first?",
        True,
        [chain.leads("Which leads show the RSR' pattern?", primed, ["aVF", "V5"])],
    )
    slurred = [lead for lead in LATERAL if (chain.truth.leads[lead].s_duration_ms or 0.0) > 40]
    chain.round(
        "Presence of a slurred S wave in lateral leads",
        ["Presence of a broad monophasic R wave in lateral leads", "Absence of S waves in leads I and V6"],
        "Are there slurred S waves in at least two of the lateral leads, including leads I, aVL, V5, and V6? Note that "
        "they are S waves with a duration greater than 40 milliseconds.",
        len(slurred) >= 2,
        [chain.leads("Which leads show the slurred S waves?", slurred, ["V3"])],
        decision=True,
    )


def fascicle(left: bool) -> Build:
    def build(chain: Chain) -> None:
        chain.round(
            "Presence of left bundle branch block",
            ["First degree AV block", "Right bundle branch block"],
            "Is left bundle branch block present, complete or incomplete?",
            False,
        )
        axis, side = chain.truth.qrs_axis_deg or 0.0, "left" if left else "right"
        low, high = (-90, -30) if left else (90, 180)
        found = low < axis < high
        chain.round(
            f"Presence of {side} axis deviation",
            ["Extreme axis deviation", "A normal QRS axis"],
            f"Is there {side} axis deviation, with the QRS axis between {low} and {high:+d} degrees?",
            found,
            [
                chain.wave("Which segment holds a QRS wave for calculating the axis?", chain.qrs, chain.t),
                chain.range("In which range is the QRS axis?", axis, [-90, -60, -30, 0, 90, 120], " degrees"),
            ],
            decision=None if found else False,
        )
        if not found:
            return
        qr = [lead for lead in ("I", "aVL") if (chain.truth.leads[lead].morphology or "").startswith("qR")]
        chain.round(
            "Presence of a qR pattern in leads I and aVL",
            ["Presence of an rS pattern in leads I and aVL", "Pathological Q waves in leads I and aVL"],
            "Does any of leads I and aVL show a qR pattern?",
            True,
            [chain.leads("Which leads show the qR pattern?", qr, ["V2", "V3"])],
        )
        chain.round(
            "Presence of an rS pattern in leads II, III, and aVF",
            ["Presence of a qR pattern in leads II, III, and aVF", "QS complexes in leads II, III, and aVF"],
            "Does any of leads II, III, and aVF show an rS pattern?",
            True,
            [chain.leads("Which leads show the rS pattern?", INFERIOR, ["V5", "V6"])],
            decision=True,
        )

    return build


def premature(ventricular: bool) -> Build:
    def build(chain: Chain) -> None:
        early = [b for b in chain.truth.beats if "ectopic" in b.kind]
        criterion, decoys = "Presence of premature beats", ["Dropped beats", "A consistently regular RR interval"]
        finding = "Are there premature beats, where a QRS complex comes earlier than expected?"
        if not early:
            chain.round(criterion, decoys, finding, False, decision=False)
            return
        times = (early[0].qrs_onset_s, early[0].qrs_offset_s)
        width = 1000 * (times[1] - times[0])
        grounding = chain.wave("In which segment is the premature beat?", [times], chain.t)
        chain.round(criterion, decoys, finding, True, [grounding])
        absent = "Absence of significant QRS prolongation in the premature beat compared to normal beats"
        there = "Significant QRS prolongation in the premature beat compared to normal beats"
        chain.round(
            there if ventricular else absent,
            [absent if ventricular else there, "ST elevation in the premature beat"],
            "In the selected segment, is the QRS duration prolonged compared to the normal beats?",
            width > 120,
            [chain.range("In which range is the QRS duration of the premature beat?", width, [80, 110, 140], "ms")],
            decision=(width > 120) == ventricular,
        )

    return build


def left_ventricle(chain: Chain) -> None:
    avl, larger = chain.height("aVL"), max(("V5", "V6"), key=chain.height)
    first = chain.round(
        "R wave amplitude in lead aVL > 1.1mV",
        ["S wave amplitude in lead aVL > 1.1mV", "R wave amplitude in lead aVF > 2.0mV"],
        "Is the largest R amplitude in lead aVL greater than 1.1 mV?",
        avl > 1.1,
        [
            chain.wave("Which segment holds a QRS wave to measure the R amplitude in lead aVL?", chain.qrs, chain.t),
            chain.range("In which range is the R amplitude of that segment?", avl, [0.3, 0.6, 0.9, 1.2], "mV"),
        ],
    )
    total = chain.depth("V1") + chain.height(larger)
    second = chain.round(
        "Sum of S amplitude in V1 and R amplitude in V5/V6 > 3.5mV",
        ["Sum of R wave in V1 and S wave in V5 > 1.1mV", "R wave amplitude in V5/V6 < 2.6mV"],
        "Is the sum of the S amplitude in lead V1 and the larger R amplitude in lead V5 or V6 greater than 3.5 mV?",
        total > 3.5,
        [chain.leads("Which lead has the larger R amplitude?", [larger], ["V5" if larger == "V6" else "V6"])],
    )
    product = (chain.depth("V3") + avl) * (chain.truth.qrs_duration_ms or 0.0) / 1000
    chain.round(
        "Cornell Product ((R in aVL + S in V3) x QRS duration) > 0.244mV*s",
        ["Ratio of R to S in lead V1 > 1.0", "P wave terminal force in lead V1 > 4mV*ms"],
        "Is the Cornell Product greater than 0.244mV*s?",
        product > 0.244,
        decision=first or second or product > 0.244,
    )


def right_ventricle(chain: Chain) -> None:
    chain.round(
        "Presence of right bundle branch block",
        ["Left anterior fascicular block", "Ventricular pre-excitation"],
        "Is right bundle branch block present, complete or incomplete?",
        False,
    )
    axis = chain.truth.qrs_axis_deg or 0.0
    chain.round(
        "Presence of right axis deviation",
        ["Left axis deviation", "An indeterminate axis"],
        "Is there right axis deviation, with a QRS axis greater than +100 degrees?",
        axis > 100,
        [chain.range("In which range is the QRS axis?", axis, [-90, -30, 0, 90], " degrees")],
        decision=None if axis > 100 else False,
    )


def infarction(wall: str, leads: Sequence[str], other: str) -> Build:
    def build(chain: Chain) -> None:
        raised = [lead for lead in leads if (chain.truth.leads[lead].st_j_mv or 0.0) > 0.1]
        found, listed = len(raised) >= 2, ", ".join(leads)
        groundings = [chain.leads("Which leads show ST elevation?", raised, [other])] if found else []
        groundings += [chain.wave("In which segment can the QRS complex be seen in these leads?", chain.qrs, chain.t)]
        chain.round(
            f"Presence of ST-segment elevation in {wall} leads",
            [f"Diffuse concave ST-segment elevation in {wall} leads", f"PR-segment depression in {wall} leads"],
            f"Is there ST elevation in at least two of the {wall} leads, including leads {listed}? Note that it is an "
            f"elevation of the J-point greater than 0.1mV (1mm) in these leads.",
            found,
            groundings,
            decision=True if found else None,
        )
        if found:
            return
        least = "0.075mV (0.75mm)" if wall == "anterior" else "one-fifth of the following R amplitude"
        chain.round(
            f"Presence of pathological Q waves in {wall} leads",
            ["Presence of an RSR' pattern in lead V1", "Fragmented QRS complexes"],
            f"Are there pathological Q waves in at least two of the {wall} leads, including leads {listed}? Note that "
            f"this is (1) a QS complex, (2) a Q wave with a duration greater than 30 milliseconds and an amplitude "
            f"greater than {least}, or (3) a deep S wave after only a small r wave.",
            False,
            decision=False,
        )

    return build


def ischemia(wall: str, leads: Sequence[str], limits: str, mv: dict[str, float], other: str) -> Build:
    def build(chain: Chain) -> None:
        sunk = [lead for lead in leads if -(chain.truth.leads[lead].st_j_mv or 0.0) > mv[lead]]
        found, listed = len(sunk) >= 2, ", ".join(leads)
        chain.round(
            f"Presence of ST-segment depression in {wall} leads",
            [f"J-point elevation in {wall} leads", f"ST-segment elevation in {wall} leads"],
            f"Is there ST-segment depression in at least two of the {wall} leads, including leads {listed}? Note that "
            f"it is a depression of the J-point greater than {limits}.",
            found,
            [chain.leads("Which leads show ST-segment depression?", sunk, [other])] if found else [],
            decision=True if found else None,
        )
        if found:
            return
        inverted = [lead for lead in leads if (chain.truth.leads[lead].t_amplitude_mv or 0.0) < -0.06]
        groundings = []
        if len(inverted) >= 2:
            groundings = [
                chain.leads("Which leads show the inverted T waves?", inverted, [other]),
                chain.wave("In which segment is the inverted T wave?", chain.t, chain.qrs),
            ]
        chain.round(
            f"Presence of inverted T waves in {wall} leads",
            [f"Tall, peaked T waves in {wall} leads", f"Flattened T waves in {wall} leads"],
            f"Are there inverted T waves in at least two of the {wall} leads, including leads {listed}?",
            len(inverted) >= 2,
            groundings,
            decision=len(inverted) >= 2,
        )

    return build
