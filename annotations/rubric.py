"""The rubric: what raters are asked, read from YAML, and the check of an answer against it.

It knows no study and no database. Every scale has a number for each of its answers, so that results can be computed.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ecgr1_core.errors import InputError

DEFAULT_RUBRIC = "ecg-r1"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Range(_Frozen):
    """A whole number from `minimum` to `maximum`, both included."""

    minimum: int
    maximum: int
    required: bool = True

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.minimum >= self.maximum:
            raise ValueError("minimum must be below maximum")
        return self


class Scale(_Frozen):
    """One question about a whole reading: a range of whole numbers, or named choices with a number each."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    title: str
    question: str
    minimum: int | None = None
    maximum: int | None = None
    choices: dict[str, float] | None = None
    required: bool = True

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        has_range = self.minimum is not None and self.maximum is not None
        if has_range == (self.choices is not None):
            raise ValueError(f"scale {self.key}: give either minimum and maximum, or choices")
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError(f"scale {self.key}: minimum must be below maximum")
        if self.choices is not None and len(self.choices) < 2:
            raise ValueError(f"scale {self.key}: two choices at least")
        return self

    def value(self, answer: int | str) -> float:
        """Return the number of an answer; `InputError` where the scale has no such answer."""
        if self.choices is not None:
            if isinstance(answer, str) and answer in self.choices:
                return float(self.choices[answer])
            raise InputError(self.title, f"{answer!r} is no answer", f"choose one of: {', '.join(self.choices)}")
        assert self.minimum is not None  # checked above
        assert self.maximum is not None
        if isinstance(answer, int) and self.minimum <= answer <= self.maximum:
            return float(answer)
        raise InputError(self.title, f"{answer!r} is no answer", f"give a whole number, {self.minimum}–{self.maximum}")

    @property
    def values(self) -> tuple[float, ...]:
        """All numbers of the scale, in rising order."""
        if self.choices is not None:
            return tuple(sorted(set(map(float, self.choices.values()))))
        assert self.minimum is not None
        assert self.maximum is not None
        return tuple(float(one) for one in range(self.minimum, self.maximum + 1))


class Phrases(_Frozen):
    """Rules for evidence phrases."""

    max_words: int = Field(3, ge=1, le=20)


class Preference(_Frozen):
    """Whether each pair of readings shown together must be compared."""

    required: bool = True


class Adjudicate(_Frozen):
    """When the raters of one reading differ so much that somebody must settle it."""

    labels_differ: bool = True
    range_at_least: dict[str, float] = Field(default_factory=dict)


class Rubric(_Frozen):
    """All that raters are asked."""

    name: str
    version: int = Field(ge=1)
    confidence: Range
    steps: Range
    phrases: Phrases = Phrases()
    scales: tuple[Scale, ...]
    preference: Preference = Preference()
    adjudicate: Adjudicate = Adjudicate()

    @model_validator(mode="after")
    def _keys_are_unique(self) -> Self:
        keys = [scale.key for scale in self.scales]
        if len(set(keys)) != len(keys):
            raise ValueError("two scales have the same key")
        unknown = set(self.adjudicate.range_at_least) - set(keys)
        if unknown:
            raise ValueError(f"adjudicate.range_at_least names no scale: {', '.join(sorted(unknown))}")
        return self

    def scale(self, key: str) -> Scale:
        """Return the scale of that key; `InputError` where there is none."""
        for scale in self.scales:
            if scale.key == key:
                return scale
        raise InputError(key, "the rubric has no such scale", f"give one of: {', '.join(s.key for s in self.scales)}")

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data from which `rubric_from_json` makes the same rubric."""
        return self.model_dump(mode="json")


@cache
def default_rubric() -> Rubric:
    """Return the rubric after the ECG-R1 paper."""
    text = (files("annotations") / "rubrics" / f"{DEFAULT_RUBRIC}.yaml").read_text(encoding="utf-8")
    return rubric_from_json(yaml.safe_load(text), DEFAULT_RUBRIC)


def read_rubric(path: Path) -> Rubric:
    """Read a rubric from a YAML file; `InputError` for what is none."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(path, f"it cannot be read ({error.strerror})", "give a rubric in YAML") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(path, "it is not YAML", "start from the default, `ecgr1 study rubric`") from error
    return rubric_from_json(data, path.name)


def rubric_from_json(data: Any, name: str) -> Rubric:
    """Return the rubric that plain data describes; `InputError` names the first fault."""
    try:
        return Rubric.model_validate(data)
    except ValidationError as error:
        raise InputError(name, first_fault(error), "mend it and give it again") from error


def first_fault(error: ValidationError) -> str:
    """Return the first fault of a pydantic error in a few words, with the place it was found at."""
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
