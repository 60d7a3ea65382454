"""Damaged files of every format: none may crash a reader, hang it or fill the memory.

    python benchmarks/fuzz_formats.py --count 20000 --jobs 2
    python benchmarks/fuzz_formats.py --count 2000 --formats EDF "Philips XML" --real shared/data/formats

A sound file of each format, made as the tests make it or (Philips, and whatever else `--real` has) a real one, is
changed `--count` times: bytes flipped, cut out, put in, doubled, numbers made huge or negative, the end cut off. Of a
recording of several files one is changed, the header more often than not. Every result is read under a limit of 10 s
and of 1 GiB of memory above what the process had. It must be a sound record or an `InputError`; anything else is
printed with the seed that makes it again. The table gives, for each format, how many were read, refused, and neither,
the longest time and the most memory.
"""

from __future__ import annotations

import argparse
import io
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests" / "ecgr1_core" / "formats"))

from clinical_kit import CARTS  # noqa: E402

from ecgr1_core.errors import InputError  # noqa: E402
from ecgr1_core.formats import ReadOptions, read  # noqa: E402
from ecgr1_core.formats.writing import WRITERS  # noqa: E402
from ecgr1_core.record import LEADS, EcgRecord  # noqa: E402

LIMIT_S = 10
LIMIT_MIB = 1024
OPTIONS = ReadOptions(max_file_mb=64)
TOLD = replace(OPTIONS, sampling_rate_hz=125, unit="mV")  # of an array, which says neither
HEADER_SHARE = 0.7  # of the damaged recordings of several files
CHUNK = 250
SHOWN = 5  # faults of a format
_NUMBER = re.compile(rb"\d[\d.]*")
_OTHER_NUMBERS = (b"0", b"-1", b"1e9", b"9999999999", b"-", b"1e-9", b"NaN", b"1", b"x")


@dataclass
class Outcome:
    """What came of the damaged files of one format."""

    read: int = 0
    refused: int = 0
    longest_s: float = 0.0
    most_mib: float = 0.0
    faults: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.read += other.read
        self.refused += other.refused
        self.longest_s = max(self.longest_s, other.longest_s)
        self.most_mib = max(self.most_mib, other.most_mib)
        self.faults += other.faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000, help="damaged files of each format")
    parser.add_argument("--formats", nargs="+", help="only these")
    parser.add_argument("--real", type=Path, help="folder of folders of real files, whose smallest are damaged too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    print("| format | damaged | read | refused | neither | longest s | most MiB |\n|---|---|---|---|---|---|---|")
    failed = 0
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for name, files in sound_files(arguments.real):
            if arguments.formats and name not in arguments.formats:
                continue
            starts = range(arguments.seed, arguments.seed + arguments.count, CHUNK)
            counts = [min(CHUNK, arguments.seed + arguments.count - start) for start in starts]
            total = Outcome()
            for outcome in pool.map(fuzzed, [files] * len(starts), starts, counts):
                total.add(outcome)
            failed += len(total.faults)
            print(
                f"| {name} | {arguments.count} | {total.read} | {total.refused} | {len(total.faults)} | "
                f"{total.longest_s:.2f} | {total.most_mib:.0f} |",
                flush=True,
            )
            for fault, times in Counter(total.faults).most_common(SHOWN):
                print(f"  {times} x {fault}", file=sys.stderr)
    return 1 if failed else 0


Files = dict[str, bytes]  # of one recording, by name; first the one that says what it is


def sound_files(real: Path | None) -> Iterator[tuple[str, Files]]:
    """Yield a name and the files of a sound recording of each format."""
    time_s = np.arange(640) / 125
    counts = np.round(200 * np.exp(-(((time_s % 0.8) - 0.3) ** 2) / 1e-3)[None] * np.arange(1, 9)[:, None] / 4)
    leads = [lead for lead in LEADS if lead in ("I", "II") or lead.startswith("V")]
    for name, write in CARTS.items():
        yield name, {"file": write(counts.astype(np.int64), leads, rate_hz=125)}
    yield "CSV", {"file": csv_file(counts, leads)}
    yield "DICOM", {"file": dicom_file()}
    record = EcgRecord(np.resize(counts * 0.005, (12, counts.shape[1])).astype(np.float32), 125.0)
    yield "WFDB", written(record, "wfdb")
    yield "WFDB, MATLAB", matlab_record(counts, leads)
    yield "Parquet", written(record, "parquet")
    array = io.BytesIO()
    np.save(array, record.signal_mv)
    yield "NumPy", {"file": array.getvalue()}
    for folder in sorted(real.iterdir()) if real is not None else ():
        files = sorted((path for path in folder.glob("*") if path.is_file()), key=lambda path: path.stat().st_size)
        whole = next((path for path in files if reads(path)), files[0] if files else None)
        if whole is not None:
            yield f"{folder.name}/{whole.name}", {"file": whole.read_bytes()}


def written(record: EcgRecord, target: str) -> Files:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        return {path.name: path.read_bytes() for path in WRITERS[target](record, Path(folder), "file")}


def matlab_record(counts: np.ndarray, leads: list[str]) -> Files:
    """Return a recording as the PhysioNet Challenges have them: a header and a MATLAB file of version 4."""
    import scipy.io

    many, samples = counts.shape
    content = io.BytesIO()
    scipy.io.savemat(content, {"val": counts.astype("<i2")}, format="4")
    lines = [f"file {many} 125 {samples}"]
    sums = counts.sum(axis=1).astype(int) % 65536
    lines += [f"file.mat 16+24 200/mV 16 0 0 {total} 0 {lead}" for lead, total in zip(leads, sums, strict=True)]
    return {"file.hea": "\n".join([*lines, "# Age: 59", "# Sex: Female", ""]).encode(), "file.mat": content.getvalue()}


def csv_file(counts: np.ndarray, leads: list[str]) -> bytes:
    rows = "\n".join(",".join(f"{value:.3f}" for value in row) for row in (counts * 0.005).T)
    return f"# sampling_rate_hz: 125\n# unit: mV\n{','.join(leads)}\n{rows}\n".encode()


def dicom_file() -> bytes:
    """Return the 12-lead file that comes with pydicom, its waveform cut to three seconds."""
    import pydicom
    from pydicom.data import get_testdata_file

    dataset = pydicom.dcmread(str(get_testdata_file("waveform_ecg.dcm")))
    group = dataset.WaveformSequence[0]
    kept = 3 * int(group.SamplingFrequency)
    per_sample = int(group.NumberOfWaveformChannels) * int(group.WaveformBitsAllocated) // 8
    group.WaveformData, group.NumberOfWaveformSamples = group.WaveformData[: kept * per_sample], kept
    del dataset.WaveformSequence[1:]
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def reads(path: Path) -> bool:
    try:
        read(path, OPTIONS)
    except InputError:
        return False
    return True


def fuzzed(files: Files, first: int, count: int) -> Outcome:
    """Return what comes of `count` damaged versions of a recording, those of the seeds from `first` on."""
    base = _memory_mib()
    outcome = Outcome()
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        paths = [Path(folder) / name for name in files]
        options = TOLD if files[paths[0].name][:6] == b"\x93NUMPY" else OPTIONS
        for seed in range(first, first + count):
            rng = np.random.default_rng(seed)
            changed = 0 if len(paths) == 1 or rng.random() < HEADER_SHARE else 1
            for number, path in enumerate(paths):
                path.write_bytes(damaged(files[path.name], rng) if number == changed else files[path.name])
            began = time.perf_counter()
            signal.alarm(LIMIT_S)
            try:
                record = read(paths, options)
                if record.samples < 1 or not np.isfinite(record.sampling_rate_hz):
                    raise AssertionError("the record is not sound")
                outcome.read += 1
            except InputError:
                outcome.refused += 1
            except BaseException as error:
                outcome.faults.append(f"seed {seed}: {type(error).__name__}: {str(error)[:100]}")
            finally:
                signal.alarm(0)
            outcome.longest_s = max(outcome.longest_s, time.perf_counter() - began)
            grown = _memory_mib() - base
            if grown > LIMIT_MIB:
                outcome.faults.append(f"seed {seed}: {grown:.0f} MiB")
                base = _memory_mib()
            outcome.most_mib = max(outcome.most_mib, grown)
    return outcome


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with one to six faults in it, most of them near its beginning, where the description stands.

    Half of the files that are text have other numbers and no other faults, so that what reads the text is got past.
    """
    if data[:64].isascii() and b"\0" not in data[:64] and rng.random() < 0.5:
        return _renumbered(data, rng)
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 7))):
        if not out:
            break
        near = len(out) if rng.random() < 0.4 else min(len(out), 4096)
        at = int(rng.integers(0, near))
        match int(rng.integers(0, 8)):
            case 0:
                out[at] ^= 1 << int(rng.integers(0, 8))
            case 1:
                out[at] = int(rng.choice((0, 1, 9, 32, 45, 48, 57, 60, 62, 127, 128, 255)))
            case 2:
                del out[at : at + int(rng.integers(1, 64))]
            case 3:
                out[at:at] = rng.integers(0, 256, int(rng.integers(1, 32)), dtype=np.uint8).tobytes()
            case 4:
                out[at:at] = out[at : at + int(rng.integers(1, 512))]
            case 5:
                out[at : at + 4] = int(rng.choice((0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1))).to_bytes(4, "little")
            case 6:
                out[at : at + 3] = bytes(rng.choice((b"-1 ", b"1e9", b"999", b"NaN", b"0  ", b'"> ')))
            case _:
                del out[int(rng.integers(0, len(out))) :]
    return bytes(out)


def _renumbered(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a text with one to six of its numbers changed, of the first few hundred more likely than of the rest."""
    places = [match.span() for match in _NUMBER.finditer(data)]
    for _ in range(int(rng.integers(1, 7))):
        near = len(places) if rng.random() < 0.4 else min(len(places), 300)
        first, last = places[int(rng.integers(0, near))]
        other = bytes(rng.choice(_OTHER_NUMBERS))[: last - first].ljust(last - first)  # no other place is moved
        data = data[:first] + other + data[last:]
    return data


def _memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _too_long(*_: object) -> None:
    raise TimeoutError(f"longer than {LIMIT_S} s")


if __name__ == "__main__":
    sys.exit(main())
