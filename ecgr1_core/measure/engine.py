"""From a recording to its `Measurements`: the order of the steps and the reasons where one finds nothing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from ecgr1_core.measure import atrial, consensus, p_waves, pacing, quality, rhythm, segments, shapes
from ecgr1_core.measure.amplitudes import level_before_qrs, measure_lead
from ecgr1_core.measure.atrial_rate import atrial_activity
from ecgr1_core.measure.axes import frontal_axis_deg
from ecgr1_core.measure.beats import Indices, find_beats
from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, Array, Conditioned, Mask, condition, samples
from ecgr1_core.measure.delineate import Motion, WaveLimits, bridge_qrs, delineate, motion_of
from ecgr1_core.measure.templates import BEFORE, BeatClass, classify, median_beat
from ecgr1_core.measure.types import Beat, BeatKind, LeadMeasurements, Measurements, Quality
from ecgr1_core.record import LEADS, PRECORDIAL_LEADS, EcgRecord

_MS = 1000.0 / WORKING_RATE_HZ
_measured: WeakKeyDictionary[EcgRecord, Measurements] = WeakKeyDictionary()

_BY_BEAT = {"pr_interval_ms": 20.0, "qrs_duration_ms": 20.0, "qt_interval_ms": 40.0}  # and how far they may disagree
_HELD = samples(24.0)
_DELTA_PR_MS = 120.0
_IRREGULAR = 0.02

_INTERVALS = ("p_duration_ms", "pr_interval_ms", "qrs_duration_ms", "qt_interval_ms")
_CORRECTED = ("qtc_bazett_ms", "qtc_fridericia_ms", "qtc_framingham_ms", "qtc_hodges_ms")
_AXES = ("p_axis_deg", "qrs_axis_deg", "t_axis_deg")


@dataclass(frozen=True)
class Analysis:
    """Measurements with what the beat table is made from: the leveled signals, beats and limits; None without beats."""

    measurements: Measurements
    leveled: Conditioned | None = None
    position: Indices | None = None
    limits_of: Mapping[int, WaveLimits] = field(default_factory=dict)
    p_reason: str = ""


def measure(record: EcgRecord) -> Measurements:
    """Measure one recording.

    Intervals, axes and amplitudes are those of the median beat of the dominant shape, its limits found on all leads
    together; `beats` holds every beat apart. Never raises for a readable record: what cannot be measured is None, and
    `reasons` says why. The same record object is measured once.
    """
    if record not in _measured:
        _measured[record] = analyse(record).measurements
    return _measured[record]


def analyse(record: EcgRecord) -> Analysis:
    """Measure one recording and keep what the beat table needs; see `measure`."""
    conditioned = condition(record)
    judged = quality.judge(record, conditioned)
    if not conditioned.usable.any():
        return Analysis(_nothing(judged, "no lead carries a signal"))
    beats = find_beats(conditioned)
    spikes = pacing.find_spikes(conditioned)
    classes = classify(conditioned, beats)
    if not classes:
        return Analysis(_nothing(judged, "no QRS complex was found"))
    dominant = classes[0]
    rr_samples = float(np.median(np.diff(beats))) if len(beats) > 1 else samples(800.0)
    spike = pacing.spike_before(spikes, dominant.fiducials)
    not_before = 0 if spike is None else round(BEFORE - spike) + samples(2.0)
    motion = motion_of(dominant.median_mv, conditioned.usable, [BEFORE], not_before=not_before)
    limits = delineate(motion, BEFORE, rr_samples)
    paced = (
        spike is not None
        and (limits.qrs_offset - limits.qrs_onset) * _MS >= pacing.PACED_QRS_MS
        and limits.qrs_onset - not_before <= samples(pacing.PACED_WITHIN_MS)
    )
    not_before = not_before if paced else 0
    level = level_before_qrs(conditioned.signal_mv, dominant.fiducials, limits, conditioned.shown)
    leveled = dataclasses.replace(conditioned, signal_mv=level)
    beat_mv = median_beat(leveled.shown_mv, dominant.fiducials)
    motion = motion_of(beat_mv, conditioned.usable, [BEFORE], not_before=not_before)
    limits = delineate(motion, BEFORE, rr_samples)
    atrial_test = atrial.test_p_waves(leveled, dominant.fiducials, limits, BEFORE)
    p_present, p_reason = atrial_test.present, atrial_test.reason
    position = _aligned(beats, classes)
    motion = motion_of(leveled.signal_mv, conditioned.usable, _inside(position, conditioned))
    motion = _held_to_median(motion, dominant, limits)
    delta_wave = _delta_wave(beat_mv, conditioned.usable, limits if p_present else None)
    agreed = consensus.agree(limits, beat_mv, conditioned.usable, keep=("qrs_onset", "qrs_offset") if paced else ())
    limits = agreed.limits
    if p_present and agreed.p_unclear and (rhythm.irregularity(rhythm.rr_intervals_ms(beats)) or 0.0) > _IRREGULAR:
        p_present, p_reason = False, "the rhythm is irregular and no clear P wave stands before the QRS complexes"
    bridged = bridge_qrs(conditioned.signal_mv, list(motion.qrs.values()))
    activity = atrial_activity(bridged, conditioned.usable, conditioned.shown)
    if activity.is_flutter and not paced:
        p_present = False
        p_reason = f"the atria beat at {activity.rate_per_min:.0f} per minute (flutter waves, no P)"
    if paced and p_present:
        p_present, p_reason = False, "the ventricles are paced: the interval from P to QRS is the pacemaker's"
    if not p_present:
        limits = dataclasses.replace(limits, p_onset=None, p_peak=None, p_offset=None)
    waves = p_waves.PWaves(np.empty(0, dtype=np.intp))
    throughout = conditioned.throughout
    if not activity.is_flutter and not paced and throughout.any():
        waves = p_waves.find_p_waves(bridged, throughout, position, dominant.fiducials, limits, motion.qrs)
    leads = {
        lead: measure_lead(beat_mv[index], limits, rr_samples, p_present=p_present, p_reason=p_reason)
        if conditioned.usable[index]
        else LeadMeasurements(reasons={"all": f"lead {lead} carries no signal"})
        for index, lead in enumerate(LEADS)
    }
    durations = _durations_by_class(leveled, classes, limits, rr_samples)
    beat_kinds = rhythm.kinds(beats, classes, durations, p_present=p_present, paced=paced)
    class_of = {int(member): number for number, group in enumerate(classes) for member in group.members}
    spiked = pacing.beats_with_spike(spikes, position)
    beat_kinds = pacing.with_paced(beat_kinds, spiked, class_of, durations, paced=paced)
    limits_of = _limits_of_beats(motion, position, rr_samples, beat_kinds, p_present)
    for member in map(int, dominant.members):
        if member in limits_of:
            limits_of[member] = consensus.shifted(limits_of[member], agreed.moved)
    found = tuple(
        _beat(index, int(fiducial), position, limits_of.get(index), beat_kinds[index])
        for index, fiducial in enumerate(position)
    )
    atrial_spikes = pacing.atrial_spike_count(spikes, dominant.fiducials, spike if paced else None)
    values = _global_values(beats, beat_mv, conditioned.usable, limits, p_reason)
    by_beat = _medians_of_beats(found)
    exchanged = quality.exchanged_precordial(beat_mv, conditioned.usable)
    notes = [quality.reversal_note(leads, p_present), quality.precordial_note(exchanged)]
    notes += _disagreements(values, by_beat)
    notes += consensus.disagreements(agreed, limits)
    judged = dataclasses.replace(judged, notes=(*judged.notes, *filter(None, notes)), exchanged_precordial=exchanged)
    measured = Measurements(
        **values,  # type: ignore[arg-type]
        by_beat=by_beat,
        transition_zone=transition_zone(leads),
        delta_wave=delta_wave,
        st_segment_ms=segments.st_segment_ms(beat_mv, conditioned.usable, limits),
        rhythm=dataclasses.replace(
            rhythm.describe(beats, beat_kinds, p_present=p_present or paced, p_per_qrs=atrial_test.p_per_qrs),
            atrial_rate_per_min=activity.rate_per_min if activity.is_flutter else None,
            flutter_power=activity.flutter_power,
            fibrillation_power=activity.fibrillation_power,
            pacing_spike_count=len(spikes) if spike is not None or "paced" in beat_kinds or atrial_spikes else 0,
            atrial_spike_count=atrial_spikes,
            p_times_s=tuple(float(peak / WORKING_RATE_HZ) for peak in waves.peaks),
            p_rate_per_min=waves.rate_per_min,
            p_train_steady=waves.steady,
        ),
        quality=judged,
        leads=leads,
        beats=found,
    )
    return Analysis(measured, leveled, position, limits_of, p_reason)


def _medians_of_beats(beats: tuple[Beat, ...]) -> dict[str, float | None]:
    """Return the intervals once more, as medians over the normal (or paced) beats measured one by one."""
    out: dict[str, float | None] = {}
    for name in _BY_BEAT:
        values = [
            value for beat in beats if not beat.kind.endswith("ectopic") and (value := getattr(beat, name)) is not None
        ]
        out[name] = float(np.median(values)) if values else None
    return out


def _disagreements(values: Mapping[str, object], by_beat: Mapping[str, float | None]) -> list[str]:
    """Say where the median beat and the beats one by one give different intervals."""
    notes = []
    for name, limit_ms in _BY_BEAT.items():
        on_median, one_by_one = values[name], by_beat[name]
        if isinstance(on_median, float) and one_by_one is not None and abs(on_median - one_by_one) > limit_ms:
            label = name.removesuffix("_ms").removesuffix("_interval").removesuffix("_duration").upper()
            notes.append(f"{label} uncertain: {on_median:.0f} ms on the median beat, {one_by_one:.0f} ms beat by beat")
    return notes


def _held_to_median(motion: Motion, dominant: BeatClass, limits: WaveLimits) -> Motion:
    """Keep the QRS limits of beats of the dominant shape within 24 ms of those of their median."""
    qrs = dict(motion.qrs)
    for fiducial in map(int, dominant.fiducials):
        if fiducial in qrs:
            own = zip(qrs[fiducial], (limits.qrs_onset, limits.qrs_offset), strict=True)
            onset, offset = (
                float(np.clip(edge, fiducial + usual - BEFORE - _HELD, fiducial + usual - BEFORE + _HELD))
                for edge, usual in own
            )
            qrs[fiducial] = (onset, offset)
    return dataclasses.replace(motion, qrs=qrs)


def _aligned(beats: Indices, classes: list[BeatClass]) -> Indices:
    """Return the beats, those that belong to a shape moved to where they line up with it."""
    position = beats.copy()
    for group in classes:
        position[group.members] = group.fiducials
    return position


def _inside(position: Indices, conditioned: Conditioned) -> list[int]:
    """Return the beats that no end of the recording cuts."""
    last = conditioned.signal_mv.shape[1] - samples(200.0)
    return [int(fiducial) for fiducial in position if samples(200.0) <= fiducial < last]


def transition_zone(leads: Mapping[str, LeadMeasurements]) -> str | None:
    """Return the first precordial lead in which R is at least as large as S (or QS), None if there is none."""
    for lead in PRECORDIAL_LEADS:
        values = leads[lead]
        down = max(abs(values.s_amplitude_mv or 0.0), abs(values.q_amplitude_mv or 0.0))
        if values.r_amplitude_mv is not None and max(values.r_amplitude_mv, values.r_prime_amplitude_mv or 0.0) >= down:
            return lead
    return None


def _delta_wave(beat_mv: Array, usable: Mask, limits: WaveLimits | None) -> bool | None:
    """Whether the QRS looks pre-excited: PR at most 120 ms and a slurred start in a quarter of the leads.

    `limits` are the rules' own, which follow the corner where a delta wave begins. None where there is no P wave,
    without which a slurred start says nothing.
    """
    if limits is None or limits.p_onset is None:
        return None
    if (limits.qrs_onset - limits.p_onset) * _MS > _DELTA_PR_MS:
        return False
    slurred = [shapes.starts_slurred(row, limits) for row in beat_mv[usable]]
    return sum(slurred) >= max(1, len(slurred) // 4)


def _global_values(
    beats: Indices, beat_mv: Array, usable: Mask, limits: WaveLimits, p_reason: str
) -> dict[str, object]:
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    rr_ms = float((beats[-1] - beats[0]) * _MS / (len(beats) - 1)) if len(beats) > 1 else None
    values["rr_ms"] = rr_ms
    values["heart_rate_bpm"] = None if rr_ms is None else 60_000.0 / rr_ms
    values["qrs_duration_ms"] = (limits.qrs_offset - limits.qrs_onset) * _MS
    for name, start, stop, reason in (
        ("p_duration_ms", limits.p_onset, limits.p_offset, p_reason),
        ("pr_interval_ms", limits.p_onset, limits.qrs_onset, p_reason),
        ("qt_interval_ms", limits.qrs_onset, limits.t_offset, "the end of the T wave was not found"),
    ):
        values[name] = None if start is None or stop is None else (stop - start) * _MS
        if values[name] is None:
            reasons[name] = reason
    corrected = corrected_qt_ms(values["qt_interval_ms"], rr_ms)
    values.update(corrected)
    if rr_ms is None:
        reasons["rr_ms"] = reasons["heart_rate_bpm"] = "fewer than two beats"
    for name in _CORRECTED:
        if values[name] is None:
            reasons[name] = reasons.get("qt_interval_ms") or reasons["rr_ms"]
    p_beat = _level_p(beat_mv, limits)
    t_onset = min(limits.qrs_offset + samples(60.0), limits.t_offset) if limits.t_offset is not None else None
    values["p_axis_deg"] = frontal_axis_deg(p_beat, usable, limits.p_onset, limits.p_offset)
    values["qrs_axis_deg"] = frontal_axis_deg(beat_mv, usable, limits.qrs_onset, limits.qrs_offset)
    values["t_axis_deg"] = frontal_axis_deg(beat_mv, usable, t_onset, limits.t_offset)
    for name in _AXES:
        if values[name] is None:
            missing = {
                "p_axis_deg": limits.p_onset is None and p_reason,
                "t_axis_deg": limits.t_offset is None and "the T wave was not found",
            }
            reasons[name] = missing.get(name) or "too small, or fewer than two limb leads"
    return {**values, "reasons": reasons}


def corrected_qt_ms(qt_ms: float | None, rr_ms: float | None) -> dict[str, float | None]:
    """Return QT corrected for rate, in ms, by the four usual formulas; None without QT or RR.

    Bazett 1920: QT / √RR; Fridericia 1920: QT / RR^⅓; Framingham (Sagie 1992): QT + 154 (1 − RR); Hodges 1983:
    QT + 1.75 (rate − 60); RR in seconds.
    """
    if qt_ms is None or rr_ms is None:
        return dict.fromkeys(_CORRECTED)
    rr_s = rr_ms / 1000.0
    return {
        "qtc_bazett_ms": qt_ms / math.sqrt(rr_s),
        "qtc_fridericia_ms": qt_ms / rr_s ** (1.0 / 3.0),
        "qtc_framingham_ms": qt_ms + 154.0 * (1.0 - rr_s),
        "qtc_hodges_ms": qt_ms + 1.75 * (60.0 / rr_s - 60.0),
    }


def _level_p(beat_mv: Array, limits: WaveLimits) -> Array:
    """Return the beat with the line from P onset to P offset taken out, so that its area is that of P alone."""
    if limits.p_onset is None or limits.p_offset is None:
        return beat_mv
    first, last = round(limits.p_onset), round(limits.p_offset)
    line = np.linspace(beat_mv[:, first], beat_mv[:, last], last - first + 1, axis=1)
    leveled = beat_mv.copy()
    leveled[:, first : last + 1] -= line
    return leveled


def _durations_by_class(
    conditioned: Conditioned, classes: list[BeatClass], limits: WaveLimits, rr_samples: float
) -> dict[int, float]:
    out = {0: (limits.qrs_offset - limits.qrs_onset) * _MS}
    for number, group in enumerate(classes[1:], start=1):
        motion = motion_of(median_beat(conditioned.shown_mv, group.fiducials), conditioned.usable, [BEFORE])
        found = delineate(motion, BEFORE, rr_samples, find_p=False)
        out[number] = (found.qrs_offset - found.qrs_onset) * _MS
    return out


def _limits_of_beats(
    motion: Motion, position: Indices, rr_samples: float, beat_kinds: list[BeatKind], p_present: bool
) -> dict[int, WaveLimits]:
    """Find the limits of every beat apart, by its index; beats cut off by an end of the recording are left out."""
    out: dict[int, WaveLimits] = {}
    last_t_end: float | None = None
    for index, fiducial in enumerate(position):
        if int(fiducial) not in motion.qrs:
            last_t_end = None
            continue
        to_next = float(position[index + 1] - fiducial) if index + 1 < len(position) else rr_samples
        has_p = p_present and beat_kinds[index] == "normal"
        out[index] = delineate(motion, int(fiducial), to_next, last_t_end=last_t_end, find_p=has_p)
        last_t_end = out[index].t_offset
    return out


def _beat(index: int, fiducial: int, position: Indices, own: WaveLimits | None, kind: BeatKind) -> Beat:
    rr_ms = float(position[index] - position[index - 1]) * _MS if index else None
    if own is None:
        return Beat(number=index + 1, r_s=fiducial / WORKING_RATE_HZ, rr_ms=rr_ms, kind=kind)

    def seconds(column: float | None) -> float | None:
        return None if column is None else column / WORKING_RATE_HZ

    def interval(start: float | None, stop: float | None) -> float | None:
        return None if start is None or stop is None else (stop - start) * _MS

    return Beat(
        number=index + 1,
        r_s=fiducial / WORKING_RATE_HZ,
        rr_ms=rr_ms,
        p_onset_s=seconds(own.p_onset),
        p_peak_s=seconds(own.p_peak),
        p_offset_s=seconds(own.p_offset),
        qrs_onset_s=seconds(own.qrs_onset),
        qrs_offset_s=seconds(own.qrs_offset),
        t_peak_s=seconds(own.t_peak),
        t_offset_s=seconds(own.t_offset),
        pr_interval_ms=interval(own.p_onset, own.qrs_onset),
        qrs_duration_ms=interval(own.qrs_onset, own.qrs_offset),
        qt_interval_ms=interval(own.qrs_onset, own.t_offset),
        kind=kind,
    )


def _nothing(judged: Quality, reason: str) -> Measurements:
    names = ("heart_rate_bpm", "rr_ms", *_INTERVALS, *_CORRECTED, *_AXES)
    return Measurements(quality=judged, reasons=dict.fromkeys(names, reason))
