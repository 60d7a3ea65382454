"""Puts the program together: the `ecgr1` command out of each room's `cli.py`, and the examples the app opens with."""

from __future__ import annotations

import argparse
import sys
import traceback

import annotations.cli
import ecgr1_core.cli
import training.cli
import ui.cli
from ecgr1_core import __version__
from ecgr1_core.errors import InputError


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the `ecgr1` command with the sub-commands of every room."""
    parser = argparse.ArgumentParser(
        prog="ecgr1", description="Read 12-lead ECGs with ECG-R1. Research use; not a diagnosis."
    )
    parser.add_argument("--version", action="version", version=f"ecgr1 {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an internal fault")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    ecgr1_core.cli.register(commands)
    annotations.cli.register(commands)
    training.cli.register(commands)
    ui.cli.register(commands, examples=training.cli.example_recordings)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 when all went well, 2 for bad input, 1 for a fault of ours."""
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except InputError as error:
        print(f"ecgr1: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:  # the last resort: a fault of ours is one line too, unless its traceback is wanted
        if arguments.debug:
            traceback.print_exc()
        print(f"ecgr1: internal fault: {type(error).__name__}: {error}; --debug shows where", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
