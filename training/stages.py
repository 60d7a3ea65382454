"""The stages of training by name: what configures each and what runs it, imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from training.run_config import RunConfig


@dataclass(frozen=True)
class Stage:
    """One stage: `does` for the help, and where its configuration and its function are.

    `file` is the configuration that is taken where none is given.
    """

    name: str
    does: str
    config: str
    function: str
    file: Path | None = None

    def load(self) -> tuple[type[RunConfig], Callable[[Any], dict[str, Any]]]:
        """Return the class of its configuration and the function that takes one and returns what came of it."""
        found = []
        for place in (self.config, self.function):
            module, _, name = place.partition(":")
            found.append(getattr(import_module(module), name))
        kind, run = found
        return kind, run


STAGES: Final = {
    stage.name: stage
    for stage in (
        Stage(
            "corpus",
            "write rows of recordings, each read by the protocol or by a language model that it guides",
            "training.corpus.config:CorpusConfig",
            "training.corpus.run:run_corpus",
        ),
        Stage(
            "start",
            "write a fresh small ECG-R1 with a tokenizer of the corpus's words",
            "training.start:StartConfig",
            "training.start:run_start",
        ),
        Stage(
            "tower",
            "pre-train an ECG tower on measurements, labels and texts",
            "training.tower.config:TowerConfig",
            "training.tower.run:run_tower",
        ),
        Stage(
            "vision",
            "pre-train the vision tower on pages: measurements, labels and texts of what they show",
            "training.tower.config:VisionConfig",
            "training.tower.run:run_vision",
        ),
        Stage(
            "sft",
            "fine-tune on written readings, with interleaved modality dropout",
            "training.sft.config:SftConfig",
            "training.sft.run:run_sft",
        ),
        Stage(
            "held",
            "teach both towers and the model with all rows held on one GPU, in place of tower, vision and sft",
            "training.held.config:HeldConfig",
            "training.held.run:run_held",
        ),
        Stage(
            "dapo",
            "reinforce by format, labels and evidence (DAPO with EDER)",
            "training.dapo.config:DapoConfig",
            "training.dapo.loop:run_dapo",
        ),
        Stage(
            "evaluate",
            "read a test file and score what was read",
            "training.evaluate.config:EvaluateConfig",
            "training.evaluate.run:run_evaluate",
        ),
        Stage(
            "pipeline",
            "all of these in a row, from the corpus to a report",
            "training.pipeline:PipelineConfig",
            "training.pipeline:run_pipeline",
        ),
        Stage(
            "nano",
            "train ECG-R1-nano, a small model to come with the program, by the whole pipeline",
            "training.nano:NanoConfig",
            "training.nano:run_nano",
            Path(__file__).parent / "configs" / "nano.yaml",
        ),
    )
}
