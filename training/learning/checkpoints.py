"""Folders that are whole or not there: written beside their place, moved to it when the last byte is on the disk."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ecgr1_core.errors import InputError

_WRITING: Final = ".writing"
_TORCH_CANNOT_WRITE: Final = ("PytorchStreamWriter", "inline_container", "iostream")
_NAME: Final = re.compile(r"checkpoint-(\d+)")


def checkpoints(folder: Path) -> list[Path]:
    """Return the whole checkpoints of a folder, the earliest first."""
    found = [path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


@contextmanager
def written_whole(target: Path, *, main: bool = True, wait: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """Give a folder to write into that becomes `target` when the block ends; until then `target` is as it was.

    Where several processes write, the `main` one moves it, when `wait` says that all have written. Where the disk takes
    no more, what was written is removed, and an InputError says so and what is still there.
    """
    from safetensors import SafetensorError

    beside = target.parent / _WRITING / target.name
    if main:
        shutil.rmtree(beside, ignore_errors=True)
    try:
        wait()
        beside.mkdir(parents=True, exist_ok=True)
        yield beside
        wait()
        if main:
            for path in beside.rglob("*"):
                _to_disk(path)
            if target.exists():
                shutil.rmtree(target)
            beside.replace(target)
            _to_disk(target.parent)
        wait()
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(sign in str(error) for sign in _TORCH_CANNOT_WRITE):
            raise
        whole = checkpoints(target.parent) or checkpoints(target.parent / "checkpoints")
        left = f": {whole[-1].name} is whole" if whole else ""
        why = error.strerror if isinstance(error, OSError) and error.strerror else "a file of it is cut short"
        raise InputError(
            target, f"could not be written ({why}){left}", "free disk space and run the command again"
        ) from error
    finally:
        if main:
            shutil.rmtree(target.parent / _WRITING, ignore_errors=True)


def keep_latest(folder: Path, count: int) -> None:
    """Remove all checkpoints of a folder but the latest `count`."""
    for path in checkpoints(folder)[:-count]:
        shutil.rmtree(path)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
