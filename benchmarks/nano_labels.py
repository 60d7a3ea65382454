"""Readings of the test recordings against what cardiologists stated of them, reader beside reader: labels and rate.

    .venv/bin/python benchmarks/nano_labels.py ../shared/data runs/nano/read_*/predictions.jsonl

The readings are those that `ecgr1 evaluate` kept of the test file of `ecgr1 train nano`. Labels are the seventeen of
`protocol_labels`, the macro-F1 is the mean over those that some test recording has; every reader is judged on the
recordings that all of them have read. The rate is the last one that step 1 names, against the one measured on the
signal. Intervals are the 2.5th to 97.5th percentile of 2,000 bootstrap samples of patients, seed 5.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from protocol_labels import SAMPLES, SEED, our_labels
from reference_labels import LABELS, Labelled, challenge, ludb, ptbxl

from ecgr1_core import vocabulary
from ecgr1_core.interpretation import parse
from ecgr1_core.measure import measure
from training.corpus.sources import recording_id

_RATE = re.compile(r"(\d+) bpm")
_NEAR_BPM = 5.0


def main() -> None:
    """Print one line for each reader and modality."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with ptbxl, ludb and challenge2021")
    parser.add_argument("predictions", type=Path, nargs="+")
    parser.add_argument("--labels", action="store_true", help="also print F1 of each label")
    given = parser.parse_args()
    data: Path = given.data
    found = [*ptbxl(data / "ptbxl"), *ludb(data / "ludb"), *challenge(data / "challenge2021")]
    sources = {recording_id(one.path.relative_to(data).with_suffix("").as_posix()): one for one in found}
    readings: dict[str, dict[str, str]] = {}
    for path in given.predictions:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["id"] in sources:
                name = f"{path.parent.name} {row['reader']} {row['modality']}"
                readings.setdefault(name, {})[row["id"]] = row["text"]
    common = sorted(set.intersection(*(set(texts) for texts in readings.values())))
    rates = {id: measure(sources[id].record()).heart_rate_bpm for id in common}
    print(f"{len(common)} recordings that all have read, {len({sources[id].patient for id in common})} patients")
    for name, texts in readings.items():
        table, low, high = _macro(sources, common, texts)
        near = [_near(texts[id], rates[id]) for id in common if rates[id] is not None]
        print(
            f"{name}: macro-F1 {np.nanmean(table):.3f} ({low:.3f}-{high:.3f}), "
            f"rate within 5/min {100 * np.mean(near):.1f} %"
        )
        if given.labels:
            print("   " + ", ".join(f"{label} {f1:.2f}" for label, f1 in zip(LABELS, table, strict=True)))


def _near(text: str, rate: float | None) -> bool:
    step = parse(text).step(1)
    named = _RATE.findall(step.text if step else text)
    return bool(named) and rate is not None and abs(float(named[-1]) - rate) <= _NEAR_BPM


def _macro(
    sources: Mapping[str, Labelled], ids: Sequence[str], texts: Mapping[str, str]
) -> tuple[np.ndarray, float, float]:
    """Return F1 of each label, NaN where no recording has it, and the interval of their mean."""
    patients = {patient: at for at, patient in enumerate(dict.fromkeys(sources[id].patient for id in ids))}
    counts = np.zeros((len(patients), len(LABELS), 3))
    for id in ids:
        known = (vocabulary.lookup(name) for name in parse(texts[id]).answer)
        said = our_labels([label for label in known if label is not None])
        for column, label in enumerate(LABELS):
            stated = sources[id].stated.get(label)
            if stated is None:
                continue
            hit = (stated and label in said, not stated and label in said, stated and label not in said)
            counts[patients[sources[id].patient], column] += hit
    weights = np.random.default_rng(SEED).multinomial(len(patients), [1 / len(patients)] * len(patients), SAMPLES)
    drawn = np.nanmean(_f1(np.tensordot(weights, counts, axes=1)), axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return _f1(counts.sum(axis=0)), float(low), float(high)


def _f1(counts: np.ndarray) -> np.ndarray:
    """Return F1 of counts [..., (true positive, false positive, false negative)], NaN where none is there."""
    right, wrong, missed = np.moveaxis(counts, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(right + missed > 0, 2 * right / (2 * right + wrong + missed), np.nan)


if __name__ == "__main__":
    main()
