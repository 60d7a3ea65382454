"""Named rewards, their weighted sum and the penalty of length against values worked out by hand."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from dapo_kit import config, corpus, row

from ecgr1_core.errors import InputError
from training.dapo import rewards
from training.dapo.inputs import read_rl_rows
from training.dapo.rewards import overlong_penalty, score, weighted_sum
from training.media import media_beside
from training.problems import Problems
from training.run_config import load_config

SOLUTION = (
    "<|key_diagnostic_evidence|>step_1_technical_rate_rhythm: sinus rhythm; 75 bpm step_4_ischemia_infarction_mimics: "
    "ST elevation<|/key_diagnostic_evidence|><|answer|>Sinus rhythm; LVH<|/answer|>"
)
TEXTS = [
    "<think>**Step 1: Rhythm** Sinus rhythm.**Step 4: ST** No ST elevation.</think><answer>sinus rhythm</answer>",
    "<answer>LVH; sinus rhythm</answer>",
]
WEIGHTS = {"format": 1.0, "accuracy": 2.0, "evidence": 0.5}


def test_published_rewards_by_hand():
    # Step 1 has one of two phrases, step 4 its only one: (1/2 + 1) / 2. One label of the two: 1/2.
    first, second = score(TEXTS, SOLUTION, WEIGHTS, "published")
    assert first == {"format": 1.0, "accuracy": 0.5, "evidence": 0.75}
    assert second == {"format": 0.0, "accuracy": 1.0, "evidence": 0.0}
    assert weighted_sum(first, WEIGHTS) == 1.0 + 1.0 + 0.375
    assert weighted_sum(second, WEIGHTS) == 2.0


def test_strict_rewards_mind_negation_and_form():
    # "No ST elevation" is no hit: (1/2 + 0) / 2. Four of the six steps are missing, so the form is not right.
    first, _ = score(TEXTS, SOLUTION, WEIGHTS, "strict")
    assert first == {"format": 0.0, "accuracy": 0.5, "evidence": 0.25}


@pytest.mark.parametrize(
    ("length", "penalty"),
    [(1, 0.0), (1536, 0.0), (1537, -1 / 512), (1664, -0.25), (2047, -511 / 512), (2048, -1.0), (3000, -1.0)],
)
def test_the_penalty_grows_over_the_last_tokens(length: int, penalty: float):
    assert overlong_penalty(length, 2048, 512) == pytest.approx(penalty)
    assert overlong_penalty(length, 2048, 0) == 0.0


def test_the_examples_of_the_docstrings_hold():
    assert doctest.testmod(rewards).attempted >= 2
    assert doctest.testmod(rewards).failed == 0


def test_a_reward_without_a_name_here_is_told(tmp_path: Path):
    (tmp_path / "run.yaml").write_text("{out: out, model: m, rows: r.jsonl, rewards: {brevity: 1}}")
    with pytest.raises(InputError, match="brevity"):
        load_config(type(config(tmp_path, tmp_path, tmp_path)), tmp_path / "run.yaml")


def test_the_commented_configuration_is_the_released_one():
    from training.dapo.config import DapoConfig

    path = Path(__file__).parents[3] / "training" / "configs" / "dapo.yaml"
    assert path.read_text().startswith("# ecgr1 train dapo --config training/configs/dapo.yaml\n")
    loaded = load_config(DapoConfig, path)
    assert set(loaded.model_fields_set) == set(DapoConfig.model_fields) - {"max_steps"}
    changed = {"out", "model", "rows", "weights", "gradient_checkpointing"}
    told = {name: getattr(loaded, name) for name in DapoConfig.model_fields if name not in changed}
    plain = DapoConfig(out=path, model=path, rows=path)
    assert told == {name: getattr(plain, name) for name in told}
    assert all(field.description for field in DapoConfig.model_fields.values())


def _read(folder: Path, rows: Path, problems: Problems, **fields: object) -> list[str]:
    given = config(folder / "out", folder, rows, **fields)
    return [one.id for one in read_rl_rows(given, media_beside(rows), problems)]


def test_rows_that_cannot_be_rewarded_are_counted_by_kind(tmp_path: Path):
    unusable = [
        row(1, solution=None),
        row(2, solution="nothing that could be compared"),
        row(3, messages=[{"role": "user", "content": "<ecg>?"}, {"role": "assistant", "content": "Sinus."}]),
        row(4, images=[], objects={"ecg": []}),
    ]
    rows = corpus(tmp_path, [row(0), *unusable])
    rows.write_text(rows.read_text() + "{not JSON\n")
    problems = Problems("skip", tmp_path / "problems.jsonl")
    assert _read(tmp_path, rows, problems, rewards={"evidence": 1.0}) == ["case 0"]
    assert problems.counts == {"unusable": 4, "damaged": 1}
    assert len((tmp_path / "problems.jsonl").read_text().splitlines()) == 5
    with pytest.raises(InputError, match="line 2"):
        _read(tmp_path, rows, Problems("stop"), rewards={"evidence": 1.0})
    # The form alone needs no solution.
    assert len(_read(tmp_path, rows, Problems(), rewards={"format": 1.0})) == 3


def test_a_patient_of_a_test_file_among_the_rows_is_an_error(tmp_path: Path):
    rows = corpus(tmp_path, [row(0), row(1)])
    clean = corpus(tmp_path, [row(5, solution=None)], "clean.jsonl")
    leaky = corpus(tmp_path, [row(6), row(9, patient="patient 1")], "leaky.jsonl")
    assert _read(tmp_path, rows, Problems(), test_rows=(clean,)) == ["case 0", "case 1"]
    with pytest.raises(InputError, match=r"1 patients with the test file leaky\.jsonl, such as patient 1"):
        _read(tmp_path, rows, Problems(), test_rows=(clean, leaky))


def test_no_row_left_is_an_error(tmp_path: Path):
    rows = corpus(tmp_path, [row(0, solution=None)])
    with pytest.raises(InputError, match=r"no row to learn from .*unusable 1"):
        _read(tmp_path, rows, Problems(), rewards={"accuracy": 1.0})
