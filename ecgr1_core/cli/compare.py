"""`ecgr1 compare`: many recordings, each read in several ways, and how far the readings agree.

A view is a reader with what it sees ("ecg-r1/image"). Every recording gives one line of `--out`: the readings, their
claims counted, and the consistency and differences of each pair of views. Stopped and started again it goes on.
Research use; not a diagnosis.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgr1_core.cli.asking import ask, reading_options, settings_of, view_of
from ecgr1_core.cli.batch import outcomes, with_progress
from ecgr1_core.cli.common import BAD_INPUT, add_input_arguments, print_json
from ecgr1_core.cli.compare_rows import Rows, read_rows
from ecgr1_core.cli.model_options import add_model_arguments, given_options
from ecgr1_core.errors import InputError
from ecgr1_core.modality import MODALITIES, Modality

if TYPE_CHECKING:
    from ecgr1_core.interpretation import Interpretation
    from ecgr1_core.metrics.embedding import SentenceModel
    from ecgr1_core.readers import Reader, ReadingOptions

_PAIRS = ("modalities", "readers", "all")


@dataclass(frozen=True)
class _View:
    reader: Reader
    modality: Modality
    options: ReadingOptions | None

    @property
    def name(self) -> str:
        return f"{self.reader.name}/{self.modality}"


@dataclass(frozen=True)
class _Job:
    """What is done with each recording."""

    arguments: argparse.Namespace
    views: tuple[_View, ...]
    pairs: tuple[tuple[int, int], ...]
    model: SentenceModel | None


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "compare", help="read recordings in several ways and compare the readings", description=__doc__
    )
    add_input_arguments(parser)
    parser.add_argument("--readers", default="protocol", metavar="NAMES", help="readers, by commas (default: protocol)")
    parser.add_argument(
        "--modalities",
        default="signal,image",
        metavar="NAMES",
        help="what they see, by commas, out of signal, image, both, swapped; a reader sees those that it can "
        "(default: signal,image)",
    )
    parser.add_argument(
        "--pairs",
        choices=_PAIRS,
        default="modalities",
        help="what is compared: the modalities of each reader, the readers in each modality, or all with all; the "
        "first named is the reference (default: modalities)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON lines to write, or to go on with")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: one a core; a model: one)")
    parser.add_argument(
        "--accelerate",
        action="store_true",
        help="share the recordings among the processes that accelerate launch has started, on one machine or several "
        "with a disk in common",
    )
    parser.add_argument("--no-sbert", action="store_true", help="leave the sentence vectors out, which is quicker")
    parser.add_argument("--table", action="store_true", help="print the table as Markdown instead of JSON")
    add_model_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare every recording that is not in the file yet, and print the table."""
    from ecgr1_core.metrics.table import summary, table_lines

    job = _job(arguments)
    paths = list(dict.fromkeys(arguments.paths))
    rank, processes = _place(arguments)
    out: Path = arguments.out
    part = out if processes == 1 else out.with_name(f"{out.name}.part{rank}of{processes}")
    head = _head(arguments, job)
    done = {row["path"] for row in list(read_rows(out))[1:]} if processes > 1 and out.exists() else set[str]()
    with Rows(part, head) as rows:
        left = [path for path in paths[rank::processes] if str(path) not in done | rows.paths]
        for row in _rows(job, left):
            rows.add(row)
    if processes > 1 and not _joined(out, head, processes, paths):
        return 0  # another process joins the parts
    found = [row for row in list(read_rows(out))[1:] if row["path"] in {str(path) for path in paths}]
    for row in found:
        if "error" in row:
            print(f"ecgr1: {row['error']}", file=sys.stderr)
    table = summary(found, arguments.seed or 0)
    if arguments.table:
        print("\n".join(table_lines(table)))
    else:
        print_json(table, one_line=False)
    return BAD_INPUT if table["failed"] else 0


def _job(arguments: argparse.Namespace) -> _Job:
    """Return what is to be done; raise InputError for what does not go together, before any file is read."""
    from ecgr1_core.metrics.embedding import OFFLINE_MODEL, SentenceModel
    from ecgr1_core.readers import get_reader

    settings = settings_of(arguments)
    wanted = _names("--modalities", arguments.modalities)
    for modality in wanted:
        if modality not in MODALITIES:
            raise InputError("--modalities", f"{modality!r} is none", f"choose from {', '.join(MODALITIES)}")
    views = []
    for name in _names("--readers", arguments.readers):
        reader = get_reader(name, settings)
        if reader.unavailable is not None:
            raise InputError(f"reader {name!r}", reader.unavailable.rstrip("."), "or leave it out of --readers")
        seen = [modality for modality in wanted if modality in reader.modalities]
        if not seen:
            raise InputError(
                f"reader {name!r}",
                f"it can see none of {', '.join(wanted)}",
                f"ask for one of {', '.join(reader.modalities)} with --modalities",
            )
        given = given_options(arguments) if reader.generative else {}
        views += [_View(reader, modality, reading_options(reader, given)) for modality in seen]
    numbered = [
        (left, right)
        for left, right in itertools.combinations(range(len(views)), 2)
        if _is_pair(arguments.pairs, views[left], views[right])
    ]
    if not numbered:
        raise InputError(
            "--pairs",
            f"{', '.join(view.name for view in views)} give no pair of {arguments.pairs}",
            "name more readers or modalities, or choose --pairs all",
        )
    model = None if arguments.no_sbert else SentenceModel(settings.sentence_model or OFFLINE_MODEL)
    return _Job(arguments, tuple(views), tuple(numbered), model)


def _names(option: str, text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise InputError(option, "it names nothing", "give names separated by commas")
    return names


def _is_pair(kind: str, left: _View, right: _View) -> bool:
    if kind == "modalities":
        return left.reader is right.reader
    return kind == "all" or (left.modality == right.modality and left.reader is not right.reader)


def _place(arguments: argparse.Namespace) -> tuple[int, int]:
    """Return the number of this process and how many there are."""
    if not arguments.accelerate:
        return 0, 1
    from accelerate import PartialState

    state = PartialState()
    return int(state.process_index), int(state.num_processes)


def _head(arguments: argparse.Namespace, job: _Job) -> dict[str, Any]:
    """Return what the first line says; a file is gone on with only where it says the same."""
    return {
        "views": [{"view": view.name, "version": view.reader.version} for view in job.views],
        "pairs": [[job.views[left].name, job.views[right].name] for left, right in job.pairs],
        "options": given_options(arguments),
        "sentence_model": None if job.model is None else job.model.name,
        "start_s": arguments.start_s,
        "duration_s": arguments.duration_s,
    }


def _rows(job: _Job, paths: list[Path]) -> Any:
    """Yield a row for each path, in order."""
    work = partial(_row, job)
    if any(view.reader.generative for view in job.views):  # a model takes all cores by itself
        return with_progress(map(work, paths), len(paths))
    libraries = ["ecgr1_core.digitize", "ecgr1_core.metrics.consistency", "ecgr1_core.metrics.differences"]
    if job.model is not None:
        libraries.append("sentence_transformers")
    return outcomes(work, paths, 1 if job.arguments.accelerate else job.arguments.jobs, libraries)


def _row(job: _Job, path: Path) -> dict[str, Any]:
    """Return the row of one recording; bad input is a row with its sentence."""
    from ecgr1_core import formats, interpretation
    from ecgr1_core.cli.input_options import options_from
    from ecgr1_core.measure import measure
    from ecgr1_core.metrics import consistency, differences
    from ecgr1_core.verify import counts, verify

    try:
        record = formats.read(path, options_from(job.arguments))
        views: list[dict[str, Any]] = []
        readings: list[Interpretation] = []
        for view in job.views:
            seen = view_of(view.modality, record)
            raw, details = ask(view.reader, seen, view.options)
            reading = interpretation.parse(raw)
            claims = verify(reading, measure(record), record.patient, record.warnings)
            readings.append(reading)
            views.append(
                {
                    "view": view.name,
                    "version": details.version or view.reader.version,
                    "page_origin": seen.page_origin,
                    "raw": raw,
                    "answer": list(reading.answer),
                    "missing": list(reading.missing),
                    "claims": counts(claims),
                    "notes": list(details.notes),
                    "stop_reason": details.stop_reason,
                }
            )
        pairs = [
            {
                "reference": job.views[left].name,
                "compared": job.views[right].name,
                "consistency": consistency.to_json(consistency.consistency(readings[left], readings[right], job.model)),
                "differences": differences.to_json(differences.differences(readings[left], readings[right])),
            }
            for left, right in job.pairs
        ]
    except InputError as error:
        return {"path": str(path), "error": str(error)}
    return {"path": str(path), "recording": record.name, "views": views, "pairs": pairs}


def _joined(out: Path, head: dict[str, Any], processes: int, paths: list[Path]) -> bool:
    """Join the parts of all processes into `out`, in the order of the paths; whether this process did."""
    from accelerate import PartialState

    state = PartialState()
    state.wait_for_everyone()
    if state.is_main_process:
        parts = [out.with_name(f"{out.name}.part{number}of{processes}") for number in range(processes)]
        rows = {row["path"]: row for part in parts for row in list(read_rows(part))[1:]}
        with Rows(out, head) as whole:
            for path in paths:
                if str(path) in rows and str(path) not in whole.paths:
                    whole.add(rows[str(path)])
        for part in parts:
            part.unlink()
    state.wait_for_everyone()
    return bool(state.is_main_process)
