"""`ModalityView`: one recording as a reader is to see it: the signal, the page image, or both in either order.

These are the four environments of the ECG-R1 paper. The view carries the recording and, where there is one, the page
image that came with it or was drawn from it; it does not draw pages itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from PIL import Image

from ecgr1_core.record import EcgRecord

Modality = Literal["signal", "image", "both", "swapped"]
MODALITIES: tuple[Modality, ...] = ("signal", "image", "both", "swapped")

ECG_TAG: Final = "<ecg>"
IMAGE_TAG: Final = "<image>"
"""What stands in a question where the ECG and the page are looked at, in the published rows and prompts."""


@dataclass(frozen=True)
class ModalityView:
    """What a reader gets: `modality`, the recording, and the page image where the modality includes one.

    `page_origin` says where the page came from: "upload", or "rendered" from the signal. `page_record` is the recording
    that was read off the page, where that has been done: a reader that measures need not do it again.
    """

    modality: Modality
    record: EcgRecord | None = None
    page: Image.Image | None = None
    page_origin: Literal["upload", "rendered"] | None = None
    page_record: EcgRecord | None = None

    def __post_init__(self) -> None:
        if self.modality not in MODALITIES:
            raise ValueError(f"modality must be one of {', '.join(MODALITIES)}, got {self.modality!r}")
        if self.sees_signal and self.record is None:
            raise ValueError(f"modality {self.modality!r} needs a recording")
        if self.sees_image and self.page is None:
            raise ValueError(f"modality {self.modality!r} needs a page image")

    @property
    def sees_signal(self) -> bool:
        """Whether the reader is given the waveform."""
        return self.modality != "image"

    @property
    def sees_image(self) -> bool:
        """Whether the reader is given the page image."""
        return self.modality != "signal"
