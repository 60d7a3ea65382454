"""Step 1, beats out of turn: premature beats and their patterns, pauses, single paced beats, sinus arrhythmia.

The kind of every beat is a measurement; what stands here counts them and names the pattern.
"""

from __future__ import annotations

from itertools import pairwise

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Finding

_KINDS = (
    ("ventricular_ectopic", "premature ventricular complex"),
    ("supraventricular_ectopic", "premature atrial complex"),
)
_EVERY = {2: "bigeminy", 3: "trigeminy"}


def assess(case: Case, rhythm: Finding) -> list[Finding]:
    """Return the findings on single beats, given the finding on the rhythm."""
    return [
        *_intermittent_pacing(case, rhythm),
        *_sinus_arrhythmia(case, rhythm),
        *_premature(case, rhythm),
        *_pause(case, rhythm),
    ]


def _intermittent_pacing(case: Case, rhythm: Finding) -> list[Finding]:
    """Return the finding on paced beats among others; none where the rhythm itself is paced."""
    beats = case.measurements.beats
    paced = [beat.number for beat in beats if beat.kind == "paced"]
    if not paced or rhythm.id == "rhythm.paced":
        return []
    one = len(paced) == 1
    return [
        Finding(
            id="pacing.intermittent",
            step=1,
            statement=f"Pacing spikes precede {len(paced)} of {len(beats)} QRS complexes (beat{'' if one else 's'} "
            f"{words.join(map(str, paced))}): intermittent ventricular pacing.",
            status="abnormal",
            certainty="probable",
            label=vocabulary.label("paced rhythm"),
            numbers={"paced_beats": len(paced), "beat_count": len(beats)},
            rule="a spike before fewer than half of the QRS complexes",
            phrase="intermittent ventricular pacing",
            reasoning="What is measured are the conducted beats; earlier pacing can change their T waves.",
            beats=tuple(paced),
        )
    ]


def _sinus_arrhythmia(case: Case, rhythm: Finding) -> list[Finding]:
    if rhythm.id != "rhythm.sinus":
        return []
    beats, limit = case.measurements.beats, case.limits.sinus_arrhythmia_ms
    normal = [b.rr_ms for a, b in pairwise(beats) if a.kind == b.kind == "normal" and b.rr_ms is not None]
    if len(normal) < 3 or max(normal) - min(normal) <= limit or max(normal) > case.limits.pause_ms:
        return []
    # After a premature beat the interval is not sinus-timed; with any such beat the spread says nothing.
    if any(beat.kind != "normal" for beat in beats):
        return []
    spread = max(normal) - min(normal)
    return [
        Finding(
            id="sinus_arrhythmia.present",
            step=1,
            statement=f"RR varies by {words.ms(spread)} with an unchanged P wave: sinus arrhythmia.",
            status="normal",
            label=vocabulary.label("sinus arrhythmia"),
            numbers={"rr_min_ms": min(normal), "rr_max_ms": max(normal)},
            rule=f"longest - shortest RR > {limit:.0f} ms",
            phrase="sinus arrhythmia",
        )
    ]


def _premature(case: Case, rhythm: Finding) -> list[Finding]:
    beats = case.measurements.beats
    if not beats or rhythm.id in ("rhythm.paced", "rhythm.unknown", "rhythm.complete_block", "rhythm.second_degree"):
        return []
    found: list[Finding] = []
    for kind, name in _KINDS:
        numbers = [beat.number for beat in beats if beat.kind == kind]
        if numbers:
            which = words.join(str(number) for number in numbers)
            found.append(
                Finding(
                    id=f"premature.{kind}",
                    step=1,
                    statement=f"{words.capital(words.count(len(numbers), name, name + 'es'))} "
                    f"(beat{'s' if len(numbers) > 1 else ''} {which}), "
                    f"{'wide and of another shape' if kind.startswith('v') else 'early, with the usual QRS shape'}.",
                    status="abnormal",
                    label=vocabulary.label(name),
                    numbers={f"{kind}_count": len(numbers)},
                    rule="premature beat by RR interval and shape",
                    phrase=f"a {name}" if len(numbers) == 1 else words.count(len(numbers), name, f"{name}es"),
                    beats=tuple(numbers),
                )
            )
            found += _patterns(kind, numbers, len(beats))
    if found:
        return found
    if rhythm.id in ("rhythm.atrial_fibrillation", "rhythm.atrial_flutter"):
        return []
    return [
        Finding(
            id="premature.none", step=1, statement="No premature beats.", status="normal", rule="premature beat by RR"
        )
    ]


def _patterns(kind: str, numbers: list[int], beats: int) -> list[Finding]:
    """Return what the places of the premature beats among the others make: runs, couplets, bigeminy, trigeminy."""
    ventricular = kind == "ventricular_ectopic"
    chamber = "ventricular" if ventricular else "atrial"
    rows = _rows(numbers)
    longest = max(len(row) for row in rows)
    if longest >= 3:
        run = next(row for row in rows if len(row) == longest)
        return [
            Finding(
                id=f"ectopy.{chamber}_run",
                step=1,
                statement=f"{words.capital(words.count(longest, 'beat').split()[0])} in a row (beats {run[0]} to "
                f"{run[-1]}): a run of {chamber} complexes.",
                status="abnormal",
                label=vocabulary.label(f"run of {chamber} complexes"),
                numbers={f"{kind}_longest_run": longest},
                rule="three or more premature beats in a row",
                phrase=f"a run of {words.count(longest, f'{chamber} beat')}",
                reasoning="Three or more ventricular beats in a row are a run of ventricular tachycardia."
                if ventricular
                else "",
                urgent=ventricular,
                beats=tuple(run),
            )
        ]
    if longest == 2:
        pairs = [row for row in rows if len(row) == 2]
        name, article = "ventricular couplet", "a " if ventricular else "an "
        return [
            Finding(
                id=f"ectopy.{chamber}_couplet",
                step=1,
                statement=f"Two in a row (beats {', '.join(f'{a} and {b}' for a, b in pairs)}): "
                f"{article if len(pairs) == 1 else ''}{chamber} couplet{'' if len(pairs) == 1 else 's'}.",
                status="abnormal",
                label=vocabulary.label(name) if ventricular else None,
                numbers={f"{kind}_couplets": len(pairs)},
                rule="two premature beats in a row",
                phrase=f"{article if len(pairs) == 1 else ''}{chamber} couplet{'' if len(pairs) == 1 else 's'}",
                beats=tuple(number for pair in pairs for number in pair),
            )
        ]
    for every, name in _EVERY.items():
        steps = [b - a for a, b in pairwise(numbers)]
        if len(numbers) >= 3 and all(step == every for step in steps) and every * len(numbers) >= beats - every:
            return [
                Finding(
                    id=f"ectopy.{chamber}_{name}",
                    step=1,
                    statement=f"Every {'second' if name == 'bigeminy' else 'third'} beat is premature: "
                    f"{chamber} {name}.",
                    status="abnormal",
                    label=vocabulary.label(f"ventricular {name}" if ventricular else name),
                    numbers={f"{kind}_count": len(numbers)},
                    rule="premature beats at a fixed distance",
                    phrase=f"{chamber} {name}",
                    beats=tuple(numbers),
                )
            ]
    return []


def _rows(numbers: list[int]) -> list[list[int]]:
    """Return the beat numbers split into rows of beats that follow each other."""
    rows = [[numbers[0]]]
    for first, second in pairwise(numbers):
        if second == first + 1:
            rows[-1].append(second)
        else:
            rows.append([second])
    return rows


def _pause(case: Case, rhythm: Finding) -> list[Finding]:
    pause, limit = case.measurements.rhythm.longest_pause_ms, case.limits.pause_ms
    if pause is None or pause <= limit:
        return []
    sinus = rhythm.id == "rhythm.sinus"
    return [
        Finding(
            id="pause.present",
            step=1,
            statement=f"The longest RR interval is {words.ms(pause)}, a pause (above {words.ms(limit)}).",
            status="abnormal",
            label=vocabulary.label("sinus pause") if sinus else None,
            certainty="probable",
            numbers={"longest_pause_ms": pause},
            beats=tuple(
                beat.number for beat in case.measurements.beats if beat.rr_ms is not None and beat.rr_ms >= pause
            ),
            rule=f"RR > {limit:.0f} ms",
            phrase=f"a pause of {words.ms(pause)}",
            reasoning="Sinus arrest, sinoatrial block and a blocked premature beat are the causes of a pause in sinus "
            "rhythm; a longer strip tells them apart."
            if sinus
            else "",
        )
    ]
