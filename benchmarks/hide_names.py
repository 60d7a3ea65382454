"""Text found on drawn pages of known truth: what of names and handwriting would be hidden, and what of the traces.

    python benchmarks/hide_names.py shared/data/ptbxl --count 48 --seed 3

N recordings below a folder are drawn in random looks, each with a made-up patient's name, number, birth date and more
printed at its head, and worn at each level in turn ("none": as drawn). Every page is read off as the program does, with
its speed and gain told, and its text looked for. Printed is one table in markdown, a line for each level of wear.

- names: share of the pixels of what is printed at the head of the page that lie in a box, over all pages, and the pages
  on which all of it does (99.5 %). The truth is the difference to the same page with that print left blank.
- by hand: likewise of handwriting, signs and stamps, but for what lies within 1 mm of a trace, which is never covered.
- trace: share of the traces' pixels that lie in a box, and the pages on which it is more than 0.1 %.

The limits in `ecgr1_core/digitize/printed_text.py` were chosen with seeds 1 and 2.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from ecgr1_core.digitize import Asked, digitize_image
from ecgr1_core.digitize.printed_text import printed_text
from ecgr1_core.errors import InputError
from ecgr1_core.formats import read
from ecgr1_core.render.degrade import LEVELS, Degradation, degrade, random_degradation
from ecgr1_core.render.page_style import PageStyle, random_style
from ecgr1_core.render.page_truth import PageTruth
from ecgr1_core.render.sheets import draw_sheet

WEAR = ("none", *LEVELS)
BLOCKS = (
    ("Name: DOE, JANE MARIE", "ID: 4471920", "Born: 14.03.1951", "Anna-Lena Weber", "F 61 years", "Dept: CCU"),
    ("NGUYEN VAN AN", "12-AUG-1948", "Male", "ID 88 20 17-C", "Ward 4B", "Dr. O. Smith"),
    ("Pat.: Müller, K.-H.", "geb. 02.11.37", "PID 000193847", "Zimmer 12", "Tech: B. Lo", "Req: A. Roy"),
)
WHOLE = 0.995
SPOILT = 0.001
DIFFERENT = 24  # grey levels
AWAY_MM = 1.0  # from a trace

Mask = npt.NDArray[np.uint8]


@dataclass
class Outcome:
    level: str
    fault: str | None = None
    names: tuple[int, int] = (0, 0)  # pixels hidden, of
    by_hand: tuple[int, int] = (0, 0)
    trace: tuple[int, int] = (0, 0)
    boxes: int = 0
    seconds: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=48, metavar="N")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--show", type=Path, metavar="DIR", help="write each page with its boxes there")
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.rglob("*_hr.hea")) or sorted(arguments.folder.rglob("*.hea"))
    if not paths:
        raise SystemExit(f"no recordings below {arguments.folder}")
    outcomes = [one_page(paths, arguments.seed, number, arguments.show) for number in range(arguments.count)]
    print(table(outcomes))
    return 0


def one_page(paths: list[Path], seed: int, number: int, show: Path | None) -> Outcome:
    rng = np.random.default_rng([seed, number])
    level = WEAR[number % len(WEAR)]
    style = random_style(rng)
    place = "bottom left" if style.scales_place == "top right" else style.scales_place
    header = BLOCKS[int(rng.integers(len(BLOCKS)))][: int(rng.integers(2, 7))]
    style = replace(style, header=header, scales_place=place)
    record = read(paths[int(rng.integers(len(paths)))])
    page = draw_sheet(record, style)
    blank = draw_sheet(record, replace(style, header=(" ",) * len(header)))
    names, by_hand = difference(page.image, blank.image), np.zeros((page.image.height, page.image.width), np.uint8)
    if level != "none":
        wear = random_degradation(rng, level)  # type: ignore[arg-type]
        pen = Degradation(seed=wear.seed, strokes=wear.strokes, stamps=wear.stamps)
        by_hand = difference(degrade(page, pen).image, page.image)
        page = degrade(page, wear)
    truth, pixels = page.truth, np.asarray(page.image.convert("RGB"))
    try:
        told = Asked(speed_mm_per_s=style.speed_mm_per_s, gain_mm_per_mv=style.gain_mm_per_mv)
        _, report = digitize_image(Image.fromarray(pixels), asked=told)
    except InputError as error:
        return Outcome(level, str(error))
    begin = time.perf_counter()
    boxes = printed_text(pixels, report)
    seconds = time.perf_counter() - begin
    hidden = np.zeros(pixels.shape[:2], dtype=np.uint8)
    for x0, y0, x1, y1 in boxes:
        hidden[int(y0) : int(y1), int(x0) : int(x1)] = 1
    trace = traces(truth, style, 0.0)
    near = traces(truth, style, AWAY_MM)
    names, by_hand = moved(names, truth), moved(by_hand, truth)
    by_hand[near > 0] = 0
    if show is not None:
        seen = pixels.copy()
        for x0, y0, x1, y1 in boxes:
            cv2.rectangle(seen, (int(x0), int(y0)), (int(x1), int(y1)), (0, 150, 0), max(2, seen.shape[1] // 700))
        small = Image.fromarray(seen)
        small.thumbnail((1100, 900))
        small.save(show / f"{seed}-{number:03d}-{level}.png")
    return Outcome(level, None, share(names, hidden), share(by_hand, hidden), share(trace, hidden), len(boxes), seconds)


def difference(one: Image.Image, other: Image.Image) -> Mask:
    """Return where two pages of the same size differ, 0 or 1."""
    both = [np.asarray(image.convert("RGB"), dtype=np.int16) for image in (one, other)]
    return (np.abs(both[0] - both[1]).max(axis=2) > DIFFERENT).astype(np.uint8)


def moved(mask: Mask, truth: PageTruth) -> Mask:
    """Return a mask of the page as drawn where it lies in the worn image."""
    half = np.array(((1, 0, 0.5), (0, 1, 0.5), (0, 0, 1.0)))
    matrix = np.linalg.inv(half) @ truth.page_to_image @ half
    return np.asarray(
        cv2.warpPerspective(mask, matrix, (truth.width_px, truth.height_px), flags=cv2.INTER_NEAREST), dtype=np.uint8
    )


def traces(truth: PageTruth, style: PageStyle, around_mm: float) -> Mask:
    """Return where the traces lie in the image, with so many mm to either side."""
    mask = np.zeros((truth.height_px, truth.width_px), dtype=np.uint8)
    wide = max(1, round((style.trace_width_mm + 2 * around_mm) * sum(truth.grid_pitch_px()) / 2))
    for lead in truth.leads:
        points = lead.trace_px[~np.isnan(lead.trace_px).any(axis=1)]
        if len(points):
            cv2.polylines(mask, [np.round(points).astype(np.int32)], False, 1, wide)
    return mask


def share(wanted: Mask, hidden: Mask) -> tuple[int, int]:
    return int((wanted & hidden).sum()), int(wanted.sum())


def table(outcomes: list[Outcome]) -> str:
    lines = [
        "| wear | pages read | names hidden | pages whole | by hand hidden | trace hit | pages hit | boxes | s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for level in (*WEAR, "all"):
        group = [one for one in outcomes if level in (one.level, "all")]
        found = [one for one in group if one.fault is None]
        if not found:
            continue
        parts = [percent([getattr(one, name) for one in found]) for name in ("names", "by_hand", "trace")]
        named = [one for one in found if one.names[1]]
        whole = sum(one.names[0] >= WHOLE * one.names[1] for one in named)
        spoilt = sum(one.trace[0] > SPOILT * one.trace[1] for one in found)
        boxes, seconds = (float(np.median([getattr(one, name) for one in found])) for name in ("boxes", "seconds"))
        cells = (
            f"{len(found)} of {len(group)}",
            parts[0],
            f"{whole} of {len(named)}",
            *parts[1:],
            str(spoilt),
            f"{boxes:g}",
            f"{seconds:.1f}",
        )
        lines.append(f"| {level} | {' | '.join(cells)} |")
    return "\n".join(lines)


def percent(pairs: list[tuple[int, int]]) -> str:
    """Return the mean share over the pages that have any."""
    shares = [hidden / of for hidden, of in pairs if of]
    return f"{100 * float(np.mean(shares)):.2f} %" if shares else "-"


if __name__ == "__main__":
    raise SystemExit(main())
