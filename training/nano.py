"""ECG-R1-nano, a small model to come with the program, made by the pipeline from its own file: `ecgr1 train nano`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from ecgr1_core.errors import InputError
from training.pipeline import PipelineConfig, run_pipeline
from training.run_config import FilePath


class NanoConfig(PipelineConfig):
    """A pipeline whose real recordings lie in a folder of their own, as the tables of its file name them."""

    data: FilePath | None = Field(
        None, description="folder with ptbxl, ludb and challenge2021; unset: synthetic recordings alone"
    )
    tables: FilePath = Field(
        Path(__file__).parent / "configs", description="folder of the tables that the sources name"
    )


def run_nano(config: NanoConfig) -> dict[str, Any]:
    """Run the pipeline and return its summary. Raises InputError as it does, and where the recordings are not there."""
    return run_pipeline(pipeline_of(config))


def pipeline_of(config: NanoConfig) -> PipelineConfig:
    """Return the pipeline with the folders of its sources filled in, and without real recordings where none are given.

    Raises InputError where the folder of recordings is missing.
    """
    if config.data is not None and not config.data.is_dir():
        raise InputError(config.data, "there is no such folder", "give the folder with ptbxl, ludb and challenge2021")
    sources = []
    for source in config.corpus.get("sources", ()):
        if source.get("from") == "folder":
            if config.data is None:
                continue
            source = {"folder": str(config.data.resolve())} | source
            if "table" in source:
                source["table"] = str((config.tables / source["table"]).resolve())
        sources.append(source)
    groups = config.model_dump(exclude={"data", "tables"})
    return PipelineConfig(**(groups | {"corpus": {**config.corpus, "sources": sources}}))
