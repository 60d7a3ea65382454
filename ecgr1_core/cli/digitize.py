"""`ecgr1 digitize`: the recordings that page images show (renders, scans, photographs, PDFs), as CSV files."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgr1_core.cli.common import for_each_path
from ecgr1_core.cli.page_options import add_page_arguments, asked_from, hide_from, read_page
from ecgr1_core.errors import InputError

if TYPE_CHECKING:
    from ecgr1_core.record import EcgRecord


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `digitize` command."""
    parser = commands.add_parser("digitize", help="read recordings off page images", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PAGE", help="page images or PDFs")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder that gets NAME.csv for each page"
    )
    parser.add_argument("--report", action="store_true", help="also write the report on each page, as NAME.report.json")
    parser.add_argument("--page", type=int, metavar="N", help="page of a PDF or TIFF (default: the first)")
    add_page_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Digitise each path, print one JSON object for it; return the exit code."""
    if not arguments.out.is_dir():
        raise InputError(arguments.out, "it is not a folder", "give an existing folder for --out")
    asked, hide = asked_from(arguments), hide_from(arguments)
    written: dict[Path, Path] = {}

    def one(path: Path) -> dict[str, Any]:
        out = arguments.out / f"{path.stem}.csv"
        if out in written:
            raise InputError(
                path, f"its recording would replace that of {written[out].name}, {out.name}", "rename one file"
            )
        page = read_page(path, asked, arguments.page, hide, look_for_text=True)
        _write(out, _table(page.record))
        written[out] = path
        report = {**page.report.to_json(), "text_px": _listed(page.text), "hidden_px": _listed(page.hidden)}
        done: dict[str, Any] = {"path": str(path), "out": str(out), **report}
        if page.hidden:
            picture = out.with_name(f"{path.stem}.hidden.png")
            with _writing(picture):
                page.picture.save(picture)
            done["picture"] = str(picture)
        if arguments.report:
            beside = out.with_name(f"{path.stem}.report.json")
            _write(beside, json.dumps(report, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
            done["report"] = str(beside)
        return done

    return for_each_path(arguments.paths, one)


def _table(record: EcgRecord) -> str:
    """Return a recording as a table of seconds and millivolts, a column for each lead; unknown samples are empty."""
    leads = record.available_leads
    lines = [",".join(("time_s", *(f"{lead} (mV)" for lead in leads)))]
    columns = [record.lead(lead).tolist() for lead in leads]
    for sample, values in enumerate(zip(*columns, strict=True)):
        shown = ("" if value != value else f"{value:.4f}" for value in values)
        lines.append(",".join((f"{sample / record.sampling_rate_hz:.4f}", *shown)))
    return "\n".join(lines) + "\n"


def _listed(boxes: tuple[tuple[float, float, float, float], ...]) -> list[list[float]]:
    return [list(box) for box in boxes]


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(path, f"it cannot be written ({error.strerror or error})", "choose another --out") from error


def _write(path: Path, text: str) -> None:
    with _writing(path):
        path.write_text(text, encoding="utf-8")
