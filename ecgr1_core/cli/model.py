"""`ecgr1 model`: fetch an ECG-R1, look at one without loading it, and make a smaller one of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecgr1_core.cli.common import print_json
from ecgr1_core.errors import InputError
from ecgr1_core.settings import Settings

if TYPE_CHECKING:
    from ecgr1_core.model.checkpoint import CheckpointInfo
    from ecgr1_core.model.memory import Device, Precision

QUANTISED: Final = ("nf4", "int8", "int4")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `model` with its own sub-commands."""
    parser = commands.add_parser("model", help="fetch, look at or quantise an ECG-R1 model", description=__doc__)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="info, quantize or fetch")

    info = actions.add_parser("info", help="say what a model directory holds and whether this machine can run it")
    info.add_argument("directory", type=Path, metavar="DIR", help="directory of a model")
    info.add_argument("--verify", action="store_true", help="also read every file and compare it with SHA256SUMS")
    info.set_defaults(run=run_info)

    quantize = actions.add_parser("quantize", help="write a smaller copy, which loads without being quantised anew")
    quantize.add_argument("source", type=Path, metavar="IN", help="directory of an unquantised model")
    quantize.add_argument("target", type=Path, metavar="OUT", help="directory to write; must not exist or be empty")
    quantize.add_argument(
        "--to", choices=QUANTISED, required=True, help="int8 or int4 for the CPU, nf4 for NVIDIA GPUs"
    )
    quantize.set_defaults(run=run_quantize)

    fetch = actions.add_parser("fetch", help="download a model from the Hugging Face hub; resumes where it broke off")
    fetch.add_argument("name", metavar="NAME", help="owner/repository, or ECG-R1-8B-RL or ECG-R1-8B-SFT")
    fetch.add_argument("--out", type=Path, metavar="DIR", help="where to put it (default: models in the data folder)")
    fetch.add_argument("--revision", metavar="R", help="branch, tag or commit (default: the main branch)")
    fetch.add_argument("--endpoint", metavar="URL", help="address of a mirror of the hub")
    fetch.set_defaults(run=run_fetch)


def run_info(arguments: argparse.Namespace) -> int:
    """Print what the directory holds as JSON; 2 where the model in it is not whole."""
    from ecgr1_core.model.checkpoint import CHECKSUMS, inspect

    directory: Path = arguments.directory
    sums = directory / CHECKSUMS
    if arguments.verify and directory.is_dir() and not sums.is_file():
        raise InputError(directory, f"has no {CHECKSUMS} to verify it with", "leave --verify out, or fetch it again")
    size = sum(path.stat().st_size for path in directory.glob("*") if path.is_file() and path.name != CHECKSUMS)
    done = 0
    with _Percent("checking") as report:

        def add(bytes_: int) -> None:
            nonlocal done
            done += bytes_
            report(done, size)

        info = inspect(directory, verify=arguments.verify, progress=add)
    print_json(describe(info), one_line=False)
    info.require_whole()
    return 0


def describe(info: CheckpointInfo) -> dict[str, Any]:
    """Return what `model info` prints, as plain JSON data; sizes in bytes."""
    from ecgr1_core.model.memory import memory_available, memory_needed

    ways = _ways_to_run(info)
    available = {place: memory_available(place) for place in dict.fromkeys(ways.values())}

    def need(precision: Precision, place: Device) -> dict[str, Any]:
        needed = memory_needed(info, precision, place)
        return {
            "device": place,
            "weights_bytes": needed.weights,
            "needed_bytes": needed.total,
            "fits": needed.total <= available[place],
        }

    return {
        "directory": str(info.directory),
        "layout": info.layout,
        "whole": info.whole,
        "checksums": "match" if info.verified else "not compared",
        "parameters": info.parameters,
        "tensor_bytes": info.bytes_,
        "dtype_bytes": info.dtypes,
        "quantisation": info.quantisation,
        "shards": list(info.shards),
        **info.summary,
        "missing": list(info.missing),
        "unexpected": list(info.unexpected),
        "wrong_shape": list(info.wrong_shape),
        "memory_available_bytes": available,
        "precisions": {precision: need(precision, place) for precision, place in ways.items()},
    }


def _ways_to_run(info: CheckpointInfo) -> dict[Precision, Device]:
    """Return the precisions that this directory can be loaded in on this machine, each with its device.

    A quantised directory has one. int8 and int4 are for the CPU; the others run on the GPU where there is one.
    """
    import torch

    from ecgr1_core.model.memory import PRECISIONS

    gpu: Device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if info.quantisation is not None:
        return {one: "cpu" if one in ("int8", "int4") else gpu for one in PRECISIONS if one == info.quantisation}
    return {one: "cpu" if one in ("int8", "int4") else gpu for one in PRECISIONS}


def run_quantize(arguments: argparse.Namespace) -> int:
    """Write the quantised copy and print where it is and how large, as JSON."""
    from ecgr1_core.model.quantise import quantise

    with _Percent("quantising") as report:
        done = quantise(arguments.source, arguments.target, arguments.to, progress=report)
    print_json(
        {
            "directory": str(done.directory),
            "precision": done.precision,
            "source_bytes": done.source_bytes,
            "bytes": done.bytes_,
        },
        one_line=False,
    )
    return 0


def run_fetch(arguments: argparse.Namespace) -> int:
    """Fetch, check, and print what came, as JSON."""
    from ecgr1_core.model.checkpoint import inspect
    from ecgr1_core.model.fetch import fetch, repository_of

    name = repository_of(arguments.name).rpartition("/")[2]
    out = arguments.out if arguments.out is not None else Settings().data_dir / "models" / name
    with _Percent("checking") as report:
        fetched = fetch(
            arguments.name,
            out,
            revision=arguments.revision,
            endpoint=arguments.endpoint,
            progress=lambda file, done, total: report(done, total),
        )
    info = inspect(fetched.directory)
    info.require_whole()
    print_json(
        {
            "directory": str(fetched.directory),
            "repository": fetched.repository,
            "commit": fetched.commit,
            "files": list(fetched.files),
            "bytes": fetched.bytes_,
            "parameters": info.parameters,
            "next": f"set ECGR1_MODEL to {fetched.directory.absolute()}",
        },
        one_line=False,
    )
    return 0


class _Percent:
    """Says on standard error how far something is: a line that is overwritten on a terminal, else one every tenth."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._said = -1
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> _Percent:
        return self

    def __exit__(self, *error: object) -> None:
        if self._terminal and self._said >= 0:
            print(file=sys.stderr)

    def __call__(self, done: int, total: int) -> None:
        percent = 100 * done // total if total else 100
        if percent == self._said or (not self._terminal and percent // 10 == self._said // 10):
            return
        self._said = percent
        words = f"{self._doing} {percent} % of {total / 1e9:.2f} GB"
        print(
            f"\r{words}" if self._terminal else words, end="" if self._terminal else "\n", file=sys.stderr, flush=True
        )
