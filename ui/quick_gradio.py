"""Gradio (`gr`), imported without the interface files that it writes: every page takes it from here.

At every import Gradio parses the source of each of its components and writes a .pyi file beside it, for the editors of
those who develop components: two seconds of a start. A component whose source file cannot be found is left out of that,
so none can be found while Gradio is imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _no_interface_files() -> Iterator[None]:
    found = inspect.getfile

    def getfile(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError("no interface file is wanted")
        return found(thing)

    inspect.getfile = getfile  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = found


with _no_interface_files():
    import gradio as gr

__all__ = ["gr"]
