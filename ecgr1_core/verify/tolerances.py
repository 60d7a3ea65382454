"""The tolerances of the claim checker, loaded from `tolerances.toml`; it does not know what is measured."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

APPROXIMATE = 1.5


@dataclass(frozen=True)
class Tolerance:
    """How far a number may lie from the measured one: `absolute` in its unit, `relative` to the measured value."""

    absolute: float
    relative: float
    reason: str

    def around(self, measured: float, *, approximate: bool = False) -> float:
        """Return the distance that is allowed from a measured value, in its unit."""
        widest = max(self.absolute, self.relative * abs(measured))
        return widest * APPROXIMATE if approximate else widest


@dataclass(frozen=True)
class Category:
    """A wording that means that one measurement lies between two limits; None is open."""

    measurement: str
    above: str | float | None
    below: str | float | None
    error: str
    words: str


@dataclass(frozen=True)
class Tolerances:
    """The whole table: tolerance of numbers by kind, error of measurements by name, wordings by kind of claim."""

    value: Mapping[str, Tolerance]
    error: Mapping[str, float]
    category: Mapping[str, Category]


@cache
def tolerances() -> Tolerances:
    """Return the table of this package; KeyError where a row lacks its numbers or its reason."""
    table = tomllib.loads((files("ecgr1_core.verify") / "tolerances.toml").read_text(encoding="utf-8"))
    for row in (*table["value"].values(), *table["error"].values()):
        row["reason"]
    return Tolerances(
        {
            name: Tolerance(float(row["tolerance"]), float(row["relative"]), row["reason"])
            for name, row in table["value"].items()
        },
        {name: float(row["width"]) for name, row in table["error"].items()},
        {
            name: Category(row["measurement"], row.get("above"), row.get("below"), row["error"], row["words"])
            for name, row in table["category"].items()
        },
    )
