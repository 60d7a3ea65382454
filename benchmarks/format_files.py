"""Every file of a folder of clinical formats: what is read of it, how fast, and what other readers read in it.

    python benchmarks/format_files.py shared/data/formats shared/data/challenge2021 shared/data/ptbxl/records500

Prints one line for each file that is no WFDB record, and one for all WFDB records of a folder: format, leads, rate,
length, what the device measured and said, warnings or the refusal, and milliseconds. Then the largest difference in mV
from wfdb on WFDB records, from pydicom on DICOM files, and from pyedflib, where it is installed, on an EDF and an EDF+
file made here. Tables are told 500 Hz and mV where they do not say so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests" / "ecgr1_core" / "formats"))

from clinical_kit import edf  # noqa: E402

from ecgr1_core.errors import InputError  # noqa: E402
from ecgr1_core.formats import ReadOptions, read  # noqa: E402
from ecgr1_core.record import LEADS, EcgRecord  # noqa: E402

TOLD = ReadOptions(sampling_rate_hz=500, unit="mV")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    folders = parser.parse_args().folders
    print("| file | format | leads | Hz | s | device | said | ms |\n|---|---|---|---|---|---|---|---|")
    for folder in folders:
        for path in files_of(folder):
            print(line(path))
        wfdb_line(folder)
    print("\n| peer | files | largest difference, mV |\n|---|---|---|")
    for peer, count, apart in (against_wfdb(folders), against_pydicom(folders), against_pyedflib()):
        print(f"| {peer} | {count} | {apart:.1e} |" if count else f"| {peer} | not installed, or no files | |")
    return 0


def files_of(folder: Path) -> Iterator[Path]:
    """Yield the files of the folders in a folder that are no WFDB record."""
    for path in sorted(folder.glob("*/*")):
        if path.is_file() and not path.with_suffix(".hea").exists():
            yield path


def line(path: Path) -> str:
    read_quietly(path)  # once before the clock runs, for the imports
    began = time.perf_counter()
    found = read_quietly(path)
    ms = f"{1000 * (time.perf_counter() - began):.0f}"
    name = f"{path.parent.name}/{path.name}"
    if isinstance(found, str):
        return f"| {name} | refused | | | | | {found} | {ms} |"
    leads = f"{len(found.available_leads)}" + (f", {len(found.derived_leads)} derived" if found.derived_leads else "")
    return (
        f"| {name} | {found.source_format} | {leads} | {found.sampling_rate_hz:g} | {found.duration_s:.1f} | "
        f"{device(found)} | {'; '.join(found.warnings)} | {ms} |"
    )


def read_quietly(path: Path) -> EcgRecord | str:
    try:
        return read(path, TOLD if path.suffix == ".csv" else ReadOptions())
    except InputError as error:
        return str(error)


def device(record: EcgRecord) -> str:
    if record.device is None:
        return ""
    values = [value for value in vars(record.device).values() if isinstance(value, float)]
    confirmed = ", confirmed" if record.device.confirmed else ""
    return f"{len(values)} values, {len(record.device.statements)} statements{confirmed}"


def wfdb_line(folder: Path) -> None:
    kinds: Counter[str] = Counter()
    times = []
    for header in sorted(folder.rglob("*.hea")):
        began = time.perf_counter()
        found = read_quietly(header)
        times.append(1000 * (time.perf_counter() - began))
        kinds[
            found if isinstance(found, str) else f"{len(found.available_leads)} leads at {found.sampling_rate_hz:g}"
        ] += 1
    if times:
        found = "; ".join(f"{count} of {kind}" for kind, count in kinds.items())
        speed = f"{np.median(times):.0f} (largest {max(times):.0f})"
        print(f"| {folder.name}, {len(times)} records | WFDB | {found} | | | | | {speed} |")


def against_wfdb(folders: list[Path]) -> tuple[str, int, float]:
    import wfdb

    apart, count = 0.0, 0
    for folder in folders:
        for header in sorted(folder.rglob("*.hea")):
            signals, fields = wfdb.rdsamp(str(header.with_suffix("")))
            places = {name.upper(): index for index, name in enumerate(fields["sig_name"])}
            record = read(header)
            for lead in set(LEADS) & {lead for lead in LEADS if lead.upper() in places}:
                apart = max(apart, float(np.nanmax(np.abs(signals[:, places[lead.upper()]] - record.lead(lead)))))
            count += 1
    return "wfdb", count, apart


def against_pydicom(folders: list[Path]) -> tuple[str, int, float]:
    import pydicom
    from pydicom.waveforms import multiplex_array

    apart, count = 0.0, 0
    for path in (path for folder in folders for path in sorted(folder.rglob("*.dcm"))):
        dataset = pydicom.dcmread(path)
        codes = dataset.WaveformSequence[0].ChannelDefinitionSequence[0].ChannelSensitivityUnitsSequence
        millivolts = multiplex_array(dataset, 0, as_raw=False).T / (1000 if codes[0].CodeValue == "uV" else 1)
        apart = max(apart, float(np.abs(millivolts - read(path).signal_mv).max()))
        count += 1
    return "pydicom", count, apart


def against_pyedflib() -> tuple[str, int, float]:
    try:
        import pyedflib
    except ImportError:
        return "pyedflib", 0, 0.0
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        plain, plus = Path(folder) / "plain.edf", Path(folder) / "plus.edf"
        plain.write_bytes(edf(rng.integers(-3000, 3000, (12, 5000)), LEADS))
        writer = pyedflib.EdfWriter(str(plus), 12, file_type=pyedflib.FILETYPE_EDFPLUS)
        limits = {"physical_max": 5.0, "physical_min": -5.0, "digital_max": 32767, "digital_min": -32768}
        common = {"dimension": "mV", "sample_frequency": 250, "transducer": "", "prefilter": "", **limits}
        writer.setSignalHeaders([{"label": lead, **common} for lead in LEADS])
        writer.writeSamples(list(rng.normal(0, 0.5, (12, 2500))))
        writer.close()
        apart = 0.0
        for path, per_unit in ((plain, 1000.0), (plus, 1.0)):
            record = read(path)
            with pyedflib.EdfReader(str(path)) as file:
                signals = np.stack([file.readSignal(index) for index in range(12)]) / per_unit
            apart = max(apart, float(np.abs(signals - record.signal_mv).max()))
    return "pyedflib", 2, apart


if __name__ == "__main__":
    sys.exit(main())
