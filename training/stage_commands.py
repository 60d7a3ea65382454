"""`ecgr1 train STAGE` and `ecgr1 evaluate`: a stage of training run from its YAML file, its summary printed as JSON."""

from __future__ import annotations

import argparse
import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ecgr1_core.cli.common import print_json
from ecgr1_core.errors import InputError
from training.run_config import RunConfig, load_config
from training.stages import STAGES, Stage

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: Commands) -> None:
    """Add the sub-commands `train` and `evaluate`."""
    train = commands.add_parser(
        "train",
        help="the stages of training, each from one YAML file",
        description="Run a stage of training. Runs write into the folder `out` of their file, go on where they were "
        "broken off, and print their summary as JSON; training/configs/ has a commented file for each.",
    )
    stages = train.add_subparsers(dest="stage", metavar="STAGE", required=True, help="the stage to run")
    for stage in STAGES.values():
        _add(stages.add_parser(stage.name, help=stage.does, description=_sentence(stage.does)), stage)
    evaluate = STAGES["evaluate"]
    _add(commands.add_parser("evaluate", help=evaluate.does, description=_sentence(evaluate.does)), evaluate)


def _add(parser: argparse.ArgumentParser, stage: Stage) -> None:
    own = "" if stage.file is None else f" (default: {stage.file.name}, which comes along)"
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"the YAML file of the run{own}")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="another value of a field, such as seed=1 or parts.ecg_tower=full; may be repeated",
    )
    parser.add_argument("--fields", action="store_true", help="say what each field of the file is, and run nothing")
    parser.set_defaults(run=partial(run_stage, stage))


def run_stage(stage: Stage, arguments: argparse.Namespace) -> int:
    """Run a stage and print its summary; progress goes to standard error. Raises InputError as the stage does."""
    kind, run = stage.load()
    if arguments.fields:
        print("\n".join(fields_of(kind)))
        return 0
    config = arguments.config or stage.file
    if config is None:
        raise InputError("--config", "is missing", "give the YAML file of the run")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("training").setLevel(logging.INFO)
    print_json(run(load_config(kind, config, arguments.set)), one_line=False)
    return 0


def fields_of(kind: type[RunConfig]) -> list[str]:
    """Return a line for each field of a configuration: its name, what it is, and what it is unless given."""
    lines = []
    for name, field in kind.model_fields.items():
        default = "required" if field.is_required() else f"default {field.get_default(call_default_factory=True)}"
        lines.append(f"{field.alias or name}: {field.description} ({default})")
    return lines


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
