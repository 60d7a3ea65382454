"""All that a DAPO run is told, each field with what it is; only the values themselves are checked here."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from training.dapo.rewards import REWARDS
from training.freezing import Lora, Parts, Weights
from training.imd import RELEASED, Environments
from training.problems import OnProblem
from training.run_config import FilePath, RunConfig

_Share = Annotated[float, Field(ge=0, le=1)]
_Count = Annotated[int, Field(ge=1)]


class DapoConfig(RunConfig):
    """A run of reinforcement learning by DAPO; the defaults are those of the released training where it tells them."""

    out: FilePath = Field(description="folder of the run; one that holds a run of this configuration is gone on with")
    model: FilePath = Field(description="checkpoint directory to begin with, as supervised training leaves it")
    rows: FilePath = Field(description="JSONL file of RL rows in the published layout, each with its solution")
    test_rows: tuple[FilePath, ...] = Field((), description="test files whose patients must not be among the rows")
    ecg_root: FilePath | None = Field(None, description="folder the ECG paths start at; default: the rows' own")
    image_root: FilePath | None = Field(None, description="folder the image paths start at; default: the rows' own")
    draw_missing: bool = Field(False, description="draw a page for rows that have a recording and no image")
    on_problem: OnProblem = Field("skip", description="what a row that cannot be used does: skip it, or stop the run")
    seed: int = Field(0, ge=0, description="seed of all that is random")
    shuffle: bool = Field(False, description="draw the rows in another order each epoch instead of the file's")

    imd: Environments = Field(RELEASED, description="how often a row is seen as signal, image, both or swapped")
    parts: Parts = Field(Parts(), description="which parts of the model learn, and how")
    lora: Lora = Field(Lora(), description="the adapter of parts that learn by LoRA")
    weights: Weights = Field("fp32", description="what weights that do not learn are held in; others are in float32")
    precision: Literal["fp32", "bf16"] = Field("bf16", description="what is computed in")

    epochs: float = Field(1.0, gt=0, description="how often the rows are gone through; refills take rows too")
    max_steps: _Count | None = Field(None, description="end after so many steps even if rows are left")
    prompts_per_step: _Count = Field(8, description="groups to learn from in one step, over all processes")
    group_size: int = Field(6, ge=2, description="completions of each row (K)")
    max_refills: int = Field(3, ge=0, description="rounds in which groups of equal rewards are replaced by other rows")
    updates_per_step: _Count = Field(1, description="optimizer updates on the same completions (mu)")

    temperature: float = Field(1.0, gt=0, le=10, description="temperature of sampling and of what is trained")
    max_new_tokens: _Count = Field(2048, description="longest completion, in tokens")
    overlong_buffer: int = Field(512, ge=0, description="last tokens over which the penalty for length grows; 0: none")
    overlong_filter: bool = Field(True, description="leave completions that were cut off out of the loss")

    rewards: dict[str, float] = Field(
        default={"format": 1.0, "accuracy": 1.0, "evidence": 1.0},
        description="weight of each reward; that of evidence is the paper's lambda",
    )
    reward_mode: Literal["published", "strict"] = Field(
        "published", description="rewards as released, or strict: whole words, negation, all six steps"
    )

    eps_low: _Share = Field(0.2, description="how far a probability may fall, as a share, before the clip")
    eps_high: float = Field(0.3, ge=0, description="how far a probability may rise, as a share, before the clip")
    learning_rate: float = Field(1e-6, gt=0, description="learning rate after warm-up")
    warmup_steps: int = Field(5, ge=0, description="steps over which the learning rate rises; it is constant after")
    weight_decay: float = Field(0.0, ge=0, description="weight decay of AdamW")
    max_grad_norm: float = Field(1.0, gt=0, description="gradients are scaled down to this norm")

    cpu: bool = Field(False, description="stay on the CPU where there is a GPU")
    gradient_checkpointing: bool = Field(False, description="compute activations twice to hold fewer in memory")
    prompts_at_once: _Count = Field(8, description="rows sampled at once on a process; fewer take less memory")
    rows_at_once: _Count = Field(4, description="completions in one forward pass of training; fewer take less memory")
    save_every: _Count = Field(10, description="steps between saved states")

    @property
    def saved_as(self) -> str:
        """The precision that the trained checkpoint is written in."""
        return "fp32" if self.weights == "fp32" else "bf16"

    @field_validator("rewards")
    @classmethod
    def _known_rewards(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = [name for name in value if name not in REWARDS]
        if unknown or not value:
            raise ValueError(f"rewards are {', '.join(REWARDS)}" + (f", not {unknown[0]}" if unknown else ""))
        return value

    @model_validator(mode="after")
    def _fitting_precision(self) -> Self:
        if self.weights != "fp32" and self.precision != "bf16":
            raise ValueError(f"weights in {self.weights} need the precision bf16")
        return self
