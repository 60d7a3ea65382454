"""Is there a P wave before the QRS? Tested on the beats, not assumed.

A P wave belongs to its QRS: the stretch before every QRS looks like that of the other beats. Atrial fibrillation,
flutter out of step, or dissociated P waves leave a different stretch before each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal as dsp

from ecgr1_core.measure.beats import Indices
from ecgr1_core.measure.conditioning import Array, Conditioned, Mask, low_pass, samples
from ecgr1_core.measure.delineate import WaveLimits
from ecgr1_core.measure.templates import beat_windows

_LIKE = 0.5
_PRESENT = 0.6  # in fibrillation up to 0.48, in sinus rhythm from 0.69 (LUDB and PTB-XL, all in view)


@dataclass(frozen=True)
class AtrialTest:
    """Outcome of the test: `present` or the reason why not; `likeness` is [beats], the correlation of the stretch
    before each QRS with the mean of the others (NaN where it was not recorded)."""

    present: bool
    reason: str
    likeness: Array
    p_per_qrs: float | None


def test_p_waves(conditioned: Conditioned, fiducials: Indices, limits: WaveLimits, before: int) -> AtrialTest:
    """Decide whether the wave found before the QRS of the median beat is a P wave.

    `fiducials` are the positions of the beats of one shape (samples), `before` the column of the fiducial in the median
    beat. The test needs three beats; with fewer the wave is taken for what it looks like.
    """
    nothing = np.full(len(fiducials), np.nan)
    if limits.p_onset is None or limits.p_offset is None:
        return AtrialTest(False, "no wave was found before the QRS complex", nothing, None)
    start = round(limits.p_onset - samples(20.0))
    stop = round(min(limits.qrs_onset - samples(10.0), limits.p_offset + samples(30.0)))
    smooth = low_pass(conditioned.signal_mv[conditioned.usable], 25.0)
    if conditioned.in_parts:
        smooth = np.where(conditioned.shown[conditioned.usable], smooth, np.nan)
    windows = beat_windows(smooth, fiducials)[:, :, max(0, start) : max(stop, start + samples(40.0))]
    seen: Mask = np.asarray(np.isfinite(windows).all(axis=2))  # of each beat the leads that are shown
    whole: Mask = np.asarray(seen.any(axis=1) if conditioned.in_parts else seen.all(axis=1))
    if whole.sum() < 3:
        return AtrialTest(True, "too few beats to compare", nothing, None)
    level = dsp.detrend(np.where(seen[whole][:, :, None], windows[whole], 0.0), axis=2)
    total = level.sum(axis=0)
    times = seen[whole].sum(axis=0)  # a lead shown in one beat alone has no others to be held against
    per_other = np.where(times > 1, 1.0 / np.maximum(times - 1, 1), 0.0)
    likeness = nothing
    found = []
    for beat, has in zip(level, seen[whole], strict=True):
        beat = beat * (has & (times > 1))[:, None]
        others = (total - beat) * (has * per_other)[:, None]
        size = float(np.sqrt((beat**2).sum() * (others**2).sum()))
        found.append(float((beat * others).sum()) / size if size > 0 else 0.0)
    likeness[whole] = found
    share = float(np.mean(np.asarray(found) > _LIKE))
    typical = float(np.median(found))
    if typical < _PRESENT:
        return AtrialTest(
            False,
            "the activity before the QRS complexes differs from beat to beat: no P wave belongs to them",
            likeness,
            share,
        )
    return AtrialTest(True, "", likeness, share)
