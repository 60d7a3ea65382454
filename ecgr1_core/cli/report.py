"""`ecgr1 report`: recordings as PDF: trace in true scale, measurements, reading. Research use; not a diagnosis."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ecgr1_core.cli.asking import ask, check_modality, reading_options, settings_of, view_of
from ecgr1_core.cli.common import add_input_arguments, for_each_path
from ecgr1_core.errors import InputError
from ecgr1_core.modality import MODALITIES
from ecgr1_core.pseudonyms import key_from, pseudonym
from ecgr1_core.render.filters import BANDS_HZ, DEFAULT_BAND, notch_filter
from ecgr1_core.render.layouts import DEFAULT_LAYOUT, GAINS_MM_PER_MV, LAYOUTS, ORDERS, SPEEDS_MM_PER_S
from ecgr1_core.settings import Settings

if TYPE_CHECKING:
    from ecgr1_core.interpretation import Interpretation
    from ecgr1_core.readers import Reader, ReadingOptions
    from ecgr1_core.record import EcgRecord
    from ecgr1_core.report import Provenance, ReportOptions

NO_READER = "none"
_PRECISIONS = get_args(Settings.model_fields["model_precision"].annotation)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser("report", help="make a one-page PDF report of recordings", description=__doc__)
    add_input_arguments(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="PATH",
        help="file to write (.pdf), or a folder that gets one for each recording, named by what stands for it",
    )
    parser.add_argument(
        "--reader", default="protocol", metavar="NAME", help="who reads: protocol (default), ecg-r1, or none"
    )
    parser.add_argument(
        "--modality", choices=MODALITIES, default="signal", help="what the reader sees (default: signal)"
    )
    who = parser.add_argument_group("who the page is about")
    who.add_argument("--show-name", action="store_true", help="print the name of the recording instead of a pseudonym")
    who.add_argument("--case", metavar="TEXT", help="print this instead of a pseudonym")
    who.add_argument("--identity", default="", metavar="TEXT", help="print this name or number of the patient too")
    who.add_argument(
        "--pseudonym-key",
        type=Path,
        metavar="FILE",
        help="key of the pseudonyms, made if it is not there (default: pseudonyms.key in ECGR1_DATA_DIR)",
    )
    trace = parser.add_argument_group("the trace")
    trace.add_argument("--layout", choices=tuple(LAYOUTS), default=DEFAULT_LAYOUT, help="default %(default)s")
    trace.add_argument(
        "--speed-mm-per-s", type=float, choices=SPEEDS_MM_PER_S, default=25.0, help="paper speed (default %(default)g)"
    )
    trace.add_argument(
        "--gain-mm-per-mv", type=float, choices=GAINS_MM_PER_MV, default=10.0, help="gain (default %(default)g)"
    )
    trace.add_argument("--order", choices=ORDERS, default="standard", help="of the leads (default %(default)s)")
    trace.add_argument(
        "--filter",
        choices=tuple(BANDS_HZ),
        default=DEFAULT_BAND,
        help="what the trace is drawn through: diagnostic 0.05–150 Hz, monitor 0.5–40 Hz, off (default %(default)s)",
    )
    trace.add_argument("--notch", choices=("50", "60", "off"), default="off", help="mains filter (default %(default)s)")
    trace.add_argument("--monochrome", action="store_true", help="grey grid instead of pink")
    trace.add_argument(
        "--page-start-s",
        type=float,
        default=0.0,
        metavar="S",
        help="first second on the page, which shows ten (default %(default)g)",
    )
    parser.add_argument(
        "--made-at", metavar="TIME", help="time that is printed, as 2026-11-22T22:40+01:00 (default: now)"
    )
    model = parser.add_argument_group("for ecg-r1")
    model.add_argument("--model", type=Path, metavar="DIR", help="directory of the model (default: ECGR1_MODEL)")
    model.add_argument("--precision", choices=_PRECISIONS, help="of its weights (default: ECGR1_MODEL_PRECISION)")
    model.add_argument("--max-new-tokens", type=int, metavar="N", help="longest reading, in tokens (default 2048)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read, measure and report each path, print one JSON object for it; return the exit code."""
    from ecgr1_core import formats
    from ecgr1_core.cli.input_options import options_from
    from ecgr1_core.measure import measure
    from ecgr1_core.report import report_pdf
    from ecgr1_core.verify import counts, verify

    _check(arguments)
    settings = settings_of(arguments)
    reader, how = _reader(arguments, settings)
    made_at = _time(arguments.made_at)
    options = options_from(arguments)
    written: dict[Path, Path] = {}

    def report(path: Path) -> dict[str, Any]:
        record = formats.read(path, options)
        case = _case(arguments, settings, record)
        out = arguments.out / f"{_file_name(case)}.pdf" if arguments.out.is_dir() else arguments.out
        if out in written:
            raise InputError(path, f"its report would replace that of {written[out].name}, {out.name}", "rename one")
        measurements = measure(record)
        reading, details = _read(reader, how, arguments.modality, record)
        claims = None if reading is None else verify(reading, measurements, record.patient, record.warnings)
        page = report_pdf(record, measurements, reading, claims, details, _options(arguments, record, case, made_at))
        _write(out, page)
        written[out] = path
        return {
            "path": str(path),
            "out": str(out),
            "case": case,
            "reader": None if reader is None else reader.name,
            "reader_version": None if details is None else details.version,
            "modality": None if reader is None else arguments.modality,
            "layout": arguments.layout,
            "claims": None if claims is None else counts(claims),
            "made_at": made_at.isoformat(),
            "bytes": len(page),
        }

    return for_each_path(arguments.paths, report)


def _check(arguments: argparse.Namespace) -> None:
    """Raise InputError for what is wrong with the arguments whatever the recordings are."""
    if arguments.case is not None and arguments.show_name:
        raise InputError("--case", "--show-name is given too, and the page has one name", "leave one of them out")
    for name in ("case", "identity"):
        if getattr(arguments, name) and len(arguments.paths) > 1:
            raise InputError(f"--{name}", "it belongs to one recording, and several are given", "give one at a time")
    if arguments.out.is_dir():
        return
    if len(arguments.paths) > 1:
        raise InputError(
            arguments.out, "it is not a folder, and several recordings need one", "give an existing folder"
        )
    if arguments.out.suffix.lower() != ".pdf":
        raise InputError(arguments.out, "a report is a PDF", "end --out in .pdf")
    if not arguments.out.parent.is_dir():
        raise InputError(arguments.out, "its folder does not exist", "make the folder first")


def _reader(arguments: argparse.Namespace, settings: Settings) -> tuple[Reader | None, ReadingOptions | None]:
    """Return the reader and its options, before any file is read; none for a report without a reading."""
    from ecgr1_core.readers import get_reader

    if arguments.reader == NO_READER:
        return None, None
    reader = get_reader(arguments.reader, settings)
    check_modality(reader, arguments.modality)
    return reader, reading_options(reader, {"max_new_tokens": arguments.max_new_tokens})


def _read(
    reader: Reader | None, options: ReadingOptions | None, modality: Any, record: EcgRecord
) -> tuple[Interpretation | None, Provenance | None]:
    """Return the reading and where it comes from; a page that the reader is to see is drawn from the signal."""
    from ecgr1_core import interpretation
    from ecgr1_core.report import provenance

    if reader is None:
        return None, None
    view = view_of(modality, record)
    raw, details = ask(reader, view, options)
    return interpretation.parse(raw), provenance(reader, view, details)


def _case(arguments: argparse.Namespace, settings: Settings, record: EcgRecord) -> str:
    """Return what stands for the patient on the page."""
    if arguments.show_name:
        return record.name
    if arguments.case is not None:
        return str(arguments.case)
    return pseudonym(record.name, key_from(arguments.pseudonym_key or settings.pseudonym_file))


def _file_name(case: str) -> str:
    """Return what stands for the patient as the name of a file."""
    kept = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in case).strip(".")
    return kept or "report"


def _time(given: str | None) -> datetime:
    if given is None:
        return datetime.now().astimezone()
    try:
        time = datetime.fromisoformat(given)
    except ValueError as error:
        raise InputError("--made-at", f"{given!r} is not a time", "write it as 2026-11-22T22:40+01:00") from error
    return time if time.utcoffset() is not None else time.astimezone()


def _options(arguments: argparse.Namespace, record: EcgRecord, case: str, made_at: datetime) -> ReportOptions:
    from ecgr1_core.report import ReportOptions

    named = f"Recording {record.name}" if arguments.show_name else ""
    return ReportOptions(
        made_at=made_at,
        case="" if arguments.show_name else f"Case {case}",
        identity=" · ".join(part for part in (named, arguments.identity) if part),
        layout=arguments.layout,
        speed_mm_per_s=arguments.speed_mm_per_s,
        gain_mm_per_mv=arguments.gain_mm_per_mv,
        start_s=arguments.page_start_s,
        order=arguments.order,
        band=arguments.filter,
        notch_hz=_notch_hz(arguments.notch, record),
        colour=not arguments.monochrome,
    )


def _notch_hz(given: str, record: EcgRecord) -> float | None:
    if given == "off":
        return None
    if notch_filter(float(given), record.sampling_rate_hz) is None:
        fault = f"a notch at {given} Hz cannot be made at {record.sampling_rate_hz:g} Hz"
        raise InputError(record.name, fault, "leave --notch off")
    return float(given)


def _write(out: Path, page: bytes) -> None:
    try:
        out.write_bytes(page)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(out, f"it cannot be written ({reason})", "choose another --out") from error
