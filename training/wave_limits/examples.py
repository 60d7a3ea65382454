"""What the network learns from: the beats of a recording one by one, and where their limits are.

Marked recordings (LUDB) say where cardiologists mark soft edges; synthetic ones say where corners are. The beats are
cut by the same steps that `measure` takes, so that the network sees in training what it will see in use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.measure.amplitudes import level_before_qrs
from ecgr1_core.measure.beats import find_beats
from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, condition, samples
from ecgr1_core.measure.delineate import delineate, motion_of
from ecgr1_core.measure.templates import BEFORE, beat_windows, classify
from ecgr1_core.measure.wave_net import LIMITS
from ecgr1_core.record import EcgRecord
from training.synthesis import KINDS, NoiseSpec, Truth, calibration_ecg, kind_spec, synthesize, varied
from training.wave_limits.ludb import LEADS, Wave, marked_beats, marks

Floats = NDArray[np.float64]
_SAME_BEAT = samples(120.0)
_LEVEL = slice(BEFORE - samples(110.0), BEFORE - samples(60.0))
_KINDS = 28  # the first of the list: those that the network which is shipped was trained on
_NOT_LEARNED = ("flutter", "fibrillation", "paced", "wpw")  # synthetic kinds whose limits are not visible as such
_GRID_MS = 8.0  # durations of calibration ECGs are multiples of it
_DISSOCIATED = ("mobitz", "av_block_3")


@dataclass(frozen=True)
class Example:
    """The beats of one shape of one recording.

    `beats_mv` is [beats, 12, BEFORE + AFTER], level before the QRS at zero; `usable` [12]; `limits` [5] are the global
    limits in the order of `LIMITS` as columns, NaN where there is none; `lead_limits` is [12, 5], NaN where the lead
    was not marked.
    """

    beats_mv: Floats
    usable: NDArray[np.bool_]
    limits: Floats
    lead_limits: Floats


def marked_examples(data: Path, records: list[int]) -> list[Example]:
    """Read LUDB records (folder `data` of the database) with their marks, stored counts as 1000 per mV."""
    out = []
    for number in records:
        path = data / str(number)
        record = read(path.with_suffix(".hea"), ReadOptions(counts_per_mv=1000))
        leads = marks(path)
        beats, usable, fiducials = _beats_of(record)
        lead_limits = np.stack([_lead_limits(leads[index], fiducials) for index in range(len(LEADS))])
        out.append(Example(beats, usable, _marked_limits(leads, fiducials), lead_limits))
    return out


def synthetic_examples(count: int, rng: np.random.Generator) -> list[Example]:
    """Make synthetic recordings of every kind in turn, each another patient, half of them calibration ECGs."""
    kinds = [kind for kind in list(KINDS)[:_KINDS] if not any(word in kind for word in _NOT_LEARNED)]
    out = []
    for number in range(count):
        noise = NoiseSpec(
            baseline_wander_mv=float(rng.choice([0.0, 0.0, 0.1])),
            muscle_rms_mv=float(rng.choice([0.0, 0.005, 0.015])),
        )
        if number % 2:
            kind = kinds[(number // 2) % len(kinds)]
            spec = replace(varied(kind_spec(kind), rng), noise=noise)
            record, truth = synthesize(spec, rng)
            associated = not any(word in kind for word in _DISSOCIATED)
        else:
            record, truth = calibration_ecg(**_calibration_waves(rng), noise=noise, rng=rng)  # type: ignore[arg-type]
            associated = True
        beats, usable, fiducials = _beats_of(record)
        limits = _true_limits(truth, fiducials)
        if not associated:
            limits[:2] = np.nan
        out.append(Example(beats, usable, limits, np.full((12, len(LIMITS)), np.nan)))
    return out


def _calibration_waves(rng: np.random.Generator) -> dict[str, float]:
    """Draw amplitudes and durations until the beats fit into their interval."""
    rate = float(rng.uniform(45.0, 150.0))
    room = min(1.0, 0.72 * np.sqrt(60.0 / rate) + 0.1)  # waves are shorter where beats are close
    q = float(rng.choice([0.0, -0.1, -0.3]))

    def ms(low: float, high: float) -> float:
        return _GRID_MS * max(1.0, round(float(rng.uniform(low, high)) / _GRID_MS))

    waves = {
        "p_mv": float(rng.uniform(0.06, 0.25)),
        "q_mv": q,
        "r_mv": float(rng.uniform(0.3, 2.0)),
        "s_mv": -float(rng.uniform(0.1, 1.2)),
        "t_mv": float(rng.choice([-1.0, 1.0, 1.0])) * float(rng.uniform(0.1, 0.6)),
        "p_duration_ms": ms(room * 70.0, room * 130.0),
        "pr_interval_ms": ms(room * 135.0, room * 230.0),
        "q_duration_ms": ms(12.0, 40.0) if q else 0.0,
        "r_duration_ms": ms(30.0, 70.0),
        "s_duration_ms": ms(16.0, 50.0),
        "st_duration_ms": ms(room * 40.0, room * 130.0),
        "t_duration_ms": ms(room * 120.0, room * 240.0),
        "rr_ms": _GRID_MS * round(60_000.0 / rate / _GRID_MS),
    }
    beat = ("pr_interval_ms", "q_duration_ms", "r_duration_ms", "s_duration_ms", "st_duration_ms", "t_duration_ms")
    return waves if sum(waves[name] for name in beat) <= waves["rr_ms"] else _calibration_waves(rng)


def _beats_of(record: EcgRecord) -> tuple[Floats, NDArray[np.bool_], NDArray[np.intp]]:
    conditioned = condition(record)
    beats = find_beats(conditioned)
    dominant = classify(conditioned, beats)[0]
    rr_samples = float(np.median(np.diff(beats)))
    limits = delineate(motion_of(dominant.median_mv, conditioned.usable, [BEFORE]), BEFORE, rr_samples)
    leveled = level_before_qrs(conditioned.signal_mv, dominant.fiducials, limits, conditioned.shown)
    windows = beat_windows(leveled, dominant.fiducials)
    level = np.nanmedian(windows[:, :, _LEVEL], axis=2, keepdims=True)
    return windows - np.nan_to_num(level), conditioned.usable, dominant.fiducials


def _marked_limits(leads: list[list[Wave]], fiducials: NDArray[np.intp]) -> Floats:
    found: dict[str, list[float]] = {name: [] for name in LIMITS}
    beats = marked_beats(leads)
    for beat in beats:
        fiducial = _nearest(fiducials, beat.r)
        if fiducial is None:
            continue
        for wave, pair in (("p", beat.p), ("qrs", beat.qrs), ("t", beat.t)):
            for side, column in zip(("onset", "offset"), pair or (), strict=False):
                if f"{wave}_{side}" in found:
                    found[f"{wave}_{side}"].append(column - fiducial)
    if sum(beat.p is not None for beat in beats) <= len(beats) / 2:
        found["p_onset"] = found["p_offset"] = []
    return _columns(found)


def _lead_limits(waves: list[Wave], fiducials: NDArray[np.intp]) -> Floats:
    found: dict[str, list[float]] = {name: [] for name in LIMITS}
    complexes = [wave for wave in waves if wave[0] == "QRS"]
    for number, (_, onset, peak, offset) in enumerate(complexes):
        fiducial = _nearest(fiducials, peak)
        if fiducial is None:
            continue
        low = complexes[number - 1][2] if number else -np.inf
        high = complexes[number + 1][2] if number + 1 < len(complexes) else np.inf
        found["qrs_onset"].append(onset - fiducial)
        found["qrs_offset"].append(offset - fiducial)
        for wave in [w for w in waves if w[0] == "P" and low < w[2] < peak][-1:]:
            found["p_onset"].append(wave[1] - fiducial)
            found["p_offset"].append(wave[3] - fiducial)
        found["t_offset"] += [w[3] - fiducial for w in waves if w[0] == "T" and peak < w[2] < high][:1]
    return _columns(found)


def _true_limits(truth: Truth, fiducials: NDArray[np.intp]) -> Floats:
    found: dict[str, list[float]] = {name: [] for name in LIMITS}
    for beat in truth.beats:
        fiducial = _nearest(fiducials, beat.r_s * WORKING_RATE_HZ)
        if fiducial is None:
            continue
        for name in LIMITS:
            at_s = getattr(beat, f"{name}_s")
            if at_s is not None:
                found[name].append(at_s * WORKING_RATE_HZ - fiducial)
    return _columns(found)


def _columns(found: dict[str, list[float]]) -> Floats:
    return np.array([np.median(found[name]) + BEFORE if found[name] else np.nan for name in LIMITS])


def _nearest(fiducials: NDArray[np.intp], place: float) -> int | None:
    nearest = int(fiducials[int(np.argmin(np.abs(fiducials - place)))])
    return nearest if abs(nearest - place) < _SAME_BEAT / 2 else None


def folds(examples: list[Example], number: int) -> Iterator[tuple[list[Example], list[Example]]]:
    """Yield (learned from, held back) so that every example is held back once."""
    for fold in range(number):
        yield (
            [example for index, example in enumerate(examples) if index % number != fold],
            [example for index, example in enumerate(examples) if index % number == fold],
        )
