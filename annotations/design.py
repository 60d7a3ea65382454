"""The design of a study: how readings are spread over raters, in one frozen form that is stored and hashed.

Drawing the plan from it is `allocation`; it knows no database.
"""

from __future__ import annotations

from math import comb
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from annotations.rubric import first_fault
from ecgr1_core.errors import InputError


class Design(BaseModel):
    """How a study is laid out; every field has a default that suits a first study of one reading for each arm.

    Wash-out, duplicates and paired, fully crossed reading are the custom of multi-reader multi-case studies (Gallas et
    al., Acad Radiol 2012;19:463-477).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(0, ge=0, description="Seed of everything that is drawn.")
    stages: Literal[1, 2] = Field(2, description="2: own diagnosis first; 1: readings at once.")
    allocation: Literal["fully_crossed", "k_of_n", "blocks"] = Field(
        "fully_crossed", description="Every rater reads every case; k raters a case; or groups of raters own blocks."
    )
    raters_per_case: int | None = Field(None, ge=1, description="k of k_of_n.")
    blocks: int | None = Field(None, ge=2, description="Number of blocks of cases, and of groups of raters.")
    shown_together: int | None = Field(None, ge=1, le=6, description="Readings side by side; None: all arms.")
    every_combination: bool = Field(
        True, description="Each rater sees every combination of arms of a case, or one that is drawn."
    )
    duplicate_share: float = Field(0.1, ge=0, le=0.5, description="Share of a rater's cases read twice.")
    duplicate_gap: int = Field(20, ge=1, description="Fewest readings between the two, where the queue is long enough.")
    washout_days: float = Field(28, ge=0, description="Days between two readings of one case with other arms.")
    sitting_cap: int | None = Field(25, ge=1, description="Most readings in one sitting.")
    sitting_pause_minutes: float = Field(60, ge=0, description="A pause this long begins a new sitting.")
    idle_limit_s: float = Field(60, gt=0, description="Longest gap between two signs of activity that counts whole.")
    screening: Literal["mask", "flag"] = Field("mask", description="What is done with words that give an arm away.")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.allocation == "k_of_n") != (self.raters_per_case is not None):
            raise ValueError("raters_per_case belongs to the allocation k_of_n, which needs it")
        if (self.allocation == "blocks") != (self.blocks is not None):
            raise ValueError("blocks belongs to the allocation blocks, which needs it")
        return self

    def together(self, arms: int) -> int:
        """Return how many readings stand side by side with that many arms; `InputError` where there are too few."""
        shown = arms if self.shown_together is None else self.shown_together
        if shown > arms:
            raise InputError("shown_together", f"{shown} readings but only {arms} arms", "show fewer together")
        if shown > 6:
            raise InputError("shown_together", f"{shown} readings side by side cannot be compared", "give 6 or fewer")
        return shown

    def periods(self, arms: int) -> int:
        """Return how often a rater comes back to the same case."""
        return comb(arms, self.together(arms)) if self.every_combination else 1

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return self.model_dump(mode="json")


def design_from_json(data: Any, name: str = "design") -> Design:
    """Return the design that plain data describes; `InputError` names the first fault."""
    try:
        return Design.model_validate(data)
    except ValidationError as error:
        raise InputError(name, first_fault(error), "mend it; docs/study.md lists the fields") from error


def read_design(path: Path) -> Design:
    """Read a design from a YAML file; `InputError` for what is none."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(path, f"it cannot be read ({error.strerror})", "give a design in YAML") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(path, "it is not YAML", "docs/study.md shows one") from error
    return design_from_json(data or {}, path.name)
