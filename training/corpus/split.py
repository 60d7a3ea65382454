"""Which patient goes to which file, and that no patient is in two of them, nor in a file that is held out.

The split depends on the seed and the names of the patients only; a patient's recordings stay together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Final

from ecgr1_core.errors import InputError
from training.corpus.config import PARTS, Part, Shares
from training.corpus.sources import Recipe, share
from training.rows import Row, leaking, read_rows

_MOST_NAMED: Final = 3


def parts_of(found: Iterable[Recipe], shares: Shares, seed: int) -> dict[str, Part]:
    """Return the file of each patient: the one that their source tells, for others by their shares.

    Raises InputError where a patient is told to go to two files.
    """
    told: dict[str, Part] = {}
    free: set[str] = set()
    for recipe in found:
        if recipe.part is None:
            free.add(recipe.patient)
        elif told.setdefault(recipe.patient, recipe.part) != recipe.part:
            raise InputError(
                f"patient {recipe.patient}", f"is told to go to {told[recipe.patient]} and to {recipe.part}", "name one"
            )
    return split(free - told.keys(), shares, seed) | told


def split(patients: Iterable[str], shares: Shares, seed: int) -> dict[str, Part]:
    """Return the file of each patient; files have as many patients as their shares say, to the nearest whole one."""
    ordered = sorted(set(patients), key=lambda patient: (share(seed, "split", patient), patient))
    total = shares.sft + shares.rl + shares.test
    ends = [round(len(ordered) * part / total) for part in (shares.sft, shares.sft + shares.rl)]
    return {
        patient: "sft" if place < ends[0] else "rl" if place < ends[1] else "test"
        for place, patient in enumerate(ordered)
    }


def require_apart(files: Mapping[str, Sequence[Row]], held_out: Sequence[Path] = ()) -> None:
    """Raise InputError where a patient stands in two of the files, or in one of them and in a file that is held out."""
    for (name, rows), (other, others) in combinations(files.items(), 2):
        _none(leaking(rows, others), name, other, "split them by patient, or name them in `without`")
    for path in held_out:
        rows_there = []
        for row in read_rows(path):
            if isinstance(row, InputError):
                raise row
            rows_there.append(row)
        for name, rows in files.items():
            _none(leaking(rows, rows_there), name, path.name, "name these patients in `without`")


def _none(patients: Sequence[str], file: str, other: str, remedy: str) -> None:
    if patients:
        named = ", ".join(patients[:_MOST_NAMED]) + (", …" if len(patients) > _MOST_NAMED else "")
        raise InputError(file, f"of its patients {len(patients)} stand in {other} too ({named})", remedy)


def versions_apart(found: Sequence[Recipe], parts: Mapping[str, Part], seed: int) -> list[Recipe]:
    """Return the recordings without changed ones of test patients; others get noise and beats of their own part.

    Synthetic ones get them too where their source wants it and the part has real recordings; not in the tests.
    """
    read: dict[Part, list[Recipe]] = {part: [] for part in PARTS}
    for recipe in found:
        if recipe.path is not None and not recipe.version:
            read[parts[recipe.patient]].append(recipe)
    kept: list[Recipe] = []
    for recipe in found:
        part = parts[recipe.patient]
        if part == "test" and recipe.version:
            continue
        if part != "test" and read[part] and _is_mixed(recipe, seed):
            noise, mate = (read[part][int(share(seed, of, recipe.id) * len(read[part]))] for of in ("noise", "mate"))
            recipe = replace(recipe, noise=noise, mate=mate)
        kept.append(recipe)
    return kept


def _is_mixed(recipe: Recipe, seed: int) -> bool:
    """Whether a recording is to have something of another one in it."""
    if recipe.synthetic is None:
        return recipe.version > 0
    return share(seed, "real beats", recipe.id) < recipe.synthetic.real_beats
