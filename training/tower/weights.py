"""The weights of an ECG tower as a file of their own: written by tower pre-training, read by fine-tuning.

A file made here is safetensors with the names of the tower's own parameters. The published ECG-CoCa checkpoint is read
too: its tower is the entries that begin with `module.ecg.`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecgr1_core.errors import InputError, MissingPartnerError

if TYPE_CHECKING:
    from ecgr1_core.model.tower import EcgTower

_COCA: Final = "module.ecg."


def save_tower(tower: EcgTower, path: Path) -> None:
    """Write the weights of a tower, float32; the file is replaced only when all are written."""
    from safetensors.torch import save_file

    beside = path.with_name(path.name + ".part")
    held = {name: value.detach().cpu().float().contiguous() for name, value in tower.state_dict().items()}
    save_file(held, beside)
    beside.replace(path)


def load_tower(tower: EcgTower, path: Path) -> None:
    """Put the weights of a file into a tower.

    Raises a kind of InputError where the file is absent or damaged, or holds no tower or one of another size.
    """
    import torch

    from ecgr1_core.model.checkpoint import read_header
    from ecgr1_core.model.weightfiles import Source, read_bin_header, tensors

    if not path.is_file():
        raise MissingPartnerError(path, "is not there", "give the file of an ECG tower, or leave ecg_tower out")
    stored = read_header(path) if path.suffix == ".safetensors" else read_bin_header(path)
    prefix = _COCA if any(name.startswith(_COCA) for name in stored) else ""
    wanted = {name: tuple(value.shape) for name, value in tower.state_dict().items()}
    if missing := [name for name in wanted if prefix + name not in stored]:
        raise InputError(
            path, f"holds no ECG tower of this model ({missing[0]} is missing)", "give a tower made for this model"
        )
    wrong = [name for name, shape in wanted.items() if tuple(stored[prefix + name].shape) != shape]
    if wrong:
        raise InputError(path, f"holds an ECG tower of another size ({wrong[0]})", "give a tower made for this model")
    held = tower.state_dict()
    with torch.no_grad():
        for name, value in tensors((name, Source(path, prefix + name)) for name in wanted):
            held[name].copy_(value)
