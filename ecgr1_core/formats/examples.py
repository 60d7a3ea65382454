"""Example recordings: the one that comes with pydicom, and those that `ecgr1 fetch-examples` put into a folder."""

from __future__ import annotations

from pathlib import Path

from ecgr1_core.errors import InputError
from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.record import EcgRecord

PTB_XL = "ptb-xl/1.0.3"
# PTB-XL records (Wagner et al., Scientific Data 7 (2020) 154; CC BY 4.0) chosen for what their statements say.
PTB_XL_EXAMPLES: tuple[tuple[int, str], ...] = (
    (1, "normal ECG"),
    (338, "complete left bundle branch block"),
    (290, "inferior myocardial infarction"),
    (330, "atrial fibrillation"),
    (172, "complete right bundle branch block with left anterior fascicular block"),
    (140, "left ventricular hypertrophy with ischaemic ST-T changes"),
    (234, "anteroseptal myocardial infarction with first degree AV block"),
    (461, "Wolff-Parkinson-White syndrome"),
    (449, "atrial flutter"),
    (143, "pacemaker"),
)


def bundled_examples() -> list[EcgRecord]:
    """Return the recordings that need no network: pydicom's own 12-lead file, out of its installed package.

    Raises `InputError` where the package came without its test files.
    """
    import pydicom.data

    path = Path(pydicom.data.__file__).parent / "test_files" / "waveform_ecg.dcm"
    return [read(path)]


def fetched_examples(folder: Path) -> list[EcgRecord]:
    """Return the WFDB recordings in `folder`, by name; none where there is no such folder. Raises as `read` does."""
    return [read(header) for header in sorted(folder.glob("*.hea"))] if folder.is_dir() else []


def fetch_examples(folder: Path, count: int, options: ReadOptions | None = None) -> list[EcgRecord]:
    """Download the first `count` of `PTB_XL_EXAMPLES` from PhysioNet into `folder` and return them as read back.

    What is there already is not fetched again. Raises `InputError` where PhysioNet cannot be reached, the folder cannot
    be written, or a file arrived damaged (its checksum is verified).
    """
    import wfdb

    if not 1 <= count <= len(PTB_XL_EXAMPLES):
        raise InputError("--count", f"{count} examples cannot be fetched", f"ask for 1 to {len(PTB_XL_EXAMPLES)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(folder, "the folder cannot be made", "choose another with --out") from error
    records = []
    for number, _ in PTB_XL_EXAMPLES[:count]:
        remote = f"records500/{number // 1000 * 1000:05d}/{number:05d}_hr"
        header = folder / f"{number:05d}_hr.hea"
        if not (header.is_file() and header.with_suffix(".dat").is_file()):
            try:
                wfdb.dl_files(
                    PTB_XL, str(folder), [f"{remote}.hea", f"{remote}.dat"], keep_subdirs=False, overwrite=True
                )
            except OSError as error:  # every fault of wfdb's network code is one, and so is a full disk
                raise InputError(
                    "physionet.org",
                    f"the example {number:05d}_hr could not be fetched ({type(error).__name__})",
                    "check the network and try again; recordings of your own can be read without it",
                ) from error
        records.append(read(header, options or ReadOptions()))
    return records
