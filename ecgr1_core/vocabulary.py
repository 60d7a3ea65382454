"""The vocabulary of labels: one table of names, codes, synonyms and relations, and looking a label up by any of them.

The table is `vocabulary.toml` beside this file; a column added there is a field added to `Label`. This module does not
know when a label applies, and reads no sentences: it compares whole labels.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Label:
    """One diagnostic or descriptive statement.

    `name` is plain English and unique. `scp` is the SCP-ECG statement code as PTB-XL writes it, `aha` the number of the
    statement in part II of the AHA/ACCF/HRS recommendations (Circulation 2007;115:1325-1332), `snomed` the SNOMED CT
    concept and `snomed_other` further concepts of the same meaning; None where there is none. Labels that a code does
    not tell apart share it, and the first of them in the table is found by it. `implies` names the labels that are true
    wherever this one is (an acute inferior infarction is an inferior infarction), `made_of` the sets of labels that
    together are this one (right bundle branch block with left anterior fascicular block: bifascicular block).
    """

    name: str
    scp: str | None = None
    synonyms: tuple[str, ...] = ()
    aha: str | None = None
    snomed: str | None = None
    snomed_other: tuple[str, ...] = ()
    implies: tuple[str, ...] = ()
    made_of: tuple[tuple[str, ...], ...] = ()


@cache
def labels() -> tuple[Label, ...]:
    """Return every label of the table, in its order.

    Raises ValueError where one word stands for two labels, or a relation names a label that does not exist.
    """
    table = tomllib.loads((files("ecgr1_core") / "vocabulary.toml").read_text(encoding="utf-8"))
    rows = tuple(_row(row) for row in table["label"])
    _index(rows)
    names = {row.name for row in rows}
    for row in rows:
        for other in (*row.implies, *(part for parts in row.made_of for part in parts)):
            if other not in names:
                raise ValueError(f"vocabulary: {row.name!r} refers to {other!r}, which is no label")
    return rows


def label(name: str) -> Label:
    """Return the label of exactly that name; KeyError where the table has none."""
    return _by_name()[name]


def lookup(text: str) -> Label | None:
    """Return the label that `text` names, by name, synonym, abbreviation or code, or None.

    Case, white space, hyphens and all punctuation are ignored, and British spelling is the same as American. Codes are
    those of SCP-ECG ("CLBBB"), of the AHA with its name before it ("AHA 104") and of SNOMED CT ("164909002", "SNOMED
    164909002").
    """
    return _lookup_index().get(_key(text))


def with_implied(found: Iterable[Label]) -> frozenset[Label]:
    """Return the labels with all that follow from them, by `implies` and `made_of`, as often as it takes.

    Two readings agree on a label where it is among those of both: an acute inferior infarction with ST elevation agrees
    with "inferior myocardial infarction", right bundle branch block and left anterior fascicular block with
    "bifascicular block".
    """
    known = set(found)
    while True:
        names = {one.name for one in known}
        more = {label(name) for one in known for name in one.implies}
        more |= {one for one in labels() if any(names.issuperset(parts) for parts in one.made_of)}
        if more <= known:
            return frozenset(known)
        known |= more


def _row(row: dict[str, Any]) -> Label:
    made_of = tuple(tuple(parts) for parts in row.get("made_of", ()))
    lists = {key: tuple(row.get(key, ())) for key in ("synonyms", "snomed_other", "implies")}
    return Label(row["name"], row.get("scp"), aha=row.get("aha"), snomed=row.get("snomed"), made_of=made_of, **lists)


@cache
def _by_name() -> dict[str, Label]:
    return {row.name: row for row in labels()}


@cache
def _lookup_index() -> dict[str, Label]:
    return _index(labels())


def _index(rows: tuple[Label, ...]) -> dict[str, Label]:
    index: dict[str, Label] = {}
    for row in rows:
        for word in (row.name, *row.synonyms):
            other = index.setdefault(_key(word), row)
            if other is not row:
                raise ValueError(f"vocabulary: {word!r} stands for both {other.name!r} and {row.name!r}")
    for row in rows:
        snomed = [code for code in (row.snomed, *row.snomed_other) if code is not None]
        codes = [row.scp, *snomed, *(f"snomed{code}" for code in snomed), row.aha and f"aha{row.aha}"]
        for code in filter(None, codes):
            index.setdefault(_key(code), row)
    return index


_AMERICAN = {"aemia": "emia", "ischaem": "ischem", "repolaris": "repolariz", "depolaris": "depolariz"}


def _key(text: str) -> str:
    plain = "".join(char for char in text.casefold().replace("&", "and") if char.isalnum())
    for british, american in _AMERICAN.items():
        plain = plain.replace(british, american)
    return plain
