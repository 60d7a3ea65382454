"""`PulseReader`: PULSE, a LLaVA 1.6 trained on images of ECGs, from a directory that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ecgr1_core.modality import Modality
from ecgr1_core.readers.local_model import GuestModel

if TYPE_CHECKING:
    from ecgr1_core.model.loading import LoadedModel


class PulseReader(GuestModel):
    """PULSE as a reader of pages."""

    name = "pulse"
    title = "PULSE"
    modalities: tuple[Modality, ...] = ("image",)
    setting = "ECGR1_PULSE"
    to_get_one = (
        "fetch huggingface.co/PULSE-ECG/PULSE-7B (14 GB), set ECGR1_PULSE to its directory, and start the program again"
    )
    to_correct = "set it to one with the files of PULSE-ECG/PULSE-7B, and start the program again"
    kind = "llava"

    @property
    def directory(self) -> Path | None:
        """The directory that ECGR1_PULSE names."""
        return self._settings.pulse

    def _open(self, directory: Path) -> LoadedModel:
        from ecgr1_core.model.llava.loading import load_llava

        settings = self._settings
        return load_llava(directory, precision=settings.model_precision, device=settings.model_device)
