"""`ecgr1 render`: draw recordings as ECG pages (PNG, JPEG, PDF) in true scale, in many looks, with their truth."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecgr1_core.cli.common import add_input_arguments, for_each_path
from ecgr1_core.cli.input_options import options_from
from ecgr1_core.errors import InputError
from ecgr1_core.formats import read
from ecgr1_core.render.layouts import DEFAULT_LAYOUT, GAINS_MM_PER_MV, LAYOUTS, SPEEDS_MM_PER_S

if TYPE_CHECKING:
    from PIL import Image

    from ecgr1_core.render.degrade import DegradeLevel
    from ecgr1_core.render.page_style import PageStyle
    from ecgr1_core.render.sheets import DrawnPage

_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {},
    ".jpg": {"quality": 92, "subsampling": 0},
    ".jpeg": {"quality": 92, "subsampling": 0},
    # without dates, the same page is the same file
    ".pdf": {"quality": 95, "subsampling": 0, "creationDate": None, "modDate": None},
}


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `render` command."""
    parser = commands.add_parser("render", help="draw a recording as an ECG page (PNG, JPEG or PDF)")
    add_input_arguments(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="PATH",
        help="file to write (.png, .jpg, .pdf), or a folder that gets one PNG for each recording",
    )
    # without a default: what is not given is as --style has it
    parser.add_argument("--layout", choices=tuple(LAYOUTS), help=f"default {DEFAULT_LAYOUT}, or as --style has it")
    parser.add_argument(
        "--speed-mm-per-s", type=float, choices=SPEEDS_MM_PER_S, help="paper speed (default 25, or as --style has it)"
    )
    parser.add_argument(
        "--gain-mm-per-mv", type=float, choices=GAINS_MM_PER_MV, help="gain (default 10, or as --style has it)"
    )
    parser.add_argument("--dpi", type=int, help="pixels per inch (default 150, or as --style has it)")
    parser.add_argument("--monochrome", action="store_true", help="grey grid instead of pink")
    parser.add_argument(
        "--page-start-s",
        type=float,
        default=0.0,
        metavar="S",
        help="first second on the page, which shows ten (default %(default)g)",
    )
    parser.add_argument(
        "--print-name",
        action="store_true",
        help="print the name of the recording on the page (left out otherwise: a name may give the diagnosis away)",
    )
    parser.add_argument(
        "--style",
        metavar="FILE|random",
        help="look of the sheet: a JSON file with fields of docs/rendering.md, or one drawn at random by --seed",
    )
    parser.add_argument(
        "--degrade",
        choices=("light", "medium", "heavy"),
        help="wear the page as folding, writing, scanning and photographing do, at random by --seed",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of the first page, N + 1 of the second and so on; a seed always gives one page (default %(default)s)",
    )
    parser.add_argument(
        "--truth",
        action="store_true",
        help="write where every sample, lead name, pulse and grid line lies beside the image, as NAME.truth.json",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw each path, print one JSON object for it; return the exit code."""
    from ecgr1_core.render.sheets import draw_sheet

    _check(arguments)
    options = options_from(arguments)
    seeds = {path: arguments.seed + number for number, path in enumerate(arguments.paths)}
    from_file = None if arguments.style in (None, "random") else _style_in(Path(arguments.style))
    written: dict[Path, Path] = {}

    def render(path: Path) -> dict[str, Any]:
        out = arguments.out / f"{path.stem}.png" if arguments.out.is_dir() else arguments.out
        if out in written:
            raise InputError(path, f"its page would replace that of {written[out].name}, {out.name}", "rename one file")
        if out.resolve() == path.resolve():
            raise InputError(path, "the page would replace the recording itself", "give another --out")
        record = read(path, options)
        style = _style(arguments, seeds[path], from_file)
        title = record.name if arguments.print_name else ""
        seed = seeds[path] if arguments.style == "random" or arguments.degrade is not None else None
        page = draw_sheet(record, style, start_s=arguments.page_start_s, title=title, seed=seed)
        if arguments.degrade is not None:
            page = _degraded(page, arguments.degrade, seeds[path])
        elif arguments.monochrome:
            page = replace(page, image=_in_grey(page.image))
        save_page(page.image, out)
        written[out] = path
        done: dict[str, Any] = {
            "path": str(path),
            "out": str(out),
            "layout": style.layout,
            "width_px": page.image.width,
            "height_px": page.image.height,
            "dpi": style.dpi,
        }
        if seed is not None:
            done["seed"] = seed
        if arguments.truth:
            truth = out.with_name(f"{out.stem}.truth.json")
            _write(truth, json.dumps(page.truth.to_json(), allow_nan=False))
            done["truth"] = str(truth)
        return done

    return for_each_path(arguments.paths, render)


def _style(arguments: argparse.Namespace, seed: int, from_file: PageStyle | None) -> PageStyle:
    """Return the look of one page: that of --style, with what else was asked for put in its place."""
    from ecgr1_core.render.page_style import PageStyle, random_style
    from ecgr1_core.render.paper import MONOCHROME

    style = from_file or PageStyle()
    if arguments.style == "random":
        style = random_style(np.random.default_rng((seed, 0)))
    asked = {
        name: value
        for name in ("layout", "speed_mm_per_s", "gain_mm_per_mv", "dpi")
        if (value := getattr(arguments, name)) is not None
    }
    if arguments.monochrome:
        asked["ink"] = MONOCHROME
    if asked.get("layout", style.layout) != style.layout:
        asked["rhythm_leads"] = None  # the new layout's own
    return replace(style, **asked)


def _style_in(path: Path) -> PageStyle:
    """Read a style file; raises InputError where it cannot be read or drawn."""
    from ecgr1_core.render.page_style import style_from_json

    try:
        return style_from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(path, f"it cannot be read ({reason})", 'give a JSON file or "random" for --style') from error
    except ValueError as error:
        remedy = "docs/rendering.md lists the fields of a style"
        raise InputError(path, f"it is not the style of a page ({error})", remedy) from error


def _degraded(page: DrawnPage, level: DegradeLevel, seed: int) -> DrawnPage:
    from ecgr1_core.render.degrade import degrade, random_degradation  # OpenCV, which a plain page does without

    return degrade(page, random_degradation(np.random.default_rng((seed, 1)), level))


def _in_grey(image: Image.Image) -> Image.Image:
    grey = image.convert("L")
    grey.info["dpi"] = image.info["dpi"]
    return grey


def _check(arguments: argparse.Namespace) -> None:
    """Raise InputError for what is wrong with the arguments whatever the recordings are."""
    from ecgr1_core.render.paper import DPI_RANGE

    low, high = DPI_RANGE
    if arguments.dpi is not None and not low <= arguments.dpi <= high:
        raise InputError("--dpi", f"{arguments.dpi} is out of range", f"choose {low} to {high}")
    if arguments.seed < 0:
        raise InputError("--seed", f"{arguments.seed} is below zero", "give a whole number from 0 on")
    if arguments.print_name and arguments.style is not None:
        raise InputError("--print-name", "a sheet of --style never shows a name", "leave one of the two out")
    if arguments.out.is_dir():
        return
    if len(arguments.paths) > 1:
        raise InputError(
            arguments.out, "it is not a folder, and several recordings need one", "give an existing folder"
        )
    if arguments.out.suffix.lower() not in _SAVE_OPTIONS:
        raise InputError(arguments.out, "the kind of image is unknown", f"end --out in {', '.join(_SAVE_OPTIONS)}")
    if not arguments.out.parent.is_dir():
        raise InputError(arguments.out, "its folder does not exist", "make the folder first")


def save_page(page: Image.Image, out: Path) -> None:
    """Write a page to a .png, .jpg, .jpeg or .pdf file in true scale, from `page.info["dpi"]`.

    Raises InputError where the file cannot be written.
    """
    suffix = out.suffix.lower()
    dpi = page.info["dpi"]
    scale: dict[str, Any] = {"resolution": float(dpi[0])} if suffix == ".pdf" else {"dpi": dpi}
    try:
        page.save(out, **scale, **_SAVE_OPTIONS[suffix])
    except OSError as error:
        raise _unwritable(out, error) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(path, f"it cannot be written ({error.strerror or error})", "choose another --out")
