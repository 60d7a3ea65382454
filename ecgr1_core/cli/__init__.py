"""The sub-commands of the core, one module each.

They are info, measure, render, digitize, interpret, compare, verify, score, report, model and fetch-examples.
"""

from __future__ import annotations

import argparse

from ecgr1_core.cli import (
    compare,
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
    for module in (info, measure, render, digitize, interpret, compare, verify, score, report, model, fetch_examples):
        module.register(commands)
