"""Step 2, AV block of the second and third degree: P waves that no QRS follows, and P and QRS that go their own ways.

It rests on the P waves that were found one by one (`RhythmMeasurements.p_times_s`). A P wave hidden in a QRS or in
the T wave of an ectopic beat is not seen, so that what is found is never more than probable.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Certainty, Finding

Kind = Literal["mobitz_1", "mobitz_2", "two_to_one", "second_degree", "complete", "blocked_premature"]

_NAMES: dict[Kind, str] = {
    "mobitz_1": "second-degree AV block, Mobitz I",
    "mobitz_2": "second-degree AV block, Mobitz II",
    "two_to_one": "2:1 AV block",
    "second_degree": "second-degree AV block",
    "complete": "third-degree AV block",
    "blocked_premature": "blocked premature atrial complex",
}
_REASONING: dict[Kind, str] = {
    "mobitz_1": "Mobitz I block is usually in the AV node; drugs and vagal tone are looked for first.",
    "mobitz_2": "Mobitz II block lies below the AV node and can become complete: it calls for early referral.",
    "two_to_one": "From 2:1 conduction alone the level of the block cannot be told; a longer strip can show whether PR "
    "lengthens.",
    "second_degree": "A longer rhythm strip shows which type of second-degree block it is.",
    "complete": "Complete AV block with a slow escape rhythm is an indication for pacing unless its cause is "
    "reversible.",
    "blocked_premature": "A blocked premature atrial complex is a harmless cause of a pause and is no AV block.",
}


@dataclass(frozen=True)
class AvConduction:
    """How P waves and QRS complexes belong together, where not each P is followed by its QRS.

    `dropped_s` are the P waves without a QRS, `delays_ms` the times from the peak of P to R of the conducted ones.
    """

    kind: Kind
    certainty: Certainty
    p_count: int
    dropped_s: tuple[float, ...]
    delays_ms: tuple[float, ...]
    growth_ms: float | None = None


def conduction(case: Case) -> AvConduction | None:
    """Return what the P waves say of AV conduction, None where every P is conducted or too few were found."""
    limits, rhythm, beats = case.limits, case.measurements.rhythm, case.measurements.beats
    rate, p_rate = case.measurements.heart_rate_bpm, rhythm.p_rate_per_min
    p_times = [time for time in rhythm.p_times_s if beats and time < beats[-1].r_s]
    if len(p_times) < limits.av_p_waves or rate is None or p_rate is None or p_rate > limits.av_p_rate_high_per_min:
        return None
    if any(beat.kind == "paced" for beat in beats):
        return None
    delay_of = _delays_ms(case, p_times)
    delays = tuple(delay for delay in delay_of if delay is not None)
    dropped = [
        index for index, delay in enumerate(delay_of) if delay is None and not _after_ectopic(case, p_times[index])
    ]
    regular = rhythm.rr_irregularity is not None and rhythm.rr_irregularity <= limits.rr_regular
    if rhythm.p_train_steady and regular:
        free = len(delays) < 2 or max(delays) - min(delays) >= limits.av_dissociation_ms
        if rate < limits.rate_low_bpm and p_rate >= limits.av_dissociation_rate * rate and free and dropped:
            times = tuple(p_times[index] for index in dropped)
            return AvConduction("complete", "probable", len(p_times), times, delays)
        return None
    usual = 60.0 / p_rate
    early = limits.av_premature_p * usual
    premature = [i for i in dropped if i > 0 and p_times[i] - p_times[i - 1] < early]
    paused = [i for i in premature if _in_pause(case, p_times[i])]
    on_time = [i for i in dropped if i not in premature and _in_time(case, p_times, i, usual)]
    if not on_time:
        times = tuple(p_times[index] for index in paused)
        return AvConduction("blocked_premature", "possible", len(p_times), times, delays) if paused else None
    return _second_degree(case, p_times, delay_of, on_time)


def assess(case: Case) -> list[Finding]:
    """Return the finding on AV block of the second or third degree, or on blocked premature atrial beats; else none."""
    found = conduction(case)
    if found is None:
        return []
    name, number = _NAMES[found.kind], len(found.dropped_s)
    at = words.join(f"{time:.1f} s" for time in found.dropped_s[:4]) + (
        " and later" if number > len(found.dropped_s[:4]) else ""
    )
    verb = "is" if number == 1 else "are"
    seen = f"{words.capital(words.count(number, 'P wave'))} of {found.p_count} {verb} not followed by a QRS complex"
    seen += f" (at {at})"
    growth = "" if found.growth_ms is None else f", and before it PR lengthens by {words.ms(found.growth_ms)}"
    more = {
        "mobitz_1": growth,
        "mobitz_2": ", and PR of the others is constant",
        "two_to_one": ", every second one",
        "second_degree": "",
        "complete": " in a fixed relation: P and QRS go on independently of each other",
        "blocked_premature": ", having come early",
    }[found.kind]
    prefix = "" if found.certainty == "definite" else f"{found.certainty} "
    rates = {"p_count": float(found.p_count), "p_not_conducted_count": float(number)}
    if case.measurements.rhythm.p_rate_per_min is not None:
        rates["p_rate_per_min"] = round(case.measurements.rhythm.p_rate_per_min)
    return [
        Finding(
            id=f"av_block.{found.kind}",
            step=2,
            statement=f"{seen}{more}: {prefix}{name}.",
            status="abnormal",
            certainty=found.certainty,
            label=vocabulary.label(name),
            leads=("II", "V1"),
            numbers=rates | ({"pr_growth_ms": found.growth_ms} if found.growth_ms is not None else {}),
            rule="P waves without a QRS complex",
            phrase=f"{prefix}{name}",
            reasoning=_REASONING[found.kind],
            urgent=found.kind in ("mobitz_2", "complete"),
        )
    ]


def _delays_ms(case: Case, p_times: list[float]) -> list[float | None]:
    """Return for every P the time to R of the beat that it is conducted to, None where no beat follows it."""
    limits = case.limits
    found: list[float | None] = []
    for index, time in enumerate(p_times):
        until = p_times[index + 1] if index + 1 < len(p_times) else float("inf")
        after = [
            1000.0 * (beat.r_s - time)
            for beat in case.measurements.beats
            if beat.kind != "ventricular_ectopic" and time < beat.r_s < until
        ]
        fits = [delay for delay in after if limits.av_delay_low_ms <= delay <= limits.av_delay_high_ms]
        found.append(min(fits) if fits else None)
    return found


def _after_ectopic(case: Case, time: float) -> bool:
    """Whether a ventricular beat before or right after P explains why it was not conducted."""
    reach = case.limits.av_delay_high_ms / 1000.0
    return any(
        beat.kind == "ventricular_ectopic" and time - reach <= beat.r_s <= time + reach
        for beat in case.measurements.beats
    )


def _in_pause(case: Case, time: float) -> bool:
    """Whether the RR interval around a P wave is longer than usual, as when the node is reset but no beat comes."""
    rr_ms = case.measurements.rr_ms
    around = [beat.rr_ms for before, beat in pairwise(case.measurements.beats) if before.r_s < time < beat.r_s]
    return bool(around) and rr_ms is not None and (around[0] or 0.0) >= case.limits.av_pause * rr_ms


def _in_time(case: Case, p_times: list[float], index: int, usual: float) -> bool:
    """Whether a P has its neighbours at about the usual interval, as those of one pacemaker have."""
    gaps = [b - a for a, b in pairwise(p_times[max(0, index - 1) : index + 2])]
    return all(abs(gap - usual) <= case.limits.av_p_timing * usual for gap in gaps) and len(gaps) > 1


def _second_degree(
    case: Case, p_times: list[float], delay_of: list[float | None], dropped: list[int]
) -> AvConduction | None:
    limits = case.limits
    times = tuple(p_times[index] for index in dropped)
    delays = tuple(delay for delay in delay_of if delay is not None)
    certainty: Certainty = "probable" if len(dropped) > 1 else "possible"
    if not delays:
        return None
    before = [(_run_before(delay_of, index), delay_of[index + 1]) for index in dropped if index + 1 < len(delay_of)]
    runs = [(run, after) for run, after in before if len(run) > 1 and after is not None]
    growth = [run[-1] - after for run, after in runs if after is not None]
    if growth and min(growth) >= limits.av_growth_ms and all(run[-1] >= run[0] for run, _ in runs):
        return AvConduction("mobitz_1", certainty, len(p_times), times, delays, float(round(min(growth))))
    constant = max(delays) - min(delays) <= limits.av_constant_ms
    if len(dropped) > 1 and all(second - first == 2 for first, second in pairwise(dropped)) and not runs:
        return AvConduction("two_to_one", certainty, len(p_times), times, delays)
    if runs and constant:
        return AvConduction("mobitz_2", certainty, len(p_times), times, delays)
    return AvConduction("second_degree", "possible", len(p_times), times, delays)


def _run_before(delay_of: list[float | None], dropped: int) -> list[float]:
    """Return the delays of the conducted P waves right before a dropped one, in order."""
    run: list[float] = []
    for delay in reversed(delay_of[:dropped]):
        if delay is None:
            break
        run.insert(0, delay)
    return run
