"""The list of formats, and the choice of the one reader and the one file that a bundle is read by.

Adding a format is one module with `recognises` and `read`, and one line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError, UnknownFormatError
from ecgr1_core.formats import cardiosoft, csv_table, dicom, numpy_array, parquet_table, wfdb_header, wfdb_record
from ecgr1_core.formats.bundle import Bundle
from ecgr1_core.formats.clinical import CLINICAL_FORMATS
from ecgr1_core.formats.kinds import IMAGE_KINDS, kind_of
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.raw import RawRecording


@dataclass(frozen=True)
class Format:
    """One format: `recognises(head, file name)` by content, `read(bundle, file name, options)`."""

    name: str
    recognises: Callable[[bytes, str], bool]
    read: Callable[[Bundle, str, ReadOptions], RawRecording]


WFDB = Format("WFDB", wfdb_header.recognises, wfdb_record.read)
FORMATS: tuple[Format, ...] = (
    WFDB,
    Format("DICOM", dicom.recognises, dicom.read),
    *(Format(each.name, each.recognises, each.read) for each in CLINICAL_FORMATS),
    Format("GE CardioSoft XML", cardiosoft.recognises, cardiosoft.read),
    Format("Parquet", parquet_table.recognises, parquet_table.read),
    Format("NumPy", numpy_array.recognises, numpy_array.read),
    Format("CSV", csv_table.recognises, csv_table.read),
)


def choose(bundle: Bundle) -> tuple[Format, str]:
    """Return the format of the recording in the bundle and the file to begin with (for WFDB, the header).

    Raises `InputError` where the files are several recordings, `MissingPartnerError` for a signal file without its
    header and `UnknownFormatError`, saying what the file is, where no format knows it.
    """
    main_files = [(known, name) for name in bundle.files if (known := _format_of(bundle, name)) is not None]
    headers = {name: wfdb_header.files_named(bundle, name) for known, name in main_files if known is WFDB}
    partners = {partner.casefold() for named in headers.values() for partner in named}
    main_files = [(known, name) for known, name in main_files if name.casefold() not in partners]
    if len(main_files) == 1:
        return main_files[0]
    if main_files:
        names = sorted(name for _, name in main_files)
        listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise InputError(bundle.title, f"these are {len(names)} recordings ({listed})", "give one recording at a time")
    for name in bundle.files:
        header = _header_that_names(bundle, name)
        if header is not None:
            return WFDB, header
    raise _unknown(bundle)


def _format_of(bundle: Bundle, name: str) -> Format | None:
    head = bundle.head(name)
    known = next((each for each in FORMATS if each.recognises(head, name)), None)
    if known is not WFDB and name.casefold().endswith(".hea"):
        raise DamagedFileError(
            name, "it is not a readable WFDB header", "give the header that came with the signal file"
        )
    return known


def _header_that_names(bundle: Bundle, name: str) -> str | None:
    """Return the WFDB header, among the files or beside them, that names `name` as a signal file of its own."""
    own = PurePosixPath(name).stem.casefold() + ".hea"
    candidates = sorted(bundle.neighbours(".hea"), key=lambda header: header.casefold() != own)
    for header in candidates:
        if wfdb_header.recognises(bundle.head(header), header) and name.casefold() in (
            partner.casefold() for partner in wfdb_header.files_named(bundle, header)
        ):
            return header
    return None


def _unknown(bundle: Bundle) -> InputError:
    name = next(iter(bundle.files))
    head = bundle.head(name)
    kind = kind_of(head)
    known = " or ".join((", ".join(each.name for each in FORMATS[:-1]), FORMATS[-1].name))
    if wfdb_header.may_be_signal_file(head, name):
        wanted = PurePosixPath(name).stem + ".hea"
        return MissingPartnerError(name, f"its WFDB header {wanted} is missing", f"give {wanted} together with {name}")
    if bundle.is_collection:
        return UnknownFormatError(bundle.title, "it holds no recording that is read", f"put one into it ({known})")
    if kind in IMAGE_KINDS or kind == "a PDF document":
        return UnknownFormatError(name, f"it is {kind}, not a recording", f"give the recording itself ({known})")
    if kind == "text":
        return UnknownFormatError(
            name, "it is text, but not a table of samples", "give a table with one column per lead"
        )
    fault = f"it is {kind}, which is not read here" if kind else "its content is no known recording format"
    return UnknownFormatError(name, fault, f"export the recording as {known}")
