"""Writes the table of real recordings that the nano model is trained and tested on: who goes where, with hashes.

    .venv/bin/python benchmarks/nano_recordings.py ../shared/data --out training/configs/nano_recordings.csv

Recordings of PTB-XL, LUDB and the Challenge set (without its PTB-XL part). Patients of the development half, on which
the protocol reader's rules were set, are for training, and twenty of them, drawn by a hash of their names, for what
is decided while training (`held.check`) and for reinforcement. Of the other half every second patient is for training
too, in the order of a hash within those of the same rarest label, and the rest for tests alone, so that both readers
are compared on patients that neither has seen. Of a recording with a label that few of those learned from have, more
versions are wanted. Nothing of a recording but its path, hash, age and sex is written.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from reference_labels import Labelled, challenge, ludb, ptbxl

from training.corpus.config import Part
from training.corpus.sources import content_hash

_COLUMNS = ("record", "set", "patient_id", "age", "sex", "part", "counts_per_mv", "versions", "sha256")
_APART = 20
_EACH_LABEL, _FEWEST, _MOST = 260, 9, 40  # versions wanted of all recordings with a label, and of each of them
_OF_APART = 16


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with ptbxl, ludb and challenge2021")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    data: Path = given.data
    found = [*ptbxl(data / "ptbxl"), *ludb(data / "ludb"), *challenge(data / "challenge2021")]
    parts = _parts(found)
    learned = [one for one in found if parts[_patient(one)] == "sft"]
    often = Counter(label for one in learned for label, has in one.stated.items() if has)
    with given.out.open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        lines.writeheader()
        for one in sorted(found, key=lambda row: row.path.as_posix()):
            age = one.person.age_years
            part = parts[_patient(one)]
            wanted = _versions(one, often) if part == "sft" else {"rl": _OF_APART, "test": 1}[part]
            lines.writerow(
                {
                    "record": one.path.relative_to(data).with_suffix("").as_posix(),
                    "set": one.set_name,
                    "patient_id": _patient(one),
                    "age": "" if age is None else f"{age:g}",
                    "sex": one.person.sex or "",
                    "part": part,
                    "counts_per_mv": "1000" if one.set_name == "LUDB" else "",
                    "versions": wanted,
                    "sha256": content_hash(one.path),
                }
            )


def _parts(found: Sequence[Labelled]) -> dict[str, Part]:
    """Return the file that each patient goes to."""
    known = {_patient(one) for one in found if one.development_half}
    apart = _in_order("rl", known)[:_APART]
    parts: dict[str, Part] = dict.fromkeys(known, "sft") | dict.fromkeys(apart, "rl")
    labels: dict[str, set[str]] = defaultdict(set)
    for one in found:
        if not one.development_half:
            labels[_patient(one)] |= {label for label, has in one.stated.items() if has}
    often = Counter(label for stated in labels.values() for label in stated)
    groups: dict[str, set[str]] = defaultdict(set)
    for patient, stated in labels.items():
        groups[min(stated, key=lambda label: (often[label], label), default="")].add(patient)
    drawn = [patient for _, group in sorted(groups.items()) for patient in _in_order("test", group)]
    return parts | dict.fromkeys(drawn[::2], "test") | dict.fromkeys(drawn[1::2], "sft")


def _in_order(purpose: str, patients: Iterable[str]) -> list[str]:
    return sorted(patients, key=lambda name: hashlib.sha256(f"{purpose} {name}".encode()).hexdigest())


def _versions(one: Labelled, often: Counter[str]) -> int:
    """Return how many versions are wanted of a recording, by its rarest label."""
    counts = [often[label] for label, has in one.stated.items() if has]
    return min(_MOST, max(_FEWEST, round(_EACH_LABEL / min(counts)))) if counts else _FEWEST


def _patient(one: Labelled) -> str:
    return f"{one.set_name} {one.patient}"


if __name__ == "__main__":
    main()
