"""The configuration of an evaluation; each part is left out where it is not configured."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from ecgr1_core.modality import Modality
from training.chat import ChatConfig
from training.problems import OnProblem
from training.run_config import FilePath, RunConfig


class JudgeConfig(ChatConfig):
    """The judge of the seven criteria."""

    url_place: ClassVar[str] = "judge.url"
    key_place: ClassVar[str] = "judge.key_file"

    key_file: FilePath | None = Field(None, description="File that holds the key alone; unset: none is sent.")
    max_tokens: int = Field(3000, ge=1, description="Most tokens of one answer; seven lists with explanations.")
    at_once: int = Field(8, ge=1, alias="concurrency", description="Questions that are asked at the same time.")
    retries: int = Field(4, ge=0, description="How often one question is asked again after a failure.")
    timeout_s: float = Field(120.0, gt=0, description="Longest time without an answer, in seconds.")


class BenchmarkConfig(RunConfig):
    """A file of closed questions and where its recordings and pages lie."""

    file: FilePath = Field(description="The file of questions; of ECG-Reasoning-Benchmark also a folder of samples.")
    ecg_root: FilePath | None = Field(None, description="Folder of the recordings; unset: that of the file.")
    image_root: FilePath | None = Field(None, description="Folder of the pages; unset: that of the file.")
    limit: int | None = Field(None, ge=1, description="Only the first so many; unset: all.")


class EvaluateConfig(RunConfig):
    """What `ecgr1 train evaluate` does."""

    out: FilePath = Field(description="Folder to write to, and to go on with.")
    seed: int = Field(0, ge=0, description="Seed of the bootstrap intervals.")
    on_problem: OnProblem = Field("skip", description="What happens at a row that cannot be used: skip it, or stop.")

    rows: FilePath | None = Field(None, description="Test file in the published layout, one row a line.")
    recordings: FilePath | None = Field(None, description="Instead of rows: a folder of recordings with labels.")
    labels: FilePath | None = Field(None, description="Table of these labels; unset: labels.csv in the folder.")
    ecg_root: FilePath | None = Field(None, description="Folder of the rows' ECGs; unset: that of the file.")
    image_root: FilePath | None = Field(None, description="Folder of the rows' images; unset: that of the file.")
    draw_missing: bool = Field(
        False, description="Whether a page is drawn for a row that has a recording and no image."
    )
    limit: int | None = Field(None, ge=1, description="Only the first so many cases; unset: all.")

    readers: tuple[str, ...] = Field(("protocol",), description="Readers that are evaluated, by name.")
    modalities: tuple[Modality | Literal["row"], ...] = Field(
        ("row",), description="What they see: signal, image, both, swapped, or row: what the tags of each row say."
    )
    max_new_tokens: int | None = Field(None, ge=1, description="Most tokens of one reading; unset: the program's own.")
    model: FilePath | None = Field(None, description="Directory of the ECG-R1 that is read with; unset: ECGR1_MODEL.")
    adapter: FilePath | None = Field(None, description="LoRA adapter that is put on it; unset: ECGR1_MODEL_ADAPTER.")
    precision: Literal["auto", "bf16", "fp16", "fp32", "int8", "int4", "nf4"] | None = Field(
        None, description="Precision of its weights; unset: ECGR1_MODEL_PRECISION."
    )

    consistency: bool = Field(True, description="Whether signal-only and image-only readings are compared.")
    sentence_model: str | None = Field(None, description="Sentence model of SBERT; unset: the one that comes along.")
    judge: JudgeConfig | None = Field(None, description="The judge of the seven criteria; unset: none.")
    reasoning: BenchmarkConfig | None = Field(None, description="ECG-Reasoning-Benchmark; unset: not asked.")
    ecgbench: tuple[BenchmarkConfig, ...] = Field((), description="Files of ECGBench.")
    ratings: FilePath | None = Field(None, description="The evaluation.jsonl that a reader study exported.")

    @model_validator(mode="after")
    def _something_to_do(self) -> EvaluateConfig:
        if self.rows is not None and self.recordings is not None:
            raise ValueError("give rows or recordings, not both")
        if not (self.rows or self.recordings or self.reasoning or self.ecgbench or self.ratings):
            raise ValueError("there is nothing to evaluate: give rows, recordings, reasoning, ecgbench or ratings")
        return self
