"""`Truth`: what is known of a synthetic ECG, read from its clean waves and never from the noisy signal.

Two definitions of a wave's ends are given. The headline one is *visible*: the first and the last instant at which the
clean wave alone exceeds 10 µV in any lead. The other, `support`, is where the wave is exactly 0 before and after; the
two differ by up to 7 ms (less for the QRS) for waves of ordinary size. Amplitudes are those of one clean dominant beat
against the isoelectric line, without other beats, P, flutter or fibrillatory waves; all is read on a 2 kHz grid, so the
truth is the same at every sampling rate.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgr1_core.record import LEADS
from training.synthesis.leads import Float64, frontal_axis_deg
from training.synthesis.morphology import BeatTemplate
from training.synthesis.rhythm import AtrialKind, BeatKind, Schedule
from training.synthesis.waves import Component, shape_area, sum_components

if TYPE_CHECKING:
    from ecgr1_core.measure.types import LeadMeasurements

VISIBLE_MV = 0.01
SMALLEST_WAVE_MV = 0.02  # a Q, R, S … counts from 20 µV and 6 ms (CSE Working Party, Eur Heart J 1985;6:815-825)
SMALLEST_WAVE_MS = 6.0
CAPITAL_MV = 0.5  # the least amplitude of a wave written with a capital letter
_GRID_HZ = 2000.0


@dataclass(frozen=True)
class TrueBeat:
    """One beat whose QRS lies wholly in the recording; visible times in seconds from its start.

    A wave that does not exist, or is cut by an end of the recording, is None. `r_s` is where the QRS heart vector is
    longest. P is that of the conducted atrial beat.
    """

    kind: BeatKind
    r_s: float
    qrs_onset_s: float
    qrs_offset_s: float
    p_onset_s: float | None = None
    p_offset_s: float | None = None
    t_onset_s: float | None = None
    t_offset_s: float | None = None
    pacing_spike_s: float | None = None


@dataclass(frozen=True)
class TrueP:
    """One P wave wholly in the recording, conducted or not; visible times in seconds."""

    onset_s: float
    offset_s: float
    kind: AtrialKind
    conducted: bool


@dataclass(frozen=True)
class SupportIntervals:
    """Intervals between the exact ends of the waves (where the model leaves 0), in ms."""

    p_duration_ms: float | None
    pr_interval_ms: float | None
    qrs_duration_ms: float
    qt_interval_ms: float


@dataclass(frozen=True)
class Truth:
    """The truth of one synthetic ECG; None where a wave does not exist.

    Rate and RR are over all beats wholly in the recording (mean; the median apart), PR is the median of the conducted
    dominant beats, all else belongs to the dominant beat. Axes are of the net area, degrees (-180, 180]. The leads are
    told in the terms of `LeadMeasurements`; a QS complex is `q_amplitude_mv` without R and S. The J point of the ST
    levels is the exact end of the QRS (`support`). `labels` are SCP-ECG statement codes as PTB-XL uses them.
    """

    heart_rate_bpm: float | None
    rr_ms: float | None
    rr_median_ms: float | None
    p_duration_ms: float | None
    pr_interval_ms: float | None
    qrs_duration_ms: float | None
    qt_interval_ms: float | None
    p_axis_deg: float | None
    qrs_axis_deg: float | None
    t_axis_deg: float | None
    support: SupportIntervals
    leads: Mapping[str, LeadMeasurements]
    beats: tuple[TrueBeat, ...]
    p_waves: tuple[TrueP, ...]
    labels: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; times rounded to 0.1 ms, amplitudes to 0.1 µV, `reasons` of the leads left out."""
        data = {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}
        for lead in data["leads"].values():
            lead.pop("reasons", None)
        data["visible_above_mv"] = VISIBLE_MV
        return data


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


@dataclass(frozen=True)
class _Wave:
    """A wave alone, [12, times] on the grid from `first` on, with its visible ends (None: it stays below 10 µV)."""

    clean_mv: Float64
    first: int
    peak_s: float
    onset_s: float | None
    offset_s: float | None


def describe(
    events: Schedule,
    beats: Mapping[BeatKind, BeatTemplate],
    atrial: Mapping[AtrialKind, Sequence[Component]],
    dominant: BeatKind,
    matrix: Float64,
    duration_s: float,
    spike_before_s: float | None = None,
) -> Truth:
    """Return the truth (without labels) of the beats and P waves in a recording of `duration_s` seconds.

    `matrix` is [12, channels]. `spike_before_s` is the time from a pacing spike to the onset of the paced QRS.
    """
    qrs = {kind: _wave(template.qrs, matrix) for kind, template in beats.items()}
    t = {kind: _wave(template.t + template.st, matrix, after=_start(template.t)) for kind, template in beats.items()}
    p = {kind: _wave(components, matrix) for kind, components in atrial.items()}
    true_beats = tuple(_true_beats(events, qrs, t, p, duration_s, spike_before_s))
    rr_s = np.diff([beat.r_s for beat in true_beats])
    pr_s = [b.qrs_onset_s - b.p_onset_s for b in true_beats if b.kind == dominant and b.p_onset_s is not None]
    template, dominant_qrs, dominant_t = beats[dominant], qrs[dominant], t[dominant]
    sinus = p["sinus"] if any(event.kind == "sinus" for event in events.atrial) else None
    model_pr_s = [e.onset_s - e.atrial.onset_s for e in events.ventricular if e.atrial and e.kind == dominant]
    support = SupportIntervals(
        p_duration_ms=1000 * max(c.end_s for c in atrial["sinus"]) if sinus else None,
        pr_interval_ms=1000 * float(np.median(model_pr_s)) if pr_s else None,
        qrs_duration_ms=1000 * max(c.end_s for c in template.qrs),
        qt_interval_ms=1000 * max(c.end_s for c in template.t),
    )
    return Truth(
        heart_rate_bpm=60 / float(np.mean(rr_s)) if len(rr_s) else None,
        rr_ms=1000 * float(np.mean(rr_s)) if len(rr_s) else None,
        rr_median_ms=1000 * float(np.median(rr_s)) if len(rr_s) else None,
        p_duration_ms=_between_ms(sinus.onset_s, sinus.offset_s) if sinus else None,
        pr_interval_ms=1000 * float(np.median(pr_s)) if pr_s else None,
        qrs_duration_ms=_between_ms(dominant_qrs.onset_s, dominant_qrs.offset_s),
        qt_interval_ms=_between_ms(dominant_qrs.onset_s, dominant_t.offset_s),
        p_axis_deg=_axis(atrial["sinus"], matrix) if sinus else None,
        qrs_axis_deg=_axis(template.qrs, matrix),
        t_axis_deg=_axis(template.t, matrix),
        support=support,
        leads=_lead_truths(dominant_qrs, dominant_t, sinus, support.qrs_duration_ms / 1000),
        beats=true_beats,
        p_waves=tuple(_true_p_waves(events, p, duration_s)),
        labels=(),
    )


def _start(components: Sequence[Component]) -> float:
    return min(component.start_s for component in components)


def _wave(components: Sequence[Component], matrix: Float64, after: float | None = None) -> _Wave:
    """Return a wave alone; its visible ends are sought from `after` seconds on (default: its own start)."""
    start_s, end_s = _start(components), max(component.end_s for component in components)
    first = math.floor(start_s * _GRID_HZ) - 1
    times_s = np.arange(first, math.ceil(end_s * _GRID_HZ) + 2) / _GRID_HZ
    vector = sum_components(components, times_s, matrix.shape[1])
    peak_s = float(times_s[np.argmax(np.sum(vector**2, axis=0))])
    clean = matrix @ vector
    seen = np.flatnonzero(
        (np.max(np.abs(clean), axis=0) > VISIBLE_MV) & (times_s >= (start_s if after is None else after))
    )
    if len(seen) == 0:
        return _Wave(clean, first, peak_s, None, None)
    return _Wave(clean, first, peak_s, float(times_s[seen[0]]), float(times_s[seen[-1]]))


def _between_ms(onset_s: float | None, offset_s: float | None) -> float | None:
    return None if onset_s is None or offset_s is None else 1000 * (offset_s - onset_s)


def _axis(components: Sequence[Component], matrix: Float64) -> float | None:
    """Return the frontal axis of the net area, degrees; None where the area is 0 in both I and aVF."""
    vectors = np.array([component.vector for component in components])
    weights = np.array([component.duration_s * shape_area(component.shape) for component in components])
    area = matrix @ (weights @ vectors)
    return frontal_axis_deg(float(area[LEADS.index("I")]), float(area[LEADS.index("aVF")]))


def _inside(onset_s: float, wave: _Wave, duration_s: float) -> tuple[float, float] | None:
    """Return a wave's visible ends in the recording, None where it has none there or is cut by an end."""
    if wave.onset_s is None or wave.offset_s is None:
        return None
    ends = (onset_s + wave.onset_s, onset_s + wave.offset_s)
    return ends if ends[0] >= 0 and ends[1] < duration_s else None


def _true_beats(
    events: Schedule,
    qrs: Mapping[BeatKind, _Wave],
    t: Mapping[BeatKind, _Wave],
    p: Mapping[AtrialKind, _Wave],
    duration_s: float,
    spike_before_s: float | None,
) -> list[TrueBeat]:
    found: list[TrueBeat] = []
    for event in events.ventricular:
        ends = _inside(event.onset_s, qrs[event.kind], duration_s)
        if ends is None:
            continue
        t_ends = _inside(event.onset_s, t[event.kind], duration_s) or (None, None)
        atrial = event.atrial
        p_ends = (_inside(atrial.onset_s, p[atrial.kind], duration_s) if atrial else None) or (None, None)
        spike_s = event.onset_s - spike_before_s if event.kind == "paced" and spike_before_s is not None else None
        found.append(
            TrueBeat(
                event.kind,
                r_s=event.onset_s + qrs[event.kind].peak_s,
                qrs_onset_s=ends[0],
                qrs_offset_s=ends[1],
                p_onset_s=p_ends[0],
                p_offset_s=p_ends[1],
                t_onset_s=t_ends[0],
                t_offset_s=t_ends[1],
                pacing_spike_s=spike_s,
            )
        )
    return found


def _true_p_waves(events: Schedule, p: Mapping[AtrialKind, _Wave], duration_s: float) -> list[TrueP]:
    conducted = {event.atrial for event in events.ventricular if event.atrial}
    found: list[TrueP] = []
    for event in events.atrial:
        ends = _inside(event.onset_s, p[event.kind], duration_s)
        if ends is not None:
            found.append(TrueP(*ends, event.kind, event in conducted))
    return found


def _lead_truths(qrs: _Wave, t: _Wave, p: _Wave | None, j_point_s: float) -> dict[str, LeadMeasurements]:
    """Return the amplitudes of every lead on one clean beat (QRS, ST and T together, as they are measured)."""
    from ecgr1_core.measure.types import LeadMeasurements  # measuring imports much; the command's help needs none of it

    if qrs.onset_s is None or qrs.offset_s is None:
        return {lead: LeadMeasurements() for lead in LEADS}
    first, last = qrs.first, max(wave.first + wave.clean_mv.shape[1] for wave in (qrs, t))
    beat = np.zeros((len(LEADS), last - first))
    for wave in (qrs, t):
        beat[:, wave.first - first :][:, : wave.clean_mv.shape[1]] += wave.clean_mv

    def index(time_s: float) -> int:
        return int(min(round(time_s * _GRID_HZ) - first, last - first - 1))

    complex_ = beat[:, index(qrs.onset_s) : index(qrs.offset_s)]
    nothing: list[float | None] = [None] * len(LEADS)
    p_peak, p_depth = _extremes(p.clean_mv) if p is not None else (nothing, nothing)
    t_peak, t_depth = nothing, nothing
    if t.onset_s is not None and t.offset_s is not None:
        t_peak, t_depth = _extremes(beat[:, index(t.onset_s) : index(t.offset_s)])
    levels = beat[:, [index(j_point_s + after_s) for after_s in (0.0, 0.04, 0.06, 0.08)]].tolist()
    peak_to_peak = np.ptp(complex_, axis=1).tolist()
    return {
        lead: LeadMeasurements(
            p_amplitude_mv=p_peak[row],
            p_negative_amplitude_mv=p_depth[row],
            qrs_peak_to_peak_mv=peak_to_peak[row],
            st_j_mv=levels[row][0],
            st_j40_mv=levels[row][1],
            st_j60_mv=levels[row][2],
            st_j80_mv=levels[row][3],
            t_amplitude_mv=t_peak[row],
            t_negative_amplitude_mv=t_depth[row],
            **_qrs_waves(complex_[row]),
        )
        for row, lead in enumerate(LEADS)
    }


def _extremes(signals: Float64) -> tuple[list[float | None], list[float | None]]:
    """Return per lead the largest deflection with its sign, and the depth of its negative part from 20 µV on.

    A highest or lowest value at an end of the wave is the level beside it (an ST segment), not a deflection.
    """
    ends = signals[:, [0, -1]]
    high, low = signals.max(axis=1), signals.min(axis=1)
    high = np.where(high > ends.max(axis=1), high, 0.0)
    low = np.where(low < ends.min(axis=1), low, 0.0)
    largest = np.where(high >= -low, high, low).tolist()
    return (
        [value if abs(value) > VISIBLE_MV else None for value in largest],
        [value if value <= -SMALLEST_WAVE_MV else None for value in low.tolist()],
    )


def _qrs_waves(signal: Float64) -> dict[str, Any]:
    """Return Q, R, S, R', S' of one lead between the ends of the QRS; durations are the time beyond 10 µV, in ms.

    A last deflection that is highest at the J point is the ST segment, not a wave.
    """
    sign = np.sign(signal) * (np.abs(signal) > VISIBLE_MV)
    seen = np.flatnonzero(sign)
    if len(seen) == 0:
        return {}
    cuts = [0, *(np.flatnonzero(sign[seen[1:]] != sign[seen[:-1]]) + 1).tolist(), len(seen)]
    waves: list[tuple[float, float]] = []
    for begin, end in itertools.pairwise(cuts):
        inside = signal[seen[begin] : seen[end - 1] + 1]
        peak = int(np.argmax(np.abs(inside)))
        amplitude_mv, duration_ms = float(inside[peak]), 1000 * len(inside) / _GRID_HZ
        is_st = seen[end - 1] == len(signal) - 1 and peak == len(inside) - 1
        if abs(amplitude_mv) < SMALLEST_WAVE_MV or duration_ms < SMALLEST_WAVE_MS or is_st:
            continue
        if waves and waves[-1][0] * amplitude_mv > 0:  # the wave between them was too small to count
            before_mv, before_ms = waves.pop()
            amplitude_mv, duration_ms = max(before_mv, amplitude_mv, key=abs), before_ms + duration_ms
        waves.append((amplitude_mv, duration_ms))
    names = ["q", "r", "s", "r_prime", "s_prime"]
    if waves and waves[0][0] > 0:
        names = names[1:]
    named: dict[str, Any] = {"morphology": _spelled(dict(zip(names, waves, strict=False)))}
    for name, (amplitude_mv, duration_ms) in zip(names, waves, strict=False):  # further deflections have no names
        named[f"{name}_amplitude_mv"] = amplitude_mv
        if name in ("q", "r", "s"):
            named[f"{name}_duration_ms"] = duration_ms
    return named


def _spelled(waves: Mapping[str, tuple[float, float]]) -> str | None:
    """Return a complex as it is written: "qRs", "rSr'", "QS"; capitals from 0.5 mV on."""
    if list(waves) == ["q"]:
        return "QS"
    letters = []
    for name, (amplitude_mv, _) in waves.items():
        letter = name[0].upper() if abs(amplitude_mv) >= CAPITAL_MV else name[0]
        letters.append(letter + "'" if name.endswith("_prime") else letter)
    return "".join(letters) or None
