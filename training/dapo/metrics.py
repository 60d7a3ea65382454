"""The figures of a step, from what was sampled; written as a line of `metrics.jsonl` and as curves for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from training.dapo.rollouts import Group, Rollout
from training.dapo.state import METRICS, cut_log
from training.imd import frequencies
from training.trends import trend


def of_rollout(rollout: Rollout, wanted: int) -> dict[str, float]:
    """Return the figures of the completions of a step, those of the groups that were left out included.

    Means and standard deviations (of the completions, with n) of each reward, the penalty and the total; lengths in
    tokens; shares of truncated completions, of groups of equal rewards, and of the four modalities; counts of refills,
    of groups still missing after them, and of rows that could not be used.
    """
    groups = [group for group in rollout.sampled if group.completions]
    completions = [one for group in groups for one in group.completions]
    figures: dict[str, float] = {
        "groups": len(groups),
        "groups_kept": len(rollout.kept),
        "groups_missing": wanted - len(rollout.kept),
        "groups_equal_share": _share([not group.varied for group in groups]),
        "refills": rollout.refills,
        "rows_unusable": rollout.unusable,
    }
    if not completions:
        return figures
    columns: dict[str, list[float]] = {
        f"reward/{name}": [one.rewards[name] for one in completions] for name in completions[0].rewards
    }
    columns["reward/penalty"] = [one.penalty for one in completions]
    columns["reward/total"] = [one.reward for one in completions]
    for name, values in columns.items():
        figures |= {f"{name}/mean": fmean(values), f"{name}/std": pstdev(values)}
    figures["reward/total/std_in_group"] = fmean(pstdev([one.reward for one in group.completions]) for group in groups)
    lengths = [len(one.sampled.token_ids) for one in completions]
    figures |= {
        "length/mean": fmean(lengths),
        "length/max": max(lengths),
        "truncated_share": _share([not one.sampled.ended for one in completions]),
    }
    return figures | {f"modality/{name}": share for name, share in frequencies(g.modality for g in groups).items()}


def lines(groups: Sequence[Group], ids: Sequence[str], kept: Sequence[Group]) -> list[dict[str, Any]]:
    """Return the completions of groups as they are browsed; `ids` are the names of the rows by number."""
    places = {group.place for group in kept}
    return [
        {
            "place": group.place,
            "id": ids[group.row],
            "modality": group.modality,
            "kept": group.place in places,
            "number": number,
            "text": one.text,
            "tokens": len(one.sampled.token_ids),
            "ended": one.sampled.ended,
            "rewards": dict(one.rewards),
            "penalty": one.penalty,
            "reward": one.reward,
            "advantage": one.advantage,
            "counted": one.counted,
        }
        for group in groups
        for number, one in enumerate(group.completions)
    ]


class MetricsLog:
    """Where the figures of each step go; those after `step`, where a resumed run stands, are replaced."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._path = folder / METRICS
        cut_log(self._path, step)
        self._curves = SummaryWriter(folder / "tensorboard", purge_step=step + 1)

    def write(self, step: int, figures: Mapping[str, float | None]) -> None:
        """Write the figures of one step; None is a figure that the step does not have."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **figures}, allow_nan=False) + "\n")
        for name, value in figures.items():
            if value is not None:
                self._curves.add_scalar(name, value, step)
        self._curves.flush()

    def close(self) -> None:
        """Close the curves."""
        self._curves.close()


def trends(folder: Path) -> dict[str, dict[str, Any] | None]:
    """Return of each reward how far its mean moved over the run and how noisy that is; see `training.trends.trend`."""
    with (folder / METRICS).open(encoding="utf-8") as file:
        steps = [figures for line in file if "reward/total/mean" in (figures := json.loads(line))]
    names = [name for name in steps[0] if name.startswith("reward/") and name.endswith("/mean")] if steps else []
    found = {name.split("/")[1]: trend([one[name] for one in steps]) for name in names}
    return {name: None if one is None else one.to_json() for name, one in found.items()}


def _share(flags: Sequence[bool]) -> float:
    return fmean(flags) if flags else 0.0
