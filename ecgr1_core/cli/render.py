"""`ecgr1 render`: draw recordings as ECG pages in true scale, as PNG, JPEG or PDF."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgr1_core.cli.common import add_input_arguments, for_each_path
from ecgr1_core.cli.input_options import options_from
from ecgr1_core.errors import InputError
from ecgr1_core.formats import read
from ecgr1_core.render.layouts import DEFAULT_LAYOUT, GAINS_MM_PER_MV, LAYOUTS, SPEEDS_MM_PER_S

if TYPE_CHECKING:
    from PIL import Image

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
    parser.add_argument("--layout", choices=tuple(LAYOUTS), default=DEFAULT_LAYOUT, help="default %(default)s")
    parser.add_argument(
        "--speed-mm-per-s", type=float, choices=SPEEDS_MM_PER_S, default=25.0, help="paper speed (default %(default)g)"
    )
    parser.add_argument(
        "--gain-mm-per-mv", type=float, choices=GAINS_MM_PER_MV, default=10.0, help="gain (default %(default)g)"
    )
    parser.add_argument("--dpi", type=int, default=150, help="pixels per inch (default %(default)s)")
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
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw each path, print one JSON object for it; return the exit code."""
    from ecgr1_core.render.paper import render_page

    _check(arguments)
    options = options_from(arguments)
    written: dict[Path, Path] = {}

    def render(path: Path) -> dict[str, Any]:
        out = arguments.out / f"{path.stem}.png" if arguments.out.is_dir() else arguments.out
        if out in written:
            raise InputError(path, f"its page would replace that of {written[out].name}, {out.name}", "rename one file")
        if out.resolve() == path.resolve():
            raise InputError(path, "the page would replace the recording itself", "give another --out")
        record = read(path, options)
        page = render_page(
            record,
            layout=arguments.layout,
            speed_mm_per_s=arguments.speed_mm_per_s,
            gain_mm_per_mv=arguments.gain_mm_per_mv,
            dpi=arguments.dpi,
            colour=not arguments.monochrome,
            start_s=arguments.page_start_s,
            title=record.name if arguments.print_name else "",
        )
        save_page(page, out)
        written[out] = path
        return {
            "path": str(path),
            "out": str(out),
            "layout": arguments.layout,
            "width_px": page.width,
            "height_px": page.height,
            "dpi": arguments.dpi,
        }

    return for_each_path(arguments.paths, render)


def _check(arguments: argparse.Namespace) -> None:
    """Raise InputError for what is wrong with the arguments whatever the recordings are."""
    from ecgr1_core.render.paper import DPI_RANGE

    low, high = DPI_RANGE
    if not low <= arguments.dpi <= high:
        raise InputError("--dpi", f"{arguments.dpi} is out of range", f"choose {low} to {high}")
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
        reason = error.strerror or str(error)
        raise InputError(out, f"it cannot be written ({reason})", "choose another --out") from error
