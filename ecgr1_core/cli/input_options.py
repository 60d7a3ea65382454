"""What the command line says about the input, as `ReadOptions`."""

from __future__ import annotations

import argparse

from ecgr1_core.formats import ReadOptions
from ecgr1_core.settings import Settings


def options_from(arguments: argparse.Namespace) -> ReadOptions:
    """Return the `ReadOptions` of the arguments that `add_input_arguments` added; the rest of `Settings`.

    Raises `InputError` for a value that cannot be meant.
    """
    settings = Settings()
    return ReadOptions(
        sampling_rate_hz=arguments.sampling_rate_hz,
        unit=arguments.unit,
        counts_per_mv=arguments.counts_per_mv,
        start_s=arguments.start_s,
        duration_s=arguments.duration_s,
        max_duration_s=settings.max_duration_s,
        pseudonym_key=settings.pseudonym_file,
    )
