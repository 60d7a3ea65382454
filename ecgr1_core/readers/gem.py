"""`GemReader`: GEM, a LLaVA with ECG-R1's ECG tower before its image, from a directory that the settings name.

It was trained on signal and page together, the signal first, and its code has no way without either: so it offers
`both` only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ecgr1_core.modality import Modality
from ecgr1_core.readers.local_model import GuestModel

if TYPE_CHECKING:
    from ecgr1_core.model.loading import LoadedModel


class GemReader(GuestModel):
    """GEM as a reader of signal and page together."""

    name = "gem"
    title = "GEM"
    modalities: tuple[Modality, ...] = ("both",)
    setting = "ECGR1_GEM"
    to_get_one = "fetch huggingface.co/LANSG/GEM (14 GB), set ECGR1_GEM to its directory, and start the program again"
    to_correct = "set it to one with the files of LANSG/GEM, and start the program again"
    kind = "gem"

    @property
    def directory(self) -> Path | None:
        """The directory that ECGR1_GEM names."""
        return self._settings.gem

    def _open(self, directory: Path) -> LoadedModel:
        from ecgr1_core.model.llava.loading import load_llava

        settings = self._settings
        return load_llava(directory, precision=settings.model_precision, device=settings.model_device)
