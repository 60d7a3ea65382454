"""Fixtures of the study tests: passwords that hash quickly, empty databases, and a finished simulated study."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import simulated_study
from simulated_study import World

from annotations import accounts, migrate
from annotations.database import Database, open_database
from annotations.design import Design

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> Iterator[None]:
    """The same argon2id with less work, so that tests take seconds."""
    kept = accounts._HASHER
    accounts._HASHER = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    yield
    accounts._HASHER = kept


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database of the newest version."""
    made = open_database(tmp_path / "study.sqlite")
    migrate.upgrade(made)
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A small study that is not locked: two raters, four cases, one practice case, three arms."""
    return simulated_study.build(tmp_path / "world.sqlite", raters=2, cases=4, design=Design(duplicate_share=0.25))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A whole study: three raters, one of them drops out, ten cases, adjudicated, unblinded. Only read it."""
    path = tmp_path_factory.mktemp("study") / "finished.sqlite"
    made = simulated_study.build(path, raters=3, cases=10)
    simulated_study.run(made, drop_out="rater3", drop_after=6)
    return made
