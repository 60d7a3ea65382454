"""Reads WFDB recordings: the samples that a header describes, by the `wfdb` package, checked and in millivolts.

All that the header says is parsed and checked by `wfdb_header`; `wfdb` only decodes the stored counts, from a folder
made for it. Only the part asked for and only the files with leads in them are read. Sums are verified wherever a
signal is read whole. Source: WFDB Applications Guide, header(5) and signal(5).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError
from ecgr1_core.formats.bundle import Bundle
from ecgr1_core.formats.leads import Float64Array, match_channels
from ecgr1_core.formats.limb_equations import SCALED_LEAD_BY_LEAD, is_scaled_lead_by_lead
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.raw import RawRecording, settle_sampling_rate, window
from ecgr1_core.formats.resampling import resample_rows
from ecgr1_core.formats.units import millivolts_per
from ecgr1_core.formats.wfdb_header import BYTES_PER_SAMPLE, DEFAULT_GAIN, UNKNOWN_COUNT, Header, SignalLine, load

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Segment:
    """A header of signals, the frames it covers [start, stop) in the recording, and which of its signals are leads."""

    header: Header
    start: int
    stop: int
    leads: Mapping[str, int]


def read(bundle: Bundle, file_name: str, options: ReadOptions) -> RawRecording:
    """Read the recording of the header `file_name`, single or of several segments.

    Raises `MissingPartnerError` for a signal file that is not there, `DamagedFileError` for one that is shorter than
    the header says or fails its checksum, and what `window` raises.
    """
    header = load(bundle, file_name)
    frame_rate_hz, warnings = settle_sampling_rate(file_name, header.frame_rate_hz, options)
    segments, left_out = _segments(bundle, header)
    signals = [segment.header.signals[index] for segment in segments for index in segment.leads.values()]
    samples_per_frame = max((signal.samples_per_frame for signal in signals), default=1)
    first, last = window(file_name, frame_rate_hz, segments[-1].stop if segments else 0, options)

    sampling_rate_hz = frame_rate_hz * samples_per_frame
    names = {
        lead: segment.header.signals[index].description for segment in segments for lead, index in segment.leads.items()
    }
    rows = {lead: np.full((last - first) * samples_per_frame, np.nan) for lead in names}
    self_scaled = False
    for segment in segments:
        begin, end = max(first, segment.start), min(last, segment.stop)
        if begin >= end or not segment.leads:
            continue
        counts = _stored_counts(bundle, segment, begin - segment.start, end - segment.start)
        millivolts = {}
        for lead, index in segment.leads.items():
            signal = segment.header.signals[index]
            millivolts[lead] = _in_millivolts(counts[lead], signal, file_name, options)
            fitted = _at_rate(millivolts[lead], signal.samples_per_frame, samples_per_frame)
            at = (begin - first) * samples_per_frame
            rows[lead][at : at + len(fitted)] = fitted
        self_scaled = self_scaled or is_scaled_lead_by_lead(
            {lead: samples.astype(np.float64) for lead, samples in counts.items()}, millivolts
        )
    return RawRecording(
        subject=file_name,
        name=PurePosixPath(file_name).stem,
        source_format="WFDB",
        sampling_rate_hz=sampling_rate_hz,
        channels_mv={names[lead]: samples for lead, samples in rows.items()},
        left_out=left_out,
        patient=header.patient,
        warnings=(
            *warnings,
            *_calibration_warnings(signals, self_scaled, options),
            *_unused(bundle, segments, file_name),
        ),
    )


def _segments(bundle: Bundle, header: Header) -> tuple[list[_Segment], tuple[str, ...]]:
    """Return the segments in order and the channels that are no leads; null segments ("~") are left as gaps."""
    if not header.segments:
        whole, others = _leads_of(header)
        frames = header.frames if header.frames is not None else _frames_in_file(bundle, header)
        return [_Segment(header, 0, frames, whole)], others
    segments: list[_Segment] = []
    left_out: dict[str, None] = {}
    start = 0
    for number, (name, frames) in enumerate(header.segments):
        part = Header(header.file_name, None, frames, (), (), ())
        leads: Mapping[str, int] = {}
        is_layout = number == 0 and frames == 0
        if name != "~" and not is_layout:
            part = _partner_header(bundle, header, name)
            leads, others = _leads_of(part)
            left_out.update(dict.fromkeys(others))
            if part.frames is not None and part.frames < frames:
                raise DamagedFileError(
                    part.file_name,
                    f"the segment holds {part.frames} samples per lead where {header.file_name} says {frames}",
                    "export the recording again",
                )
            if part.frame_rate_hz not in (None, header.frame_rate_hz):
                raise DamagedFileError(
                    part.file_name, "its sampling rate is not that of the whole recording", "export the recording again"
                )
        if not is_layout:
            segments.append(_Segment(part, start, start + frames, leads))
        start += frames
    if header.frames is not None and header.frames != start:
        raise DamagedFileError(
            header.file_name,
            f"it announces {header.frames} samples per lead and its segments add up to {start}",
            "export the recording again",
        )
    return segments, tuple(left_out)


def _partner_header(bundle: Bundle, header: Header, segment_name: str) -> Header:
    name = f"{segment_name}.hea"
    if bundle.find(name) is None:
        raise _missing(header.file_name, name)
    part = load(bundle, name)
    if part.segments:
        raise DamagedFileError(name, "a segment has segments of its own", "export the recording again")
    return part


def _leads_of(header: Header) -> tuple[dict[str, int], tuple[str, ...]]:
    return match_channels([signal.description for signal in header.signals], header.file_name)


def _frames_in_file(bundle: Bundle, header: Header) -> int:
    """Return the frames that the first signal's file holds, for a header that does not say; 0 if that varies."""
    signal = header.signals[0]
    held = _frames_held(_signal_file(bundle, header, signal.file_name), header, signal)
    if held is None:
        raise DamagedFileError(header.file_name, "it does not say how many samples there are", "complete the header")
    return held


def _frames_held(path: Path, header: Header, signal: SignalLine) -> int | None:
    per_sample = BYTES_PER_SAMPLE[signal.format]
    if per_sample is None:
        return None
    per_frame = sum(each.samples_per_frame for each in header.signals if each.file_name == signal.file_name)
    return int((path.stat().st_size - signal.byte_offset) / per_sample + 1e-6) // per_frame


def _signal_file(bundle: Bundle, header: Header, name: str) -> Path:
    path = bundle.find(name)
    if path is None:
        raise _missing(header.file_name, name)
    return path


def _missing(header_name: str, partner: str) -> MissingPartnerError:
    return MissingPartnerError(
        header_name,
        f"the file {partner}, which it belongs to, is missing",
        f"give {partner} together with {header_name}",
    )


def _stored_counts(bundle: Bundle, segment: _Segment, first: int, last: int) -> dict[str, Counts]:
    """Return the stored counts of each lead for frames [first, last) of a segment, [frames x samples per frame]."""
    header = segment.header
    wanted = list(segment.leads.values())
    paths: dict[str, Path] = {}
    for name in dict.fromkeys(header.signals[index].file_name for index in wanted):
        paths[name] = _signal_file(bundle, header, name)
        signal = next(each for each in header.signals if each.file_name == name)
        held = _frames_held(paths[name], header, signal)
        expected = header.frames if header.frames is not None else last
        if held is not None and held < expected:
            raise DamagedFileError(
                name,
                f"the file is truncated: {expected} samples per lead expected, {max(held, 0)} found",
                "copy or export it again",
            )
    differences = any(header.signals[index].format == "8" for index in wanted)  # each sample rests on all before it
    decoded = _decode(header, paths, wanted, 0 if differences else first, last)
    if differences:
        per_frame = [header.signals[index].samples_per_frame for index in wanted]
        decoded = [samples[first * count :] for samples, count in zip(decoded, per_frame, strict=True)]
    if first == 0 and last == header.frames:
        _verify_checksums(header, wanted, decoded)
    return dict(zip(segment.leads, decoded, strict=True))


def _decode(header: Header, paths: Mapping[str, Path], wanted: Sequence[int], first: int, last: int) -> list[Counts]:
    import wfdb

    with tempfile.TemporaryDirectory(prefix="ecgr1-") as folder:
        names = {name: f"signal{number}.dat" for number, name in enumerate(paths)}
        for name, path in paths.items():
            signal = next(each for each in header.signals if each.file_name == name)
            _stage(path, Path(folder) / names[name], signal)
        lines = [f"record {len(header.signals)} 1 {header.frames if header.frames is not None else last}"]
        for number, signal in enumerate(header.signals):
            code = "16" if signal.format == "61" else signal.format  # as `_stage` left it
            storage = f"{code}x{signal.samples_per_frame}:{signal.skew}+{signal.byte_offset}"
            file_name = names.get(signal.file_name, "absent.dat")
            lines.append(f"{file_name} {storage} 1(0)/mV 0 0 {signal.initial} 0 0 channel{number}")
        (Path(folder) / "record.hea").write_text("\n".join(lines) + "\n", encoding="ascii")
        try:
            record = wfdb.rdrecord(
                str(Path(folder) / "record"), first, last, channels=list(wanted), physical=False, smooth_frames=False
            )
        except (ValueError, IndexError, RuntimeError, OSError) as error:  # all that wfdb and its FLAC decoder raise
            raise DamagedFileError(
                header.file_name, "the samples of its signal file cannot be decoded", "copy or export the files again"
            ) from error
    return [np.asarray(samples, dtype=np.int64) for samples in record.e_d_signal]


def _stage(path: Path, link: Path, signal: SignalLine) -> None:
    """Put a signal file where wfdb is to find it: as a link; big-endian samples (61), which it cannot read, swapped."""
    if signal.format == "61":
        samples = np.fromfile(path, dtype=">i2", offset=signal.byte_offset)
        link.write_bytes(bytes(signal.byte_offset) + samples.astype("<i2").tobytes())
        return
    try:
        link.symlink_to(path.resolve())
    except (OSError, NotImplementedError):  # a file system without links
        shutil.copyfile(path, link)


def _verify_checksums(header: Header, wanted: Sequence[int], decoded: Sequence[Counts]) -> None:
    """Raise `DamagedFileError` where the sum of a signal's samples modulo 65536 is not the header's (header(5))."""
    for index, counts in zip(wanted, decoded, strict=True):
        signal = header.signals[index]
        if signal.checksum is None or signal.skew:
            continue
        if int(counts.sum()) % 65536 != signal.checksum % 65536:
            raise DamagedFileError(
                signal.file_name,
                f"the checksum of lead {signal.description} is wrong: the file was altered or damaged",
                "copy it again from its source",
            )


def _in_millivolts(counts: Counts, signal: SignalLine, subject: str, options: ReadOptions) -> Float64Array:
    """Return (counts - baseline) / gain in mV, header(5); NaN where the count means unknown (signal(5))."""
    if options.counts_per_mv is not None:
        millivolts = counts / options.counts_per_mv
    else:
        per_unit = millivolts_per(signal.unit)
        if per_unit is None:
            raise InputError(
                subject,
                f"lead {signal.description} is in {signal.unit!r}, which is no unit of voltage",
                "correct the header, or say how many counts are 1 mV (--counts-per-mv)",
            )
        millivolts = (counts - signal.baseline) / (signal.gain or DEFAULT_GAIN) * per_unit
    result: Float64Array = np.where(counts == UNKNOWN_COUNT[signal.format], np.nan, millivolts)
    return result


def _at_rate(samples: Float64Array, samples_per_frame: int, wanted_per_frame: int) -> Float64Array:
    if samples_per_frame == wanted_per_frame:
        return samples
    length = len(samples) // samples_per_frame * wanted_per_frame
    return resample_rows(samples[np.newaxis], samples_per_frame, wanted_per_frame)[0, :length]


def _calibration_warnings(signals: Sequence[SignalLine], self_scaled: bool, options: ReadOptions) -> list[str]:
    if options.counts_per_mv is not None:
        return [f"the file's own calibration was set aside: {options.counts_per_mv:g} stored counts taken for 1 mV"]
    warnings = []
    uncalibrated = dict.fromkeys(signal.description for signal in signals if signal.gain is None)
    if uncalibrated:
        warnings.append(
            f"the header gives no calibration for {', '.join(uncalibrated)}: {DEFAULT_GAIN:g} counts were taken for "
            "1 mV, as WFDB does; amplitudes may be wrong"
        )
    if self_scaled:
        warnings.append(SCALED_LEAD_BY_LEAD)
    return warnings


def _unused(bundle: Bundle, segments: Sequence[_Segment], file_name: str) -> list[str]:
    """Name the files that the user gave and the recording did not need; the rest of a zip is no news."""
    used = {signal.file_name.casefold() for segment in segments for signal in segment.header.signals}
    used |= {segment.header.file_name.casefold() for segment in segments} | {file_name.casefold()}
    unused = [] if bundle.is_collection else sorted(name for name in bundle.files if name.casefold() not in used)
    return [f"files not used: {', '.join(unused)}"] if unused else []
