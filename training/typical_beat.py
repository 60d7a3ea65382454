"""The typical beat of a real recording: taken away, what is left is its noise; put in another's place, a new heart.

All that is random is drawn elsewhere, and labels are not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ecgr1_core.errors import InputError
from ecgr1_core.formats.leads import Float64Array
from ecgr1_core.formats.resampling import resample, resample_rows
from ecgr1_core.measure import Beat, measure
from ecgr1_core.measure.beats import find_beats
from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, condition
from ecgr1_core.measure.templates import AFTER, BEFORE, beat_windows, classify, median_beat
from ecgr1_core.record import EcgRecord

Places = npt.NDArray[np.intp]

_FEWEST_BEATS = 6
_MOST_APART = 50  # samples by which a beat and its fiducial point may differ
_FADE = 20  # samples over which one beat's template passes into the next one's
BEFORE_OF_RR = 0.4
_SLOW = 101  # samples of the moving mean that parts wander from faster noise
_NEAR_QRS = slice(BEFORE - 40, BEFORE + 60)
_P_ENDS = BEFORE + np.array([-60, -35])  # columns over which what is exchanged begins, where the P wave is left
_ST_BEGINS = BEFORE + 60
_STRETCH_LIMITS = (0.75, 1.35)


@dataclass(frozen=True, eq=False)
class TypicalBeat:
    """The median of the beats of a recording's most frequent shape, [12, BEFORE + AFTER] in mV at 500 Hz.

    `fiducials` are where these beats lie, in samples at 500 Hz, `rr` is the median distance to the next beat of any
    shape, `has_p` says whether a P wave was found before them, and `beats` how many there are of any shape. Where P
    wave and QRS begin and end is told in columns of `beat_mv`, whose column `fiducial` is the fiducial point; None
    where that was not found or not measured.
    """

    beat_mv: Float64Array
    fiducials: Places
    rr: float
    has_p: bool
    beats: int
    p_onset: float | None = None
    p_offset: float | None = None
    qrs_onset: float | None = None
    qrs_offset: float | None = None

    fiducial: ClassVar[int] = BEFORE


def typical_beat(record: EcgRecord, *, has_p: bool | None = None) -> TypicalBeat:
    """Return a recording's typical beat; `InputError` where a lead is missing or there are fewer than six beats.

    Whether a P wave stands before its beats, and where its waves begin and end, is measured where it is not known.
    """
    fast, fiducials, _, beats = _usual_beats(record)
    if len(fiducials) < _FEWEST_BEATS:
        raise InputError(record.name, f"has not {_FEWEST_BEATS} beats of one shape", "take another recording")
    beat = np.nan_to_num(median_beat(fast, fiducials))
    marks: dict[str, float | None] = {}
    if has_p is None:
        measured = measure(record)
        has_p = bool(measured.rhythm.p_wave_present) and measured.p_duration_ms is not None
        marks = _marks(measured.beats, fiducials)
    later = beats[None, :] - fiducials[:, None]
    nearest = np.where(later > _MOST_APART, later, np.inf).min(axis=1)
    return TypicalBeat(beat, fiducials, float(np.median(nearest[np.isfinite(nearest)])), has_p, len(beats), **marks)


def _marks(beats: Sequence[Beat], fiducials: Places) -> dict[str, float | None]:
    """Return where the waves of most beats lie in columns of their median."""
    r = np.array([beat.r_s for beat in beats]) * WORKING_RATE_HZ
    nearest = fiducials[np.abs(r[:, None] - fiducials).argmin(axis=1)]
    usual = np.abs(r - nearest) <= _MOST_APART
    found: dict[str, float | None] = {}
    for name in ("p_onset", "p_offset", "qrs_onset", "qrs_offset"):
        times = np.array([getattr(beat, f"{name}_s") for beat in beats], dtype=np.float64) * WORKING_RATE_HZ
        places = (times - nearest)[usual & np.isfinite(times)]
        found[name] = BEFORE + float(np.median(places)) if len(places) else None
    return found


def with_beat_of(record: EcgRecord, own: TypicalBeat, other: TypicalBeat, share: float) -> EcgRecord:
    """Return the recording with a share (0 to 1) of its typical beat exchanged for that of another recording.

    Its rhythm, other beats, noise and what else differs from beat to beat stay. The other's ST segment and T wave are
    stretched by the square root of the ratio of both RR intervals (Bazett 1920), within 0.75 to 1.35. The P wave is
    exchanged too where both have one. `InputError` where as many beats as before are no longer found: a tall T wave
    that the next beat cuts off looks like another QRS.
    """
    factor = float(np.clip(np.sqrt(own.rr / other.rr), *_STRETCH_LIMITS))
    columns = np.arange(BEFORE + AFTER, dtype=np.float64)
    stretched = np.where(columns > _ST_BEGINS, _ST_BEGINS + (columns - _ST_BEGINS) / factor, columns)
    change = share * (_alone(other, stretched) - _alone(own, columns))
    if not (own.has_p and other.has_p):
        change *= np.interp(columns, _P_ENDS, (0.0, 1.0))
    samples = round(record.samples * WORKING_RATE_HZ / record.sampling_rate_hz)
    added = resample_rows(_reconstructed(change, own.fiducials, samples), WORKING_RATE_HZ, record.sampling_rate_hz)
    signal = record.signal_mv.copy()
    shared = min(added.shape[1], record.samples)
    signal[:, :shared] += added[:, :shared].astype(np.float32)
    changed = replace(record, signal_mv=signal)
    if len(find_beats(condition(resample(changed, WORKING_RATE_HZ)))) != own.beats:
        raise InputError(record.name, "has other beats in its rhythm than it had", "take another recording's beat")
    return changed


def _alone(beat: TypicalBeat, columns: Float64Array) -> Float64Array:
    """Return the beat at fractional columns, [12, columns], held level where the one before or after it would begin."""
    reach = BEFORE + beat.rr * np.array([-BEFORE_OF_RR, 1 - BEFORE_OF_RR])
    inside = np.clip(columns, reach[0], reach[1])
    return np.stack([np.interp(inside, np.arange(BEFORE + AFTER), row) for row in beat.beat_mv])


def noise_of(record: EcgRecord) -> Float64Array:
    """Return what is left of a recording without its beats, [12, samples] in mV at 500 Hz: wander, muscle, mains.

    The median beat is put in the place of every beat and taken away. Where beats differ among themselves more than the
    noise beside them (the steep QRS), the rest is brought down to the size it has elsewhere. It is as long as the whole
    beats are, without what the recording's ends cut. Fibrillatory waves and P waves that are not conducted stay in it:
    take noise from recordings in sinus rhythm. `InputError` where a lead is missing, or there are fewer than six
    beats or others between them (whose rest would be no noise).
    """
    signal, fiducials, members, _ = _usual_beats(record)
    if len(members) < _FEWEST_BEATS or len(members) <= members.max() - members.min():
        fault = f"has not {_FEWEST_BEATS} beats of one shape with no others between them"
        raise InputError(record.name, fault, "take noise from another recording")
    rest = signal - _reconstructed(median_beat(signal, fiducials), fiducials, signal.shape[1])
    rr = int(np.median(np.diff(fiducials)))
    begin = max(0, fiducials[0] - min(BEFORE, round(BEFORE_OF_RR * rr)))
    end = fiducials[-1] + min(AFTER, round((1 - BEFORE_OF_RR) * rr))
    kernel = np.ones(_SLOW) / _SLOW
    padded = np.pad(rest, ((0, 0), (_SLOW // 2, _SLOW // 2)), mode="reflect")
    slow = np.stack([np.convolve(row, kernel, mode="valid") for row in padded])
    evened = slow + (rest - slow) * _evened(rest - slow, fiducials)
    return np.asarray(evened[:, begin:end])


def _usual_beats(record: EcgRecord) -> tuple[Float64Array, Places, Places, Places]:
    """Return the signal at 500 Hz, [12, samples], where the beats of the most frequent shape lie, their numbers, and
    where all beats lie.
    """
    fast = resample(record, WORKING_RATE_HZ)
    if not np.isfinite(fast.signal_mv).all() or record.missing_leads or record.flat_leads:
        raise InputError(record.name, "has leads without a signal", "give a recording of all twelve leads")
    conditioned = condition(fast)
    beats = find_beats(conditioned)
    classes = classify(conditioned, beats) if len(beats) else []
    none = np.empty(0, dtype=np.intp)
    members, fiducials = (classes[0].members, np.sort(classes[0].fiducials)) if classes else (none, none)
    return fast.signal_mv.astype(np.float64), fiducials, members, beats


def _reconstructed(beat_mv: Float64Array, fiducials: Places, samples: int) -> Float64Array:
    """Return [12, samples]: the median beat at every fiducial point, each up to shortly before the next one's P."""
    rr = np.diff(fiducials, prepend=fiducials[0] - BEFORE / BEFORE_OF_RR)
    begins = fiducials - np.minimum(BEFORE, BEFORE_OF_RR * rr)
    total, weight = np.zeros((len(beat_mv), samples)), np.zeros(samples)
    times = np.arange(samples)
    for number, fiducial in enumerate(fiducials):
        begin = begins[number] if number else -np.inf
        end = begins[number + 1] if number + 1 < len(fiducials) else np.inf
        share = np.clip((times - begin) / _FADE + 0.5, 0, 1) * np.clip((end - times) / _FADE + 0.5, 0, 1)
        seen = np.flatnonzero(share)
        columns = np.clip(seen - fiducial + BEFORE, 0, BEFORE + AFTER - 1)
        total[:, seen] += share[seen] * beat_mv[:, columns]
        weight[seen] += share[seen]
    return total / np.maximum(weight, 1e-9)


def _evened(fast_mv: Float64Array, fiducials: Places) -> Float64Array:
    """Return factors [12, samples] that bring the rest near the QRS to the size it has in the middle of the beats."""
    size = np.sqrt(np.nanmean(beat_windows(fast_mv, fiducials) ** 2, axis=0))  # [12, BEFORE + AFTER]
    usual = np.median(np.delete(size, _NEAR_QRS, axis=1), axis=1, keepdims=True)
    near = np.minimum(1.0, usual / np.maximum(size[:, _NEAR_QRS], 1e-9))
    factors = np.ones(fast_mv.shape)
    for fiducial in fiducials:
        columns = fiducial - BEFORE + np.arange(_NEAR_QRS.start, _NEAR_QRS.stop)
        inside = (columns >= 0) & (columns < fast_mv.shape[1])
        factors[:, columns[inside]] = near[:, inside]
    return factors
