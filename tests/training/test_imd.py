"""Modality dropout: frequencies, the released scheme played out, exact repetition, and the bound on the worst risk."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from ecgr1_core.errors import InputError
from ecgr1_core.modality import MODALITIES, Modality
from training.imd import PRESETS, RELEASED, Distribution, Environments, draw, dropout, frequencies, risks
from training.run_config import RunConfig, load_config


class Drawn(RunConfig):
    q: Environments = RELEASED


def test_released_probabilities() -> None:
    assert {one: round(p, 12) for one, p in RELEASED.items()} == {
        "signal": 0.25,
        "image": 0.25,
        "both": 0.45,
        "swapped": 0.05,
    }


@pytest.mark.parametrize(("p_drop", "p_swap"), [(0.5, 0.1), (0.8, 0.5)])
def test_distribution_is_that_of_the_scheme_played_out(p_drop: float, p_swap: float) -> None:
    rng, rows = np.random.default_rng(3), 40_000
    seen: list[Modality] = []
    for _ in range(rows):
        tags = ["signal", "image"]
        if rng.random() < p_drop:
            tags.pop(rng.integers(2))
        if rng.random() < p_swap:
            tags.reverse()
        seen.append(
            tags[0] if len(tags) == 1 else "both" if tags[0] == "signal" else "swapped"  # type: ignore[arg-type]
        )
    expected = dropout(p_drop, p_swap)
    for one, share in frequencies(seen).items():
        assert abs(share - expected[one]) < 3 * math.sqrt(expected[one] * (1 - expected[one]) / rows)


@pytest.mark.parametrize(
    "q", [*PRESETS.values(), {"signal": 0.7, "image": 0.1, "both": 0.0, "swapped": 0.2}], ids=[*PRESETS, "own"]
)
def test_frequencies_within_three_sigma(q: Distribution) -> None:
    rows, epochs = 4000, 3
    drawn = [draw(q, True, True, 7, epoch, index) for epoch, index in product(range(epochs), range(rows))]
    for one, share in frequencies(drawn).items():
        assert abs(share - q[one]) <= 3 * math.sqrt(q[one] * (1 - q[one]) / (rows * epochs))


def test_draws_depend_on_seed_epoch_and_row_alone() -> None:
    def drawn(seed: int, epoch: int) -> list[Modality]:
        return [draw(RELEASED, True, True, seed, epoch, index) for index in range(200)]

    assert drawn(1, 0) == drawn(1, 0)
    assert drawn(1, 0) != drawn(1, 1)
    assert drawn(1, 0) != drawn(2, 0)
    assert draw(RELEASED, True, True, 1, 0, 137) == drawn(1, 0)[137]


def test_one_modality_is_kept() -> None:
    assert {draw(RELEASED, True, False, 0, epoch, 0) for epoch in range(50)} == {"signal"}
    assert {draw(RELEASED, False, True, 0, epoch, 0) for epoch in range(50)} == {"image"}
    with pytest.raises(ValueError, match="has no environment"):
        draw(RELEASED, False, False, 0, 0, 0)


def test_bound_by_hand() -> None:
    losses: dict[Modality, float] = {"signal": 2.0, "image": 4.0, "both": 1.0, "swapped": 10.0}
    told = risks(losses, RELEASED)
    assert told["mixed"] == pytest.approx(0.5 + 1.0 + 0.45 + 0.5)
    assert told["worst"] == 10.0
    assert told["alpha"] == pytest.approx(0.05)
    assert told["bound"] == pytest.approx(2.45 / 0.05)


def test_bound_holds_and_is_reached() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        q = dict(zip(MODALITIES, rng.dirichlet(np.ones(4)), strict=True))
        told = risks(dict(zip(MODALITIES, rng.exponential(1, 4), strict=True)), q)
        assert told["worst"] is not None
        assert told["bound"] is not None
        assert told["worst"] <= told["bound"] * (1 + 1e-9)
    tight = risks({"signal": 0.0, "image": 0.0, "both": 0.0, "swapped": 3.0}, RELEASED)
    assert tight["bound"] == pytest.approx(tight["worst"])


def test_no_bound_where_it_is_not_known() -> None:
    assert risks({"signal": 1.0, "both": 1.0}, RELEASED)["mixed"] is None
    assert risks({"both": 1.5}, PRESETS["none"]) == {"mixed": 1.5, "worst": 1.5, "alpha": 0.0, "bound": None}
    assert risks({}, PRESETS["none"])["worst"] is None


def test_field_of_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("q: even\n")
    assert load_config(Drawn, file).q == PRESETS["even"]
    assert load_config(Drawn, file, ["q={signal: 0.5, both: 0.5}"]).q["image"] == 0.0
    assert json.loads(load_config(Drawn, file).model_dump_json())["q"]["signal"] == 0.25
    with pytest.raises(InputError, match=r"sum to 1, they sum to 0\.9"):
        load_config(Drawn, file, ["q={signal: 0.5, both: 0.4}"])
    with pytest.raises(InputError, match="'often' is none of released, even, none"):
        load_config(Drawn, file, ["q=often"])
