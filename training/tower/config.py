"""What can be configured of the pre-training of a tower: of the ECG tower, and of the vision tower."""

from __future__ import annotations

from pydantic import Field

from training.learning.config import LearningConfig
from training.media import Looks
from training.run_config import FilePath
from training.synthesis.drawing import Disturbance


class PretrainingConfig(LearningConfig):
    """Pre-training of a tower of `model`, from the weights it has there; an objective of weight 0 is left out."""

    weight_decay: float = Field(0.05, ge=0, description="weight decay of AdamW")
    measurements: float = Field(1.0, ge=0, description="weight of the regression of measurements")
    labels: float = Field(1.0, ge=0, description="weight of the classification of labels")
    contrastive: float = Field(1.0, ge=0, description="weight of CoCa's contrastive loss")
    captioning: float = Field(2.0, ge=0, description="weight of CoCa's captioning loss")
    measured: FilePath | None = Field(
        None, description="folder that keeps what was measured, for other runs on the same rows too (default: out)"
    )
    fresh: float = Field(
        0.0, ge=0, le=1, description="share of the examples that are synthetic recordings drawn once, in place of a row"
    )
    wander_mv: float = Field(0.08, ge=0, description="most baseline wander of those (RMS in lead I)")
    muscle_mv: float = Field(0.02, ge=0, description="most muscle noise of those (RMS in lead I)")
    devices: bool = Field(False, description="those are shown as by devices of all sorts")
    text_width: int = Field(128, ge=8, description="width of the text tower, which is dropped afterwards")
    text_layers: int = Field(2, ge=1, description="layers of each of its two halves")
    text_heads: int = Field(4, ge=1, description="attention heads of its layers")
    text_tokens: int = Field(76, ge=8, description="tokens of a text; longer ones are cut")

    @property
    def disturbance(self) -> Disturbance:
        """What disturbs a recording that is drawn or shown anew."""
        return Disturbance(self.wander_mv, self.muscle_mv, self.devices)

    @property
    def objectives(self) -> dict[str, float]:
        """The weight of each objective."""
        return {name: getattr(self, name) for name in ("measurements", "labels", "contrastive", "captioning")}


class TowerConfig(PretrainingConfig):
    """Pre-training of the ECG tower on recordings."""

    disturbed: float = Field(
        0.0, ge=0, le=1, description="share of the rows' recordings that are given such noise and device anew each time"
    )
    waves: float = Field(
        1.0, ge=0, description="weight of telling, of every tenth of a second, what waves are there and how far R is"
    )
    batch_rows: int = Field(32, ge=1, description="rows of one pass of one process; contrast is within them")
    learning_rate: float = Field(5e-4, gt=0, description="highest learning rate of AdamW")

    @property
    def objectives(self) -> dict[str, float]:
        """The weight of each objective, that of the waves too."""
        return {**super().objectives, "waves": self.waves}


class VisionConfig(PretrainingConfig):
    """Pre-training of the vision tower with its mergers on pages; the recordings of their rows say what is true."""

    batch_rows: int = Field(16, ge=1, description="rows of one pass of one process; contrast is within them")
    learning_rate: float = Field(1e-4, gt=0, description="highest learning rate of AdamW")
    draw_missing: bool = Field(True, description="draw a page for rows that have a recording and no page")
    looks: Looks = Field(
        "varied",
        description="how pages are drawn: plain, varied (another look in each epoch), or worn (these as scanned or "
        "photographed)",
    )
    traces: float = Field(
        1.0, ge=0, description="weight of telling, of every part of a page, which lead runs there and at what voltage"
    )
    gradient_checkpointing: bool = Field(False, description="compute activations again instead of keeping them")

    @property
    def objectives(self) -> dict[str, float]:
        """The weight of each objective, that of the traces too."""
        return {**super().objectives, "traces": self.traces}
