"""What quantising does to what the model says: KL divergence to float32 per token, and which layers it comes from.

    .venv/bin/python -m benchmarks.quantisation_fidelity                # trains a small ECG-R1 first, a few minutes
    .venv/bin/python -m benchmarks.quantisation_fidelity --model DIR    # an unquantised checkpoint of yours

The small model learns to write the protocol's readings of synthetic ECGs from the signal. Held-out readings are then
fed to every precision; the packed layers run by the kernels that generation uses. Seeded.
"""

from __future__ import annotations

import argparse
import copy
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))
sys.path.insert(0, str(REPOSITORY / "tests" / "ecgr1_core" / "model"))  # tiny: how a small checkpoint is built

from tiny import build_checkpoint  # noqa: E402

from ecgr1_core.measure import measure  # noqa: E402
from ecgr1_core.modality import ModalityView  # noqa: E402
from ecgr1_core.model import packed  # noqa: E402
from ecgr1_core.model.loading import load  # noqa: E402
from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration  # noqa: E402
from ecgr1_core.model.processing import EcgR1Processor  # noqa: E402
from ecgr1_core.model.quantise import quantised_layer  # noqa: E402
from ecgr1_core.model.views import inputs_for  # noqa: E402
from ecgr1_core.protocol import assess, compose  # noqa: E402
from ecgr1_core.record import EcgRecord  # noqa: E402
from training.synthesis import KINDS, kind_spec, synthesize, varied  # noqa: E402

SIZES = {"text_layers": 6, "hidden": 256, "intermediate": 768, "tower_width": 128, "tower_layers": 3}
Row = dict[str, Any]


def readings(count: int, seed: int) -> Iterator[tuple[EcgRecord, str]]:
    """Synthetic ECGs of all kinds in turn, each of another patient, with the protocol's reading."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        record, _ = synthesize(varied(kind_spec(tuple(KINDS)[number % len(KINDS)]), rng), rng)
        yield record, compose(assess(measure(record), record.patient, record.warnings)).raw


def row_of(processor: EcgR1Processor, record: EcgRecord, reading: str, tokens: int) -> Row:
    """One row: prompt and reading as the model is fed them, and how long the prompt is."""
    inputs = dict(inputs_for(processor, [ModalityView("signal", record)]))
    prompt = inputs["input_ids"].shape[1]
    answer = processor.tokenizer(reading, add_special_tokens=False)["input_ids"][:tokens]
    inputs["input_ids"] = torch.cat([inputs["input_ids"], torch.tensor([answer])], dim=1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    inputs["mm_token_type_ids"] = torch.zeros_like(inputs["input_ids"])
    return {"inputs": inputs, "prompt": prompt}


def train(directory: Path, steps: int, batch: int, tokens: int, records: int, seed: int) -> None:
    """Train a small model and write its checkpoint."""
    build_checkpoint(directory, seed=seed, **SIZES)
    processor = EcgR1Processor.from_pretrained(directory)
    rows = [row_of(processor, record, text, tokens) for record, text in readings(records, seed)]
    rows = [row for row in rows if row["inputs"]["input_ids"].shape[1] == row["prompt"] + tokens]
    model = EcgR1ForConditionalGeneration.from_pretrained(directory).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps, pct_start=0.1)
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    for step in range(steps):
        chosen = [rows[i]["inputs"] for i in rng.choice(len(rows), batch, replace=False)]
        inputs = {name: torch.cat([one[name] for one in chosen]) for name in chosen[0]}
        labels = inputs["input_ids"].clone()
        labels[:, : rows[0]["prompt"]] = -100
        loss = model(**inputs, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
        if step % 25 == 0 or step == steps - 1:
            print(f"step {step}: loss {loss:.3f}, {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    for shard in directory.glob("*.safetensors*"):
        shard.unlink()
    model.eval().save_pretrained(directory)


@torch.inference_mode()
def log_probabilities(model: Any, rows: list[Row]) -> Tensor:
    """[answer tokens of all rows, vocabulary] float32."""
    found = []
    for row in rows:
        logits = model(**row["inputs"]).logits[0, row["prompt"] - 1 : -1]
        found.append(functional.log_softmax(logits.float(), dim=-1))
    return torch.cat(found)


def compared(reference: Tensor, other: Tensor) -> tuple[float, float, float]:
    """Mean and 99th percentile of KL(reference ‖ other) per token in nats, and the share of equal first choices."""
    divergence = (reference.exp() * (reference - other)).sum(dim=-1)
    same = (reference.argmax(dim=-1) == other.argmax(dim=-1)).float().mean()
    return float(divergence.mean()), float(divergence.quantile(0.99)), float(same)


def kind_of(module: str) -> str:
    return module.rpartition(".")[2]


def with_weights(model: Any, bits: Callable[[str], int | None]) -> Any:
    """A float32 copy whose linear layers, and head, hold what 8 or 4 bits make of their weights."""
    changed = copy.deepcopy(model)
    for name, parameter in changed.named_parameters():
        module = quantised_layer(name) or ("lm_head" if name == "lm_head.weight" else None)
        wanted = bits(kind_of(module)) if module else None
        if wanted == 8:
            parameter.data = packed.dequantise(packed.quantise_int8(parameter.data))
        elif wanted == 4:
            parameter.data = packed.dequantise(packed.quantise_int4(parameter.data))[: len(parameter)]
    return changed


def table(title: str, rows: list[tuple[str, tuple[float, float, float]]]) -> None:
    print(f"\n| {title} | mean KL, nats | 99th percentile | same first choice |\n|---|---|---|---|")
    for name, (mean, most, same) in rows:
        print(f"| {name} | {mean:.2e} | {most:.2e} | {100 * same:.2f} % |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="an unquantised checkpoint; without, a small one is trained")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--records", type=int, default=160, help="to train on")
    parser.add_argument("--held-out", type=int, default=24, help="readings to compare on")
    parser.add_argument("--tokens", type=int, default=192, help="of each reading, from its beginning")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.model
        if directory is None:
            directory = Path(temporary) / "small"
            train(directory, arguments.steps, arguments.batch, arguments.tokens, arguments.records, arguments.seed)
        processor = EcgR1Processor.from_pretrained(directory)
        rows = [
            row_of(processor, record, reading, arguments.tokens)
            for record, reading in readings(arguments.held_out, arguments.seed + 1)
        ]
        reference = load(directory, precision="fp32", device="cpu").model
        expected = log_probabilities(reference, rows)
        truth = torch.cat([row["inputs"]["input_ids"][0, row["prompt"] :] for row in rows])
        loss = -float(expected.gather(1, truth[:, None]).mean())
        entropy = -float((expected.exp() * expected).sum(dim=-1).mean())
        print(f"{len(expected)} tokens; fp32: {loss:.3f} nats a token on held-out readings, entropy {entropy:.3f}")
        packed.FEW_ROWS = sys.maxsize  # the kernels of single steps, for all rows
        found = []
        for precision in ("bf16", "int8", "int4", "nf4"):
            model = load(directory, precision=precision, device="cpu").model  # type: ignore[arg-type]
            found.append((precision, compared(expected, log_probabilities(model, rows))))
        table("precision", found)

        kinds = sorted({kind_of(m) for name in dict(reference.named_parameters()) if (m := quantised_layer(name))})
        assert all(re.fullmatch(r"\w+_proj", kind) for kind in kinds)

        def measured(bits: Callable[[str], int | None]) -> tuple[float, float, float]:
            return compared(expected, log_probabilities(with_weights(reference, bits), rows))

        def all_four(*eight: str) -> Callable[[str], int | None]:
            return lambda kind: 8 if kind in (*eight, "lm_head") else 4

        variants: list[tuple[str, Callable[[str], int | None]]] = [
            ("all layers, head in float32", lambda kind: None if kind == "lm_head" else 4),
            ("all layers, head in 8 bits", all_four()),
            ("all layers and the head", lambda kind: 4),
            ("keys in 8 bits, head too", all_four("k_proj")),
            ("keys and values in 8 bits, head too (as shipped)", all_four("k_proj", "v_proj")),
            ("queries, keys and values in 8 bits, head too", all_four("q_proj", "k_proj", "v_proj")),
            ("attention in 8 bits, head too", all_four("q_proj", "k_proj", "v_proj", "o_proj")),
            ("down in 8 bits, head too", all_four("down_proj")),
        ]
        for left in kinds:
            variants.append((f"all but {left}", lambda kind, left=left: None if kind in (left, "lm_head") else 4))  # type: ignore[misc]
        for only in kinds:
            variants.append((f"{only} alone", lambda kind, only=only: 4 if kind == only else None))  # type: ignore[misc]
        table("4 bits, by layer", [(name, measured(bits)) for name, bits in variants])


if __name__ == "__main__":
    main()
