"""WFDB headers: the text of a `.hea` file as data, checked, with nothing taken for granted.

Source: WFDB Applications Guide, header(5) and signal(5), physionet.org/physiotools/wag. It reads no samples. Unlike the
guide it does not assume 250 Hz where no rate is given, and it opens no path that a header names: only bare file names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from ecgr1_core.errors import DamagedFileError, InputError
from ecgr1_core.formats.bundle import Bundle, read_bytes
from ecgr1_core.formats.kinds import decode_text, kind_of
from ecgr1_core.formats.raw import age_from_text, sex_from_text
from ecgr1_core.record import Patient

# Bytes per sample of each storage format and the stored value that means "unknown" (signal(5)); None: length varies.
BYTES_PER_SAMPLE: dict[str, float | None] = {
    "8": 1, "16": 2, "24": 3, "32": 4, "61": 2, "80": 1, "160": 2, "212": 1.5, "310": 4 / 3, "311": 4 / 3,
    "508": None, "516": None, "524": None,
}  # fmt: skip
UNKNOWN_COUNT: dict[str, int | None] = {
    "8": None, "16": -(2**15), "24": -(2**23), "32": -(2**31), "61": -(2**15), "80": -(2**7), "160": -(2**15),
    "212": -(2**11), "310": -(2**9), "311": -(2**9), "508": -(2**7), "516": -(2**15), "524": -(2**23),
}  # fmt: skip
DEFAULT_GAIN = 200.0
MAX_SIGNALS = 256
MAX_HEADER_BYTES = 4 * 1024 * 1024

_FORMAT = re.compile(r"^(?P<code>\d+)(?:x(?P<spf>\d+))?(?::(?P<skew>\d+))?(?:\+(?P<offset>\d+))?$")
_GAIN = re.compile(r"^(?P<gain>[-+]?[\d.]+(?:[eE][-+]?\d+)?)(?:\((?P<baseline>-?\d+)\))?(?:/(?P<unit>\S+))?$")
_RECORD_NAME = re.compile(r"^[^\s/\\]+?(?:/(?P<segments>\d+))?$")
_HEADER_SUFFIX = ".hea"


@dataclass(frozen=True)
class SignalLine:
    """One signal: where its samples lie and what a count means; `gain` in counts per `unit`, None if uncalibrated."""

    file_name: str
    format: str
    samples_per_frame: int
    skew: int
    byte_offset: int
    gain: float | None
    baseline: int
    unit: str
    initial: int
    checksum: int | None
    description: str


@dataclass(frozen=True)
class Header:
    """One header: `frames` per signal and `frame_rate_hz`, None if not stated; signals or segments (name, frames)."""

    file_name: str
    frame_rate_hz: float | None
    frames: int | None
    signals: tuple[SignalLine, ...]
    segments: tuple[tuple[str, int], ...]
    comments: tuple[str, ...]

    @property
    def patient(self) -> Patient:
        """Age and sex from the comments: "#Age: 59", "# age: 59", "#<age>: 59", "#<sex>: F" or MIT-BIH's "# 69 M"."""
        age, sex = None, None
        for comment in self.comments:
            if match := re.search(r"<?\bage\b>?\s*[:=]\s*(\S+)", comment, re.IGNORECASE):
                age = age if age is not None else age_from_text(match[1])
            if match := re.search(r"<?\b(?:sex|gender)\b>?\s*[:=]\s*(\w+)", comment, re.IGNORECASE):
                sex = sex or sex_from_text(match[1])
        first = self.comments[0] if self.comments else ""
        if age is None and sex is None and (match := re.match(r"\s*(\d{1,3})\s+([MF])\b", first)):
            age, sex = age_from_text(match[1]), sex_from_text(match[2])
        return Patient(age_years=age, sex=sex)


def recognises(head: bytes, name: str) -> bool:
    """Whether the first bytes are a WFDB header: a record line, then a signal or segment line that fits it."""
    text = decode_text(head)
    lines = [] if text is None else _lines(text)[0]
    if not lines or not _is_record_line(lines[0]):
        return False
    if name.casefold().endswith(_HEADER_SUFFIX):
        return True
    fields = lines[1].split() if len(lines) > 1 else []
    if "/" in lines[0].split()[0]:
        return len(fields) == 2 and fields[1].isdigit()
    match = _FORMAT.match(fields[1]) if len(fields) > 1 else None
    return match is not None and match["code"] in BYTES_PER_SAMPLE and not _is_number(fields[0])


def may_be_signal_file(head: bytes, name: str) -> bool:
    """Whether a file without a header looks like WFDB samples: a MATLAB 4 matrix, or a `.dat` of binary content."""
    matlab_4 = head[:4] in (b"\0\0\0\0", b"\x0a\0\0\0", b"\x14\0\0\0", b"\x1e\0\0\0") and head[20:24] == b"val\0"
    return matlab_4 or (name.casefold().endswith(".dat") and kind_of(head) is None)


def load(bundle: Bundle, name: str) -> Header:
    """Read and parse the header called `name` in a bundle; `DamagedFileError` says what in it is wrong."""
    path = bundle.path_of(name)
    data = read_bytes(path, MAX_HEADER_BYTES)
    text = decode_text(data)
    if text is None:
        raise _damaged(name, "it is not a readable WFDB header")
    return parse(text, name)


def files_named(bundle: Bundle, name: str) -> tuple[str, ...]:
    """Return the files that a header names: its signal files, or the headers of its segments and their signal files."""
    header = load(bundle, name)
    names = [signal.file_name for signal in header.signals]
    for segment, _ in header.segments:
        segment_header = segment + _HEADER_SUFFIX
        if segment != "~" and segment_header != name:
            names.append(segment_header)
            if bundle.find(segment_header) is not None:
                names += [signal.file_name for signal in load(bundle, segment_header).signals]
    return tuple(dict.fromkeys(names))


def parse(text: str, name: str) -> Header:
    """Parse the text of a header; `name` is its file name for messages. Raises `DamagedFileError`."""
    lines, comments = _lines(text)
    if not lines or not _is_record_line(lines[0]):
        raise _damaged(name, "its first line is not 'record signals rate samples'")
    fields = lines[0].split()
    segment_count = (_RECORD_NAME.match(fields[0]) or {"segments": None})["segments"]
    signal_count = int(fields[1])
    frame_rate_hz = float(fields[2].split("/")[0]) if len(fields) > 2 else None
    frames = int(fields[3]) if len(fields) > 3 and fields[3].isdigit() else None
    if frame_rate_hz is not None and not 0 < frame_rate_hz < 1e6:
        raise _damaged(name, f"the sampling rate {fields[2]} is no rate")
    if signal_count > MAX_SIGNALS:
        raise _damaged(name, f"it announces {signal_count} signals")
    if segment_count is not None:
        segments = tuple(_segment(line, name) for line in lines[1 : 1 + int(segment_count)])
        if len(segments) != int(segment_count) or not segments:
            raise _damaged(name, f"it announces {segment_count} segments and describes {len(segments)}")
        return Header(name, frame_rate_hz, frames, (), segments, comments)
    if signal_count == 0:
        raise _damaged(name, "the recording has 0 signals")
    signals = tuple(_signal(line, name) for line in lines[1 : 1 + signal_count])
    if len(signals) != signal_count:
        raise _damaged(name, f"it announces {signal_count} signals and describes {len(signals)}")
    return Header(name, frame_rate_hz, frames, signals, (), comments)


def _lines(text: str) -> tuple[list[str], tuple[str, ...]]:
    stripped = [line.strip() for line in text.splitlines()]
    comments = tuple(line[1:].strip() for line in stripped if line.startswith("#"))
    return [line for line in stripped if line and not line.startswith("#")], comments


def _is_record_line(line: str) -> bool:
    fields = line.split()
    return (
        len(fields) >= 2
        and _RECORD_NAME.match(fields[0]) is not None
        and fields[1].isdigit()
        and (len(fields) < 3 or _is_number(fields[2].split("/")[0]))
        and (len(fields) < 4 or fields[3].isdigit())
    )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text) is not None


def _segment(line: str, name: str) -> tuple[str, int]:
    fields = line.split()
    if len(fields) < 2 or not fields[1].isdigit():
        raise _damaged(name, f"the segment line {line[:40]!r} is not 'record samples'")
    if fields[0] != "~":
        _refuse_path(fields[0], name)
    return fields[0], int(fields[1])


def _signal(line: str, name: str) -> SignalLine:
    fields = line.split(maxsplit=8)
    storage = _FORMAT.match(fields[1]) if len(fields) > 1 else None
    if storage is None:
        raise _damaged(name, f"the signal line {line[:40]!r} cannot be read")
    if storage["code"] not in BYTES_PER_SAMPLE and fields[0] != "~":
        raise _damaged(name, f"storage format {storage['code']} is not one that WFDB knows")
    if fields[0] != "~":
        _refuse_path(fields[0], name)
    calibration = _GAIN.match(fields[2]) if len(fields) > 2 else _GAIN.match("0")
    numbers = [*fields[3:8], *[""] * (5 - len(fields[3:8]))]
    if calibration is None or any(text and not re.fullmatch(r"-?\d+", text) for text in numbers):
        raise _damaged(name, f"the signal line {line[:40]!r} cannot be read")
    _resolution, adc_zero, initial, checksum, _block = numbers
    try:
        gain = float(calibration["gain"])
    except ValueError as error:
        raise _damaged(name, f"the gain {fields[2]!r} is no number") from error
    samples_per_frame = int(storage["spf"] or 1)
    if not 1 <= samples_per_frame <= 1000:
        raise _damaged(name, f"{samples_per_frame} samples per frame cannot be")
    return SignalLine(
        file_name=fields[0],
        format=storage["code"],
        samples_per_frame=samples_per_frame,
        skew=int(storage["skew"] or 0),
        byte_offset=int(storage["offset"] or 0),
        gain=gain or None,
        baseline=int(calibration["baseline"] or adc_zero or 0),
        unit=calibration["unit"] or "mV",
        initial=int(initial or adc_zero or 0),
        checksum=int(checksum) if checksum else None,
        description=fields[8].strip() if len(fields) > 8 else "",
    )


def _refuse_path(named: str, header: str) -> None:
    if named != PurePosixPath(named).name or re.search(r"[\\:/]", named) or named in ("..", ".", "-"):
        raise InputError(
            header,
            f"it names a file by a path or device ({named!r}), which is not followed",
            "put the files into one folder and write bare file names into the header",
        )


def _damaged(name: str, fault: str) -> DamagedFileError:
    return DamagedFileError(name, fault, "give the header that came with the signal file")
