"""When atria and ventricles are activated: the schedule of P waves and beats of each rhythm.

It knows the conduction from atria to ventricles and the variability of the sinus node, not what a wave looks like.
Times are seconds from the start of the recording; schedules begin before it and end after it, so that no recording
starts or stops with an empty stretch. All random numbers drawn depend on the duration, never on the sampling rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.synthesis.leads import Float64
from training.synthesis.spec import SyntheticSpec

BeatKind = Literal["normal", "supraventricular_ectopic", "ventricular_ectopic", "ventricular_escape", "paced"]
AtrialKind = Literal["sinus", "ectopic", "paced"]

_LEAD_IN_S = 4.0
_LEAD_OUT_S = 1.5
_DEFAULT_SINUS_RATE_IN_BLOCK_BPM = 84.0


@dataclass(frozen=True)
class AtrialEvent:
    """One P wave by its onset."""

    onset_s: float
    kind: AtrialKind = "sinus"


@dataclass(frozen=True)
class VentricularEvent:
    """One beat by the onset of its QRS, and the P wave that was conducted to it, if any."""

    onset_s: float
    kind: BeatKind = "normal"
    atrial: AtrialEvent | None = None


@dataclass(frozen=True)
class Schedule:
    """All atrial and ventricular events; in flutter, `flutter_onsets_s` are the starts of the flutter waves."""

    atrial: tuple[AtrialEvent, ...]
    ventricular: tuple[VentricularEvent, ...]
    flutter_onsets_s: tuple[float, ...] = ()


def schedule(spec: SyntheticSpec, qt_s: float, rng: np.random.Generator) -> Schedule:
    """Return the events of `spec.rhythm`; `qt_s` keeps early beats out of the preceding T wave."""
    rr_s, pr_s = spec.ventricular_cycle_s, spec.pr_interval_ms / 1000
    match spec.rhythm:
        case "sinus":
            return _conducted(_sinus_onsets(spec, rr_s, rng), pr_s)
        case "ventricular_paced":
            return _conducted(_sinus_onsets(spec, rr_s, rng), pr_s, kind="paced")
        case "atrial_paced":
            return _conducted(_regular_onsets(spec, rr_s, rng), pr_s, atrial="paced")
        case "dual_paced":
            return _conducted(_regular_onsets(spec, rr_s, rng), pr_s, kind="paced", atrial="paced")
        case "mobitz_1" | "mobitz_2":
            onsets_s = _sinus_onsets(spec, rr_s * (spec.mobitz_cycle - 1) / spec.mobitz_cycle, rng)
            growth_s = 0.16 if spec.rhythm == "mobitz_1" else 0.0
            return _second_degree(onsets_s, pr_s, spec.mobitz_cycle, growth_s)
        case "complete_block":
            return _dissociated(spec, rr_s, "ventricular_escape", rng)
        case "complete_block_junctional":
            return _dissociated(spec, rr_s, "normal", rng)
        case "ventricular_tachycardia":
            return _dissociated(spec, rr_s, "ventricular_ectopic", rng)
        case "af":
            return _fibrillation(spec, rr_s, qt_s, rng)
        case "flutter":
            return _flutter(spec, rr_s, rng)
        case "supraventricular_tachycardia" | "junctional":
            return Schedule((), tuple(VentricularEvent(float(onset)) for onset in _regular_onsets(spec, rr_s, rng)))
        case "pac":
            beyond_s = 1.6 * (spec.duration_s + _LEAD_IN_S)  # premature beats shorten the whole
            return _atrial_ectopy(_sinus_onsets(spec, rr_s, rng, beyond_s), rr_s, pr_s, qt_s, spec)
        case "pvc":
            return _ventricular_ectopy(_sinus_onsets(spec, rr_s, rng), rr_s, pr_s, qt_s, spec)


def _first_onset(cycle_s: float, rng: np.random.Generator) -> float:
    return -_LEAD_IN_S - cycle_s * float(rng.random())


def _sinus_onsets(
    spec: SyntheticSpec, cycle_s: float, rng: np.random.Generator, until_s: float | None = None
) -> Float64:
    """Return P onsets whose cycles swing with respiration (9/10 of the variance) and a little at random."""
    end_s = (spec.duration_s if until_s is None else until_s) + _LEAD_OUT_S
    count = int(1.7 * (end_s + _LEAD_IN_S) / cycle_s) + 4
    first = _first_onset(cycle_s, rng)
    phase = 2 * np.pi * float(rng.random())
    jitter = rng.standard_normal(count)
    sd_s = min(spec.rr_variability_ms / 1000, 0.2 * cycle_s)
    omega = 2 * np.pi * spec.respiratory_rate_per_min / 60
    swing = np.sqrt(2 * 0.9) * np.sin(omega * cycle_s * np.arange(count) + phase)
    cycles = cycle_s + sd_s * (swing + np.sqrt(0.1) * np.clip(jitter, -2.5, 2.5))
    onsets = first + np.concatenate([[0.0], np.cumsum(cycles)])
    return np.asarray(onsets[onsets < end_s])


def _regular_onsets(spec: SyntheticSpec, cycle_s: float, rng: np.random.Generator) -> Float64:
    return np.asarray(_first_onset(cycle_s, rng) + cycle_s * np.arange(int((spec.duration_s + 8) / cycle_s) + 1))


def _conducted(onsets_s: Float64, pr_s: float, kind: BeatKind = "normal", atrial: AtrialKind = "sinus") -> Schedule:
    events = tuple(AtrialEvent(float(onset), atrial) for onset in onsets_s)
    return Schedule(events, tuple(VentricularEvent(event.onset_s + pr_s, kind, event) for event in events))


def _second_degree(onsets_s: Float64, pr_s: float, cycle: int, growth_s: float) -> Schedule:
    """The last P of every cycle is dropped; before that PR grows by steps that halve, up to `growth_s` (Wenckebach)."""
    delays_s = pr_s + growth_s * (1 - 0.5 ** np.arange(cycle))
    atrial = tuple(AtrialEvent(float(onset)) for onset in onsets_s)
    return Schedule(
        atrial,
        tuple(
            VentricularEvent(event.onset_s + float(delays_s[number % cycle]), "normal", event)
            for number, event in enumerate(atrial)
            if number % cycle != cycle - 1
        ),
    )


def _dissociated(spec: SyntheticSpec, rr_s: float, kind: BeatKind, rng: np.random.Generator) -> Schedule:
    """Sinus P waves and regular beats of their own, neither led to the other."""
    atrial_cycle_s = 60 / (spec.atrial_rate_bpm or _DEFAULT_SINUS_RATE_IN_BLOCK_BPM)
    atrial = tuple(AtrialEvent(float(onset)) for onset in _sinus_onsets(spec, atrial_cycle_s, rng))
    return Schedule(atrial, tuple(VentricularEvent(float(onset), kind) for onset in _regular_onsets(spec, rr_s, rng)))


def _fibrillation(spec: SyntheticSpec, rr_s: float, qt_s: float, rng: np.random.Generator) -> Schedule:
    """Independent RR intervals: normal about the mean, not shorter than 80 % of QT, not longer than twice the mean."""
    count = int(2 * (spec.duration_s + _LEAD_IN_S + _LEAD_OUT_S) / rr_s) + 4
    first = _first_onset(rr_s, rng)
    cycles = rr_s * (1 + spec.af_rr_variation * rng.standard_normal(count))
    cycles = np.clip(cycles, min(0.8 * qt_s, 0.9 * rr_s), 2 * rr_s)
    onsets = first + np.concatenate([[0.0], np.cumsum(cycles)])
    kept = onsets[onsets < spec.duration_s + _LEAD_OUT_S]
    return Schedule((), tuple(VentricularEvent(float(onset)) for onset in kept))


def _flutter(spec: SyntheticSpec, rr_s: float, rng: np.random.Generator) -> Schedule:
    """Regular flutter waves, a QRS after every n-th of them; atrial rate = ventricular rate × mean conduction ratio."""
    ratio = float(np.mean(spec.flutter_conduction))
    wave_s = rr_s / ratio
    count = int((spec.duration_s + _LEAD_IN_S + _LEAD_OUT_S) / wave_s) + 2 * int(max(spec.flutter_conduction)) + 2
    onsets = _first_onset(wave_s * ratio, rng) + wave_s * np.arange(count)
    beats: list[VentricularEvent] = []
    wave = 0
    while wave < count:
        beats.append(VentricularEvent(float(onsets[wave] + 0.35 * wave_s)))
        wave += spec.flutter_conduction[len(beats) % len(spec.flutter_conduction)]
    return Schedule((), tuple(beats), tuple(float(onset) for onset in onsets))


def _atrial_ectopy(onsets_s: Float64, rr_s: float, pr_s: float, qt_s: float, spec: SyntheticSpec) -> Schedule:
    """Every n-th P comes early, conducted 20 ms slower, and resets the sinus node (pause not compensatory)."""
    early_s = min((1 - spec.ectopic_coupling) * rr_s, max(rr_s - qt_s - 0.02, 0.1 * rr_s))
    atrial: list[AtrialEvent] = []
    beats: list[VentricularEvent] = []
    for number, onset in enumerate(onsets_s):
        resets = number // spec.ectopic_every  # premature beats so far, each of which moved the node
        ectopic = number % spec.ectopic_every == spec.ectopic_every - 1
        event = AtrialEvent(float(onset) - early_s * (resets + ectopic), "ectopic" if ectopic else "sinus")
        atrial.append(event)
        delay_s = pr_s + 0.02 if ectopic else pr_s
        beats.append(
            VentricularEvent(event.onset_s + delay_s, "supraventricular_ectopic" if ectopic else "normal", event)
        )
    return Schedule(tuple(atrial), tuple(beats))


def _ventricular_ectopy(onsets_s: Float64, rr_s: float, pr_s: float, qt_s: float, spec: SyntheticSpec) -> Schedule:
    """After every n - 1 sinus beats a ventricular one; the node goes on and its next P is blocked (full pause)."""
    coupling_s = max(spec.ectopic_coupling * rr_s, min(qt_s + 0.02, 0.85 * rr_s))
    atrial = tuple(AtrialEvent(float(onset)) for onset in onsets_s)
    beats: list[VentricularEvent] = []
    for number, event in enumerate(atrial):
        position = number % spec.ectopic_every
        if position == spec.ectopic_every - 1:
            beats.append(VentricularEvent(beats[-1].onset_s + coupling_s, "ventricular_ectopic"))
        else:
            beats.append(VentricularEvent(event.onset_s + pr_s, "normal", event))
    return Schedule(atrial, tuple(beats))
