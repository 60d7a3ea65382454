"""The whole method in one run: corpus, fresh model, towers, SFT with IMD, DAPO with EDER, evaluation, one report.

The ECG tower is always pre-trained, the vision tower where the file has a group for it. Each stage is the one that also
runs by itself; only the paths from one to the next are filled in here. A stage that was done is not done again, and one
that was broken off goes on where it stood.
"""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from ecgr1_core.errors import InputError
from training.pipeline_report import write_report
from training.run_config import FilePath, RunConfig, checked
from training.stages import STAGES

_log = logging.getLogger(__name__)
_DONE: Final = "stages.json"
_GIVEN: Final = "is filled in by the pipeline"


class PipelineConfig(RunConfig):
    """One run of everything; each group holds fields of that stage, without the paths from one stage to the next."""

    out: FilePath = Field(description="folder of the run; one that was broken off is gone on with")
    corpus: dict[str, Any] = Field(description="fields of `ecgr1 train corpus`")
    start: dict[str, Any] = Field(default_factory=dict, description="fields of `ecgr1 train start`")
    tower: dict[str, Any] = Field(default_factory=dict, description="fields of `ecgr1 train tower`")
    vision: dict[str, Any] | None = Field(
        None, description="fields of `ecgr1 train vision`, which runs only where there is this group"
    )
    sft: dict[str, Any] = Field(default_factory=dict, description="fields of `ecgr1 train sft`")
    held: dict[str, Any] | None = Field(
        None, description="fields of `ecgr1 train held`, which where there is this group takes the place of those three"
    )
    dapo: dict[str, Any] = Field(default_factory=dict, description="fields of `ecgr1 train dapo`")
    evaluate: dict[str, Any] = Field(default_factory=dict, description="fields of `ecgr1 evaluate`")


def run_pipeline(config: PipelineConfig) -> dict[str, Any]:
    """Run all stages into folders of `config.out` and return their summaries by name, with the seconds of each.

    The test file is read by the model after SFT and after DAPO, and by the protocol reader. Writes report.html and
    stages.json. Raises InputError as the stages do, and for a group with a field that the pipeline fills in.
    """
    out = config.out
    # All groups are checked before the first stage takes its minutes.
    steps = planned(config)
    done = _done(out, config)
    for name, stage, ready in steps:
        if name in done:
            _log.info("%s: done before", name)
            continue
        _log.info("%s", name)
        began = time.monotonic()
        _kind, run = STAGES[stage].load()
        done[name] = {"seconds": 0.0, "summary": json.loads(json.dumps(run(ready), default=str))}
        done[name]["seconds"] = round(time.monotonic() - began, 1)
        _keep(out, config, done)
    write_report(out, done)
    return {"out": str(out), "report": str(out / "report.html"), "stages": done}


def planned(config: PipelineConfig) -> list[tuple[str, str, RunConfig]]:
    """Return name, stage and configuration of each step; InputError for a group with a field that does not belong."""
    out = config.out
    corpus, start, tower, vision = out / "corpus", out / "start", out / "tower", out / "vision"
    dapo, held = out / "dapo", out / "held"
    sft = out / "sft" if config.held is None else held
    test, images = corpus / "test.jsonl", {"draw_missing": True}
    seen = config.evaluate.get("modalities", ["signal"])  # the protocol reader has one record, and no order of two
    reading = {"rows": test, "readers": ["ecg-r1"], **images}
    towers = {"measured": out / "measured"}
    learning = {"model": start, "train": corpus / "sft.jsonl", "test": test}
    pages: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = []
    if config.vision is not None:
        pages = [("vision", "vision", config.vision, {"out": vision, **learning, **towers, **images})]
    taught: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("tower", "tower", config.tower, {"out": tower, **learning, **towers}),
        *pages,
        (
            "sft",
            "sft",
            config.sft,
            {
                **{"out": sft, "ecg_tower": tower / "tower.safetensors"},
                **({"vision_tower": vision / "vision.safetensors"} if pages else {}),
                **learning,
                **images,
            },
        ),
    ]
    if config.held is not None:
        rows = {"train": corpus / "sft.jsonl", "check": corpus / "rl.jsonl"}
        taught = [("held", "held", config.held, {"out": held, "model": start, **rows})]
    plan: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("corpus", "corpus", config.corpus, {"out": corpus}),
        ("start", "start", config.start, {"out": start, "rows": [corpus / "sft.jsonl"]}),
        *taught,
        (
            "dapo",
            "dapo",
            config.dapo,
            {"out": dapo, "model": sft / "model", "rows": corpus / "rl.jsonl", "test_rows": [test], **images},
        ),
        ("read after SFT", "evaluate", config.evaluate, {"out": out / "read_sft", "model": sft / "model", **reading}),
        (
            "read after DAPO",
            "evaluate",
            config.evaluate,
            {"out": out / "read_dapo", "model": dapo / "model", **reading},
        ),
        (
            "read by the protocol",
            "evaluate",
            {**config.evaluate, "modalities": [one for one in seen if one in ("signal", "image")]},
            {"out": out / "read_protocol", "rows": test, "readers": ["protocol"], **images},
        ),
    ]
    return [(name, stage, _config(stage, given, paths, out)) for name, stage, given, paths in plan]


def _config(stage: str, given: dict[str, Any], paths: dict[str, Any], folder: Path) -> RunConfig:
    """Return the configuration of a stage; InputError for a field that is filled in, unknown or does not fit."""
    kind, _run = STAGES[stage].load()
    if both := sorted(set(given) & set(paths)):
        raise InputError(f"{stage}.{both[0]}", _GIVEN, "take it out of the file")
    known = {name for name, field in kind.model_fields.items()} | {
        field.alias for field in kind.model_fields.values() if field.alias
    }
    return checked(kind, {**given, **{name: path for name, path in paths.items() if name in known}}, folder, stage)


def _done(out: Path, config: PipelineConfig) -> dict[str, Any]:
    """Return the stages that were done by a run of the same configuration; InputError where it was another."""
    path = out / _DONE
    if not path.exists():
        return {}
    held = json.loads(path.read_text(encoding="utf-8"))
    if held["config"] != _told(config):
        raise InputError(out, "holds a run of another configuration", "give another folder with --set out=…")
    stages: dict[str, Any] = held["stages"]
    return stages


def _keep(out: Path, config: PipelineConfig, done: dict[str, Any]) -> None:
    beside = out / (_DONE + ".part")
    text = json.dumps({"config": _told(config), "stages": done}, ensure_ascii=False, indent=1)
    beside.write_text(text + "\n", encoding="utf-8")
    beside.replace(out / _DONE)


def _told(config: PipelineConfig) -> Any:
    return json.loads(config.model_dump_json(exclude={"out"}))
