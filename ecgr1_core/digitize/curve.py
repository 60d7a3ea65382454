"""The curve of a trace between the vertices of its lines, or between the pixels of its picture.

Programs that print ECGs thin the recording out, to 100 to 250 points a second. Where the vertices stand at even
distances they are samples, and the curve is a cubic spline through them; straight lines between them would cut off
every peak. Where they do not, the line was simplified (Douglas and Peucker 1973): the straight lines are then what lies
within the simplifier's tolerance, and stay. A pixel shows the mean over its width, and nothing that is much finer.
The module knows neither pages nor leads.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from ecgr1_core.digitize.pieces import Float64Array

_FINE_S = 0.0022  # vertices at 500 Hz or denser are the recording itself
_NEW_RUN = 1.5  # steps
_LEAST_RUN = 16  # vertices
_OFF_EVEN = 0.25  # of a step: as much as rounding to a tenth of a point moves a vertex at 125 a second
_APERTURE = 0.75  # of a step
_PIXELS_CUT = 0.42  # waves to a pixel at which half is kept; a row of pixels can show 0.5
_PIXELS_ORDER = 3


def between_vertices(times_s: Float64Array, vertices_s: Float64Array, values: Float64Array) -> Float64Array:
    """Return a trace at times, [m], from its vertices, [n] ascending, and their values, [n], all finite."""
    curve = np.interp(times_s, vertices_s, values)
    if vertices_s.size < _LEAST_RUN:
        return curve
    steps = np.diff(vertices_s)
    step = float(np.median(steps))
    if step <= _FINE_S:
        return curve
    runs = np.split(np.arange(vertices_s.size), np.flatnonzero(steps > _NEW_RUN * step) + 1)
    for run in (run for run in runs if run.size >= _LEAST_RUN):
        even = np.polyval(np.polyfit(np.arange(run.size), vertices_s[run], 1), np.arange(run.size))
        if np.abs(even - vertices_s[run]).max() <= _OFF_EVEN * step:
            inside = (times_s >= even[0]) & (times_s <= even[-1])
            curve[inside] = CubicSpline(even, _sharpened(values[run]))(times_s[inside])
    return curve


def _sharpened(values: Float64Array) -> Float64Array:
    """Return samples, [n], without what an average over three quarters of a step takes from them.

    Whether a program picks every fourth sample or averages four, its print does not tell. On pages drawn both ways
    this costs the picked ones 0.4 dB and gives the averaged ones 1.3 dB. An average over a width w multiplies the
    spectrum by sinc(f w), as the aperture of a converter does (Oppenheim and Schafer, Discrete-Time Signal Processing,
    section 4.8).
    """
    mirrored = np.concatenate((values, values[::-1]))
    loss = np.sinc(_APERTURE * np.fft.rfftfreq(mirrored.size))
    return np.fft.irfft(np.fft.rfft(mirrored) / loss, mirrored.size)[: values.size]


def as_fine_as_pixels(values: Float64Array, step: float, pixel: float) -> Float64Array:
    """Return a trace read at even steps, [n], as sharp as its pixels can show it and without what is finer than they.

    `step` and `pixel`, the width of one, are in one unit. The mean over a pixel is undone as in `_sharpened`, and what
    has more than 0.42 waves to a pixel is taken away with the gain of a Butterworth filter of order 3 run both ways:
    it is the noise of reading (chosen on drawn pages).
    """
    mirrored = np.concatenate((values, values[::-1]))
    waves = np.fft.rfftfreq(mirrored.size, step) * pixel
    gain = 1 / ((1 + (waves / _PIXELS_CUT) ** (2 * _PIXELS_ORDER)) * np.sinc(np.minimum(waves, 2 * _PIXELS_CUT)))
    return np.fft.irfft(np.fft.rfft(mirrored) * gain, mirrored.size)[: values.size]
