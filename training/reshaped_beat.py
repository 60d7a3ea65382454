"""A typical beat as another heart might have it: P wave, QRS complex, and ST segment with T wave changed one by one.

Where a few hundred patients are all there are, intervals, sizes and directions that always go together are learned as
the patients they are of; here they no longer go together. What the changed beat is called is for whoever measures it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ecgr1_core.errors import InputError
from ecgr1_core.measure.conditioning import WORKING_RATE_HZ
from training.synthesis.leads import HEART_VECTOR_TO_LEADS, turned_leads
from training.typical_beat import BEFORE_OF_RR, TypicalBeat

_MS: Final = WORKING_RATE_HZ / 1000  # samples of a millisecond
_FADE: Final = 8 * _MS  # half of what one part takes to pass into the next
_LEAST_PR_SEGMENT: Final = 10 * _MS
_ST_ENDS: Final = 0.6  # share of what follows the QRS over which a shifted ST segment returns


@dataclass(frozen=True)
class Reshaping:
    """What is made of a typical beat; the defaults leave it as it is.

    `pr_ms` is added to the PR segment, `qrs_width` and `st_t_width` are factors of time, `p_size`, `qrs_size` and
    `t_size` factors of amplitude. ST segment and T wave are turned by two angles as `synthesis.leads.heart_position`
    has them, and the heart vector `st_mv` (left, feet, back) is added to the ST segment.
    """

    pr_ms: float = 0.0
    qrs_width: float = 1.0
    st_t_width: float = 1.0
    p_size: float = 1.0
    qrs_size: float = 1.0
    t_size: float = 1.0
    t_turn_deg: tuple[float, float] = (0.0, 0.0)
    st_mv: tuple[float, float, float] = (0.0, 0.0, 0.0)


def drawn_reshaping(rng: np.random.Generator) -> Reshaping:
    """Return a reshaping within what patients differ by; each part of it with a chance of a half."""
    pr, qrs, wide, p_size, size, t_size, turn, st = rng.random(8) < 0.5
    pr_ms, direction = float(rng.uniform(-60, 110)), rng.standard_normal(3)
    widths, sizes, angles = rng.uniform(-1, 1, 2), rng.standard_normal(3).clip(-2, 2), rng.uniform(-70, 70, 2)
    level_mv = float(rng.uniform(0, 0.2) ** 2 / 0.2)  # most shifts are small
    direction *= level_mv / np.linalg.norm(direction)
    return Reshaping(
        pr_ms=pr_ms if pr else 0.0,
        qrs_width=float(np.exp(0.05 + 0.25 * widths[0])) if qrs else 1.0,
        st_t_width=float(np.exp(0.2 * widths[1])) if wide else 1.0,
        p_size=float(np.exp(0.3 * sizes[0])) if p_size else 1.0,
        qrs_size=float(np.exp(0.25 * sizes[1])) if size else 1.0,
        t_size=float(np.exp(0.45 * sizes[2])) if t_size else 1.0,
        t_turn_deg=(float(angles[0]), float(angles[1])) if turn else (0.0, 0.0),
        st_mv=(float(direction[0]), float(direction[1]), float(direction[2])) if st else (0.0, 0.0, 0.0),
    )


def reshaped(beat: TypicalBeat, change: Reshaping) -> TypicalBeat:
    """Return the beat changed so; Einthoven's law holds as before.

    A P wave comes no closer to the QRS than 10 ms and no closer to the beat before than where the beat begins.
    `InputError` where the ends of the QRS were not found.
    """
    if beat.qrs_onset is None or beat.qrs_offset is None:
        raise InputError("typical beat", "its QRS has no ends", "take another recording's beat")
    columns = np.arange(beat.beat_mv.shape[1], dtype=np.float64)
    fiducial = beat.fiducial
    onset, offset = (fiducial + change.qrs_width * (end - fiducial) for end in (beat.qrs_onset, beat.qrs_offset))
    source = fiducial + (columns - fiducial) / change.qrs_width
    source = np.where(columns > offset, beat.qrs_offset + (columns - offset) / change.st_t_width, source)
    source = np.where(columns < onset, beat.qrs_onset + (columns - onset), source)
    if beat.p_onset is not None and beat.p_offset is not None:
        segment = max(beat.qrs_onset - beat.p_offset, _LEAST_PR_SEGMENT)
        room = max(0.0, beat.p_onset - (fiducial - BEFORE_OF_RR * beat.rr) - _FADE)
        added = float(np.clip(change.pr_ms * _MS, _LEAST_PR_SEGMENT - segment, room))
        stretched = beat.qrs_onset + (columns - onset) * segment / (segment + added)
        before_p = beat.qrs_onset + (columns - onset) + added
        source = np.where(columns < onset, np.where(columns > onset - segment - added, stretched, before_p), source)
    known = np.arange(len(columns))
    shown = np.stack([np.interp(source, known, row) for row in beat.beat_mv])
    level = np.stack([np.interp([beat.qrs_onset], known, row) for row in beat.beat_mv])
    of_p = np.interp(columns, (onset - 2 * _FADE, onset), (1.0, 0.0))
    of_t = np.interp(columns, (offset - _FADE, offset + _FADE), (0.0, 1.0))
    above = shown - level
    turned = turned_leads(*change.t_turn_deg) @ above
    changed = (of_p * change.p_size + (1 - of_p - of_t) * change.qrs_size) * above + of_t * change.t_size * turned
    ends = offset + _ST_ENDS * (columns[-1] - offset)
    st = np.interp(columns, (offset - _FADE, offset + _FADE, ends), (0.0, 1.0, 0.0))
    changed += (HEART_VECTOR_TO_LEADS @ np.array(change.st_mv))[:, None] * st
    p_onset, p_offset = (
        None if column is None else float(np.interp(column, source, known)) for column in (beat.p_onset, beat.p_offset)
    )
    return replace(
        beat, beat_mv=level + changed, p_onset=p_onset, p_offset=p_offset, qrs_onset=onset, qrs_offset=offset
    )
