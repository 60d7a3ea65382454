"""What the sub-commands share: reading many paths, JSON out, errors as one line and an exit code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ecgr1_core.errors import InputError

BAD_INPUT = 2


def print_json(data: dict[str, Any], *, one_line: bool) -> None:
    """Print one JSON object on standard output: a line of its own among many, indented when it is the only one."""
    print(json.dumps(data, ensure_ascii=False, allow_nan=False, indent=None if one_line else 2), flush=True)


def for_each_path(paths: list[Path], work: Callable[[Path], dict[str, Any]]) -> int:
    """Run `work` on every path, print each result, and return the exit code.

    One path gives one indented object, several give JSON lines. Bad input is one line on standard error; the other
    paths are still done.
    """
    code = 0
    for path in paths:
        try:
            print_json(work(path), one_line=len(paths) > 1)
        except InputError as error:
            print(f"ecgr1: {error}", file=sys.stderr)
            code = BAD_INPUT
    return code


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the paths, and what to tell about files that do not say it themselves."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="recordings; several give JSON lines")
    parser.add_argument("--sampling-rate-hz", type=float, metavar="HZ", help="sampling rate, where a file has none")
    parser.add_argument("--unit", choices=("mV", "uV", "V", "nV"), help="unit of the samples, where a file has none")
    parser.add_argument(
        "--counts-per-mv",
        type=float,
        metavar="N",
        help="ignore the file's own calibration and take N stored counts for 1 mV (WFDB, exports of carts, arrays)",
    )
    parser.add_argument("--start-s", type=float, default=0.0, metavar="S", help="first second to read (default 0)")
    parser.add_argument("--duration-s", type=float, metavar="S", help="seconds to read (default: to the end)")
