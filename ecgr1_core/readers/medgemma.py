"""`MedGemmaReader`: Google's MedGemma, from a directory that the settings name; it sees the page only.

Any Gemma 3 that reads images is read: MedGemma 4B and 27B (not the text-only 27B). It was never trained on ECGs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ecgr1_core.modality import Modality
from ecgr1_core.readers.local_model import CARDIOLOGIST, GuestModel

if TYPE_CHECKING:
    from ecgr1_core.model.loading import LoadedModel


class MedGemmaReader(GuestModel):
    """Google's MedGemma as a reader of pages."""

    name = "medgemma"
    title = "MedGemma"
    modalities: tuple[Modality, ...] = ("image",)
    setting = "ECGR1_MEDGEMMA"
    to_get_one = (
        "accept its terms at huggingface.co/google/medgemma-27b-it, fetch that (or medgemma-4b-it), set "
        "ECGR1_MEDGEMMA to its directory, and start the program again"
    )
    to_correct = "set it to one with the files of google/medgemma-27b-it or medgemma-4b-it, and start the program again"
    kind = "gemma3"
    system = CARDIOLOGIST

    @property
    def directory(self) -> Path | None:
        """The directory that ECGR1_MEDGEMMA names."""
        return self._settings.medgemma

    def _open(self, directory: Path) -> LoadedModel:
        from ecgr1_core.model.gemma import load_gemma

        settings = self._settings
        return load_gemma(directory, precision=settings.model_precision, device=settings.model_device)
