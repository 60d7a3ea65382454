"""`Trace`: the measurements of one recording with the questions that all judgements ask of them.

It compares and combines; which claim asks what is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ecgr1_core.measure.types import LeadMeasurements, Measurements
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.limits import Limits
from ecgr1_core.verify.leads import neighbours
from ecgr1_core.verify.tolerances import Tolerances
from ecgr1_core.verify.types import Value, Verdict

Truth = Literal["yes", "near", "no", "unknown"]
UNITS = {"_ms": "ms", "_bpm": "bpm", "_deg": "°", "_mv": "mV", "_min": "per min"}


@dataclass(frozen=True)
class Trace:
    """One recording to check claims against; `zone` widens every grey zone (1.5 for hedged claims, else 1)."""

    case: Case
    tolerances: Tolerances
    zone: float = 1.0

    @property
    def m(self) -> Measurements:
        """The measurements, rounded as they are shown."""
        return self.case.measurements

    @property
    def limits(self) -> Limits:
        """The limits of the protocol."""
        return self.case.limits

    def error(self, name: str) -> float:
        """Return half the grey zone around a limit, in the unit of the measurement."""
        return self.tolerances.error[name] * self.zone

    def lead(self, name: str) -> LeadMeasurements | None:
        """Return the measurements of a lead, None where it is missing, flat or unusable."""
        return self.case.lead(name)

    def over(self, value: float | None, limit: float, error: float) -> Truth:
        """Whether a value lies above a limit; near where it is closer to it than the error."""
        if value is None:
            return "unknown"
        return "near" if abs(value - limit) <= error + 1e-9 else "yes" if value > limit else "no"

    def under(self, value: float | None, limit: float, error: float) -> Truth:
        """Whether a value lies below a limit; near where it is closer to it than the error."""
        return negation(self.over(value, limit, error))

    def reason(self, name: str) -> str:
        """Return why a global measurement is unknown."""
        return self.case.reason(name)

    def unknown(self, why: str, leads: Sequence[str] = ()) -> Verdict:
        """Return the verdict on what nothing that is measured decides."""
        return Verdict("unknown", why, leads=tuple(leads))


def negation(truth: Truth) -> Truth:
    """Return the truth of the opposite."""
    return {"yes": "no", "no": "yes"}.get(truth, truth)  # type: ignore[return-value]


def all_of(truths: Iterable[Truth]) -> Truth:
    """Return whether all hold: one "no" decides, then one unknown, then one near."""
    found = list(truths)
    order: tuple[Truth, ...] = ("no", "unknown", "near")
    return next((truth for truth in order if truth in found), "yes")


def any_of(truths: Iterable[Truth]) -> Truth:
    """Return whether one holds: one "yes" decides, then one near, then one unknown."""
    found = list(truths)
    order: tuple[Truth, ...] = ("yes", "near", "unknown")
    return next((truth for truth in order if truth in found), "no")


def number(value: float, name: str) -> str:
    """Return a measured value in words with the unit that its name ends in."""
    unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
    digits = f"{value:.2f}" if unit == "mV" else f"{value:.0f}" if unit else f"{value:.2f}"
    digits = digits.replace("-0.00", "0.00")
    return f"{digits}{'' if unit == '°' else ' '}{unit}".strip().replace("-", "−")


def degrees_apart(first: float, second: float) -> float:
    """Return how far two directions are apart, 0 to 180 degrees."""
    return abs((first - second + 180.0) % 360.0 - 180.0)


def in_arc(value: float, low: float, high: float) -> float:
    """Return how far inside the arc from `low` to `high` a direction is, negative outside, in degrees."""
    inside = (value - low) % 360.0 <= (high - low) % 360.0
    distance = min(degrees_apart(value, low), degrees_apart(value, high))
    return distance if inside else -distance


def present_in(truths: Mapping[str, Truth], *, diffuse: bool = False, named: bool = True, wall: bool = False) -> Truth:
    """Return whether a finding is in the leads named: no where at least half of those measured clearly lack it.

    Where no lead is named, one that has it is enough; `diffuse` asks for half of all.
    Of a wall (`wall`) two neighbouring leads are enough.
    """
    known = [truth for truth in truths.values() if truth != "unknown"]
    if not known:
        return "unknown"
    if not named and not diffuse:
        return any_of(known)
    having = [lead for lead, truth in truths.items() if truth in ("yes", "near")]
    if 2 * known.count("no") >= len(known) and not (wall and neighbours(having)):
        return "no"
    return "yes" if known.count("yes") else "near"


def absent_from(truths: Mapping[str, Truth], grave: Mapping[str, bool], *, contiguous: bool = False) -> Truth:
    """Return whether a finding is in none of the leads ("yes"), "no" where it clearly is.

    It clearly is where two neighbouring leads have it, or all of them, or where one has it by far (`grave`), unless
    only neighbours are meant (`contiguous`); one lead alone is near.
    """
    known = {lead: truth for lead, truth in truths.items() if truth != "unknown"}
    if not known:
        return "unknown"
    having = [lead for lead, truth in known.items() if truth == "yes"]
    pairs = bool(neighbours(having))
    alone = not contiguous and having and (len(having) == len(known) or any(grave.get(lead) for lead in having))
    if pairs or alone:
        return "no"
    return "near" if having or "near" in known.values() else "yes"


def listed(values: Mapping[str, float | None], name: str) -> str:
    """Return "V1 0.21 mV, V2 not measured" of values by lead."""
    return ", ".join(
        f"{lead} {number(value, name) if value is not None else 'not measured'}" for lead, value in values.items()
    )


def by_lead(values: Mapping[str, float | None], name: str) -> dict[str, Value]:
    """Return the values under the names that they have among the measurements: "V1.st_j_mv"."""
    return {f"{lead}.{name}": value for lead, value in values.items()}


def truths_of(leads: Iterable[str], judge: Callable[[str], Truth]) -> dict[str, Truth]:
    """Return the truth of something for each lead."""
    return {lead: judge(lead) for lead in leads}
