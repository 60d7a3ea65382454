"""Writes the table of real recordings that the nano model is trained and tested on: who goes where, with hashes.

    .venv/bin/python benchmarks/nano_recordings.py ../shared/data --out training/configs/nano_recordings.csv

Recordings of PTB-XL, LUDB and the Challenge set (without its PTB-XL part). Patients of the development half, on which
the protocol reader's rules were set, are for training, and twenty of them, drawn by a hash of their names, for what
is decided while training (`held.check`) and for reinforcement; the others are for tests alone, so that both readers
are compared on patients that neither has seen. Nothing of a recording but its path, hash, age and sex is written.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from pathlib import Path

from reference_labels import Labelled, challenge, ludb, ptbxl

from training.corpus.sources import content_hash

_COLUMNS = ("record", "set", "patient_id", "age", "sex", "part", "counts_per_mv", "sha256")
_APART = 20


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with ptbxl, ludb and challenge2021")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    data: Path = given.data
    found = [*ptbxl(data / "ptbxl"), *ludb(data / "ludb"), *challenge(data / "challenge2021")]
    known = {_patient(one) for one in found if one.development_half}
    apart = set(sorted(known, key=lambda name: hashlib.sha256(f"rl {name}".encode()).hexdigest())[:_APART])
    with given.out.open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        lines.writeheader()
        for one in sorted(found, key=lambda row: row.path.as_posix()):
            age = one.person.age_years
            lines.writerow(
                {
                    "record": one.path.relative_to(data).with_suffix("").as_posix(),
                    "set": one.set_name,
                    "patient_id": _patient(one),
                    "age": "" if age is None else f"{age:g}",
                    "sex": one.person.sex or "",
                    "part": ("rl" if _patient(one) in apart else "sft") if one.development_half else "test",
                    "counts_per_mv": "1000" if one.set_name == "LUDB" else "",
                    "sha256": content_hash(one.path),
                }
            )


def _patient(one: Labelled) -> str:
    return f"{one.set_name} {one.patient}"


if __name__ == "__main__":
    main()
