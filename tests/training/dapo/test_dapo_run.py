"""Whole runs: rewards rise, a killed run goes on bit by bit, two processes are one, a full disk loses nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import pytest
import torch
from dapo_kit import config, corpus, row
from safetensors.torch import load_file

from ecgr1_core.errors import DamagedFileError, InputError
from training.dapo.config import DapoConfig
from training.dapo.loop import run_dapo
from training.dapo.state import STATE
from training.freezing import Lora, Parts

ROOT = Path(__file__).parents[3]
RUN = (
    "import json, sys, torch; torch.set_num_threads(1)\n"
    "from training.dapo.config import DapoConfig\n"
    "from training.dapo.loop import run_dapo\n"
    "print(json.dumps(run_dapo(DapoConfig.model_validate_json(open(sys.argv[1]).read()))))\n"
)


def _written(given: DapoConfig, folder: Path) -> list[str]:
    """Return the command that makes a run in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(given.model_dump_json())
    (folder / "run.py").write_text(RUN)
    return [str(folder / "run.py"), str(folder / "run.json")]


def _start(arguments: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def _metrics(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def _weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model" / "model.safetensors")


def test_the_reward_of_the_form_rises(taught: Path, rl_rows: Path, tmp_path: Path):
    given = config(
        tmp_path / "out", taught, rl_rows, max_steps=12, prompts_per_step=4, learning_rate=2e-3, updates_per_step=2
    )
    rise = run_dapo(given)["rewards"]["format"]
    steps = _metrics(given.out)
    rates = [one["reward/format/mean"] for one in steps]
    assert rates[0] < 0.7
    assert fmean(rates[-4:]) > 0.85
    assert rise["change"] == pytest.approx(fmean(rates[-2:]) - fmean(rates[:2]))
    assert [one["step"] for one in steps] == list(range(1, 13))
    assert steps[0]["entropy"] > steps[-1]["entropy"]
    assert steps[0]["sampling_gap/max"] < 1e-4
    assert any(one.get("clip/high", 0) > 0 for one in steps)
    assert all(one["groups_kept"] + one["groups_missing"] == 4 for one in steps)

    page = (given.out / "completions.html").read_text()
    assert "case 1 · signal" in page
    assert "&lt;think&gt;" in page
    assert "<think>" not in page
    first = [json.loads(line) for line in (given.out / "completions" / "step_000001.jsonl").open()]
    assert {"id", "modality", "text", "rewards", "reward", "advantage", "kept"} <= set(first[0])
    assert sum(one["rewards"]["format"] for one in first) / len(first) == pytest.approx(steps[0]["reward/format/mean"])

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves = EventAccumulator(str(given.out / "tensorboard"))
    curves.Reload()
    told = [(one.step, one.value) for one in curves.Scalars("reward/format/mean")]
    assert told == [(one["step"], pytest.approx(one["reward/format/mean"])) for one in steps]

    from ecgr1_core.model.loading import load

    loaded = load(given.out / "model", precision="fp32", device="cpu")
    before = load_file(taught / "model.safetensors")
    after = dict(loaded.model.named_parameters())
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert {"lm_head.weight", "model.ecg_projector.0.weight"} <= moved
    assert not [name for name in moved if "ecg_tower" in name or "visual.blocks" in name]


def test_a_killed_run_goes_on_to_bit_identical_weights(taught: Path, rl_rows: Path, tmp_path: Path):
    fields: dict[str, Any] = {"max_steps": 5, "save_every": 2, "updates_per_step": 2, "shuffle": True}
    unbroken = config(tmp_path / "unbroken", taught, rl_rows, **fields)
    broken = config(tmp_path / "broken", taught, rl_rows, **fields)
    run_dapo(unbroken)
    process = _start(_written(broken, tmp_path / "killed"))
    deadline = time.monotonic() + 120
    log = broken.out / "metrics.jsonl"
    # Step 3 is logged, but the state is that of step 2.
    while (
        process.poll() is None and time.monotonic() < deadline and not (log.exists() and '"step": 3' in log.read_text())
    ):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    said = process.communicate()[0].decode()
    assert process.returncode == -signal.SIGKILL, said
    assert not (broken.out / "model").exists()
    assert torch.load(broken.out / STATE)["step"] in (2, 4)
    run_dapo(broken)
    ours, theirs = _weights(broken.out), _weights(unbroken.out)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    timeless = [
        [{name: value for name, value in one.items() if not name.startswith("seconds/")} for one in _metrics(out)]
        for out in (broken.out, unbroken.out)
    ]
    assert timeless[0] == timeless[1]


@pytest.mark.slow
def test_two_processes_make_the_run_of_one(taught: Path, rl_rows: Path, tmp_path: Path):
    fields: dict[str, Any] = {"max_steps": 3, "prompts_per_step": 3, "updates_per_step": 2, "imd": "even"}
    one = config(tmp_path / "one", taught, rl_rows, **fields)
    two = config(tmp_path / "two", taught, rl_rows, **fields)
    run_dapo(one)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    process = _start([*launch, *_written(two, tmp_path / "launched")])
    said = process.communicate(timeout=180)[0].decode()
    assert process.returncode == 0, said
    assert '"processes": 2' in said
    for ours, theirs in zip(_metrics(two.out), _metrics(one.out), strict=True):
        for name in theirs:
            if not name.startswith("seconds/"):
                assert ours[name] == pytest.approx(theirs[name], abs=1e-5, rel=1e-4), name
    ours, theirs = _weights(two.out), _weights(one.out)
    apart = max(float((ours[name] - theirs[name]).abs().max()) for name in theirs)
    # Adam divides by the size of a gradient, so that rounding shows most where a gradient is almost 0.
    assert apart < 5e-5


def test_a_full_disk_leaves_the_state_before_it_whole(taught: Path, rl_rows: Path, tmp_path: Path):
    given = config(tmp_path / "out", taught, rl_rows, max_steps=1, save_every=1)
    run_dapo(given)
    before = (given.out / STATE).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(InputError, match="the state after step 2 cannot be written"):
            run_dapo(given.model_copy(update={"max_steps": 2}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (given.out / STATE).read_bytes() == before
    assert not list(given.out.glob("*.part"))
    assert run_dapo(given.model_copy(update={"max_steps": 2}))["steps"] == 2


def test_a_folder_of_another_run_is_not_gone_on_with(taught: Path, rl_rows: Path, tmp_path: Path):
    given = config(tmp_path / "out", taught, rl_rows, max_steps=1)
    run_dapo(given)
    with pytest.raises(InputError, match="began with another seed"):
        run_dapo(given.model_copy(update={"seed": 1}))
    (given.out / STATE).write_bytes(b"PK no state")
    with pytest.raises(DamagedFileError, match="cannot be gone on from"):
        run_dapo(given)


def test_a_step_without_anything_to_learn_changes_nothing(taught: Path, rl_rows: Path, tmp_path: Path):
    rows = corpus(rl_rows.parent, [row(number, "zzz") for number in range(4)], "nothing.jsonl")
    given = config(tmp_path / "out", taught, rows, max_steps=2, rewards={"evidence": 1.0}, overlong_buffer=0)
    assert run_dapo(given)["steps"] == 2
    assert [one["reward/total/mean"] for one in _metrics(given.out)] == [0.0, 0.0]
    assert [one["groups_kept"] for one in _metrics(given.out)] == [0, 0]
    before = load_file(taught / "model.safetensors")
    assert all(torch.equal(value, before[name]) for name, value in _weights(given.out).items())


@pytest.mark.parametrize("weights", ["fp32", "bf16"])
def test_adapters_learn_and_are_merged_into_what_is_written(
    taught: Path, rl_rows: Path, tmp_path: Path, weights: Literal["fp32", "bf16"]
):
    from ecgr1_core.model.loading import load

    precision = "fp32" if weights == "fp32" else "bf16"
    given = config(
        tmp_path / "out",
        taught,
        rl_rows,
        parts=Parts(language="lora", projectors="full"),
        lora=Lora(rank=4),
        weights=weights,
        precision=precision,
    )
    run_dapo(given)
    gap = _metrics(given.out)[0]["sampling_gap/max"]
    assert gap < (1e-4 if weights == "fp32" else 0.2)
    model = load(given.out / "model", precision=weights, device="cpu").model
    before, after = load_file(taught / "model.safetensors"), dict(model.named_parameters())
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name].to(after[name].dtype), after[name])}
    assert "model.ecg_projector.0.weight" in moved
    assert "lm_head.weight" not in moved
    if weights == "fp32":  # in bf16 the few steps of the test may be less than a rounding
        assert "model.language_model.layers.0.self_attn.q_proj.weight" in moved
