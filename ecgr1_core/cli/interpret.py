"""`ecgr1 interpret`: a reader's reading of recordings, or of their pages, as JSON. Research use; not a diagnosis."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgr1_core.cli.asking import ask, check_modality, reading_options, settings_of, view_of
from ecgr1_core.cli.batch import outcomes
from ecgr1_core.cli.common import BAD_INPUT, add_input_arguments, print_json
from ecgr1_core.cli.model_options import add_model_arguments, given_options
from ecgr1_core.cli.page_options import add_page_arguments, asked_from, hide_from, read_page
from ecgr1_core.errors import InputError
from ecgr1_core.modality import MODALITIES

if TYPE_CHECKING:
    from PIL import Image

    from ecgr1_core.modality import ModalityView
    from ecgr1_core.readers import Reader, ReadingOptions
    from ecgr1_core.record import EcgRecord
    from ecgr1_core.verify import Claim


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser("interpret", help="read recordings step by step", description=__doc__)
    add_input_arguments(parser)
    parser.add_argument(
        "--reader",
        default="protocol",
        metavar="NAME",
        help="who reads: protocol, ecg-r1, medgemma, pulse, gem or remote (default: protocol)",
    )
    parser.add_argument(
        "--modality", choices=MODALITIES, default="signal", help="what the reader sees (default: signal)"
    )
    parser.add_argument(
        "--page", type=Path, metavar="IMAGE", help="page image of the recording (default: drawn from its signal)"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="processes for many recordings (default: one a core; ecg-r1: one)"
    )
    add_page_arguments(parser)
    add_model_arguments(parser)
    parser.add_argument(
        "--log-probabilities", action="store_true", help="add how sure the model was of each token and label"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read every path with the chosen reader and print the readings."""
    from ecgr1_core.readers import get_reader

    reader = get_reader(arguments.reader, settings_of(arguments))
    work = partial(_interpret, arguments, reader, _check(arguments, reader))
    # A model takes all cores by itself, for one reading at a time.
    found = map(work, arguments.paths) if reader.generative else outcomes(work, arguments.paths, arguments.jobs)
    code = 0
    for outcome in found:
        if isinstance(outcome, str):
            print(f"ecgr1: {outcome}", file=sys.stderr)
            code = BAD_INPUT
        else:
            print_json(outcome, one_line=len(arguments.paths) > 1)
    return code


def _interpret(
    arguments: argparse.Namespace, reader: Reader, options: ReadingOptions | None, path: Path
) -> dict[str, Any] | str:
    """Read one path; bad input comes back as its sentence, which crosses from one process to another whole."""
    from ecgr1_core import formats
    from ecgr1_core.cli.input_options import options_from
    from ecgr1_core.digitize import is_page
    from ecgr1_core.readers.document import reading_document

    try:
        page = _picture_of(arguments) if arguments.page is not None else None
        start = time.perf_counter()
        off_page = is_page(path)
        if off_page:
            read_off = read_page(path, asked_from(arguments), hide=hide_from(arguments))
            record, page = read_off.record, read_off.picture
        else:
            record = formats.read(path, options_from(arguments))
        read = time.perf_counter()
        view = view_of(arguments.modality, record, page)
        if off_page and arguments.modality != "signal":
            view = replace(view, page_record=record)
        with_reader = time.perf_counter()
        raw, details = ask(reader, view, options)
        done = time.perf_counter()
        return reading_document(
            path=str(path),
            reader=reader,
            version=details.version or reader.version,
            modality=arguments.modality,
            page_origin=view.page_origin,
            raw=raw,
            details=details,
            claims=_claims(raw, record, view),
            record=record,
            read_s=read - start,
            interpret_s=done - with_reader,
        )
    except InputError as error:
        return str(error)


def _claims(raw: str, record: EcgRecord, view: ModalityView) -> tuple[Claim, ...] | None:
    """Return the claims of a reading checked against the recording, None where there is no signal to check with.

    `measure` keeps the measurements of a record object, so a reader that measures and this do it once.
    """
    from ecgr1_core.interpretation import parse
    from ecgr1_core.measure import measure
    from ecgr1_core.verify import verify

    if view.record is None:
        return None
    return verify(parse(raw), measure(record), record.patient, record.warnings)


def _check(arguments: argparse.Namespace, reader: Reader) -> ReadingOptions | None:
    """Return the options for the reader; raise InputError for what does not go together, before any file is read."""
    check_modality(reader, arguments.modality)
    if arguments.page is not None and arguments.modality == "signal":
        raise InputError("--page", "the modality 'signal' shows no page", "choose --modality image, both or swapped")
    if arguments.page is not None and len(arguments.paths) > 1:
        raise InputError("--page", "it belongs to one recording, and several are given", "give one recording at a time")
    if reader.generative and arguments.jobs not in (None, 1):
        raise InputError(
            "--jobs", f"the reader {reader.name!r} takes all cores for one reading", "leave it out or give 1"
        )
    given = given_options(arguments) | {"log_probabilities": arguments.log_probabilities or None}
    return reading_options(reader, given)


def _picture_of(arguments: argparse.Namespace) -> Image.Image:
    """Return the picture given with --page, less what is to be hidden; to find text or traces it is read off."""
    import numpy as np
    from PIL import Image

    from ecgr1_core.digitize.hiding import check_boxes, masked

    path, hide = arguments.page, hide_from(arguments)
    if hide.text or hide.all_but_traces:
        return read_page(path, asked_from(arguments), hide=hide).picture
    image = _read_page(path)
    if not hide.places:
        return image
    return Image.fromarray(masked(np.asarray(image.convert("RGB")), check_boxes(hide.places, path.name, image.size)))


def _read_page(path: Path) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
            return image.copy()
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", "check the path given to --page") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        raise InputError(path, f"cannot be read as an image ({error})", "give a PNG or JPEG of the page") from error
