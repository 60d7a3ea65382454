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
from pathlib import Path

import numpy as np
from protocol_labels import counts, interval, our_labels, rates, resampled
from reference_labels import LABELS, challenge, ludb, ptbxl

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
    measured = {id: measure(sources[id].record()).heart_rate_bpm for id in common}
    print(f"{len(common)} recordings that all have read, {len({sources[id].patient for id in common})} patients")
    for name, texts in readings.items():
        table = counts([(sources[id], _answer(texts[id])) for id in common], LABELS)
        f1 = rates(table.sum(axis=0))["F1"]
        macro = interval(float(np.nanmean(f1)), np.nanmean(rates(resampled(table))["F1"], axis=1))
        near = [_near(texts[id], rate) for id, rate in measured.items() if rate is not None]
        print(f"{name}: macro-F1 {macro} %, rate within 5/min {100 * np.mean(near):.1f} %")
        if given.labels:
            print("   " + ", ".join(f"{label} {value:.2f}" for label, value in zip(LABELS, f1, strict=True)))


def _near(text: str, rate: float) -> bool:
    step = parse(text).step(1)
    named = _RATE.findall(step.text if step else text)
    return bool(named) and abs(float(named[-1]) - rate) <= _NEAR_BPM


def _answer(text: str) -> frozenset[str]:
    """Return the labels of the list that a reading says."""
    known = (vocabulary.lookup(name) for name in parse(text).answer)
    return our_labels([label for label in known if label is not None])


if __name__ == "__main__":
    main()
