"""The weights of a tower as a file of their own: written by its pre-training, read by fine-tuning.

A file made here is safetensors with the names of the tower's own parameters; the vision tower's has its mergers in it.
The published ECG-CoCa checkpoint is read too: its ECG tower is the entries that begin with `module.ecg.`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ecgr1_core.errors import InputError, MissingPartnerError

if TYPE_CHECKING:
    from torch import nn

    from ecgr1_core.model.modeling import EcgR1Model

Tower = Literal["ecg_tower", "vision_tower"]
"""A tower by the field that names its file."""
_NAMES: Final[dict[Tower, tuple[str, str]]] = {
    "ecg_tower": ("an", "ECG tower"),
    "vision_tower": ("a", "vision tower"),
}
_COCA: Final = "module.ecg."


def tower_of(inner: EcgR1Model, which: Tower) -> Any:
    """Return a tower of the inner model; mergers are part of the vision tower, the ECG projector of none."""
    return inner.ecg_tower if which == "ecg_tower" else inner.visual


def save_tower(tower: nn.Module, path: Path) -> None:
    """Write the weights of a tower, float32; the file is replaced only when all are written."""
    from safetensors.torch import save_file

    beside = path.with_name(path.name + ".part")
    held = {name: value.detach().cpu().float().contiguous() for name, value in tower.state_dict().items()}
    save_file(held, beside)
    beside.replace(path)


def load_towers(inner: EcgR1Model, files: Mapping[Tower, Path | None]) -> None:
    """Put the weights of files into the towers of the inner model; None leaves a tower as it is.

    Raises a kind of InputError as `load_tower`.
    """
    for which, path in files.items():
        if path is not None:
            load_tower(tower_of(inner, which), path, which)


def load_tower(tower: nn.Module, path: Path, which: Tower) -> None:
    """Put the weights of a file into a tower.

    Raises a kind of InputError where the file is absent or damaged, or holds no tower or one of another size.
    """
    import torch

    from ecgr1_core.model.checkpoint import read_header
    from ecgr1_core.model.weightfiles import Source, read_bin_header, tensors

    article, name_of = _NAMES[which]
    mend = f"give {article} {name_of} made for this model"
    if not path.is_file():
        raise MissingPartnerError(path, "is not there", f"give the file of {article} {name_of}, or leave {which} out")
    stored = read_header(path) if path.suffix == ".safetensors" else read_bin_header(path)
    prefix = _COCA if which == "ecg_tower" and any(name.startswith(_COCA) for name in stored) else ""
    wanted = {name: tuple(value.shape) for name, value in tower.state_dict().items()}
    if missing := [name for name in wanted if prefix + name not in stored]:
        raise InputError(path, f"holds no {name_of} of this model ({missing[0]} is missing)", mend)
    wrong = [name for name, shape in wanted.items() if tuple(stored[prefix + name].shape) != shape]
    if wrong:
        raise InputError(path, f"holds {article} {name_of} of another size ({wrong[0]})", mend)
    held = tower.state_dict()
    with torch.no_grad():
        for name, value in tensors((name, Source(path, prefix + name)) for name in wanted):
            held[name].copy_(value)
