"""Time to measure one recording on one core, beside openecg over 12 leads and neurokit2 dwt; and two cores against one.

.venv/bin/pip install -e '.[benchmarks]'     # the peers; the program does not need them
.venv/bin/python benchmarks/measure_speed.py FOLDER           # WFDB records of 10 s, searched through
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from delineation import Intervals, neurokit_peer, openecg_peer, ours

from ecgr1_core.formats import read
from ecgr1_core.record import EcgRecord


def milliseconds(work: Callable[[EcgRecord], Intervals], records: list[EcgRecord]) -> float:
    """Return the median time of one record in ms, after one to warm up."""
    work(records[0])
    times = []
    for record in records:
        start = time.perf_counter()
        work(record)
        times.append(1000.0 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=20)
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.rglob("*.hea"))
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    records = [read(path) for path in paths[: arguments.count]]
    base = milliseconds(ours, records)
    print("| | ms a record, one core | times ours |\n|---|---|---|")
    print(f"| ours | {base:.0f} | 1 |")
    for name, peer in (("openecg, 12 leads", openecg_peer()), ("neurokit2 dwt, 12 leads", neurokit_peer("dwt"))):
        found = milliseconds(peer, records[:8])
        print(f"| {name} | {found:.0f} | {found / base:.1f} |", flush=True)
    os.sched_setaffinity(0, cores)
    seconds = {}
    for jobs in (1, 2):
        start = time.perf_counter()
        command = [sys.executable, "-m", "app", "measure", "--jobs", str(jobs), *map(str, paths)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds[jobs] = time.perf_counter() - start
    print(
        f"\n{len(paths)} records by `ecgr1 measure`: {seconds[1]:.0f} s with one process, {seconds[2]:.0f} s with two "
        f"({seconds[1] / seconds[2]:.2f} times as fast)"
    )


if __name__ == "__main__":
    main()
