"""Train the network that says where cardiologists mark the limits of waves, and store its weights.

    python -m training.wave_limits --data FOLDER_OF_LUDB --out ecgr1_core/measure/wave_net.npz

Learned from: the half of LUDB that `training.wave_limits.ludb.halves` gives (figures are reported on the other), and
synthetic ECGs. `--fold K` leaves every fifth of those records out instead and prints the errors on them, which is how
everything about the network was chosen. Runs on one core, about ten minutes a member; the same seed gives the same
weights.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ecgr1_core.measure.templates import AFTER, BEFORE
from ecgr1_core.measure.wave_net import LIMITS, features
from training.wave_limits.examples import Example, folds, marked_examples, synthetic_examples
from training.wave_limits.ludb import halves
from training.wave_limits.network import WaveNet

COLUMNS = BEFORE + AFTER
LEARNING_RATE = 2e-3
MARKED, SYNTHETIC = 6, 2  # examples of each in a batch
_MARGIN = 4
_BLUR = 3.0  # samples: how soft the target distribution is


def disturbed(example: Example, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return features, leads used, limits and lead limits of a beat made from `example` by chance.

    The median of some of its beats; stretched in time and shifted; every lead scaled, some turned over; noise and drift
    added; sometimes softened as a recording at 100 Hz is; sometimes a few leads missing.
    """
    beats = example.beats_mv
    chosen = rng.choice(len(beats), rng.integers(1, len(beats) + 1), replace=False)
    beat = np.nanmedian(beats[chosen], axis=0) if len(chosen) > 1 else beats[chosen[0]]
    beat = np.nan_to_num(beat)
    stretch, shift = float(np.exp(rng.normal(0.0, 0.08))), float(rng.uniform(-15.0, 15.0))
    source = np.clip((np.arange(COLUMNS) - BEFORE - shift) / stretch + BEFORE, 0, COLUMNS - 1.001)
    left = source.astype(int)
    beat = beat[:, left] * (1 - (source - left)) + beat[:, left + 1] * (source - left)
    limits = (example.limits - BEFORE) * stretch + BEFORE + shift
    lead_limits = (example.lead_limits - BEFORE) * stretch + BEFORE + shift
    if rng.random() < 0.15:
        beat = _softened(beat)
    size = float(np.quantile(np.abs(beat[:, BEFORE - 40 : BEFORE + 50]), 0.95)) + 1e-6
    beat = beat * np.exp(rng.normal(0.0, 0.25, (12, 1))) * np.where(rng.random((12, 1)) < 0.15, -1.0, 1.0)
    noise = rng.normal(0.0, 1.0, beat.shape)
    if rng.random() < 0.5:
        noise = (noise + np.roll(noise, 1, axis=1) + np.roll(noise, 2, axis=1)) / np.sqrt(3.0)
    beat = beat + noise * size * rng.choice([0.0, 0.003, 0.01, 0.02])
    drift = np.cumsum(rng.normal(0.0, 1.0, beat.shape), axis=1)
    beat = beat + drift * size * rng.choice([0.0, 0.0, 0.0005, 0.001])
    used = example.usable.copy()
    if rng.random() < 0.3:
        used[rng.choice(12, rng.integers(1, 4), replace=False)] = False
    if used.sum() < 6:
        used = example.usable.copy()
    seen = np.zeros((12, 3, COLUMNS), dtype=np.float32)
    seen[used] = features(beat, used)
    limits, lead_limits = (
        np.where((values < _MARGIN) | (values > COLUMNS - 1 - _MARGIN), np.nan, values)
        for values in (limits, lead_limits)
    )
    lead_limits[~used] = np.nan
    return seen, used.astype(np.float32), limits.astype(np.float32), lead_limits.astype(np.float32)


def _softened(beat: np.ndarray) -> np.ndarray:
    """Return the beat as it looks after sampling at 100 Hz."""
    coarse = np.apply_along_axis(lambda row: np.convolve(row, np.ones(5) / 5.0, mode="same"), 1, beat)
    knots = np.arange(0, beat.shape[1], 5)
    return np.stack([np.interp(np.arange(beat.shape[1]), knots, row[knots]) for row in coarse])


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy against a soft target, and the distance of the mean from the mark in samples (at most 40)."""
    known = ~torch.isnan(target)
    chosen, marked = logits[known], target[known]
    place = torch.arange(logits.shape[-1], dtype=torch.float32)
    wanted = torch.softmax(-(place - marked[:, None]).abs() / _BLUR, -1)
    entropy = -(wanted * F.log_softmax(chosen, -1)).sum(-1).mean()
    distance = ((chosen.softmax(-1) * place).sum(-1) - marked).abs().clamp(max=40.0).mean()
    return entropy + 0.15 * distance


def train(marked: list[Example], synthetic: list[Example], *, steps: int, seed: int) -> WaveNet:
    """Train one member; return the running mean of its weights."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    network = WaveNet()
    mean = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.02)
    for step in range(steps):
        rate = LEARNING_RATE * min(1.0, (step + 1) / 50) * (0.5 + 0.5 * np.cos(np.pi * step / steps)) + 1e-5
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = [disturbed(marked[i], rng) for i in rng.integers(len(marked), size=MARKED)]
        batch += [disturbed(synthetic[i], rng) for i in rng.integers(len(synthetic), size=SYNTHETIC)]
        seen, used, limits, lead_limits = (torch.from_numpy(np.stack(part)) for part in zip(*batch, strict=True))
        by_lead, whole = network(seen, used)
        loss = loss_of(whole, limits) + 0.5 * loss_of(by_lead, lead_limits)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            keep = min(0.99, step / (step + 10))
            for slow, fast in zip(mean.parameters(), network.parameters(), strict=True):
                slow.lerp_(fast, 1 - keep)
        if step % 250 == 0:
            print(f"seed {seed} step {step} loss {loss.item():.2f}", flush=True)
    return mean


def errors_ms(network: WaveNet, examples: list[Example]) -> dict[str, np.ndarray]:
    """Return found minus marked for every limit on the median beats, in ms."""
    out: dict[str, list[float]] = {name: [] for name in LIMITS}
    place = torch.arange(COLUMNS, dtype=torch.float32)
    for example in examples:
        seen = np.zeros((12, 3, COLUMNS), dtype=np.float32)
        seen[example.usable] = features(np.nanmedian(example.beats_mv, axis=0), example.usable)
        with torch.no_grad():
            _, whole = network(torch.from_numpy(seen)[None], torch.from_numpy(example.usable.astype(np.float32))[None])
        found = (whole[0].softmax(-1) * place).sum(-1).numpy()
        for name, column, marked in zip(LIMITS, found, example.limits, strict=True):
            if np.isfinite(marked):
                out[name].append(2.0 * float(column - marked))
    return {name: np.array(values) for name, values in out.items()}


def main() -> None:
    """Train the members one after the other and store them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of LUDB, with data/ in it")
    parser.add_argument("--out", type=Path, required=True, help="file for the weights (.npz)")
    parser.add_argument("--seeds", default="1,2,3", help="one member of the ensemble for each")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--synthetic", type=int, default=160, help="synthetic recordings")
    parser.add_argument("--fold", type=int, help="leave this fifth out and print the errors on it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    learned, _ = halves(sorted(int(path.stem) for path in (arguments.data / "data").glob("*.hea")))
    marked = marked_examples(arguments.data / "data", learned)
    held: list[Example] = []
    if arguments.fold is not None:
        marked, held = list(folds(marked, 5))[arguments.fold]
    synthetic = synthetic_examples(arguments.synthetic, np.random.default_rng(5))
    fresh = synthetic_examples(40, np.random.default_rng(6))
    weights: dict[str, np.ndarray] = {}
    for seed in map(int, arguments.seeds.split(",")):
        network = train(marked, synthetic, steps=arguments.steps, seed=seed)
        for title, examples in (("held back", held), ("new synthetic", fresh)):
            if examples:
                cells = [
                    f"{name} {found.mean():+.1f} ± {found.std():.1f}, {np.abs(found).mean():.1f}"
                    for name, found in errors_ms(network, examples).items()
                ]
                print(f"seed {seed}, {title}: {'; '.join(cells)}", flush=True)
        for name, value in network.state_dict().items():
            if not name.startswith("lead_head"):
                weights[f"member{seed}/{name}"] = value.numpy().astype(np.float16)
    np.savez_compressed(arguments.out, **weights)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
