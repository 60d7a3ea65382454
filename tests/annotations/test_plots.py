"""The figures: drawn from results as they are, with n, every arm, and the same bytes again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from simulated_study import World

from annotations import plots
from annotations.results import computed, criterion_titles
from annotations.studies import study_named


@pytest.fixture(scope="module")
def drawn(finished: World) -> tuple[dict[str, Any], dict[str, str]]:
    with finished.database.reading() as session:
        study = study_named(session, "simulated")
        return computed(session, study, ["reliability", "would_sign"], repeats=200), criterion_titles(study)


@pytest.mark.parametrize("name", sorted(plots.FIGURES))
def test_a_figure_has_its_n_in_letters_and_is_the_same_again(
    drawn: tuple[dict[str, Any], dict[str, str]], name: str
) -> None:
    found, titles = drawn
    svg = plots.draw(name, found, titles).decode()
    assert re.search(r"n = \d+", svg)
    assert svg == plots.draw(name, found, titles).decode()
    assert plots.draw(name, found, titles, "pdf").startswith(b"%PDF")


def test_means_show_every_arm_and_every_rater(drawn: tuple[dict[str, Any], dict[str, str]]) -> None:
    found, titles = drawn
    svg = plots.draw("means", found, titles).decode()
    assert all(arm in svg for arm in found["arms"]["reliability"])
    assert "Reliability" in svg
    assert "Would sign" in svg


def test_what_could_not_be_computed_is_left_out(drawn: tuple[dict[str, Any], dict[str, str]]) -> None:
    found, titles = drawn
    nothing = {"value": None, "low": None, "high": None, "n": 0}
    rows = [{**one, "log_strength": nothing} for one in found["preferences"]]
    assert "other" in plots.draw("preferences", {**found, "preferences": rows}, titles).decode()


def test_an_unknown_figure_is_a_key_error(drawn: tuple[dict[str, Any], dict[str, str]]) -> None:
    with pytest.raises(KeyError):
        plots.draw("pie", *drawn)
