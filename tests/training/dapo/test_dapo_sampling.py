"""What is sampled, and that the passes that train see what the passes that sample saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from dapo_kit import config, corpus, recordings, rollouts, row

from ecgr1_core.modality import MODALITIES, Modality
from training.dapo.rollouts import Completion, Group, Rollouts
from training.dapo.sampling import Sampled, sample
from training.dapo.update import score_tokens


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, rl_rows: Path) -> Rollouts:
    """Rollouts with the tiny checkpoint whose random weights make every input move the logits."""
    from tiny import build_checkpoint

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("random")
    return rollouts(config(folder / "out", build_checkpoint(folder / "model"), rl_rows, max_new_tokens=12))


def _sample(own: Rollouts, prompts: list[Any], seeds: list[list[list[int]]], **fields: Any) -> list[list[Sampled]]:
    given = {"max_new_tokens": 12, "temperature": 1.0, "ends": own.ends, "forbidden": own.forbidden, **fields}
    return sample(own.model, prompts, seeds, **given)


def _answers(own: Rollouts, groups: list[Group], found: list[list[Sampled]]) -> list[tuple[Group, Completion]]:
    return [
        (group, Completion(one, "", {}, 0.0, 0.0, 0.0, True))
        for group, completions in zip(groups, found, strict=True)
        for one in completions
    ]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probabilities_of_sampling_and_training_agree_in_all_modalities(large: Rollouts, temperature: float):
    large.config = large.config.model_copy(update={"temperature": temperature})
    groups = [Group(number, number, modality) for number, modality in enumerate(MODALITIES)]
    seeds = [[[number, k] for k in range(3)] for number in range(len(groups))]
    found = _sample(large, [large.prompt(group) for group in groups], seeds, temperature=temperature)
    lengths = {len(one.token_ids) for completions in found for one in completions}
    assert len(lengths) > 1, "the rows are to be of several lengths, so that padding is tried"
    with torch.no_grad():
        scored = score_tokens(large.model, large, _answers(large, groups, found))
    assert int(scored.counted.sum()) == sum(len(one.token_ids) for completions in found for one in completions)
    apart = (scored.log_probs - scored.sampled)[scored.counted].abs()
    assert float(apart.max()) < 1e-4
    assert float(scored.log_probs[scored.counted].std()) > 0.1


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_ecg_and_the_page_change_the_probabilities_that_are_trained(large: Rollouts, modality: Modality):
    group = Group(0, 0, modality)
    answers = [(group, Completion(Sampled([20, 30, 40], [0.0] * 3, True), "", {}, 0.0, 0.0, 0.0, True))]

    def log_probs(**changed: torch.Tensor) -> torch.Tensor:
        prompt = large.prompt(group)
        large._prompts[group.row, modality] = {**prompt, **changed}
        try:
            with torch.no_grad():
                return score_tokens(large.model, large, answers).log_probs[0]
        finally:
            large._prompts[group.row, modality] = prompt

    before, prompt = log_probs(), large.prompt(group)
    for name in ("ecg_values", "pixel_values"):
        if name in prompt:
            moved = (log_probs(**{name: prompt[name].flip(-1)}) - before).abs().max()
            assert float(moved) > 1e-3, f"{name} has no part in the training pass"
    assert ("ecg_values" in prompt, "pixel_values" in prompt) == (modality != "image", modality != "signal")


def test_the_gradient_of_the_loss_reaches_the_ecg_projector(large: Rollouts):
    answers = [
        (Group(0, 0, "signal"), Completion(Sampled([20, 30], [0.0, 0.0], True), "", {}, 0.0, 0.0, 0.0, True)),
    ]
    score_tokens(large.model, large, answers).log_probs.sum().backward()
    inner = large.model.model
    assert float(inner.ecg_projector[0].weight.grad.abs().max()) > 0
    assert inner.ecg_tower.conv1.weight.grad is None  # frozen by default
    large.model.zero_grad(set_to_none=True)


def test_a_completion_depends_on_its_seed_and_not_on_its_neighbours(large: Rollouts):
    prompts = [large.prompt(Group(n, n, "signal")) for n in range(2)]
    alone = _sample(large, prompts[:1], [[[7, 1]]])[0][0]
    together = _sample(large, prompts, [[[7, 0], [7, 1]], [[7, 1]]])
    assert together[0][1].token_ids == alone.token_ids
    assert together[0][0].token_ids != alone.token_ids
    assert together[1][0].token_ids != alone.token_ids


def test_tokens_are_drawn_as_often_as_they_are_probable(large: Rollouts):
    prompt = large.prompt(Group(0, 0, "signal"))
    draws = _sample(large, [prompt], [[[3, k] for k in range(600)]], max_new_tokens=1)[0]
    tokens = [one.token_ids[0] for one in draws]
    probability = {one.token_ids[0]: torch.tensor(one.log_probs[0]).exp().item() for one in draws}
    likely = max(probability, key=probability.__getitem__)
    p = probability[likely]
    assert abs(tokens.count(likely) / 600 - p) < 4 * (p * (1 - p) / 600) ** 0.5


def test_placeholders_are_never_written_and_ends_end(large: Rollouts):
    prompt = large.prompt(Group(0, 0, "image"))
    free = _sample(large, [prompt], [[[1, k] for k in range(8)]], max_new_tokens=3)[0]
    written = {token for one in free for token in one.token_ids}
    cut = _sample(large, [prompt], [[[1, k] for k in range(8)]], max_new_tokens=3, forbidden=sorted(written))[0]
    assert written.isdisjoint(token for one in cut for token in one.token_ids)
    ended = _sample(large, [prompt], [[[1, k] for k in range(8)]], max_new_tokens=3, ends=written)[0]
    assert all(one.ended and len(one.token_ids) == 1 for one in ended)


def test_groups_of_equal_rewards_are_replaced(taught: Path, rl_rows: Path):
    # No thought holds "zzz", so every completion of the rows 0 and 2 earns nothing.
    rows = corpus(rl_rows.parent, [row(n, "s" if n % 2 else "zzz") for n in range(4)], "phrases.jsonl")
    own = rollouts(
        config(rows.parent / "out", taught, rows, rewards={"evidence": 1.0}, overlong_buffer=0, max_refills=3)
    )
    found = own.next(step=1, place=0)
    assert [group.place for group in found.kept] == [1, 3]
    assert [group.place for group in found.sampled] == [0, 1, 2, 3]
    assert (found.refills, found.place) == (2, 4)
    assert all(one.advantage == 0 for group in found.sampled if group.place in (0, 2) for one in group.completions)
    once = rollouts(
        config(rows.parent / "out", taught, rows, rewards={"evidence": 1.0}, overlong_buffer=0, max_refills=0)
    )
    found = once.next(step=1, place=0)
    assert ([group.place for group in found.kept], found.refills, found.place) == ([1], 0, 2)


def test_refilling_ends_where_no_row_ever_teaches(taught: Path, rl_rows: Path):
    rows = corpus(rl_rows.parent, [row(n, "zzz") for n in range(4)], "dull.jsonl")
    own = rollouts(
        config(rows.parent / "out", taught, rows, rewards={"evidence": 1.0}, overlong_buffer=0, max_refills=2)
    )
    found = own.next(step=1, place=3)
    assert (found.kept, len(found.sampled), found.refills, found.place) == ([], 6, 2, 9)


def test_cut_off_completions_are_penalised_and_not_counted(taught: Path, rl_rows: Path):
    own = rollouts(config(rl_rows.parent / "out", taught, rl_rows, max_new_tokens=4, overlong_buffer=2))
    completions = [one for group in own.next(step=1, place=0).sampled for one in group.completions]
    cut = [one for one in completions if not one.sampled.ended]
    assert cut
    assert len(cut) < len(completions)
    for one in cut:
        assert (len(one.sampled.token_ids), one.penalty, one.counted) == (4, -1.0, False)
        assert one.reward == one.rewards["format"] - 1.0
    assert all(one.counted for one in completions if one.sampled.ended)
    kept = rollouts(
        config(rl_rows.parent / "out", taught, rl_rows, max_new_tokens=4, overlong_buffer=2, overlong_filter=False)
    )
    assert all(one.counted for group in kept.next(step=1, place=0).sampled for one in group.completions)


def test_rows_are_seen_under_modality_dropout(taught: Path, rl_rows: Path):
    given = config(rl_rows.parent / "out", taught, rl_rows, imd="even", prompts_per_step=16, group_size=2)
    own = rollouts(given.model_copy(update={"max_new_tokens": 1, "max_refills": 0}))
    groups = own.next(step=1, place=0).sampled
    assert {group.modality for group in groups} == set(MODALITIES)
    assert [group.modality for group in own.next(step=9, place=0).sampled] == [group.modality for group in groups]


def test_an_unreadable_recording_is_noted_and_another_row_taken(taught: Path, tmp_path: Path):
    recordings(tmp_path, 2)
    (tmp_path / "ecg0.hea").write_text("this is no header")
    rows = corpus(tmp_path, [row(0), row(1)])
    own = rollouts(config(tmp_path / "out", taught, rows, prompts_per_step=1))
    found = own.next(step=1, place=0)
    assert found.unusable == 1
    assert own.problems.counts == {"unreadable": 1}
    assert [group.place for group in found.sampled if group.completions] == [1]
