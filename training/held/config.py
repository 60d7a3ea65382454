"""What can be configured of a run whose rows are held on the accelerator."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from training.freezing import Parts
from training.imd import RELEASED, Environments
from training.run_config import FilePath, RunConfig
from training.synthesis.drawing import Disturbance


class Stage(RunConfig):
    """One stage: so many steps, or as many as fit into some seconds; the learning rate falls to 0 by the end of it."""

    steps: int = Field(1000, ge=0, description="steps; 0 leaves the stage out")
    seconds: float | None = Field(None, gt=0, description="in place of steps: how long it may take")
    batch_rows: int = Field(64, ge=1, description="rows of a step")
    learning_rate: float = Field(1e-3, gt=0, description="highest learning rate of AdamW")
    weight_decay: float = Field(0.05, ge=0, description="weight decay of AdamW, of what is no bias or norm")
    warmup_steps: int = Field(100, ge=1, description="steps over which the learning rate rises")

    @property
    def runs(self) -> bool:
        """Whether the stage takes place."""
        return self.steps > 0 or self.seconds is not None


class HeldConfig(RunConfig):
    """Towers, then the whole model, from the weights of `model`.

    Every row has a recording, and a page too unless all that is learned is of the signal. A run that was broken off
    goes on in the same folder; stages that were done are not done again.
    """

    model: FilePath = Field(description="directory of the checkpoint to start from")
    ecg_tower: FilePath | None = Field(None, description="file of an ECG tower to start with; unset: that of the model")
    vision_tower: FilePath | None = Field(None, description="file of a vision tower to start with, likewise")
    train: FilePath | tuple[FilePath, ...] = Field(
        description="file of rows to learn from (JSONL, published layout), or a list of such files"
    )
    check: FilePath | None = Field(None, description="file of rows not learned from, to see how far it carries over")
    check_rows: int = Field(512, ge=1, description="rows of it that are looked at, drawn with the seed")
    out: FilePath = Field(description="folder of the run: the model, both towers, curves and summary")
    seed: int = Field(0, ge=0, description="seed of all that is random")
    jobs: int = Field(2, ge=1, description="processes that prepare the rows")
    device: Literal["cuda", "cpu"] = Field("cuda", description="cuda, or cpu")
    bf16: bool = Field(True, description="compute in bf16 (autocast), but on a CPU that is slower in it")

    tower: Stage = Field(Stage(batch_rows=256), description="pre-training of the ECG tower")
    vision: Stage = Field(Stage(batch_rows=96), description="pre-training of the vision tower")
    sft: Stage = Field(Stage(batch_rows=128), description="supervised fine-tuning of the whole model")
    q: Environments = Field(RELEASED, description="share of each environment in fine-tuning")
    parts: Parts = Field(Parts(), description="what of the model learns in fine-tuning, and how")

    digits: float = Field(
        1.0,
        ge=0,
        description="weight of a digit in the loss of fine-tuning, of other tokens 1: readings have many digits, few "
        "words that name a finding",
    )
    rare: float = Field(
        0.0,
        ge=0,
        le=1,
        description="how much more rare tokens weigh in fine-tuning: one that a share s of the answers have weighs "
        "s ** -rare, up to 4; a finding that few have is named sooner",
    )
    average: bool = Field(
        False,
        description="after fine-tuning keep, of the weights of `model`, those learned and the mean of both, those with "
        "the least loss of `check`: for a model that is gone on with",
    )
    without_imd: Stage = Field(
        Stage(steps=0), description="fine-tuning in another model that is always shown both, to compare with"
    )

    disturbed: float = Field(0.5, ge=0, le=1, description="share of the recordings that are disturbed, anew each time")
    wander_mv: float = Field(0.12, ge=0, description="most baseline wander of those (RMS in lead I)")
    muscle_mv: float = Field(0.03, ge=0, description="most muscle noise of those (RMS in lead I)")
    shifted_s: float = Field(0.2, ge=0, le=2, description="most that is cut off the beginning of a recording")
    stretched: float = Field(
        0.5, ge=0, le=1, description="share of what the ECG tower sees that is made up to a sixth faster or slower"
    )
    hidden: float = Field(
        0.3, ge=0, le=1, description="share of what the ECG tower sees of which one to three leads are hidden"
    )
    fresh: int = Field(
        0, ge=0, description="synthetic recordings that the ECG tower is shown beside the rows, told by their truth"
    )
    fresh_share: float = Field(
        0.5, gt=0, lt=1, description="share of them in what the ECG tower sees, if there are any"
    )
    log_every: int = Field(100, ge=1, description="steps between two lines of the curves")
    save_every_s: float = Field(300, gt=0, description="seconds after which a stage is kept to be gone on with")

    @field_validator("train")
    @classmethod
    def _some_file(cls, value: Path | tuple[Path, ...]) -> Path | tuple[Path, ...]:
        if not value:
            raise ValueError("names no file")
        return value

    @model_validator(mode="after")
    def _can_be_averaged(self) -> HeldConfig:
        if self.average and self.check is None:
            raise ValueError("average needs check, by whose rows it chooses")
        if self.average and "lora" in self.parts.model_dump().values():
            raise ValueError("average needs parts that learn in full: an adapter has no weights before it")
        return self

    @property
    def train_files(self) -> tuple[Path, ...]:
        """The files of rows to learn from."""
        return (self.train,) if isinstance(self.train, Path) else self.train

    @property
    def needs_pages(self) -> bool:
        """Whether anything is learned of pages."""
        fine_tuned = self.sft.runs and any(share for seen, share in self.q.items() if seen != "signal")
        return self.vision.runs or self.without_imd.runs or fine_tuned

    @property
    def disturbance(self) -> Disturbance:
        """What disturbs a recording; devices of all sorts."""
        return Disturbance(self.wander_mv, self.muscle_mv, devices=True)
