"""Where a run stands, in one file that is either the old one or the new one, whole: kill it when you like.

The file holds the tensors that learn, the optimizer, the step, and the place in the stream of rows. All that is random
in a step is drawn from the seed, the step and the place, so there is no state of generators to keep. What does not
learn comes from the checkpoint that the run began with.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from ecgr1_core.errors import DamagedFileError, InputError

STATE: Final = "state.pt"
CONFIG: Final = "config.json"
METRICS: Final = "metrics.jsonl"


@dataclass(frozen=True)
class Position:
    """How far a run is: `step` updates done, and `place` rows of the stream looked at."""

    step: int = 0
    place: int = 0


def learning(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that learn, by name."""
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def begin(folder: Path, config: Mapping[str, Any], may_change: frozenset[str]) -> None:
    """Make the folder of a run and write its configuration, or check that it holds the same run.

    Raises InputError where the folder holds a run that another configuration began, `may_change` apart.
    """
    path = folder / CONFIG
    if path.is_file():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DamagedFileError(path, "is not JSON", "give another folder as out") from error
        other = [name for name in config if name not in may_change and config[name] != before.get(name)]
        if other:
            raise InputError(
                folder,
                f"holds a run that began with another {other[0]}",
                "give the same configuration to go on with it, or another folder as out",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(path, lambda part: part.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8"))
    except OSError as error:
        raise InputError(folder, f"cannot be written to ({_why(error)})", "give another folder as out") from error


def save(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, position: Position) -> None:
    """Write the state; the one before is replaced only when this one is whole on the disk.

    Raises InputError where it cannot be written, as on a full disk; the state before then still stands.
    """
    held = {
        "step": position.step,
        "place": position.place,
        "weights": {name: value.detach().cpu() for name, value in learning(model).items()},
        "optimizer": optimizer.state_dict(),
    }
    try:
        _replace(folder / STATE, lambda part: torch.save(held, part))
    except (OSError, RuntimeError) as error:  # torch's writer tells of a full disk by a RuntimeError
        raise InputError(
            folder,
            f"the state after step {position.step} cannot be written ({_why(error)})",
            "make room and start the same command again: it goes on from the state before",
        ) from error


def resume(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> Position:
    """Put the state of a folder into model and optimizer and return where the run stands; the start without one.

    Raises DamagedFileError for a state that cannot be read or is of another model.
    """
    path = folder / STATE
    if not path.is_file():
        return Position()
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
        weights: Mapping[str, Tensor] = held["weights"]
        own = learning(model)
        if {name: value.shape for name, value in weights.items()} != {n: p.shape for n, p in own.items()}:
            raise ValueError("it is of another model")
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(weights[name])
        optimizer.load_state_dict(held["optimizer"])
        position = Position(int(held["step"]), int(held["place"]))
    except Exception as error:  # a damaged archive raises almost anything
        raise DamagedFileError(path, f"cannot be gone on from ({error})", "give another folder as out") from error
    return position


def cut_log(path: Path, step: int) -> None:
    """Take the lines out of a log that were written after the state of `step`: they will be written again."""
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        _replace(path, lambda part: part.write_text("".join(kept), encoding="utf-8"))


def _replace(path: Path, write: Any) -> None:
    """Have a file written beside its place, put it on the disk, and only then into its place."""
    part = path.with_name(path.name + ".part")
    try:
        write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error).splitlines()[0]).lower()
