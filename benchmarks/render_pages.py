"""Time to draw one page and to wear it on one core, at about 1653 × 1122 pixels, beside ecg-plot 0.3.

python -m venv PEER && PEER/bin/pip install 'ecg-plot[matplotlib]==0.3'      # the program does not need it
.venv/bin/python benchmarks/render_pages.py FOLDER --peer PEER/bin/python      # WFDB records of 10 s, searched through
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ecgr1_core.formats import read
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.degrade import LEVELS, degrade, random_degradation
from ecgr1_core.render.page_style import PageStyle, random_style
from ecgr1_core.render.paper import render_page
from ecgr1_core.render.sheets import DrawnPage, draw_sheet

DPI = 141  # A4 across is then 1649 × 1166 pixels
PEER_DPI = 143  # 1649 × 805 pixels, 3x4 without a rhythm strip
PEER = """
import sys, time, warnings, numpy, matplotlib
warnings.simplefilter("ignore")
matplotlib.use("Agg")
import matplotlib.pyplot
import ecg_plot
times = []
for signal in numpy.load(sys.argv[1]):
    start = time.perf_counter()
    ecg_plot.plot(signal[:, :1250], sample_rate=500, columns=4, title="", lead_index=sys.argv[4:])
    ecg_plot.save_as_png("page", sys.argv[2] + "/", dpi=int(sys.argv[3]))
    matplotlib.pyplot.close("all")
    times.append(1000 * (time.perf_counter() - start))
print(sorted(times[1:])[len(times[1:]) // 2])
"""


def milliseconds(work: Callable[[int], object], count: int) -> tuple[float, float]:
    """Return the median and the longest time of one page in ms, after one to warm up."""
    work(0)
    times = []
    for number in range(count):
        start = time.perf_counter()
        work(number)
        times.append(1000.0 * (time.perf_counter() - start))
    return statistics.median(times), max(times)


def peer_ms(python: Path, records: list[EcgRecord], folder: Path) -> float:
    """Return the median time in which ecg-plot draws and saves a page of the same recordings."""
    np.save(folder / "signals.npy", np.stack([record.signal_mv for record in records]))
    command = [python, "-c", PEER, folder / "signals.npy", folder, str(PEER_DPI), *LEADS]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=40, help="pages of each kind (default %(default)s)")
    parser.add_argument("--peer", type=Path, metavar="PYTHON", help="a Python that has ecg-plot 0.3")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    paths = sorted(arguments.folder.rglob("*.hea"))[: arguments.count]
    records = [read(path) for path in paths]
    count = len(records)
    styles = [
        replace(random_style(np.random.default_rng(n)), dpi=DPI, speed_mm_per_s=25.0, paper="A4") for n in range(count)
    ]
    sheets: list[DrawnPage] = [draw_sheet(r, s) for r, s in zip(records, styles, strict=True)]
    print(f"{count} recordings, {DPI} dpi, one core\n\n| | ms a page, median | longest |\n|---|---|---|")

    def row(name: str, work: Callable[[int], object]) -> float:
        median, longest = milliseconds(work, count)
        print(f"| {name} | {median:.0f} | {longest:.0f} |", flush=True)
        return median

    row("render_page, 3x4+1", lambda n: render_page(records[n], dpi=DPI))
    row("a plain sheet with its truth", lambda n: draw_sheet(records[n], PageStyle(spacing="even", dpi=DPI)))
    row("a 12x1 sheet", lambda n: draw_sheet(records[n], PageStyle(layout="12x1", spacing="even", dpi=DPI)))
    row("a random sheet", lambda n: draw_sheet(records[n], styles[n]))
    for level in LEVELS:
        wear = [random_degradation(np.random.default_rng((n, 1)), level) for n in range(count)]
        row(f"{level} wear", lambda n, wear=wear: degrade(sheets[n], wear[n]))  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        ours = row("a plain page saved as PNG", lambda n: render_page(records[n], dpi=DPI).save(f"{folder}/page.png"))
        if arguments.peer is None:
            print("\necg-plot was not timed: give --peer", file=sys.stderr)
            return
        theirs = peer_ms(arguments.peer, records[:10], Path(folder))
        print(f"| ecg-plot 0.3, a page saved as PNG | {theirs:.0f} | {theirs / ours:.1f} times ours |")


if __name__ == "__main__":
    main()
