"""The training room's part of the `ecgr1` command: `synthesize`, `train`, `evaluate`, and the app's examples."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecgr1_core.cli.common import print_json
from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS, EcgRecord
from training import stage_commands
from training.synthesis import KINDS, NoiseSpec, SyntheticSpec, Truth, kind_spec, synthesize, varied
from training.wfdb_files import write_wfdb

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_EXAMPLES: tuple[tuple[str, str, int], ...] = (
    ("sinus", "Synthetic: sinus rhythm 72/min", 11),
    ("atrial_fibrillation", "Synthetic: atrial fibrillation", 12),
    ("lbbb", "Synthetic: left bundle branch block", 13),
    ("inferior_stemi", "Synthetic: inferior STEMI", 14),
    ("av_block_1", "Synthetic: AV block I", 15),
)
_EXAMPLE_NOISE = NoiseSpec(baseline_wander_mv=0.03, muscle_rms_mv=0.008)


def register(commands: Commands) -> None:
    """Add the sub-commands `synthesize`, `train` and `evaluate`."""
    stage_commands.register(commands)
    parser = commands.add_parser(
        "synthesize",
        help="write synthetic ECGs whose truth is known",
        description="Write synthetic 12-lead ECGs as WFDB records (1 µV per count), the truth of each beside it as "
        "NAME.truth.json, and print both as JSON.",
    )
    parser.add_argument("--kind", required=True, metavar="KIND", help=f"all, or one of: {', '.join(KINDS)}")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="folder to write to; made if missing")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all that is random (default 0)")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="records of each kind (default 1)")
    parser.add_argument("--typical", action="store_true", help="the kind's typical values, not another patient each")
    parser.add_argument("--sampling-rate-hz", type=float, default=500.0, metavar="HZ", help="default 500")
    parser.add_argument("--duration-s", type=float, default=10.0, metavar="S", help="length (default 10)")
    parser.add_argument("--heart-rate-bpm", type=float, metavar="BPM", help="ventricular rate (default: the kind's)")
    parser.add_argument("--wander-mv", type=float, default=0.0, metavar="MV", help="baseline wander, RMS in lead I")
    parser.add_argument("--muscle-mv", type=float, default=0.0, metavar="MV", help="muscle noise, RMS in lead I")
    parser.add_argument("--mains-mv", type=float, default=0.0, metavar="MV", help="mains interference, peak in lead I")
    parser.add_argument(
        "--mains-hz", type=float, default=50.0, metavar="HZ", help="frequency of the mains (default 50)"
    )
    parser.add_argument(
        "--lead-off", action="append", choices=LEADS, default=[], metavar="LEAD", help="a flat lead; may be repeated"
    )
    parser.add_argument("--swap-arms", action="store_true", help="exchange the arm electrodes")
    parser.set_defaults(run=run_synthesize)


def run_synthesize(arguments: argparse.Namespace) -> int:
    """Write and print the records asked for; `InputError` for values or a folder that cannot be used."""
    if arguments.count < 1:
        raise InputError("--count", f"{arguments.count} records cannot be written", "give 1 or more")
    if arguments.seed < 0:
        raise InputError("--seed", f"{arguments.seed} is negative", "give 0 or more")
    kinds = list(KINDS) if arguments.kind == "all" else [arguments.kind]
    several = len(kinds) * arguments.count > 1
    for kind in kinds:
        for number in range(arguments.count):
            rng = np.random.default_rng([arguments.seed, number, *kind.encode()])
            name = f"{kind}_seed{arguments.seed}_{number:04d}"
            spec = _asked(kind, arguments, rng)
            record, truth = synthesize(replace(spec, name=name), rng)
            path = write_record(arguments.out, record, truth, kind=kind)
            print_json(
                {
                    "path": str(path),
                    "kind": kind,
                    "seed": arguments.seed,
                    "number": number,
                    "sampling_rate_hz": record.sampling_rate_hz,
                    "truth": truth.to_json(),
                },
                one_line=several,
            )
    return 0


def _asked(kind: str, arguments: argparse.Namespace, rng: np.random.Generator) -> SyntheticSpec:
    spec = kind_spec(kind)
    if arguments.heart_rate_bpm is not None:
        spec = replace(spec, heart_rate_bpm=arguments.heart_rate_bpm)
    if not arguments.typical:
        drawn = varied(spec, rng)
        spec = drawn if arguments.heart_rate_bpm is None else replace(drawn, heart_rate_bpm=spec.heart_rate_bpm)
    noise = NoiseSpec(
        baseline_wander_mv=arguments.wander_mv,
        muscle_rms_mv=arguments.muscle_mv,
        mains_mv=arguments.mains_mv,
        mains_hz=arguments.mains_hz,
        leads_off=tuple(arguments.lead_off),
        arm_leads_swapped=arguments.swap_arms,
    )
    return replace(spec, sampling_rate_hz=arguments.sampling_rate_hz, duration_s=arguments.duration_s, noise=noise)


def write_record(folder: Path, record: EcgRecord, truth: Truth, *, kind: str) -> Path:
    """Write NAME.hea, NAME.dat (format 16, 1 µV per count) and NAME.truth.json, and return the path of the header.

    Files of the same name are replaced. `InputError` where the folder cannot be made or written.
    """
    comments = ("synthetic ECG, not a patient", f"kind: {kind}", f"labels: {', '.join(truth.names)}")
    try:
        path, _ = write_wfdb(folder, record, comments)
        text = json.dumps(truth.to_json(), ensure_ascii=False, allow_nan=False, indent=1)
        (folder / f"{record.name}.truth.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        fault = f"cannot be written to ({(error.strerror or str(error)).lower()})"
        raise InputError(folder, fault, "give another folder with --out") from error
    return path


def example_recordings() -> list[EcgRecord]:
    """Return the recordings the app opens with, the same at every start: 10 s at 500 Hz with a little noise."""
    return [
        synthesize(replace(kind_spec(kind), name=name, noise=_EXAMPLE_NOISE), np.random.default_rng(seed))[0]
        for kind, name, seed in _EXAMPLES
    ]
