"""A simulated study for tests of the pages: built by the benchmark's own code, locked and running, with its people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import simulated_study
from fastapi import FastAPI
from simulated_study import PASSWORD, World
from web_kit import Person

from annotations import accounts, lock, studies
from annotations.design import Design
from annotations.rubric import default_rubric
from annotations.tables import Study

ARMS = ("zanzibar-arm", "quokka-arm")


@contextmanager
def cheap_hashes() -> Iterator[None]:
    """The same argon2id with less work, so that tests take seconds."""
    kept = accounts._HASHER
    accounts._HASHER = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    try:
        yield
    finally:
        accounts._HASHER = kept


def running_study(path: Path, *, raters: int = 2, cases: int = 3, **design: Any) -> World:
    """A study of two arms that its raters can read at once, without wash-out."""
    chosen = Design(**({"duplicate_share": 0.34, "duplicate_gap": 1, "washout_days": 0, "sitting_cap": None} | design))
    world = simulated_study.build(path, raters=raters, cases=cases, design=chosen, arms=ARMS)
    with world.acting("investigator") as acting:
        lock.lock(acting, world.study(acting))
    with world.acting("investigator") as acting:
        studies.start(acting, world.study(acting))
    return world


def logged_in(app: FastAPI, name: str) -> Person:
    """Somebody of a simulated study, logged in."""
    person = Person(app)
    word = PASSWORD if name == "admin" else f"{PASSWORD} of {name}"
    assert person.log_in(name, word).status_code == 200
    return person


def study_key(world: World) -> str:
    with world.database.reading() as session:
        study: Study = studies.study_named(session, simulated_study.NAME)
        return study.key


def whole_stage_two(letters: str = "AB", value: int = 4) -> dict[str, Any]:
    """A complete stage two for readings of the simulated study."""
    scales: dict[str, Any] = {}
    for scale in default_rubric().scales:
        scales[scale.key] = value if scale.choices is None else next(iter(scale.choices))
    one = {"steps": {str(number): value for number in range(1, 7)}, "scales": scales}
    pairs = [(a, b) for place, a in enumerate(letters) for b in letters[place + 1 :]]
    return {
        "outputs": dict.fromkeys(letters, one),
        "preferences": [{"left": a, "right": b, "verdict": "tie"} for a, b in pairs],
    }
