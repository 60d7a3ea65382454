"""How a reader that loads a model is to write: the options of the commands that ask one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

from ecgr1_core.settings import Settings

_PRECISIONS = get_args(Settings.model_fields["model_precision"].annotation)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ECG-R1 and of other models that lie in a directory."""
    model = parser.add_argument_group("for readers that load a model")
    model.add_argument("--model", type=Path, metavar="DIR", help="directory of ECG-R1 (default: ECGR1_MODEL)")
    model.add_argument("--precision", choices=_PRECISIONS, help="of the weights (default: ECGR1_MODEL_PRECISION)")
    model.add_argument("--max-new-tokens", type=int, metavar="N", help="longest reading, in tokens (default 2048)")
    model.add_argument("--temperature", type=float, metavar="T", help="0 is greedy (default), above it draws tokens")
    model.add_argument("--top-p", type=float, metavar="P", help="draw from the most probable tokens that hold P")
    model.add_argument("--seed", type=int, metavar="N", help="seed of what is drawn (default 0)")


def given_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return by name how tokens are to be drawn, None for what was not given."""
    return {name: getattr(arguments, name) for name in ("max_new_tokens", "temperature", "top_p", "seed")}
