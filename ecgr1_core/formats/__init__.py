"""Reading recordings: files of any known format in, one `EcgRecord` out.

One file per format, recognised by content and never by its extension, in the list of `registry.py`. A reader returns
its channels in millivolts under the file's own names; `assemble.py` makes the twelve leads of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecgr1_core.formats.assemble import assemble
from ecgr1_core.formats.bundle import open_bundle
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.registry import choose
from ecgr1_core.formats.resampling import resample
from ecgr1_core.record import EcgRecord

__all__ = ["ReadOptions", "read", "resample"]

_DEFAULT_OPTIONS = ReadOptions()


def read(paths: Path | Sequence[Path], options: ReadOptions = _DEFAULT_OPTIONS) -> EcgRecord:
    """Read one recording: one file, its several files (from any folders), one zip, or a WFDB record name.

    With one path the other files of the recording are looked for beside it; with several, only those given are used.
    Returns leads in mV as `EcgRecord` says. Raises a kind of `InputError` that names file, fault and remedy:
    `UnknownFormatError`, `DamagedFileError`, `MissingPartnerError`, `MissingInformationError` (its `field` says what
    to ask for) or `UnsuitableRecordingError`.
    """
    with open_bundle([paths] if isinstance(paths, Path) else list(paths), options) as bundle:
        chosen, file_name = choose(bundle)
        return assemble(chosen.read(bundle, file_name, options), options)
