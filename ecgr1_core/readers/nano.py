"""`NanoReader`: the small ECG-R1 that comes with the program, trained by its own pipeline (`ecgr1 train nano`).

It is the published architecture at 14 million parameters; a program that came without weights has no such reader.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecgr1_core.errors import InputError
from ecgr1_core.readers.apart import Row
from ecgr1_core.readers.base import ReadingOptions
from ecgr1_core.readers.ecg_r1 import EcgR1Reader
from ecgr1_core.settings import Settings

if TYPE_CHECKING:
    from ecgr1_core.model.loading import LoadedModel

DIRECTORY: Final = Path(__file__).parent / "nano_weights"
_CHANGING_THREADS: Final = threading.Lock()


class NanoReader(EcgR1Reader):
    """ECG-R1-nano as a reader, by default from the weights that come along; the large model's settings are not its."""

    name = "ecg-r1-nano"
    title = "ECG-R1-nano (embedded)"
    embedded = True
    caution = (
        "A model of 14 million parameters that shows how ECG-R1 works where the large one is not at hand; it is wrong "
        "more often than the protocol reader, which is therefore the one that is chosen first."
    )
    to_get_one = "install the program with its weights, or train them with ecgr1 train nano"

    def __init__(self, settings: Settings, place: Path = DIRECTORY) -> None:
        self._place = place
        super().__init__(settings)

    @property
    def directory(self) -> Path | None:
        """Where its weights lie, None where they are left out."""
        return self._place if (self._place / "config.json").is_file() else None

    @property
    def adapter(self) -> Path | None:
        """It has none."""
        return None

    def get_ready(self) -> None:
        """Load the weights: the first reading is then as quick as the others.

        What is wrong with them is told by the reading that needs them.
        """
        if self.unavailable is None and not self.loaded:
            with suppress(InputError), self._lock:
                self._model(())

    def _work(self, rows: list[Row], options: ReadingOptions) -> None:
        _compute_alone()
        super()._work(rows, options)

    def _load(self, directory: Path) -> LoadedModel:
        from ecgr1_core.model.loading import load

        return load(directory, precision="fp32", device="cpu")

    def _precision(self, directory: Path) -> str | None:
        return "fp32"


def _compute_alone() -> None:
    """Let PyTorch compute in this thread alone, and in as many as before in all others.

    Its layers are too small to be shared out: two threads are no quicker on idle cores, and where a browser is busy on
    one of them each layer waits for the slower thread, four times as long in all.
    """
    import torch

    with _CHANGING_THREADS:  # another reading that begins meanwhile would take the 1 for what it was before
        before = torch.get_num_threads()
        torch.set_num_threads(1)  # for this thread, and for those that begin from here on
        others = threading.Thread(target=torch.set_num_threads, args=(before,))
        others.start()
        others.join()
