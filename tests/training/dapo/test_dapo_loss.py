"""Advantages, token probabilities and the clipped loss against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from training.dapo.loss import STD_FLOOR, clipped_loss, group_advantages, token_log_probs

EVERY = {"eps_low": 0.2, "eps_high": 0.3}


def test_advantages_are_in_standard_deviations_of_the_group():
    # Mean 0.5, squared distances 4 x 0.25, divided by n - 1 = 3: deviation sqrt(1/3).
    advantages = group_advantages(torch.tensor([[1.0, 0.0, 0.0, 1.0], [3.0, 0.0, 0.0, 1.0]], dtype=torch.float64))
    one = 0.5 / (math.sqrt(1 / 3) + STD_FLOOR)
    assert advantages[0].tolist() == pytest.approx([one, -one, -one, one], abs=1e-12)
    # Mean 1, squared distances 4 + 1 + 1 + 0 = 6, deviation sqrt(2).
    assert advantages[1].tolist() == pytest.approx([d / (math.sqrt(2) + STD_FLOOR) for d in (2, -1, -1, 0)], abs=1e-12)


def test_a_group_of_equal_rewards_has_no_advantages_even_with_rounding():
    rewards = torch.tensor([[0.1 + 0.2, 0.3, 0.3], [0.0, 0.0, 0.0]], dtype=torch.float64)
    assert rewards[0, 0] != rewards[0, 1]
    assert group_advantages(rewards).tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "low", "high", "slope"),
    [
        (1.0, 2.0, -2.0, 0, 0, -2.0),
        (1.25, 1.0, -1.25, 0, 0, -1.25),  # within the wider upper bound
        (1.5, 1.0, -1.3, 0, 1, 0.0),  # clipped: no more gain from a more probable token
        (1.5, -1.0, 1.5, 0, 0, 1.5),  # the worse way is never clipped
        (0.5, 1.0, -0.5, 0, 0, -0.5),
        (0.5, -1.0, 0.8, 1, 0, 0.0),
        (0.75, -1.0, 0.8, 1, 0, 0.0),  # the lower bound is 0.8, not 0.7
    ],
)
def test_one_token_is_clipped_apart_at_either_end(
    ratio: float, advantage: float, loss: float, low: int, high: int, slope: float
):
    new = torch.tensor([[math.log(ratio)]], dtype=torch.float64, requires_grad=True)
    clipped = clipped_loss(
        new,
        torch.zeros(1, 1, dtype=torch.float64),
        torch.tensor([advantage], dtype=torch.float64),
        torch.ones(1, 1, dtype=torch.bool),
        batch_tokens=1,
        **EVERY,
    )
    clipped.loss.backward()
    assert clipped.loss.item() == pytest.approx(loss)
    assert (clipped.low, clipped.high) == (low, high)
    assert new.grad.item() == pytest.approx(slope)


def test_every_token_of_the_batch_weighs_the_same_and_parts_add_up():
    # A completion of three tokens with advantage 1 and one of one token with advantage -2: (3 x -1 + 1 x 2) / 4. The
    # mean of the two completions' means would be (-1 + 2) / 2.
    new = torch.zeros(2, 3)
    counted = torch.tensor([[True, True, True], [False, False, True]])
    advantages = torch.tensor([1.0, -2.0])
    whole = clipped_loss(new, new, advantages, counted, batch_tokens=4, **EVERY).loss
    parts = [
        clipped_loss(new[i : i + 1], new[i : i + 1], advantages[i : i + 1], counted[i : i + 1], batch_tokens=4, **EVERY)
        for i in range(2)
    ]
    assert whole.item() == pytest.approx(-0.25)
    assert sum(part.loss.item() for part in parts) == pytest.approx(-0.25)


def test_places_that_do_not_count_make_neither_loss_nor_gradient():
    new = torch.tensor([[0.0, float("-inf")]], requires_grad=True)
    clipped = clipped_loss(
        new, torch.zeros(1, 2), torch.tensor([1.0]), torch.tensor([[True, False]]), batch_tokens=1, **EVERY
    )
    clipped.loss.backward()
    assert clipped.loss.item() == -1.0
    assert new.grad.tolist() == [[-1.0, 0.0]]


def test_log_probabilities_are_those_that_tokens_are_drawn_with():
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.125, 0.125], [0.1, 0.2, 0.3, 0.4]]]))
    tokens = torch.tensor([[1, 2]])
    plain, entropy = token_log_probs(logits, tokens, temperature=1.0, forbidden=())
    assert plain.exp()[0].tolist() == pytest.approx([0.25, 0.3])
    assert entropy[0, 0].item() == pytest.approx(0.5 * math.log(2) + 0.25 * math.log(4) + 0.25 * math.log(8))
    forbidden, entropy = token_log_probs(logits, tokens, temperature=1.0, forbidden=(0, 3))
    assert forbidden.exp()[0].tolist() == pytest.approx([2 / 3, 0.6])
    assert torch.isfinite(entropy).all()
    cooled, _ = token_log_probs(logits, tokens, temperature=0.5, forbidden=())  # probabilities squared
    assert cooled.exp()[0].tolist() == pytest.approx([0.0625 / 0.34375, 0.09 / 0.3])
