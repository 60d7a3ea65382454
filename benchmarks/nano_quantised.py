"""A trained small ECG-R1 in every precision against float32: what it says of test recordings, how fast, and how large.

    .venv/bin/python benchmarks/nano_quantised.py --model DIR --rows runs/nano/corpus/test.jsonl --count 40

Readings are greedy and of the signal alone, one after another. KL divergence and equal first choices are per token of
the float32 model's own readings, which every precision is fed; labels are those of the answers that it writes itself.
The first readings of a precision, which load and warm, do not count for its speed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from quantisation_fidelity import compared, log_probabilities, row_of

from ecgr1_core.interpretation import parse
from ecgr1_core.modality import ModalityView
from ecgr1_core.model.generation import GenerationOptions, generate
from ecgr1_core.model.loading import load
from training.evaluate.labels import jaccard
from training.media import media_beside
from training.rows import Row, read_rows

_WARM = 2


def main() -> None:
    """Print a line for each precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="an unquantised checkpoint")
    parser.add_argument("--rows", type=Path, required=True, help="file of rows; their recordings are read")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--precisions", nargs="+", default=["bf16", "int8", "int4", "nf4"])
    given = parser.parse_args()
    media = media_beside(given.rows, draw_missing=True)
    rows = [row for row in read_rows(given.rows) if isinstance(row, Row)]
    drawn = np.random.default_rng(0).choice(len(rows), min(given.count, len(rows)), replace=False)
    views = [ModalityView("signal", media.record(rows[place])) for place in sorted(drawn)]
    print(f"{len(views)} recordings, {torch.get_num_threads()} threads")
    print("| precision | mean KL, nats | same first choice | same labels | Jaccard | tokens/s | MB |")
    print("|---|---|---|---|---|---|---|")
    expected: Any = None
    fed: list[dict[str, Any]] = []
    answers: list[frozenset[str]] = []
    for precision in ("fp32", *given.precisions):
        loaded = load(given.model, precision=precision, device="cpu")
        texts, speed = _read(loaded, views)
        found = [frozenset(parse(text).answer) for text in texts]
        if precision == "fp32":
            answers = found
            fed = [row_of(loaded.processor, view.record, text, 4096) for view, text in zip(views, texts, strict=True)]
        told = log_probabilities(loaded.model, fed)
        expected = told if expected is None else expected
        divergence, _, first = compared(expected, told)
        both = list(zip(answers, found, strict=True))
        same = np.mean([one == other for one, other in both])
        alike = np.mean([jaccard(one, other) for one, other in both])
        size = (loaded.model_bytes + loaded.mapped_bytes) / 1e6
        print(
            f"| {precision} | {divergence:.2e} | {100 * first:.2f} % | {100 * same:.0f} % | {alike:.3f} "
            f"| {speed:.0f} | {size:.1f} |",
            flush=True,
        )
        loaded.unload()


def _read(loaded: Any, views: list[ModalityView]) -> tuple[list[str], float]:
    """Return the readings of views, and tokens a second over all but the first ones."""
    texts, tokens, seconds = [], 0, 0.0
    for number, view in enumerate(views):
        began = time.perf_counter()
        deltas = list(generate(loaded, [view], GenerationOptions(max_new_tokens=384)))
        texts.append("".join(delta.text for delta in deltas))
        ending = deltas[-1].ending
        if number >= _WARM and ending is not None:
            tokens, seconds = tokens + len(ending.token_ids), seconds + time.perf_counter() - began
    return texts, tokens / seconds


if __name__ == "__main__":
    main()
