"""Recordings on the accelerator disturbed there: noise of the electrodes and another device, as `synthesis` draws them.

Distributions are those of `synthesis.noise` and `synthesis.devices`; muscle noise is white here. Counts are left out:
half precision rounds as coarsely.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ecgr1_core.model.processing import SAMPLING_RATE_HZ, TOWER_LEADS
from ecgr1_core.record import LEADS
from training.synthesis import devices, noise
from training.synthesis.drawing import Disturbance
from training.synthesis.leads import ELECTRODES, ELECTRODES_TO_LEADS


def disturbed(signals: Tensor, disturbance: Disturbance, share: float, generator: torch.Generator) -> Tensor:
    """Return [batch, leads, samples] float32 in mV, of which about `share` are disturbed.

    Leads are in the tower's order. What is 0 throughout, a lead or padded time, stays so.
    """
    shown = signals.float()
    chosen = torch.rand(len(signals), generator=generator, device=signals.device) < share
    if chosen.any():
        shown = shown.clone()
        shown[chosen] = _otherwise(shown[chosen], disturbance, generator)
    return shown


def _otherwise(signals: Tensor, disturbance: Disturbance, generator: torch.Generator) -> Tensor:
    batch, _, samples = signals.shape
    device, many = signals.device, len(ELECTRODES)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=device)

    def one_of(values: tuple[float, ...]) -> Tensor:
        place = torch.randint(len(values), (batch, 1), generator=generator, device=device)
        return torch.tensor(values, device=device)[place]

    low, high = noise.WANDER_HZ
    slow_hz = low + (high - low) * uniform(batch, noise.WANDER_SINES)
    weights = (0.3 + 0.7 * uniform(batch, many, noise.WANDER_SINES)) / slow_hz[:, None].sqrt()
    weights = weights * (2 / weights.square().sum(dim=2, keepdim=True)).sqrt()
    wander = weights * uniform(batch, 1, 1) * disturbance.wander_mv / math.sqrt(2)
    mains = (0.7 + 0.6 * uniform(batch, many, 1)) * devices.MOST_MAINS_MV * uniform(batch, 1, 1) ** 3 / math.sqrt(2)
    amplitudes = torch.cat([wander, mains], dim=2)
    phases = 2 * math.pi * uniform(batch, many, noise.WANDER_SINES + 1)
    hertz = torch.cat([slow_hz, one_of(devices.MAINS_HZ)], dim=1)
    angles = 2 * math.pi * hertz[:, :, None] * torch.arange(samples, device=device) / SAMPLING_RATE_HZ
    potentials = (amplitudes * phases.cos()) @ angles.sin() + (amplitudes * phases.sin()) @ angles.cos()
    muscle = normal(batch, many, samples) * uniform(batch, 1, 1) * disturbance.muscle_mv / math.sqrt(2)
    offsets = normal(batch, many, 1) * devices.MOST_OFFSET_MV * uniform(batch, 1, 1) ** 3
    to_leads = torch.tensor(ELECTRODES_TO_LEADS[[LEADS.index(lead) for lead in TOWER_LEADS]], device=device).float()
    noisy = signals + to_leads @ (potentials + muscle + offsets)

    frequencies = torch.fft.rfftfreq(samples, 1 / SAMPLING_RATE_HZ).to(device)
    low_pass, high_pass = one_of(devices.LOW_PASS_HZ), one_of(devices.HIGH_PASS_HZ)
    passed = torch.where(low_pass > 0, (1 + (frequencies / low_pass.clamp(min=1)) ** 4).rsqrt(), 1.0)
    steep = frequencies**2 / (high_pass**4 + frequencies**4).clamp(min=1e-12).sqrt()
    passed = passed * torch.where(high_pass > 0, steep, 1.0)
    shown = torch.fft.irfft(torch.fft.rfft(noisy) * passed[:, None], samples)
    shown = shown * (devices.GAIN_SD * normal(batch, 1, 1)).exp()
    known = (signals != 0).any(dim=2, keepdim=True) & (signals != 0).any(dim=1, keepdim=True)
    kept: Tensor = shown * known
    return kept
