"""Pulse shapes of compact support, and `Component`: one pulse along one direction.

A pulse is exactly 0 outside its support and reaches 1 inside it. It leaves 0 steeply enough that the visible ends lie a
few milliseconds from the exact ones. Pulses are functions of continuous time, evaluated at whatever instants a sampling
rate asks for; nothing is resampled. This module knows nothing of leads, beats or rhythms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from training.synthesis.leads import Float64


class Shape(Protocol):
    """A pulse on the unit interval; hashable, so that its area is computed once."""

    def __call__(self, u: Float64) -> Float64:
        """Return the pulse at `u`, any shape, each in [0, 1]."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Rounded:
    """sin(pi/2 u/peak)^rise up to `peak`, cos(pi/2 (u-peak)/(1-peak))^fall after it; 1 and 1 at 0.5 is a half sine.

    An exponent of 1 leaves the baseline in a corner, 2 tangentially (raised cosine); own construction.
    """

    peak: float = 0.5
    rise: float = 1.5
    fall: float = 1.5

    def __call__(self, u: Float64) -> Float64:
        """Return the pulse at `u`."""
        rising = u < self.peak
        phase = np.where(rising, u / self.peak, (1 - u) / (1 - self.peak))
        height = np.sin(np.clip(phase, 0, 1) * (np.pi / 2))
        if self.rise == self.fall:
            return np.asarray(height**self.rise)
        return np.where(rising, height**self.rise, height**self.fall)


@dataclass(frozen=True)
class Triangle:
    """Straight up to `peak` and straight down after it, for calibration ECGs."""

    peak: float = 0.5

    def __call__(self, u: Float64) -> Float64:
        """Return the pulse at `u`."""
        return np.where(u < self.peak, u / self.peak, (1 - u) / (1 - self.peak))


@dataclass(frozen=True)
class Level:
    """An ST segment: half-cosine up to 1 at `rise_end`, straight to `end_value` at `level_end`, half-cosine to 0."""

    rise_end: float
    level_end: float
    end_value: float = 1.0

    def __call__(self, u: Float64) -> Float64:
        """Return the pulse at `u`."""
        rise = (1 - np.cos(np.pi * np.clip(u / self.rise_end, 0, 1))) / 2 if self.rise_end > 0 else np.ones_like(u)
        slope = 1 + (self.end_value - 1) * np.clip((u - self.rise_end) / (self.level_end - self.rise_end), 0, 1)
        fall: Float64 = np.ones_like(u)
        if self.level_end < 1:
            fall = (1 + np.cos(np.pi * np.clip((u - self.level_end) / (1 - self.level_end), 0, 1))) / 2
        return np.asarray(rise * slope * fall)


@dataclass(frozen=True)
class Component:
    """One pulse: starts `start_s` after its event, lasts `duration_s`, points along `vector` (mV, one per channel)."""

    start_s: float
    duration_s: float
    shape: Shape
    vector: tuple[float, ...]

    @property
    def end_s(self) -> float:
        """Return the end of the support in seconds after the event."""
        return self.start_s + self.duration_s


@lru_cache(maxsize=256)
def shape_area(shape: Shape) -> float:
    """Return the integral of a pulse over its unit interval (midpoint rule, 2000 points)."""
    return float(np.mean(shape((np.arange(2000) + 0.5) / 2000)))


def pulses(
    component: Component, onsets_s: Float64, sampling_rate_hz: float, samples: int
) -> tuple[npt.NDArray[np.int64], Float64]:
    """Return the sample numbers that one component's pulses fall on, and the pulses there (a number may come twice).

    `onsets_s` is [events], seconds from the first sample; events may lie partly or wholly outside the recording.
    """
    starts = onsets_s + component.start_s
    width = int(component.duration_s * sampling_rate_hz) + 2
    index = np.floor(starts * sampling_rate_hz).astype(np.int64)[:, None] + np.arange(width)
    u = (index / sampling_rate_hz - starts[:, None]) / component.duration_s
    inside = (u >= 0) & (u <= 1) & (index >= 0) & (index < samples)
    return index[inside], component.shape(u[inside])


def activity(
    components: Sequence[tuple[Component, Float64]], sampling_rate_hz: float, samples: int, channels: int
) -> Float64:
    """Return [channels, samples] in mV: the sum of components over their events, (component, onsets in s) each."""
    drawn = [pulses(component, onsets_s, sampling_rate_hz, samples) for component, onsets_s in components]
    index = np.concatenate([places for places, _ in drawn])
    values = np.concatenate([heights for _, heights in drawn])
    vectors = np.repeat(
        np.array([component.vector for component, _ in components]), [len(places) for places, _ in drawn], axis=0
    )
    return np.stack(
        [np.bincount(index, weights=values * vectors[:, channel], minlength=samples) for channel in range(channels)]
    )


def sum_components(components: Iterable[Component], times_s: Float64, channels: int) -> Float64:
    """Return [channels, times] in mV: the components of a single event at `times_s` seconds after it."""
    total = np.zeros((channels, len(times_s)))
    for component in components:
        first, last = np.searchsorted(times_s, (component.start_s, component.end_s))
        u = (times_s[first:last] - component.start_s) / component.duration_s
        total[:, first:last] += np.outer(component.vector, component.shape(np.clip(u, 0, 1)))
    return total
