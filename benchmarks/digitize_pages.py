"""Pages read back: traces, leads in their places, heart rate, intervals and time, against the recordings drawn on them.

    python benchmarks/digitize_pages.py shared/data/images    # the pages of its manifest.csv
    python benchmarks/digitize_pages.py shared/data/ptbxl --drawn 200 --jobs 2 --keep outcomes.jsonl
    python benchmarks/digitize_pages.py shared/data/ptbxl --drawn 10 --layouts 6x2 12x1 --levels heavy --seed 7

The first form reads the pages of a folder whose `manifest.csv` has `file` and `record`; recordings are looked for in
`../ptbxl` and `../challenge2021`. The second takes N recordings below a folder and draws each of them in every layout
and every level of wear, in random looks, with `ecgr1_core.render`; the same seed gives the same pages whatever part of
them is asked for. With `--keep` what came of each page goes into a file at once, and pages that are in it are not read
again: a long run can be stopped and gone on with. Printed is one table in markdown, a line for each group of pages.

- A lead is compared where it was read, at the best shift of whole samples of 500 Hz and without its level.
- It is right if it is about as much like its own recording as like any other lead's; leads that were not read, and all
  of a page that was not, are wrong.
- Where a page does not show gain or speed, it is answered as a user would who knows how the page was printed.
- Intervals and R waves are those of `measure`; in brackets how many pages or leads have them on both sides.
"""

from __future__ import annotations

import argparse
import csv
import functools
import io
import json
import multiprocessing
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from ecgr1_core.digitize import Asked, digitize
from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.formats import read
from ecgr1_core.measure import measure
from ecgr1_core.measure.types import Measurements
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.degrade import LEVELS, degrade, random_degradation
from ecgr1_core.render.layouts import LAYOUTS
from ecgr1_core.render.page_style import PageStyle, random_style
from ecgr1_core.render.sheets import DrawnPage, draw_sheet

RATE_HZ = 500
LARGEST_SHIFT_S = 0.25
LEAST_INSIDE = 0.9  # of what was read must lie inside the recording at a shift
CONFUSED = 0.95  # a lead is wrong if another one is more alike by more than this
NEAR_BPM = 2.0
AIMS_DB = {"pdf": 25.0, "png": 18.0, "light": 18.0}  # by group or level
OTHER_AIM_DB = 12.0
ANSWERS = Asked(speed_mm_per_s=25.0, gain_mm_per_mv=10.0)  # how the pages of the manifests were printed
INTERVALS = {"PR": "pr_interval_ms", "QRS": "qrs_duration_ms", "QT": "qt_interval_ms"}


@dataclass(frozen=True)
class Page:
    """A page to read: a file, or (None) one to draw of a recording in a layout and a level of wear."""

    group: str
    name: str
    recording: Path
    aim_db: float
    file: Path | None = None
    layout: str = ""
    level: str = ""
    seed: int = 0


@dataclass
class Outcome:
    """What came of one page; `fault` where it was not read."""

    page: Page
    fault: str | None = None
    about: str = ""
    asked: bool = False
    seconds: float = 0.0
    snr_db: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=lambda: [False] * len(LEADS))
    rate_error_bpm: float | None = None
    interval_errors_ms: dict[str, float] = field(default_factory=dict)
    r_errors_mv: list[float] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--drawn", type=int, metavar="N", help="draw pages of N recordings instead of a manifest's")
    parser.add_argument("--layouts", nargs="+", choices=tuple(LAYOUTS), default=list(LAYOUTS))
    parser.add_argument("--levels", nargs="+", choices=LEVELS, default=list(LEVELS))
    parser.add_argument("--seed", type=int, default=0, help="which recordings are drawn, and in which looks")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--each", action="store_true", help="print a line for each page too")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write what came of each page to a file, and go on")
    arguments = parser.parse_args()
    pages = list(_drawn(arguments) if arguments.drawn else pages_in_manifest(arguments.folder))
    kept = _kept(arguments.keep)
    outcomes = [replace(kept[page.name], page=page) for page in pages if page.name in kept]
    for outcome in _outcomes([page for page in pages if page.name not in kept], arguments.jobs):
        outcomes.append(outcome)
        if arguments.keep is not None:
            with arguments.keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**asdict(outcome), "page": outcome.page.name}) + "\n")
        if arguments.each:
            print(_each(outcome), flush=True)
    print(_table(outcomes))
    for outcome in outcomes:
        if outcome.fault is not None:
            print(f"- {outcome.page.group}: {outcome.fault}")
    return 0


def _kept(file: Path | None) -> dict[str, Outcome]:
    """Return what came of the pages of a file, by their names."""
    if file is None or not file.exists():
        return {}
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {row["page"]: Outcome(**row) for row in rows}


def pages_in_manifest(folder: Path) -> Iterator[Page]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        path = folder / row["file"]
        group = path.parent.name
        recording = _recording(folder.parent, row["record"])
        yield Page(group, path.name, recording, AIMS_DB.get(group, OTHER_AIM_DB), file=path)


def _recording(data: Path, record: str) -> Path:
    name = f"{int(record):05d}_hr.hea" if record.isdigit() else f"{record}.hea"
    for place in ("ptbxl", "challenge2021"):
        found = sorted((data / place).rglob(name))
        if found:
            return found[0]
    raise SystemExit(f"no recording {record} below {data}")


def _drawn(arguments: argparse.Namespace) -> Iterator[Page]:
    paths = sorted(arguments.folder.rglob("*_hr.hea")) or sorted(arguments.folder.rglob("*.hea"))
    if not paths:
        raise SystemExit(f"no recordings below {arguments.folder}")
    order = np.random.default_rng(arguments.seed).permutation(len(paths))
    for number, chosen in enumerate(order[: arguments.drawn]):
        for layout in arguments.layouts:
            for level in arguments.levels:
                name = f"{paths[chosen].stem}, {layout}, {level}"
                aim_db = AIMS_DB.get(level, OTHER_AIM_DB)
                seed = arguments.seed + number
                yield Page(f"{layout}, {level}", name, paths[chosen], aim_db, layout=layout, level=level, seed=seed)


def _outcomes(pages: Sequence[Page], jobs: int) -> Iterator[Outcome]:
    if jobs <= 1:
        yield from map(_outcome, pages)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.map(_outcome, pages, chunksize=len(LEVELS))


def _outcome(page: Page) -> Outcome:
    truth = _recorded(page.recording)
    outcome = Outcome(page)
    source: Path | bytes
    if page.file is not None:
        source, answers = page.file, ANSWERS
    else:
        style = _style(page)
        source = _drawn_page(page, style)
        answers = Asked(speed_mm_per_s=style.speed_mm_per_s, gain_mm_per_mv=style.gain_mm_per_mv)
    asked = Asked()
    while True:
        started = time.perf_counter()
        try:
            record, report = digitize(source, asked=asked, name=page.name)
        except InputError as error:
            wanted = error.field if isinstance(error, MissingInformationError) else ""
            if getattr(answers, wanted, None) and not getattr(asked, wanted):
                asked = replace(asked, **{wanted: getattr(answers, wanted)})
                outcome.asked = True
                continue
            outcome.fault = str(error)
            return outcome
        outcome.seconds = time.perf_counter() - started
        break
    outcome.about = "; ".join((f"{report.layout} {report.columns}", *report.unsure))
    _compare_signals(outcome, record, truth)
    _compare_measurements(outcome, _measured(record), _truly_measured(page.recording))
    return outcome


def _style(page: Page) -> PageStyle:
    """Return the first random look that has the page's layout: what goes with a layout depends on it."""
    rng = np.random.default_rng((page.seed, 0, list(LAYOUTS).index(page.layout)))
    while (style := random_style(rng)).layout != page.layout:
        pass
    return style


@functools.lru_cache(maxsize=1)
def _sheet(recording: Path, style: PageStyle, seed: int) -> DrawnPage:
    """Return the page before it is worn: one drawing for all levels of wear, which follow one another."""
    return draw_sheet(_recorded(recording), style, seed=seed)


def _drawn_page(page: Page, style: PageStyle) -> bytes:
    rng = np.random.default_rng((page.seed, 1, list(LAYOUTS).index(page.layout), LEVELS.index(page.level)))
    sheet = degrade(_sheet(page.recording, style, page.seed), random_degradation(rng, page.level))
    file = io.BytesIO()
    sheet.image.save(file, "PNG", compress_level=0, dpi=(style.dpi, style.dpi))
    return file.getvalue()


def _compare_signals(outcome: Outcome, record: EcgRecord, truth: EcgRecord) -> None:
    true_mv = np.stack([_resampled(truth.lead(lead), truth.sampling_rate_hz) for lead in LEADS])
    for index, lead in enumerate(LEADS):
        if lead not in record.missing_leads:
            ratios, likeness = _compared(record.lead(lead).astype(np.float64), true_mv)
            outcome.snr_db.append(float(ratios[index]))
            outcome.right[index] = bool(likeness[index] >= CONFUSED * np.delete(likeness, index).max())


def _resampled(signal_mv: np.ndarray, rate_hz: float) -> np.ndarray:
    times = np.arange(round(signal_mv.size * RATE_HZ / rate_hz)) / RATE_HZ
    return np.nan_to_num(np.interp(times, np.arange(signal_mv.size) / rate_hz, signal_mv))


def _compared(read_mv: np.ndarray, true_mv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return signal to noise in dB and correlation of a lead, [n], with leads, [l, m], each at its best shift.

    The sums over what was read at each shift are cross-correlations, which the Fourier transform gives for all shifts.
    """
    known = np.isfinite(read_mv)
    if not known.any():
        return np.full(len(true_mv), -np.inf), np.full(len(true_mv), -1.0)
    size = next_fast_len(read_mv.size + true_mv.shape[1], real=True)
    reach = round(LARGEST_SHIFT_S * RATE_HZ)
    mine = np.where(known, read_mv - read_mv[known].mean(), 0.0)
    theirs = true_mv - true_mv.mean(axis=1, keepdims=True)

    def summed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return irfft(np.conj(rfft(one, size)) * rfft(other, size), size)[..., np.arange(-reach, reach + 1)]

    everywhere = np.ones(true_mv.shape[1])
    count = np.rint(summed(known.astype(float), everywhere))
    least = np.maximum(count, 1)
    x, xx = summed(known.astype(float), theirs), summed(known.astype(float), theirs**2)
    y, yy = summed(mine, everywhere), summed(mine**2, everywhere)
    own, signal, both = yy - y**2 / least, xx - x**2 / least, summed(mine, theirs) - x * y / least
    allowed = (count >= LEAST_INSIDE * known.sum()) & (signal > 1e-9)
    noise = np.maximum(signal + own - 2 * both, 1e-9)
    ratios = np.where(allowed, 10 * np.log10(np.maximum(signal, 1e-9) / noise), -np.inf)
    likeness = np.where(allowed, both / np.sqrt(np.maximum(signal * own, 1e-18)), -1.0)
    return ratios.max(axis=1), likeness.max(axis=1)


def _measured(record: EcgRecord) -> Measurements | None:
    try:
        return measure(record)
    except InputError:
        return None


@functools.lru_cache(maxsize=2)
def _recorded(path: Path) -> EcgRecord:
    return read(path)


@functools.lru_cache(maxsize=2)
def _truly_measured(path: Path) -> Measurements | None:
    return _measured(_recorded(path))


def _compare_measurements(outcome: Outcome, mine: Measurements | None, theirs: Measurements | None) -> None:
    if mine is None or theirs is None:
        return
    outcome.rate_error_bpm = _difference(mine.heart_rate_bpm, theirs.heart_rate_bpm)
    for name, key in INTERVALS.items():
        error = _difference(getattr(mine, key), getattr(theirs, key))
        if error is not None:
            outcome.interval_errors_ms[name] = error
    for lead in mine.leads.keys() & theirs.leads.keys():
        error = _difference(mine.leads[lead].r_amplitude_mv, theirs.leads[lead].r_amplitude_mv)
        if error is not None:
            outcome.r_errors_mv.append(error)


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else abs(one - other)


def _each(outcome: Outcome) -> str:
    if outcome.fault is not None:
        return f"{outcome.page.name}: {outcome.fault}"
    ratios = outcome.snr_db or [np.nan]
    error = outcome.rate_error_bpm
    return (
        f"{outcome.page.name}: median {np.median(ratios):.1f} dB, least {min(ratios):.1f} dB, "
        f"{sum(outcome.right)} leads right, rate off by {'?' if error is None else f'{error:.1f}'}, "
        f"{outcome.seconds:.1f} s; {outcome.about}"
    )


def _table(outcomes: Sequence[Outcome]) -> str:
    groups = {name: [one for one in outcomes if one.page.group == name] for name in sorted(_names(outcomes))}
    intervals = " | ".join(f"{name} ms" for name in INTERVALS)
    head = (
        "| pages | read | asked | SNR median (p10) dB | leads over the aim | leads right "
        f"| rate within {NEAR_BPM:g} /min | {intervals} | R mV | s median (max) |"
    )
    lines = [head, "|---" * (head.count("|") - 1) + "|"]
    lines += [_line(name, group) for name, group in groups.items()]
    if len(groups) > 1:
        lines.append(_line("all", outcomes))
    return "\n".join(lines)


def _names(outcomes: Iterable[Outcome]) -> set[str]:
    return {outcome.page.group for outcome in outcomes}


def _line(name: str, group: Sequence[Outcome]) -> str:
    done = [one for one in group if one.fault is None]
    ratios = [ratio for one in done for ratio in one.snr_db]
    over = [ratio >= one.page.aim_db for one in done for ratio in one.snr_db]
    aims = sorted({one.page.aim_db for one in group})
    right = np.mean([lead for one in group for lead in one.right])
    near = sum(one.rate_error_bpm is not None and one.rate_error_bpm <= NEAR_BPM for one in group)
    seconds = [one.seconds for one in done]
    r_errors = [error for one in done for error in one.r_errors_mv]
    cells = [
        name,
        f"{len(done)}/{len(group)}",
        str(sum(one.asked for one in group)),
        f"{np.median(ratios):.1f} ({np.quantile(ratios, 0.1):.1f})" if ratios else "–",
        f"{100 * np.mean(over):.0f} % (≥ {', '.join(f'{aim:g}' for aim in aims)} dB)" if over else "–",
        f"{100 * right:.1f} %",
        f"{near}/{len(group)}",
        *(_median([o.interval_errors_ms[key] for o in done if key in o.interval_errors_ms], 0) for key in INTERVALS),
        _median(r_errors, 3),
        f"{np.median(seconds):.1f} ({max(seconds):.1f})" if seconds else "–",
    ]
    return f"| {' | '.join(cells)} |"


def _median(errors: Sequence[float], digits: int) -> str:
    """Return the median error and of how many."""
    return f"{np.median(errors):.{digits}f} ({len(errors)})" if errors else "– (0)"


if __name__ == "__main__":
    raise SystemExit(main())
