"""The sub-commands of the core, one module each.

They are info, convert, measure, render, digitize, interpret, compare, verify, score, report, model and fetch-examples.
"""

from __future__ import annotations

import argparse

from ecgr1_core.cli import (
    compare,
    convert,
    digitize,
    fetch_examples,
    info,
    interpret,
    measure,
    model,
    render,
    report,
    score,
    verify,
)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-commands of the core."""
    first = (info, convert, measure, render, digitize, interpret)
    for module in (*first, compare, verify, score, report, model, fetch_examples):
        module.register(commands)
