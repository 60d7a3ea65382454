"""What the command line says about the input, as `ReadOptions`."""

from __future__ import annotations

import argparse

from ecgr1_core.formats import ReadOptions
from ecgr1_core.settings import Settings


def options_from(arguments: argparse.Namespace) -> ReadOptions:
    """Return the `ReadOptions` of the arguments that `add_input_arguments` added; the longest duration from `Settings`.

    Raises `InputError` for a value that cannot be meant.
    """
    return ReadOptions(
        sampling_rate_hz=arguments.sampling_rate_hz,
        unit=arguments.unit,
        counts_per_mv=arguments.counts_per_mv,
        start_s=arguments.start_s,
        duration_s=arguments.duration_s,
        max_duration_s=Settings().max_duration_s,
    )
