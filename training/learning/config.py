"""What can be configured of every run that learns by gradient descent."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from training.problems import OnProblem
from training.run_config import FilePath, RunConfig


class LearningConfig(RunConfig):
    """What every stage shares that learns from rows by gradient descent; the defaults are for a small machine."""

    model: FilePath = Field(description="directory of the checkpoint to start from")
    train: FilePath = Field(description="file of rows to learn from (JSONL, published layout)")
    test: FilePath | None = Field(None, description="file of held-out rows; no patient of it may be in the other")
    ecg_root: FilePath | None = Field(None, description="folder of the recordings (default: that of the rows)")
    image_root: FilePath | None = Field(None, description="folder of the pages (default: that of the rows)")
    out: FilePath = Field(description="folder of the run: config, logs, checkpoints and what it makes")
    seed: int = Field(0, ge=0, description="seed of all that is random")
    on_problem: OnProblem = Field("skip", description="what a row that cannot be used does: skip it, or stop the run")

    epochs: float = Field(1.0, gt=0, description="passes over the rows")
    max_steps: int | None = Field(None, ge=1, description="steps in all, in place of epochs")
    batch_rows: int = Field(4, ge=1, description="rows of one pass of one process")
    accumulate: int = Field(1, ge=1, description="passes whose gradients make one step")
    learning_rate: float = Field(2e-5, gt=0, description="highest learning rate of AdamW")
    warmup: float = Field(0.03, ge=0, lt=1, description="share of the steps in which the learning rate rises")
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="how it falls afterwards")
    weight_decay: float = Field(0.0, ge=0, description="weight decay of AdamW")
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient; beyond it is scaled down")
    bf16: bool = Field(False, description="compute in bf16 (autocast); weights that learn stay as they are held")
    cpu: bool = Field(False, description="stay on the CPU where there is a GPU")
    workers: int = Field(0, ge=0, description="processes that prepare rows beside each process that learns")

    log_every: int = Field(10, ge=1, description="steps between two lines of metrics.jsonl")
    test_every: int = Field(200, ge=1, description="steps between two passes over the held-out rows")
    test_rows: int = Field(200, ge=1, description="held-out rows that are used, the first of the file")
    save_every: int = Field(200, ge=1, description="steps between two checkpoints")
    keep_checkpoints: int = Field(2, ge=1, description="checkpoints that are kept, the latest")
    resume: bool = Field(True, description="go on from the last checkpoint of `out`, where there is one")
