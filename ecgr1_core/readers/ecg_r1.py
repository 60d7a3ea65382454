"""`EcgR1Reader`: ECG-R1 itself, from a directory that the settings name.

What it has in common with other models that lie in a directory is in `local_model`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgr1_core.errors import InputError
from ecgr1_core.modality import MODALITIES, Modality, ModalityView
from ecgr1_core.model.kinds import read_raw
from ecgr1_core.readers.local_model import LocalModel

if TYPE_CHECKING:
    from ecgr1_core.model.generation import Delta, GenerationOptions
    from ecgr1_core.model.loading import LoadedModel
    from ecgr1_core.settings import Settings


class EcgR1Reader(LocalModel):
    """ECG-R1 as a reader; it exists without a model too, and then says what to do to get one."""

    name = "ecg-r1"
    title = "ECG-R1"
    writes_together = True
    setting = "ECGR1_MODEL"
    to_get_one = (
        "fetch one with ecgr1 model fetch ECG-R1-8B-RL (17.7 GB), set ECGR1_MODEL to its directory, and start the "
        "program again"
    )
    to_correct = "set it to one that ecgr1 model info accepts, and start the program again"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.modalities = _taught(self.directory)

    @property
    def directory(self) -> Path | None:
        """The directory that ECGR1_MODEL names."""
        return self._settings.model

    @property
    def adapter(self) -> Path | None:
        """The LoRA adapter that ECGR1_MODEL_ADAPTER names."""
        return self._settings.model_adapter

    def _load(self, directory: Path) -> LoadedModel:
        from ecgr1_core.model.loading import load

        settings = self._settings
        return load(
            directory,
            precision=settings.model_precision,
            device=settings.model_device,
            adapter=settings.model_adapter,
        )

    def _deltas(
        self,
        loaded: LoadedModel,
        views: Sequence[ModalityView],
        options: GenerationOptions,
        cancelled: Callable[[], bool],
    ) -> Iterator[Delta]:
        from ecgr1_core.model.generation import generate

        return generate(loaded, views, options, cancelled=cancelled)

    def _notes(self, loaded: LoadedModel, view: ModalityView) -> list[str]:
        from ecgr1_core.model.views import notes_for

        return notes_for(view)


def _taught(directory: Path | None) -> tuple[Modality, ...]:
    """Return the modalities that the configuration of a model says it was taught; all where it says nothing."""
    named: Any = None
    if directory is not None:
        with suppress(InputError):  # told when it is asked to read
            named = read_raw(directory / "config.json").get("trained_modalities")
    return tuple(one for one in MODALITIES if one in (named or ())) or MODALITIES
