"""`RawRecording`: what a format's reader hands over: channels in millivolts under the file's own names.

Also `window`, with which every reader decides which samples to read before it reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ecgr1_core.errors import DamagedFileError, InputError, MissingInformationError, UnsuitableRecordingError
from ecgr1_core.formats.identity import Identity
from ecgr1_core.formats.leads import Float64Array
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.record import DeviceReading, Patient


@dataclass(frozen=True)
class RawRecording:
    """The channels that are leads, mapped from the file's name to [samples] in mV, and what else the file says.

    `subject` is the file name for messages, `left_out` names the channels that are none of the twelve leads. `identity`
    goes no farther than `assemble`. `millivolts_per_count` is told where the file stores counts and calibrates them.
    """

    subject: str
    name: str
    source_format: str
    sampling_rate_hz: float
    channels_mv: dict[str, Float64Array]
    left_out: tuple[str, ...] = ()
    patient: Patient = field(default_factory=Patient)
    warnings: tuple[str, ...] = ()
    device: DeviceReading | None = None
    identity: Identity = field(default_factory=Identity)
    millivolts_per_count: Mapping[str, float] = field(default_factory=dict)


def settle_sampling_rate(subject: str, stated_hz: float | None, options: ReadOptions) -> tuple[float, tuple[str, ...]]:
    """Return the sampling rate in Hz and any warning: the file's own where it states one, else the one given.

    Raises `MissingInformationError` (field "sampling_rate_hz") where neither is there.
    """
    given = options.sampling_rate_hz
    if stated_hz is None:
        if given is None:
            raise MissingInformationError(
                subject,
                "the file does not say its sampling rate",
                "give it (--sampling-rate-hz on the command line)",
                field="sampling_rate_hz",
            )
        return given, ()
    if given is not None and abs(given - stated_hz) > 0.001 * stated_hz:
        return stated_hz, (f"the sampling rate given, {given:g} Hz, was not used: the file states {stated_hz:g} Hz",)
    return stated_hz, ()


def unit_is_missing(subject: str) -> MissingInformationError:
    """Return what to raise where neither a table nor the user says the unit of its samples."""
    return MissingInformationError(
        subject,
        "the file does not say the unit of its samples",
        "give it (--unit mV, uV, V or nV on the command line)",
        field="unit",
    )


def window(subject: str, sampling_rate_hz: float, samples: int, options: ReadOptions) -> tuple[int, int]:
    """Return the samples [first, last) to read of a recording of `samples` at `sampling_rate_hz`.

    Raises `DamagedFileError` for a recording without samples and `UnsuitableRecordingError` where rate or length are
    outside the limits of `options`.
    """
    if samples <= 0:
        raise DamagedFileError(subject, "the recording has 0 samples", "export the recording again")
    if sampling_rate_hz < options.min_sampling_rate_hz:
        raise UnsuitableRecordingError(
            subject,
            f"the sampling rate is {sampling_rate_hz:g} Hz, too coarse for a 12-lead reading",
            f"use a recording of at least {options.min_sampling_rate_hz:g} Hz",
        )
    total_s = samples / sampling_rate_hz
    first = round(options.start_s * sampling_rate_hz)
    if first >= samples:
        raise InputError(
            subject, f"it ends after {total_s:.1f} s, before the start asked for", "choose an earlier --start-s"
        )
    last = samples
    if options.duration_s is not None:
        last = min(samples, first + round(options.duration_s * sampling_rate_hz))
    length_s = (last - first) / sampling_rate_hz
    if length_s > options.max_duration_s + 0.5 / sampling_rate_hz:
        raise UnsuitableRecordingError(
            subject,
            f"the recording is {_spoken(length_s)} long and at most {_spoken(options.max_duration_s)} are read at once",
            "read a part of it with --start-s and --duration-s",
        )
    if length_s < options.min_duration_s - 0.5 / sampling_rate_hz:
        asked = f"the part asked for is {length_s:.2f} s long" if length_s < total_s else f"it is {total_s:.2f} s long"
        raise UnsuitableRecordingError(
            subject, f"{asked}, too short to read", f"use at least {options.min_duration_s:g} s"
        )
    return first, last


def age_from_text(text: str) -> float | None:
    """Return an age in years from a file's field, None where it holds none between 0 and 130 ("NaN", "300", "")."""
    match = re.match(r"\s*(\d+(?:\.\d+)?)", text)
    age = float(match[1]) if match else None
    return age if age is not None and age <= 130 else None


def sex_from_text(text: str) -> Literal["F", "M"] | None:
    """Return the sex from a file's field in words or letters; codes such as 0 and 1 differ between sources: None."""
    word = text.strip().rstrip(".").casefold()
    if word in ("f", "female", "w", "weiblich", "woman"):
        return "F"
    if word in ("m", "male", "männlich", "man"):
        return "M"
    return None


def _spoken(seconds: float) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds > 600 else f"{seconds:g} s"
