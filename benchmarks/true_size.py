"""The 8B model on this machine: quantise, load, read one ECG, in each precision, every step in a process of its own.

    .venv/bin/python -m benchmarks.true_size --precisions int8 int4

Builds a checkpoint of random weights in the published layout (17.7 GB in bf16, seeded), takes the times and the memory,
prints a Markdown table and deletes what it wrote. nf4 (bitsandbytes) takes many minutes on a CPU. `--size small` proves
the same code in a minute. Memory is read from /proc, so this runs on Linux only: *resident* counts every page of the
process, *own* leaves out pages of files (the system may drop those at any time).
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))
sys.path.insert(0, str(REPOSITORY / "tests" / "ecgr1_core" / "model"))  # tiny: the tokenizer and the small files

GIB = 2**30
SHARD_BYTES = 2_000_000_000
POOL = 1 << 26  # normal numbers drawn once; every tensor is cut out of them at a random place

SIZES: dict[str, dict[str, dict[str, Any]]] = {
    "true": {
        "text_config": {
            **{"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36},
            **{"num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128},
        },
        "vision_config": {
            **{"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16},
            **{"out_hidden_size": 4096, "deepstack_visual_indexes": [8, 16, 24], "num_position_embeddings": 2304},
        },
    },
    "small": {
        "text_config": {
            **{"vocab_size": 32768, "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 8},
            **{"num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 128},
        },
        "vision_config": {
            **{"depth": 6, "hidden_size": 384, "intermediate_size": 1536, "num_heads": 6},
            **{"out_hidden_size": 1024, "deepstack_visual_indexes": [1, 2, 4], "num_position_embeddings": 2304},
        },
    },
}


# -- the steps, each run in a process of its own


def build(directory: Path, size: str, seed: int) -> dict[str, Any]:
    """Write the checkpoint shard by shard; variances are such that activations and logits stay finite."""
    import torch
    from safetensors.torch import save_file
    from tiny import build_checkpoint, build_tokenizer

    from ecgr1_core.model.checkpoint import INDEX, expected_tensors
    from ecgr1_core.model.config import EcgR1Config, published_dict

    started = time.perf_counter()
    small_files = build_checkpoint(directory / "tiny")
    tokenizer = build_tokenizer()
    ids = {
        f"{name}_token_id": tokenizer.convert_tokens_to_ids(token)
        for name, token in (
            *(("image", "<|image_pad|>"), ("video", "<|video_pad|>"), ("ecg", "<|ecg_pad|>")),
            *(("vision_start", "<|vision_start|>"), ("vision_end", "<|vision_end|>")),
        )
    }
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20], "mrope_interleaved": True}
    parts = SIZES[size]
    text = {**parts["text_config"], "rope_parameters": rope, "max_position_embeddings": 262144}
    config = EcgR1Config(text_config=text, vision_config=parts["vision_config"], **ids)
    generator = torch.Generator().manual_seed(seed)
    pool = torch.randn(POOL, generator=generator).bfloat16().repeat(2)

    def made(name: str, shape: tuple[int, ...]) -> torch.Tensor:
        if len(shape) == 1:
            return torch.full(shape, 1.0 if "norm" in name or "ln_" in name else 0.0, dtype=torch.bfloat16)
        count = math.prod(shape)
        start = int(torch.randint(POOL, (1,), generator=generator))
        cut = pool[start : start + min(count, POOL)].repeat(-(-count // POOL))[:count].view(shape)
        return cut * (0.5 if "embed" in name else (count / shape[0]) ** -0.5)

    shards: list[list[str]] = []
    waiting: dict[str, torch.Tensor] = {}

    def write() -> None:
        save_file(waiting, directory / f"{len(shards)}.safetensors", metadata={"format": "pt"})
        shards.append(list(waiting))
        waiting.clear()

    shapes = expected_tensors(config)
    for name, shape in shapes.items():
        if waiting and sum(t.nbytes for t in waiting.values()) + 2 * math.prod(shape) > SHARD_BYTES:
            write()
        waiting[name] = made(name, shape)
    write()
    weight_map = {}
    for number, names in enumerate(shards):
        final = f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"
        (directory / f"{number}.safetensors").rename(directory / final)
        weight_map |= dict.fromkeys(names, final)
    total = 2 * sum(math.prod(shape) for shape in shapes.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (directory / INDEX).write_text(json.dumps(index))
    for path in small_files.iterdir():
        if path.suffix in (".json", ".jinja") and path.name not in (INDEX, "config.json"):
            shutil.copyfile(path, directory / path.name)
    shutil.rmtree(small_files)
    config.dtype = "bfloat16"
    (directory / "config.json").write_text(json.dumps(published_dict(config), indent=2))
    return {"seconds": time.perf_counter() - started, "bytes": total, "parameters": total // 2}


def quantise_step(source: Path, target: Path, precision: str) -> dict[str, Any]:
    from ecgr1_core.model.quantise import quantise

    with Peak() as peak:
        started = time.perf_counter()
        done = quantise(source, target, precision)  # type: ignore[arg-type]
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "bytes": done.bytes_, **peak.found}


def read_step(directory: Path, precision: str, tokens: int) -> dict[str, Any]:
    """Load, read one ECG as signal and image, and write so many tokens greedily."""
    import numpy as np
    import torch
    from PIL import Image

    from benchmarks.generation import forbid_ends
    from ecgr1_core.modality import ModalityView
    from ecgr1_core.model.generation import GenerationOptions, generate
    from ecgr1_core.model.loading import load
    from ecgr1_core.record import EcgRecord

    with Peak() as peak:
        loaded = load(directory, precision=precision, device="cpu")  # type: ignore[arg-type]
        after = resident()
        random = np.random.default_rng(0)
        record = EcgRecord(random.normal(0, 0.3, (12, 5000)).astype(np.float32), 500.0)
        page = Image.fromarray(random.integers(0, 255, (1122, 1653, 3), dtype=np.uint8))
        view = ModalityView("both", record, page, "rendered")
        tower_s: list[float] = []
        for tower in (loaded.model.model.visual, loaded.model.model.ecg_tower):
            begun: list[float] = []
            tower.register_forward_pre_hook(lambda *_, begun=begun: begun.append(time.perf_counter()))
            tower.register_forward_hook(lambda *_, begun=begun: tower_s.append(time.perf_counter() - begun[-1]))
        options = GenerationOptions(max_new_tokens=tokens, stop_after_answer=False)
        forbid_ends(loaded)
        (ending,) = [delta.ending for delta in generate(loaded, [view], options) if delta.ending is not None]
    assert len(ending.token_ids) == tokens, (len(ending.token_ids), tokens)
    return {
        **{f"loaded_{name}": value for name, value in after.items()},
        **peak.found,
        "load_s": loaded.load_seconds,
        "weights_bytes": loaded.model_bytes,
        "prompt_tokens": ending.prompt_tokens,
        "towers_s": sum(tower_s),
        "prefill_s": ending.seconds_to_first_token,
        "tokens_per_s": ending.tokens_per_s,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def resident() -> dict[str, int]:
    """Bytes of this process in memory: all, and without pages of files."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {"resident": int(status["VmRSS"].split()[0]) * 1024, "own": int(status["RssAnon"].split()[0]) * 1024}


class Peak:
    """Looks ten times a second what is resident, and keeps the most."""

    def __init__(self) -> None:
        self.most = resident()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.most = {name: max(value, self.most[name]) for name, value in resident().items()}

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def found(self) -> dict[str, int]:
        return {f"peak_{name}": value for name, value in self.most.items()}


# -- all of it


def run_step(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.true_size", "--step", *map(str, arguments)]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"the step {' '.join(map(str, arguments))} failed")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps({"step": [str(argument) for argument in arguments], **found}), file=sys.stderr, flush=True)
    return found


def row(precision: str, made: dict[str, Any] | None, read: dict[str, Any]) -> str:
    def gib(found: dict[str, Any], name: str) -> str:
        return f"{found[f'{name}_resident'] / GIB:.1f} ({found[f'{name}_own'] / GIB:.1f})"

    cells = [
        precision,
        *((f"{made['seconds']:.0f}", gib(made, "peak"), f"{made['bytes'] / 1e9:.2f}") if made else ("–", "–", "–")),
        *(f"{read['load_s']:.1f}", gib(read, "loaded"), str(read["prompt_tokens"])),
        f"{read['prefill_s']:.1f} ({read['towers_s']:.1f})",
        *(f"{read['tokens_per_s']:.2f}", gib(read, "peak")),
    ]
    return f"| {' | '.join(cells)} |"


HEADER = """\
| precision | quantise, s | its peak, GiB resident (own) | on disk, GB | load, s | loaded, GiB resident (own) | \
prompt tokens | prompt, s (towers) | tokens/s | peak, GiB resident (own) |
|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--directory", type=Path, help="where to write (default: a temporary directory)")
    parser.add_argument("--precisions", nargs="+", default=["int8", "int4"], help="int8 int4 nf4 bf16 fp32")
    parser.add_argument("--size", choices=tuple(SIZES), default="true")
    parser.add_argument("--tokens", type=int, default=64, help="tokens to write (default 64)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="leave the checkpoints, and use those that are there")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        name, *rest = arguments.step
        if name == "build":
            found = build(Path(rest[0]), rest[1], int(rest[2]))
        elif name == "quantise":
            found = quantise_step(Path(rest[0]), Path(rest[1]), rest[2])
        else:
            found = read_step(Path(rest[0]), rest[1], int(rest[2]))
        print(json.dumps(found))
        return
    place = arguments.directory or Path(tempfile.mkdtemp(prefix="true-size-"))
    place.mkdir(parents=True, exist_ok=True)
    source = place / f"{arguments.size}-seed{arguments.seed}"
    written: list[Path] = []
    try:
        if not (source / "config.json").exists():
            written.append(source)
            source.mkdir()
            made = run_step("build", source, arguments.size, arguments.seed)
            print(f"{made['parameters'] / 1e9:.2f} G parameters, {made['bytes'] / 1e9:.2f} GB, {made['seconds']:.0f} s")
        rows = []
        for precision in arguments.precisions:
            quantised, done = source, None
            if precision in ("int8", "int4", "nf4"):
                quantised = place / f"{source.name}-{precision}"
                if not (quantised / "config.json").exists():
                    written.append(quantised)
                    done = run_step("quantise", source, quantised, precision)
            read = run_step("read", quantised, precision, arguments.tokens)
            rows.append(row(precision, done, read))
            if not arguments.keep and quantised in written and quantised != source:
                shutil.rmtree(quantised)
        print(f"{read['cpu']}, {read['threads']} threads, seed {arguments.seed}, {arguments.tokens} tokens\n")
        print("\n".join([HEADER, *rows]))
    finally:
        if not arguments.keep:
            for path in written:
                shutil.rmtree(path, ignore_errors=True)
            if arguments.directory is None:
                place.rmdir()


if __name__ == "__main__":
    main()
