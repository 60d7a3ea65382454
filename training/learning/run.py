"""The beginning and the end of a run that learns: its folder, its rows, how long it is, and what is told of it."""

from __future__ import annotations

import json
import logging
import math
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from ecgr1_core.errors import InputError
from training.learning.checkpoints import checkpoints
from training.learning.config import LearningConfig
from training.learning.rows import Need, require_apart, usable_rows
from training.media import media_beside
from training.problems import Problems
from training.rows import Row

_log = logging.getLogger(__name__)
_MAY_CHANGE: Final = {"resume", "workers", "keep_checkpoints", "save_every", "cpu", "on_problem"}


def open_run(config: LearningConfig, *, main: bool) -> Path | None:
    """Make the folder of a run, write its configuration, and return the checkpoint to go on from, if there is one.

    Raises InputError where the folder cannot be written, or holds a run that is not to be resumed or was configured
    otherwise.
    """
    there = checkpoints(config.out / "checkpoints")
    told = json.loads(config.model_dump_json())
    if there and not config.resume:
        raise InputError(config.out, "already holds a run", "give another folder, or resume: true to go on with it")
    if there:
        require_same(config.out, told, _MAY_CHANGE)
    if main:
        write_config(config.out, told)
    if there:
        _log.info("going on from %s", there[-1].name)
    return there[-1] if there else None


def require_same(out: Path, told: Mapping[str, Any], may_change: Collection[str] = ()) -> None:
    """Raise InputError where the folder holds a run whose configuration was another than `told`."""
    path = out / "config.json"
    if not path.exists():
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    if changed := [name for name in told if name not in may_change and told[name] != before.get(name)]:
        fault = f"holds a run with another {', '.join(changed)}"
        raise InputError(out, fault, "set it back, or give another folder")


def write_config(out: Path, told: Mapping[str, Any]) -> None:
    """Make the folder of a run and write its configuration; what was wrong with rows before is told anew.

    Raises InputError where the folder cannot be written.
    """
    path = out / "config.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")  # other processes may be reading it
        beside.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        beside.replace(path)
        (out / "problems.jsonl").unlink(missing_ok=True)
    except OSError as error:
        raise InputError(out, f"cannot be written ({error.strerror})", "give another folder") from error


def learning_rows(
    config: LearningConfig, *, need: Need = "answer", draw_missing: bool = False, main: bool = True
) -> tuple[list[Row], list[Row], Problems]:
    """Return training rows, held-out rows (the first `test_rows` of their file) and what was wrong with others.

    Raises InputError as `usable_rows`, and where a patient of the held-out rows is also in the training file.
    """
    problems = Problems(config.on_problem, config.out / "problems.jsonl" if main else None)
    media = media_beside(config.train, config.ecg_root, config.image_root, draw_missing=draw_missing)
    rows = usable_rows(config.train, media, problems, need)
    test: list[Row] = []
    if config.test is not None:
        media = media_beside(config.test, config.ecg_root, config.image_root, draw_missing=draw_missing)
        test = usable_rows(config.test, media, problems, need, held_out=True)
        require_apart(rows, test, config.test)
    return rows, test[: config.test_rows], problems


def steps_of(config: LearningConfig, rows: int, processes: int) -> int:
    """Return how many steps a run has; the last one is filled up with rows of the next epoch."""
    if config.max_steps is not None:
        return config.max_steps
    return math.ceil(config.epochs * rows / (config.batch_rows * config.accumulate * processes))


def problem_counts(before: Problems, during: Problems) -> dict[str, int]:
    """Return how many rows of each kind of problem there were, in all processes."""
    from accelerate.utils import gather_object

    counts = Counter(before.counts)
    for one in gather_object([dict(during.counts)]):
        counts.update(one)
    return dict(counts)


def losses_of(path: Path) -> dict[str, float]:
    """Return first, last and lowest training loss of a run's metrics."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    return {"first": losses[0], "last": losses[-1], "lowest": min(losses)} if losses else {}


def close_run(config: LearningConfig, summary: dict[str, Any], *, main: bool) -> dict[str, Any]:
    """Write summary.json and return the summary."""
    if main:
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        (config.out / "summary.json").write_text(text + "\n", encoding="utf-8")
    return summary
