"""The vocabulary of labels: one table of names, codes and synonyms, and looking a label up by any of them.

The table is `vocabulary.toml` beside this file; a column added there is a field added to `Label`. This module does not
know when a label applies.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Label:
    """One diagnostic or descriptive statement.

    `name` is plain English and unique. `scp` is the SCP-ECG statement code as PTB-XL writes it, None where there is
    none; labels that PTB-XL does not tell apart share a code, and the first of them in the table is found by it.
    """

    name: str
    scp: str | None = None
    synonyms: tuple[str, ...] = ()


@cache
def labels() -> tuple[Label, ...]:
    """Return every label of the table, in its order; ValueError where one word stands for two labels."""
    table = tomllib.loads((files("ecgr1_core") / "vocabulary.toml").read_text(encoding="utf-8"))
    rows = tuple(Label(row["name"], row.get("scp"), tuple(row.get("synonyms", ()))) for row in table["label"])
    _index(rows)
    return rows


def label(name: str) -> Label:
    """Return the label of exactly that name; KeyError where the table has none."""
    return _by_name()[name]


def lookup(text: str) -> Label | None:
    """Return the label that `text` names, by name, code or synonym, or None.

    Case, white space, hyphens and all punctuation are ignored, and British spelling is the same as American.
    """
    return _lookup_index().get(_key(text))


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
        if row.scp is not None:
            index.setdefault(_key(row.scp), row)
    return index


def _key(text: str) -> str:
    plain = "".join(char for char in text.casefold().replace("&", "and") if char.isalnum())
    return plain.replace("ischaem", "ischem").replace("hyperkalaem", "hyperkalem").replace("hypokalaem", "hypokalem")
