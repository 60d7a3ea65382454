"""Real recordings made into more: another rate, another size, other leads' gains, the noise of another recording.

Each change says which labels stay true and which it may have made untrue: a label that rests on an interval, a voltage
or an axis that was changed is given up, never guessed. All that is random comes from the generator that is passed in.
What a label looks like on the trace is not known here, only what it rests on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ecgr1_core.errors import InputError
from ecgr1_core.formats.leads import Float64Array
from ecgr1_core.formats.resampling import resample_rows
from ecgr1_core.measure import Beat, measure
from ecgr1_core.measure.conditioning import WORKING_RATE_HZ
from ecgr1_core.record import LEADS, PRECORDIAL_LEADS, EcgRecord
from training.reshaped_beat import drawn_reshaping, reshaped
from training.synthesis.leads import turned_leads
from training.typical_beat import TypicalBeat, with_beat_of

WARP_LIMITS = (0.75, 1.35)
SCALE_LIMITS = (0.8, 1.25)
TURN_LIMITS = (-40.0, 40.0)
EXCHANGED = (0.3, 1.0)
"""How much of a typical beat at least and at most becomes that of another recording."""
NOISE_GAIN = (0.5, 1.0)
"""How large another recording's noise is at least and at most, beside its own size."""
_QRS_WITHOUT_ENDS_S = 0.07  # to either side of R where the ends of a QRS were not found
_BESIDE_QRS_S = 0.02

_OF_RATE: Mapping[str, tuple[float, float]] = {  # /min, the limits of the reading protocol
    "sinus rhythm": (60.0, 100.0),
    "sinus bradycardia": (0.0, 60.0),
    "bradycardia": (0.0, 60.0),
    "sinus tachycardia": (100.0, 400.0),
    "tachycardia": (100.0, 400.0),
    "supraventricular tachycardia": (100.0, 400.0),
    "paroxysmal supraventricular tachycardia": (100.0, 400.0),
    "ectopic atrial tachycardia": (100.0, 400.0),
    "ventricular tachycardia": (100.0, 400.0),
    "wide complex tachycardia": (100.0, 400.0),
}
_OF_INTERVALS = frozenset(
    {
        *("normal ECG", "sinus arrhythmia", "sinus pause", "junctional rhythm", "accelerated junctional rhythm"),
        *("prolonged PR interval", "first-degree AV block", "short PR interval", "trifascicular block"),
        *("ventricular pre-excitation", "left atrial abnormality", "prolonged QT interval", "short QT interval"),
        *("hypercalcemia", "hypocalcemia"),
    }
)
_OF_VOLTAGE = frozenset(
    {
        *("normal ECG", "voltage criteria for left ventricular hypertrophy", "left ventricular hypertrophy"),
        *("right ventricular hypertrophy", "septal hypertrophy", "low QRS voltage", "high QRS voltage"),
        *("dominant R wave in V1", "poor R-wave progression", "left atrial abnormality", "right atrial abnormality"),
        *("low amplitude T waves", "ST elevation", "ST depression", "T-wave inversion", "prominent U waves"),
        *("hyperkalemia", "pathological Q waves", "left main or multivessel ischemia", "early repolarization"),
    }
)
_OF_RHYTHM = frozenset(_OF_RATE) | {
    *("atrial fibrillation", "atrial flutter", "premature atrial complex", "premature ventricular complex"),
    *("first-degree AV block", "prolonged PR interval", "prolonged QT interval", "short QT interval"),
    *("second-degree AV block", "third-degree AV block", "sinus arrhythmia", "sinus pause", "junctional rhythm"),
}
_OF_AXIS = frozenset({"left axis deviation", "right axis deviation", "extreme axis deviation"})


@dataclass(frozen=True)
class Augmented:
    """A changed recording, the labels that are still true of it, and those that may no longer be (`dropped`).

    The labels are true but not complete where some were dropped; who trains on complete answers measures anew or leaves
    such a recording out.
    """

    record: EcgRecord
    labels: tuple[str, ...]
    dropped: tuple[str, ...] = ()


def _kept(record: EcgRecord, labels: Iterable[str], lost: Iterable[str]) -> Augmented:
    gone = frozenset(lost)
    given = tuple(labels)
    return Augmented(record, tuple(one for one in given if one not in gone), tuple(one for one in given if one in gone))


def time_warped(
    record: EcgRecord, labels: Sequence[str], factor: float, beats: Sequence[Beat] | None = None
) -> Augmented:
    """Return the recording with all time but the QRS complexes made `factor` times as long (above 1 is slower).

    QRS complexes, 20 ms beside them included, keep their width, so that blocks stay blocks and no narrow complex
    becomes wide. A longer recording is cut to its old length, a shorter one stays short. P, PR, ST and T change with
    the rest, so labels of intervals are dropped; labels of a rate are kept where the new mean rate is within limits;
    origin, prematurity, conduction, hypertrophy, infarction and ischemia survive. `InputError` for a factor outside
    0.75 to 1.35 or a recording without two beats. `beats` are those of the recording, measured here where not given.
    """
    _within("factor of time", factor, WARP_LIMITS)
    beats = measure(record).beats if beats is None else beats
    if len(beats) < 2:
        raise InputError(record.name, "has fewer than two beats", "give a recording with a rhythm to change")
    ends: list[float] = []
    for beat in beats:
        onset_s = beat.r_s - _QRS_WITHOUT_ENDS_S if beat.qrs_onset_s is None else beat.qrs_onset_s - _BESIDE_QRS_S
        offset_s = beat.r_s + _QRS_WITHOUT_ENDS_S if beat.qrs_offset_s is None else beat.qrs_offset_s + _BESIDE_QRS_S
        onset_s = max(onset_s, ends[-1] if ends else 0.0)
        ends += [onset_s, max(offset_s, onset_s)]
    old_s = np.array([0.0, *ends, max(record.duration_s, ends[-1])])
    pace = np.where(np.arange(len(old_s) - 1) % 2 == 0, factor, 1.0)
    new_s = np.concatenate([[0.0], np.cumsum(pace * np.diff(old_s))])
    samples = min(record.samples, int(new_s[-1] * record.sampling_rate_hz))
    source = np.interp(np.arange(samples) / record.sampling_rate_hz, new_s, old_s) * record.sampling_rate_hz
    warped = replace(record, signal_mv=_at(record.signal_mv, np.minimum(source, record.samples - 1.0)))
    r_s = np.interp([beat.r_s for beat in beats], old_s, new_s)
    rate_bpm = 60.0 / float(np.mean(np.diff(r_s)))
    off_rate = {name for name, (low, high) in _OF_RATE.items() if not low <= rate_bpm <= high}
    return _kept(warped, labels, _OF_INTERVALS | off_rate)


def scaled(record: EcgRecord, labels: Sequence[str], factor: float) -> Augmented:
    """Return the recording with every amplitude times `factor`, 0.8 to 1.25.

    Labels that are a limit of millivolts are dropped (hypertrophy, low voltage, ST level, T and U waves, Q depth);
    rhythm, intervals, axis, blocks and infarctions survive. `InputError` for another factor.
    """
    _within("factor of amplitude", factor, SCALE_LIMITS)
    return _kept(replace(record, signal_mv=record.signal_mv * np.float32(factor)), labels, _OF_VOLTAGE)


def turned(record: EcgRecord, labels: Sequence[str], frontal_turn_deg: float, rotation_deg: float) -> Augmented:
    """Return the recording as the same heart in another position shows it, turned about two axes of the body.

    It is turned as `synthesis.leads.turned_leads` does it. Labels of a voltage, of the axis
    and of a place of the heart are dropped, those of rhythm and intervals survive. `InputError` beyond 40 degrees, or
    where a lead is missing.
    """
    _within("turn of the heart", frontal_turn_deg, TURN_LIMITS)
    _within("turn of the heart", rotation_deg, TURN_LIMITS)
    if record.missing_leads or record.flat_leads or not np.isfinite(record.signal_mv).all():
        raise InputError(record.name, "has leads without a signal", "give a recording of all twelve leads")
    signal = turned_leads(frontal_turn_deg, rotation_deg).astype(np.float32) @ record.signal_mv
    return _kept(replace(record, signal_mv=signal), labels, {one for one in labels if one not in _OF_RHYTHM})


def with_lead_gains(record: EcgRecord, labels: Sequence[str], rng: np.random.Generator, sd: float = 0.05) -> Augmented:
    """Return the recording as electrodes of unlike contact show it: a gain of its own for I, II and each of V1 to V6.

    Gains are log-normal with `sd`, kept within two standard deviations. III and the augmented leads follow from I and
    II, so that Einthoven's law holds; where I or II is missing the limb leads are left as they are. Labels of a voltage
    or of the axis are dropped, others survive.
    """
    gains = np.exp(sd * np.clip(rng.standard_normal(2 + len(PRECORDIAL_LEADS)), -2, 2)).astype(np.float32)
    signal = record.signal_mv.copy()
    if not {"I", "II"} & {*record.missing_leads, *record.flat_leads}:
        one, two = gains[0] * record.lead("I"), gains[1] * record.lead("II")
        limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
        for row, lead in enumerate(limb):
            if LEADS[row] not in (*record.missing_leads, *record.flat_leads):
                signal[row] = lead
    signal[len(LEADS) - len(PRECORDIAL_LEADS) :] *= gains[2:, None]
    return _kept(replace(record, signal_mv=signal), labels, _OF_VOLTAGE | _OF_AXIS)


def with_noise(record: EcgRecord, labels: Sequence[str], noise_mv: Float64Array, gain: float = 1.0) -> Augmented:
    """Return the recording with `gain` times a noise of `noise_of` added; the noise is mirrored where it is too short.

    Missing and flat leads stay as they are. All labels survive: noise hides a finding but does not undo it.
    """
    noise = resample_rows(noise_mv, WORKING_RATE_HZ, record.sampling_rate_hz)
    period = max(2 * (noise.shape[1] - 1), 1)
    index = np.arange(record.samples) % period
    added = gain * noise[:, np.minimum(index, period - index)]
    added[[LEADS.index(lead) for lead in record.flat_leads]] = 0.0
    signal = (record.signal_mv + added).astype(np.float32)
    return _kept(replace(record, signal_mv=signal), labels, ())


def with_other_beat(
    record: EcgRecord, labels: Sequence[str], own: TypicalBeat, other: TypicalBeat, share: float
) -> Augmented:
    """Return the recording with so much of its typical beat exchanged for another's, as `with_beat_of` does it.

    Labels of the rate and of fibrillation and flutter survive, all others are dropped. `InputError` as there.
    """
    survive = frozenset(_OF_RATE) | {"atrial fibrillation", "atrial flutter"}
    changed = with_beat_of(record, own, other, share)
    return _kept(changed, labels, {one for one in labels if one not in survive or one in _OF_INTERVALS})


def augmented(
    record: EcgRecord,
    labels: Sequence[str],
    rng: np.random.Generator,
    noises: Sequence[Float64Array] = (),
    beats: Sequence[Beat] | None = None,
    exchange: tuple[TypicalBeat, TypicalBeat] | None = None,
) -> Augmented:
    """Return another recording of the same patient, so to speak: each of the changes above with a chance of a half.

    With `exchange`, the typical beats of the recording and of another one, as often another heart beats in its rhythm,
    and as often the parts of that beat, or of its own, are changed each by itself.

    The heart is turned by up to 25 degrees. Noise is one of `noises` at half to full size. `beats` are those of the
    recording, for its time. A recording whose beats cannot be found keeps its time, one without all leads its position.
    """
    warp, turn, scale, gains, noisy = rng.random(5) < 0.5
    other_heart, anew = rng.random(2) < 0.5
    least, most = zip((0.8, 1.3), (0.88, 1.14), NOISE_GAIN, (-25, 25), (-25, 25), strict=True)
    factor, size, gain, frontal, rotation = rng.uniform(least, most).tolist()
    found = Augmented(record, tuple(labels))
    if exchange is not None and (other_heart or anew):
        own, other = exchange
        heart, part = (other, float(rng.uniform(*EXCHANGED))) if other_heart else (own, 1.0)
        with contextlib.suppress(InputError):  # not in this rhythm, or a QRS without ends
            heart = reshaped(heart, drawn_reshaping(rng)) if anew else heart
            found = _after(found, with_other_beat(found.record, found.labels, own, heart, part))
    if warp:
        with contextlib.suppress(InputError):  # too few beats
            found = _after(found, time_warped(found.record, found.labels, factor, beats))
    if turn:
        with contextlib.suppress(InputError):  # not all leads
            found = _after(found, turned(found.record, found.labels, frontal, rotation))
    if scale:
        found = _after(found, scaled(found.record, found.labels, size))
    if gains:
        found = _after(found, with_lead_gains(found.record, found.labels, rng))
    if noisy and len(noises):
        noise = noises[int(rng.integers(len(noises)))]
        found = _after(found, with_noise(found.record, found.labels, noise, gain))
    return found


def _after(before: Augmented, then: Augmented) -> Augmented:
    return replace(then, dropped=(*before.dropped, *then.dropped))


def _within(what: str, value: float, limits: tuple[float, float]) -> None:
    low, high = limits
    if not low <= value <= high:
        raise InputError(what, f"{value:g} would not leave a likely ECG", f"give {low:g} to {high:g}")


def _at(signal_mv: npt.NDArray[np.float32], places: Float64Array) -> npt.NDArray[np.float32]:
    """Return [12, places]: the signal at fractional sample numbers by cubic splines, NaN where a neighbour is NaN."""
    from scipy.interpolate import CubicSpline

    unknown = np.isnan(signal_mv)
    spline = CubicSpline(np.arange(signal_mv.shape[1]), np.where(unknown, 0.0, signal_mv), axis=1)
    found = np.asarray(spline(places), dtype=np.float32)
    before = np.floor(places).astype(np.intp)
    found[unknown[:, before] | unknown[:, np.minimum(before + 1, signal_mv.shape[1] - 1)]] = np.nan
    return found
