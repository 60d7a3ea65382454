"""Where recordings come from: synthetic patients by kind and seed, and folders of real ones with a table of patients.

A `Recipe` says how one recording is had, and nothing is drawn or read before that. This module does not split, measure
or write; `cases.py` carries the recipes out.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from ecgr1_core import vocabulary
from ecgr1_core.errors import InputError
from ecgr1_core.formats import ReadOptions, wfdb_header
from ecgr1_core.formats.bundle import open_bundle
from ecgr1_core.record import Patient
from training.corpus.config import PARTS, FolderSource, Part, Source, SyntheticSource
from training.problems import Problems

OLDEST_AGE_YEARS: Final = 90.0
_SEXES: Final[Mapping[str, Literal["F", "M"]]] = {"0": "M", "1": "F", "m": "M", "f": "F", "male": "M", "female": "F"}


@dataclass(frozen=True)
class Recipe:
    """How one recording is had: drawn where `synthetic` says of what kind, or read from `path`.

    One with a `version` above 0 is read and changed; noise is put on it that is that of the recording `noise`, and its
    beats may become those of the recording `mate`. `id` is unique in the corpus and fit for file names. `known` are
    names of the vocabulary that the source tells of the recording, None where it tells nothing; those of a synthetic
    one are found when it is drawn. `part` is the file that its source wants it in, `versions` how many its source wants
    of it, itself included.
    """

    id: str
    patient: str
    kind: str = ""
    synthetic: SyntheticSource | None = None
    path: Path | None = None
    told: Patient = field(default_factory=Patient)
    known: tuple[str, ...] | None = None
    version: int = 0
    noise: Recipe | None = None
    mate: Recipe | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    part: Part | None = None
    versions: int = 1


def recipes(sources: Sequence[Source], seed: int, problems: Problems) -> tuple[list[Recipe], Counter[str]]:
    """Return the recordings of all sources in their order, and how often each label is told that nobody here knows.

    Recordings that a table names and that do not exist go to `problems`. Raises InputError for a source that cannot be
    used, and for two recordings of one id.
    """
    unknown: Counter[str] = Counter()
    found: list[Recipe] = []
    for number, source in enumerate(sources):
        if isinstance(source, SyntheticSource):
            found += _synthetic(source, seed, number)
        else:
            found += _of_folder(source, seed, problems, unknown)
    twice = [id for id, count in Counter(recipe.id for recipe in found).items() if count > 1]
    if twice:
        raise InputError("sources", f"{twice[0]} is in two of them", "name each recording in one source only")
    return found, unknown


def share(seed: int, *words: str) -> float:
    """Return a number from 0 to 1 that depends on the seed and the words only, evenly spread over the words."""
    digest = hashlib.sha256("\0".join((str(seed), *words)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _synthetic(source: SyntheticSource, seed: int, place: int) -> Iterator[Recipe]:
    from training.synthesis import KINDS, kind_spec

    kinds = source.kinds or tuple(KINDS)
    for kind in kinds:
        kind_spec(kind)
    for number in range(source.count):
        kind = kinds[number % len(kinds)]
        id = f"synthetic_{seed}_{place}_{number:06d}"
        yield Recipe(id, patient=id, kind=kind, synthetic=source)


def _of_folder(source: FolderSource, seed: int, problems: Problems, unknown: Counter[str]) -> list[Recipe]:
    if not source.folder.is_dir():
        raise InputError(source.folder, "there is no such folder", "give the folder of the recordings")
    found = list(_of_table(source, problems, unknown) if source.table is not None else _of_files(source))
    if not found:
        raise InputError(source.folder, "no recording was found there", "check the folder and the table")
    drawn = sorted(found, key=lambda one: share(seed, "limit", one.id))
    kept = {one.id for one in drawn[: source.limit]}
    return [version for one in found if one.id in kept for version in _versions(one)]


def _versions(recipe: Recipe) -> Iterator[Recipe]:
    yield recipe
    for version in range(1, recipe.versions):
        yield replace(recipe, id=f"{recipe.id}_v{version}", version=version)


def _of_files(source: FolderSource) -> Iterator[Recipe]:
    """Yield every file that may begin a recording; what it is, is seen when it is read."""
    folder = source.folder
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    headers = {path.with_suffix("") for path in files if path.suffix == ".hea"}
    for path in files:
        if path.suffix == ".hea" or path.with_suffix("") not in headers:
            id = recording_id(path.relative_to(folder).with_suffix("").as_posix())
            yield Recipe(id, patient=id, path=path, versions=source.versions)


def _of_table(source: FolderSource, problems: Problems, unknown: Counter[str]) -> Iterator[Recipe]:
    assert source.table is not None
    labels, part, counts = source.label_column, source.part_column, source.counts_column
    optional = (labels, part, counts, source.hash_column, source.versions_column)
    needed = [source.record_column, source.patient_column, *filter(None, optional)]
    for number, line in _lines(source.table, needed):
        where = f"{source.table.name} line {number}"
        name = line[source.record_column].strip()
        path = _recording(source.folder, name)
        patient = line[source.patient_column].strip()
        if path is None:
            problems.note("missing", InputError(where, f"there is no recording {name!r}", "check the folder"))
        elif not patient:
            problems.note("no patient", InputError(where, "it names no patient", "fill the column"))
        elif source.hash_column is not None and content_hash(path) != line[source.hash_column].strip():
            fault = f"the recording {name!r} is not the one that the table means: its SHA-256 is another"
            problems.note("other content", InputError(where, fault, "take the files from where the table was made"))
        else:
            known = None
            if source.label_column is not None:
                known = _known(_codes(line[source.label_column], where), unknown)
            # 15709.0 is what tables make of a number with gaps in its column
            yield Recipe(
                recording_id(name),
                patient.removesuffix(".0"),
                path=path,
                told=_told(line),
                known=known,
                options=_options(line.get(source.counts_column or "", ""), where),
                part=_part(line.get(source.part_column or "", ""), where),
                versions=_count(line.get(source.versions_column or "", ""), where) or source.versions,
            )


def _lines(table: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                has = ", ".join(reader.fieldnames or ()) or "none"
                raise InputError(
                    table, f"it has no column {missing[0]!r} (it has: {has})", "name the column that is meant"
                )
            for line in reader:
                yield reader.line_num, {name: value or "" for name, value in line.items() if name is not None}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            table, "it cannot be read as a table", "give a CSV file in UTF-8 with a line of names"
        ) from error


def _recording(folder: Path, name: str) -> Path | None:
    """Return the file of a recording that a table names with or without its ending, None where there is none."""
    for path in (folder / f"{name}.hea", folder / name):
        if name and path.is_file():
            return path
    return None


def _codes(text: str, where: str) -> list[str]:
    """Return the codes or names in a cell: separated by semicolons, or the keys of PTB-XL's dictionary."""
    if not text.strip().startswith("{"):
        return [part.strip() for part in text.split(";") if part.strip()]
    try:
        codes = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        codes = None
    if not isinstance(codes, dict):
        raise InputError(where, "its labels cannot be read", "give {'CODE': likelihood, …} or names with semicolons")
    return [str(code) for code in codes]


def _known(codes: Iterable[str], unknown: Counter[str]) -> tuple[str, ...]:
    names = []
    for code in codes:
        label = vocabulary.lookup(code)
        if label is None:
            unknown[code] += 1
        else:
            names.append(label.name)
    return tuple(dict.fromkeys(names))


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a recording's files, in hexadecimal: a header and the files it names in order, or the one.

    A file that is not there, and what a header that cannot be read would name, count as empty.
    """
    digest = hashlib.sha256(path.read_bytes())
    if path.suffix == ".hea":
        with suppress(InputError), open_bundle([path], ReadOptions()) as bundle:
            for name in wfdb_header.files_named(bundle, path.name):
                found = bundle.find(name)
                digest.update(b"" if found is None else found.read_bytes())
    return digest.hexdigest()


def _options(counts: str, where: str) -> ReadOptions:
    if not counts.strip():
        return ReadOptions()
    try:
        return ReadOptions(counts_per_mv=float(counts))
    except (ValueError, InputError) as error:
        raise InputError(where, f"{counts!r} is no number of counts per mV", "give a number above 0") from error


def _count(text: str, where: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdecimal() or int(text) < 1:
        raise InputError(where, f"{text!r} is no number of versions", "give 1 or more, or leave it empty")
    return int(text)


def _part(text: str, where: str) -> Part | None:
    name = text.strip().casefold()
    if name and name not in PARTS:
        raise InputError(where, f"there is no file {text!r}", f"give one of {', '.join(PARTS)}")
    return next((part for part in PARTS if part == name), None)


def _told(line: Mapping[str, str]) -> Patient:
    """Return age and sex as the table tells them; PTB-XL writes 300 for ages above 89, and 0 for men, 1 for women."""
    try:
        age = float(line.get("age", ""))
    except ValueError:
        age = math.nan
    known_age = min(age, OLDEST_AGE_YEARS) if age >= 0 else None
    return Patient(known_age, _SEXES.get(line.get("sex", "").strip().casefold().removesuffix(".0")))


def recording_id(name: str) -> str:
    """Return the id of a recording by its path in its folder, fit for file names."""
    return "".join(char if char.isalnum() or char in "-_" else "_" for char in Path(name).with_suffix("").as_posix())
