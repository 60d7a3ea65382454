"""`Truth`: what is known of a synthetic ECG, read from its clean waves and never from the noisy signal.

Two definitions of a wave's ends are given. The headline one is *visible*: the first and the last instant at which the
clean wave alone exceeds 10 µV in any lead. The other, `support`, is where the wave is exactly 0 before and after; the
two differ by up to 7 ms (less for the QRS) for waves of ordinary size. Amplitudes are those of one clean dominant beat
against the isoelectric line, without other beats, P, flutter or fibrillatory waves; all is read on a 2 kHz grid, so the
truth is the same at every sampling rate.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgr1_core.record import LEADS
from training.synthesis.beats import BeatTemplate
from training.synthesis.lead_truth import GRID_HZ, VISIBLE_MV, Wave, lead_truths
from training.synthesis.leads import Float64, frontal_axis_deg
from training.synthesis.rhythm import AtrialKind, BeatKind, Schedule
from training.synthesis.waves import Component, shape_area, sum_components

if TYPE_CHECKING:
    from ecgr1_core.measure.types import LeadMeasurements


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
    pacing_spike_s: float | None = None


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
    levels is the exact end of the QRS (`support`). `names` are the names of the vocabulary's labels, `labels` those of
    their SCP-ECG statement codes that there are, as PTB-XL uses them.
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
    names: tuple[str, ...]
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


def describe(
    events: Schedule,
    beats: Mapping[BeatKind, BeatTemplate],
    atrial: Mapping[AtrialKind, Sequence[Component]],
    dominant: BeatKind,
    matrix: Float64,
    duration_s: float,
    spike_before_s: float = 0.0,
) -> Truth:
    """Return the truth (without labels) of the beats and P waves in a recording of `duration_s` seconds.

    `matrix` is [12, channels]. `spike_before_s` is the time from a pacing spike to the onset of the paced wave.
    """
    qrs = {kind: _wave(template.qrs, matrix) for kind, template in beats.items()}
    t = {kind: _wave(template.t + template.st, matrix, after=_start(template.t)) for kind, template in beats.items()}
    p = {kind: _wave(components, matrix) for kind, components in atrial.items()}
    true_beats = tuple(_true_beats(events, qrs, t, p, duration_s, spike_before_s))
    rr_s = np.diff([beat.r_s for beat in true_beats])
    pr_s = [b.qrs_onset_s - b.p_onset_s for b in true_beats if b.kind == dominant and b.p_onset_s is not None]
    template, dominant_qrs, dominant_t = beats[dominant], qrs[dominant], t[dominant]
    seen = {event.kind for event in events.atrial}
    usual: AtrialKind | None = next((kind for kind in ("sinus", "paced") if kind in seen), None)
    usual_p = p[usual] if usual else None
    model_pr_s = [e.onset_s - e.atrial.onset_s for e in events.ventricular if e.atrial and e.kind == dominant]
    support = SupportIntervals(
        p_duration_ms=1000 * max(c.end_s for c in atrial[usual]) if usual else None,
        pr_interval_ms=1000 * float(np.median(model_pr_s)) if pr_s else None,
        qrs_duration_ms=1000 * max(c.end_s for c in template.qrs),
        qt_interval_ms=1000 * max(c.end_s for c in template.t),
    )
    return Truth(
        heart_rate_bpm=60 / float(np.mean(rr_s)) if len(rr_s) else None,
        rr_ms=1000 * float(np.mean(rr_s)) if len(rr_s) else None,
        rr_median_ms=1000 * float(np.median(rr_s)) if len(rr_s) else None,
        p_duration_ms=_between_ms(usual_p.onset_s, usual_p.offset_s) if usual_p else None,
        pr_interval_ms=1000 * float(np.median(pr_s)) if pr_s else None,
        qrs_duration_ms=_between_ms(dominant_qrs.onset_s, dominant_qrs.offset_s),
        qt_interval_ms=_between_ms(dominant_qrs.onset_s, dominant_t.offset_s),
        p_axis_deg=_axis(atrial[usual], matrix) if usual else None,
        qrs_axis_deg=_axis(template.qrs, matrix),
        t_axis_deg=_axis(template.t, matrix),
        support=support,
        leads=lead_truths(
            dominant_qrs,
            dominant_t,
            usual_p,
            support.qrs_duration_ms / 1000,
            u_mv=_peaks(template.u, matrix),
            pr_segment_mv=_peaks(template.pr_segment, matrix),
        ),
        beats=true_beats,
        p_waves=tuple(_true_p_waves(events, p, duration_s, spike_before_s)),
        names=(),
        labels=(),
    )


def _peaks(components: Sequence[Component], matrix: Float64) -> Float64 | None:
    """Return [12]: the peak of a wave of one component in every lead; None where there is no such wave."""
    return np.asarray(matrix @ components[0].vector) if components else None


def _start(components: Sequence[Component]) -> float:
    return min(component.start_s for component in components)


def _wave(components: Sequence[Component], matrix: Float64, after: float | None = None) -> Wave:
    """Return a wave alone; its visible ends are sought from `after` seconds on (default: its own start)."""
    start_s, end_s = _start(components), max(component.end_s for component in components)
    first = math.floor(start_s * GRID_HZ) - 1
    times_s = np.arange(first, math.ceil(end_s * GRID_HZ) + 2) / GRID_HZ
    vector = sum_components(components, times_s, matrix.shape[1])
    peak_s = float(times_s[np.argmax(np.sum(vector**2, axis=0))])
    clean = matrix @ vector
    seen = np.flatnonzero(
        (np.max(np.abs(clean), axis=0) > VISIBLE_MV) & (times_s >= (start_s if after is None else after))
    )
    if len(seen) == 0:
        return Wave(clean, first, peak_s, None, None)
    return Wave(clean, first, peak_s, float(times_s[seen[0]]), float(times_s[seen[-1]]))


def _between_ms(onset_s: float | None, offset_s: float | None) -> float | None:
    return None if onset_s is None or offset_s is None else 1000 * (offset_s - onset_s)


def _axis(components: Sequence[Component], matrix: Float64) -> float | None:
    """Return the frontal axis of the net area, degrees; None where the area is 0 in both I and aVF."""
    vectors = np.array([component.vector for component in components])
    weights = np.array([component.duration_s * shape_area(component.shape) for component in components])
    area = matrix @ (weights @ vectors)
    return frontal_axis_deg(float(area[LEADS.index("I")]), float(area[LEADS.index("aVF")]))


def _inside(onset_s: float, wave: Wave, duration_s: float) -> tuple[float, float] | None:
    """Return a wave's visible ends in the recording, None where it has none there or is cut by an end."""
    if wave.onset_s is None or wave.offset_s is None:
        return None
    ends = (onset_s + wave.onset_s, onset_s + wave.offset_s)
    return ends if ends[0] >= 0 and ends[1] < duration_s else None


def _true_beats(
    events: Schedule,
    qrs: Mapping[BeatKind, Wave],
    t: Mapping[BeatKind, Wave],
    p: Mapping[AtrialKind, Wave],
    duration_s: float,
    spike_before_s: float,
) -> list[TrueBeat]:
    found: list[TrueBeat] = []
    for event in events.ventricular:
        ends = _inside(event.onset_s, qrs[event.kind], duration_s)
        if ends is None:
            continue
        t_ends = _inside(event.onset_s, t[event.kind], duration_s) or (None, None)
        atrial = event.atrial
        p_ends = (_inside(atrial.onset_s, p[atrial.kind], duration_s) if atrial else None) or (None, None)
        spike_s = event.onset_s - spike_before_s if event.kind == "paced" else None
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


def _true_p_waves(
    events: Schedule, p: Mapping[AtrialKind, Wave], duration_s: float, spike_before_s: float
) -> list[TrueP]:
    conducted = {event.atrial for event in events.ventricular if event.atrial}
    found: list[TrueP] = []
    for event in events.atrial:
        ends = _inside(event.onset_s, p[event.kind], duration_s)
        if ends is not None:
            spike_s = event.onset_s - spike_before_s if event.kind == "paced" else None
            found.append(TrueP(*ends, event.kind, event in conducted, spike_s))
    return found
