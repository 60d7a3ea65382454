"""Records a second that the generator makes on one core, and how its truth agrees with what is measured and read.

.venv/bin/python benchmarks/synthesis_speed.py                  # speed: mixtures of all kinds, 10 s at 500 Hz, noise
.venv/bin/python benchmarks/synthesis_speed.py --agreement 5    # and five patients of every kind, measured and read

Errors are measured less true, mean ± SD; "none" counts where only one of the two has a value. Recall is the share of
the true labels that the protocol reader says (with all that follows from its labels), or says as possible.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from ecgr1_core import vocabulary
from ecgr1_core.measure import measure
from ecgr1_core.measure.types import Measurements
from ecgr1_core.protocol import assess
from ecgr1_core.record import Patient
from training.synthesis import KINDS, NoiseSpec, Truth, draw_specs, kind_spec, synthesize, varied

MEASURED = ("heart_rate_bpm", "pr_interval_ms", "qrs_duration_ms", "qt_interval_ms", "qrs_axis_deg")
NOISE = NoiseSpec(baseline_wander_mv=0.03, muscle_rms_mv=0.008)
PERSON = Patient(60.0, "M")


def records_per_second(count: int, rounds: int) -> list[float]:
    """Return records a second of processor time of each round, drawing included."""
    found = []
    for turn in range(rounds + 1):  # the first one warms up
        start = time.process_time()
        for number, (_, spec) in enumerate(draw_specs(count, turn)):
            synthesize(spec, np.random.default_rng([turn, number]))
        found.append(count / (time.process_time() - start))
    return found[1:]


def error(name: str, truth: Truth, measured: Measurements) -> float | None:
    """Return measured less true; None where only one of them is known, NaN where neither is."""
    true, seen = getattr(truth, name), getattr(measured, name)
    if true is None and seen is None:
        return float("nan")
    if true is None or seen is None:
        return None
    return float((seen - true + 180) % 360 - 180) if name == "qrs_axis_deg" else float(seen - true)


def in_short(errors: Sequence[float | None]) -> str:
    """Write a list of errors as mean ± SD, with the number of those where one side has no value."""
    known = [one for one in errors if one is not None and not np.isnan(one)]
    words = f"{np.mean(known):+.0f} ± {np.std(known):.0f}" if known else "–"
    absent = sum(one is None for one in errors)
    return words + (f", none {absent}" if absent else "")


def print_agreement(patients: int) -> None:
    """Print one line a kind: errors of the measurements, recall of every label, and what else the reader says."""
    print("\n| kind | rate /min | PR ms | QRS ms | QT ms | axis ° | labels read (possible) of true | said besides |")
    print("|---|---|---|---|---|---|---|---|")
    total = Counter[str]()
    for kind in KINDS:
        errors: dict[str, list[float | None]] = {name: [] for name in MEASURED}
        true, read, possible, besides = (Counter[str]() for _ in range(4))
        for patient in range(patients):
            rng = np.random.default_rng([patient, *kind.encode()])
            record, truth = synthesize(replace(varied(kind_spec(kind), rng), noise=NOISE), rng)
            measured = measure(record)
            found = assess(measured, PERSON, record.warnings)
            for name in MEASURED:
                errors[name].append(error(name, truth, measured))
            said = {label.name for label in vocabulary.with_implied(found.labels)}
            maybe = {one.label.name for one in found.abnormal if one.label} - said
            follows = {label.name for label in vocabulary.with_implied(map(vocabulary.label, truth.names))}
            true.update(truth.names)
            read.update(name for name in truth.names if name in said)
            possible.update(name for name in truth.names if name in maybe)
            besides.update(label.name for label in found.labels if label.name not in follows)
        recalls = [
            f"{name} {read[name]}{f' (+{possible[name]})' if possible[name] else ''}/{count}"
            for name, count in true.items()
        ]
        more = [f"{name} {count}" for name, count in besides.most_common() if count > patients / 2]
        cells = [in_short(errors[name]) for name in MEASURED]
        print(f"| {kind} | {' | '.join(cells)} | {'; '.join(recalls)} | {'; '.join(more)} |", flush=True)
        total.update(true=true.total(), read=read.total(), possible=possible.total())
    share, maybe_share = (100 * total[key] / total["true"] for key in ("read", "possible"))
    print(f"\n{total['true']} true labels: {share:.0f} % read, {maybe_share:.0f} % more as possible.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=400, help="records a round (default 400)")
    parser.add_argument("--agreement", type=int, default=0, metavar="N", help="patients of every kind to measure")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with threadpool_limits(limits=1):
        rates = records_per_second(arguments.count, rounds=4)
        each = ", ".join(f"{rate:.0f}" for rate in rates)
        print(f"{np.median(rates):.0f} records/s on one core ({each} in four rounds)")
        if arguments.agreement:
            print_agreement(arguments.agreement)


if __name__ == "__main__":
    main()
