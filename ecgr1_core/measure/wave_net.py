"""Where cardiologists would mark the limits of the waves: a small convolutional network on the median beat.

The rules of `delineate` follow corners; the network has learned from marked ECGs how far out a soft edge is marked.
It looks at every lead alone, pools what it saw over the leads (so that any set of leads will do), and gives for each
limit a distribution over the columns of the beat. It knows nothing of lead names, of
amplitudes (a beat twice as large has the same limits) or of whether there is a P wave at all. Trained by
`training/wave_limits`; here it is only run, in NumPy: a beat takes a few milliseconds.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from ecgr1_core.measure.conditioning import Array, Mask, samples
from ecgr1_core.measure.templates import BEFORE

LIMITS = ("p_onset", "p_offset", "qrs_onset", "qrs_offset", "t_offset")
"""What the network gives, in the order of its outputs; the names are those of `WaveLimits`."""
FOLD = 4
"""Neighbouring samples that make one step of the network; its answer has the full resolution again."""
KERNEL = 5
LEAD_DILATIONS = (1, 2, 4, 8, 1)
"""Of the blocks that see one lead."""
POOLED_DILATIONS = (1, 4, 1)
"""Of the blocks that see what was pooled over the leads."""
GROUPS = 4
"""Of the group normalisation."""

_WEIGHTS = "wave_net.npz"
_QRS = slice(BEFORE - samples(60.0), BEFORE + samples(100.0))
_LEAD_QRS = slice(BEFORE - samples(100.0), BEFORE + samples(140.0))
_GELU = math.sqrt(2.0 / math.pi)
Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]


def limit_distributions(beat_mv: Array, usable: Mask) -> Array:
    """Return for every limit of a median beat how likely it lies at each column, [5, BEFORE + AFTER], rows sum to 1.

    `beat_mv` is [12, BEFORE + AFTER] in mV, level before the QRS at zero, NaN beyond the recording; `usable` [12]. A
    limit is given for every wave, whether the beat has it or not: that is for others to decide. The mean over the
    members of the ensemble.
    """
    seen = features(beat_mv, usable)
    answers: Array = np.mean([_run(weights, seen) for weights in _ensemble()], axis=0, dtype=np.float64)
    return answers


def features(beat_mv: Array, usable: Mask) -> Floats:
    """Return what the network sees, [usable leads, 3, BEFORE + AFTER].

    The beat in units of its QRS over all leads; the same with small waves drawn large; and every lead in units of its
    own QRS. None of them changes when the recording is scaled.
    """
    beat = np.nan_to_num(beat_mv[usable])
    size = float(np.quantile(np.abs(beat[:, _QRS]), 0.95)) + 1e-6
    own = np.abs(beat[:, _LEAD_QRS]).max(axis=1, keepdims=True) + 0.05 * size
    seen = np.stack([beat / size, np.arcsinh(20.0 * beat / size) / 3.0, beat / own], axis=1)
    return seen.astype(np.float32)


@cache
def _ensemble() -> tuple[Weights, ...]:
    with np.load(str(files("ecgr1_core.measure").joinpath(_WEIGHTS)), allow_pickle=False) as stored:
        members = sorted({name.split("/")[0] for name in stored.files})
        return tuple(
            {
                name.split("/")[1]: stored[name].astype(np.float32)
                for name in stored.files
                if name.startswith(f"{member}/")
            }
            for member in members
        )


def _run(weights: Weights, seen: Floats) -> Floats:
    """Return the distribution of every limit over the columns, [5, BEFORE + AFTER]."""
    leads, channels, columns = seen.shape
    steps = columns // FOLD
    x = seen.reshape(leads, channels, steps, FOLD).transpose(0, 2, 1, 3).reshape(leads, steps, channels * FOLD)
    x = _convolve(x, weights, "stem", 1)
    for number, dilation in enumerate(LEAD_DILATIONS):
        x = _block(x, weights, f"lead_blocks.{number}", dilation)
    pooled = np.concatenate([x.mean(axis=0), x.max(axis=0), np.sqrt(x.var(axis=0) + 1e-6)], axis=1)[None]
    x = _convolve(pooled, weights, "merge", 1)
    for number, dilation in enumerate(POOLED_DILATIONS):
        x = _block(x, weights, f"pooled_blocks.{number}", dilation)
    logits = (
        _convolve(x, weights, "head", 1)[0].reshape(steps, len(LIMITS), FOLD).transpose(1, 0, 2).reshape(-1, columns)
    )
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    out: Floats = odds / odds.sum(axis=1, keepdims=True)
    return out


def _block(x: Floats, weights: Weights, name: str, dilation: int) -> Floats:
    y = _convolve(x, weights, f"{name}.wide", dilation)
    rows, steps, channels = y.shape
    grouped = y.reshape(rows, steps, GROUPS, channels // GROUPS)
    share = 1.0 / (steps * (channels // GROUPS))
    mean = grouped.sum(axis=(1, 3)) * share
    power = np.einsum("rsgc,rsgc->rg", grouped, grouped) * share - mean**2
    scale = np.repeat(1.0 / np.sqrt(np.maximum(power, 0.0) + 1e-5), channels // GROUPS, axis=1)
    scale = scale * weights[f"{name}.norm.weight"]
    y *= scale[:, None]
    y += (weights[f"{name}.norm.bias"] - np.repeat(mean, channels // GROUPS, axis=1) * scale)[:, None]
    inner = y * y
    inner *= 0.044715 * _GELU
    inner += _GELU
    inner *= y
    np.tanh(inner, out=inner)
    inner += 1.0
    inner *= y
    inner *= 0.5
    return x + _convolve(inner, weights, f"{name}.narrow", 1)


def _convolve(x: Floats, weights: Weights, name: str, dilation: int) -> Floats:
    """Convolve along the steps, zeros beyond the ends: [rows, steps, in] to [rows, steps, out]."""
    kernel = weights[f"{name}.weight"][:, :, 0]  # [out, in, width]
    width, steps = kernel.shape[2], x.shape[1]
    reach = dilation * (width // 2)
    padded = np.pad(x, ((0, 0), (reach, reach), (0, 0)))
    beside = np.concatenate([padded[:, k * dilation : k * dilation + steps] for k in range(width)], axis=2)
    out: Floats = beside @ kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0]) + weights[f"{name}.bias"]
    return out
