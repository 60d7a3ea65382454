"""Intervals against the marks of cardiologists (LUDB), beside openecg and neurokit2, in one run.

    .venv/bin/pip install -e '.[benchmarks]'     # the peers; the program does not need them
    .venv/bin/python benchmarks/delineation.py [--data ../shared/data/ludb] [--peers openecg,prominence,dwt]

Global reference of a beat: the earliest onset and latest offset over the leads after dropping one at each end; of a
record: the median over its beats. The peers find waves lead by lead, and one bad lead spoils a global limit; so they
are held to what suits them: medians over leads and beats, against the same medians of the cardiologists' marks.
The limits of `ecgr1_core.measure.delineate` were set on the records called "tuned on" here; report the others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.measure import engine
from ecgr1_core.record import EcgRecord
from training.wave_limits.ludb import OPENECG_VALIDATION, Wave, halves, marked_beats, marks

INTERVALS = ("p", "pr", "qrs", "qt")
IEC = {"p": (10, 15), "pr": (10, 10), "qrs": (10, 10), "qt": (25, 30)}
Intervals = dict[str, float | None]


def fuse(leads: list[list[Wave]]) -> Intervals:
    """Put the waves of the leads together to global intervals (ms at 500 Hz), medians over the beats."""
    found: dict[str, list[float]] = {name: [] for name in INTERVALS}
    for beat in marked_beats(leads):
        if beat.p:
            found["p"].append(beat.p[1] - beat.p[0])
        if beat.qrs:
            found["qrs"].append(beat.qrs[1] - beat.qrs[0])
        if beat.qrs and beat.p:
            found["pr"].append(beat.qrs[0] - beat.p[0])
        if beat.qrs and beat.t:
            found["qt"].append(beat.t[1] - beat.qrs[0])
    return {name: 2.0 * float(np.median(values)) if values else None for name, values in found.items()}


def lead_medians(leads: list[list[Wave]]) -> Intervals:
    """Return the intervals inside one lead, the median over all leads and beats (ms at 500 Hz)."""
    found: dict[str, list[float]] = {name: [] for name in INTERVALS}
    for lead in leads:
        complexes = [wave for wave in lead if wave[0] == "QRS"]
        for number, (_, on, peak, off) in enumerate(complexes):
            low = complexes[number - 1][2] if number else -np.inf
            high = complexes[number + 1][2] if number + 1 < len(complexes) else np.inf
            found["qrs"].append(off - on)
            for wave in [w for w in lead if w[0] == "P" and low < w[2] < peak][-1:]:
                found["p"].append(wave[3] - wave[1])
                found["pr"].append(on - wave[1])
            found["qt"] += [w[3] - on for w in lead if w[0] == "T" and peak < w[2] < high][:1]
    return {name: 2.0 * float(np.median(values)) if values else None for name, values in found.items()}


def ours(record: EcgRecord) -> Intervals:
    measured = engine.analyse(record).measurements  # not the kept result: the time counts
    return {
        "p": measured.p_duration_ms,
        "pr": measured.pr_interval_ms,
        "qrs": measured.qrs_duration_ms,
        "qt": measured.qt_interval_ms,
    }


def count_beats(record: EcgRecord, marked: list[float]) -> tuple[int, int, int]:
    """Return the marked beats, how many were found within 100 ms, and how many more were found between them."""
    found = [500.0 * beat.r_s for beat in engine.analyse(record).measurements.beats]
    hit = sum(any(abs(at - r) <= 50.0 for at in found) for r in marked)
    inside = [at for at in found if marked[0] - 50.0 <= at <= marked[-1] + 50.0]
    return len(marked), hit, sum(all(abs(at - r) > 50.0 for r in marked) for at in inside)


def openecg_peer() -> Callable[[EcgRecord], Intervals]:
    import openecg

    model = openecg.load_codec_onnx()
    names = {1: "P", 2: "QRS", 3: "T"}

    def run(record: EcgRecord) -> Intervals:
        leads = []
        for row in record.signal_mv:
            events = openecg.encode(row, fs=500, model=model).events("frame", drop_class=0)
            leads.append([(names[c], float(a), (a + b) / 2.0, float(b)) for a, b, c in events if c in names])
        return lead_medians(leads)

    return run


def neurokit_peer(method: str) -> Callable[[EcgRecord], Intervals]:
    import neurokit2 as nk

    def run(record: EcgRecord) -> Intervals:
        leads = []
        for row in record.signal_mv.astype(float):
            clean = nk.ecg_clean(row, sampling_rate=500)
            _, peaks = nk.ecg_peaks(clean, sampling_rate=500, method="pantompkins1985")
            _, waves = nk.ecg_delineate(clean, peaks["ECG_R_Peaks"], sampling_rate=500, method=method)
            lead: list[Wave] = []
            for kind, prefix in (("P", "P"), ("QRS", "R"), ("T", "T")):
                centre = peaks["ECG_R_Peaks"] if prefix == "R" else waves[f"ECG_{prefix}_Peaks"]
                for on, peak, off in zip(
                    waves[f"ECG_{prefix}_Onsets"], centre, waves[f"ECG_{prefix}_Offsets"], strict=False
                ):
                    if not np.isnan([on, peak, off]).any():
                        lead.append((kind, float(on), float(peak), float(off)))
            leads.append(sorted(lead, key=lambda w: w[2]))
        return lead_medians(leads)

    return run


def report(name: str, rows: dict[int, Intervals], reference: dict[int, Intervals], records: list[int]) -> None:
    cells = []
    for interval in INTERVALS:
        errors = np.array(
            [
                rows[r][interval] - reference[r][interval]
                for r in records
                if rows[r][interval] is not None and reference[r][interval] is not None
            ]
        )
        if len(errors) < 2:
            cells.append("–")
            continue
        mean, sd = errors.mean(), errors.std(ddof=1)
        inside = "✓" if abs(mean) <= IEC[interval][0] and sd <= IEC[interval][1] else "✕"
        cells.append(f"{mean:+.1f} ± {sd:.1f}, {np.abs(errors).mean():.1f} (n {len(errors)}) {inside}")
    without_p = [r for r in records if reference[r]["pr"] is None]
    none = sum(rows[r]["pr"] is None for r in without_p)
    with_p = [r for r in records if reference[r]["pr"] is not None]
    lost = sum(rows[r]["pr"] is None for r in with_p)
    print(f"| {name} | {' | '.join(cells)} | {none}/{len(without_p)} | {lost}/{len(with_p)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "ludb")
    parser.add_argument("--peers", default="openecg,prominence,dwt")
    arguments = parser.parse_args()
    numbers = sorted(int(path.stem) for path in (arguments.data / "data").glob("*.hea"))
    tuned, others = halves(numbers)
    records, reference, by_lead = {}, {}, {}
    counts = np.zeros(3, dtype=int)
    table = pd.read_csv(arguments.data / "reference_intervals.csv").set_index("record")
    for number in numbers:
        path = arguments.data / "data" / str(number)
        records[number] = read(path.with_suffix(".hea"), ReadOptions(counts_per_mv=1000))
        marked = marks(path)
        reference[number], by_lead[number] = fuse(marked), lead_medians(marked)
        counts += count_beats(records[number], [beat.r for beat in marked_beats(marked)])
        by_lead[number]["pr"] = None if np.isnan(table.loc[number, "pr_lead_median_ms"]) else by_lead[number]["pr"]
        for interval in ("pr", "qrs", "qt"):
            given, derived = table.loc[number, f"{interval}_global_ms"], reference[number][interval]
            if np.isnan(given) != (derived is None) or (derived is not None and abs(given - derived) > 2.0):
                reference[number][interval] = None if np.isnan(given) else float(given)
    print(f"R peaks, ours: {counts[1]} of {counts[0]} within 100 ms, {counts[2]} extra")
    methods: dict[str, Callable[[EcgRecord], Intervals]] = {"ours": ours}
    for peer in filter(None, arguments.peers.split(",")):
        methods[peer] = openecg_peer() if peer == "openecg" else neurokit_peer(peer)
    sets = {
        "not tuned on": others,
        "not tuned on, openecg's validation": [r for r in others if r in OPENECG_VALIDATION],
        "tuned on": tuned,
    }
    results = {}
    for name, run in methods.items():
        run(records[numbers[0]])
        start = time.perf_counter()
        results[name] = {number: run(record) for number, record in records.items()}
        print(f"{name}: {1000 * (time.perf_counter() - start) / len(records):.0f} ms a record")
    for title, chosen in sets.items():
        print(f"\n{title} ({len(chosen)} records): mean ± SD, mean absolute error in ms; ✓ within IEC 60601-2-25\n")
        print("| | P | PR | QRS | QT | no PR where there is no P | PR lost |\n|---|---|---|---|---|---|---|")
        for name, rows in results.items():
            report(name, rows, reference if name == "ours" else by_lead, chosen)


if __name__ == "__main__":
    main()
