"""A provider of single sign-on on this machine, and the server with a site that asks it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parents[2]))

from oidc_kit import Provider, provider
from oidc_site import RITA, opened
from study_kit import cheap_hashes
from web_kit import HOST, study_app


@pytest.fixture(autouse=True)
def _cheap_hashes() -> Iterator[None]:
    with cheap_hashes():
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The server, built once: each test gives it a site of its own."""
    folder = tmp_path_factory.mktemp("var")
    return study_app(folder / "study.sqlite", folder)


@pytest.fixture
def at() -> Iterator[Provider]:
    """The provider; rita is logged in there."""
    with provider() as made:
        made.redirect, made.person = f"{HOST}/oidc/back", dict(RITA)
        yield made


@pytest.fixture
def app(built: FastAPI, tmp_path: Path, at: Provider) -> Iterator[FastAPI]:
    with opened(built, tmp_path, at) as made:
        yield made
