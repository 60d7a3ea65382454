"""Speed of generation: several readings at once against one after the other, and against transformers' `generate`.

    python benchmarks/generation.py [--precisions int4 int8] [--tokens 160] [--model DIR]

Without --model it writes a random ECG-R1 of about 180 M parameters in the published layout to a temporary folder; of
each precision it loads that (quantising it where asked for) and times

- two views of one recording (signal, and signal with page) written in one batch against one after the other, the
  prompts included and without them, and whether the texts are the same;
- tokens per second after the first, against transformers' `generate` of a stock Qwen3-VL that has the same weights, on
  the same prompt (a page, no signal);
- the seconds until four prompts of one recording are read, with their common parts read once and each by itself.

Each figure is the best of --repeats runs, and what is compared takes turns, so that a busy machine disturbs both. The
page is small (about 200 tokens), so that prompt and text are in the proportion of a whole reading.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "ecgr1_core" / "model")]

from tiny import build_checkpoint  # noqa: E402

from ecgr1_core.modality import MODALITIES, Modality, ModalityView  # noqa: E402
from ecgr1_core.model import prompts  # noqa: E402
from ecgr1_core.model.generation import Delta, Ending, GenerationOptions, generate  # noqa: E402
from ecgr1_core.model.loading import LoadedModel, load  # noqa: E402
from ecgr1_core.model.views import inputs_for  # noqa: E402
from ecgr1_core.render.paper import render_page  # noqa: E402
from training.cli import example_recordings  # noqa: E402

SIZES = {
    **{"text_layers": 14, "hidden": 1024, "intermediate": 3072, "heads": 16, "key_value_heads": 4},
    **{"vision_depth": 4, "vision_width": 128, "tower_layers": 4, "tower_width": 128},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precisions", nargs="+", default=["int4", "int8"])
    parser.add_argument("--tokens", type=int, default=160, help="tokens to write (default 160)")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each, the best counts (default 2)")
    parser.add_argument("--model", type=Path, metavar="DIR", help="time this checkpoint instead of a random one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = arguments.model
        if directory is None:
            directory = build_checkpoint(Path(folder) / "random", dtype=torch.bfloat16, shard_size="1GB", **SIZES)
        print("| | one after the other | in one batch | ratio | ratio of writing alone | same text |")
        print("|---|---|---|---|---|---|")
        rows: list[str] = []
        for precision in arguments.precisions:
            loaded = load(directory, precision=precision, device="cpu")
            rows += measure(loaded, arguments.tokens, arguments.repeats)
            loaded.unload()
    print("\n| | ours | compared | ratio |\n|---|---|---|---|")
    print("\n".join(rows))
    return 0


def measure(loaded: LoadedModel, tokens: int, repeats: int) -> list[str]:
    """Print the row on batches, and return the rows of the other table."""
    record = example_recordings()[0]
    page = render_page(record)
    page.thumbnail((544, 544))
    views = {modality: ModalityView(modality, record, page, "rendered") for modality in MODALITIES}
    options = GenerationOptions(max_new_tokens=tokens, stop_after_answer=False)
    forbid_ends(loaded)

    def one_by_one() -> list[Ending]:
        return [ending for name in PAIR for ending in endings(generate(loaded, [views[name]], options))]

    def together() -> list[Ending]:
        return endings(generate(loaded, [views[name] for name in PAIR], options))

    (singly_s, singly), (batch_s, batch) = best_of(repeats, one_by_one, together)
    same = [one.token_ids == other.token_ids for one, other in zip(singly, batch, strict=True)]
    agree = [common(one.token_ids, other.token_ids) for one, other in zip(singly, batch, strict=True)]
    words = "yes" if all(same) else f"the first {min(agree)} of {tokens} tokens"
    name = loaded.precision
    writing = len(batch) * speed(batch) / speed(singly)
    print(
        f"| {name} | {singly_s:.1f} s | {batch_s:.1f} s | {singly_s / batch_s:.2f} | {writing:.2f} | {words} |",
        flush=True,
    )

    stock = stock_model(loaded)
    rows = [against_transformers(loaded, stock, views["image"], tokens, repeats, f"{name}, tokens/s, stock Qwen3-VL")]
    rows.append(shared_prompts(loaded, list(views.values()), repeats))
    return rows


PAIR: tuple[Modality, Modality] = ("signal", "both")


def forbid_ends(loaded: LoadedModel) -> None:
    """Make the tokens that end a turn impossible, so that every run writes the same number of tokens."""
    ends = loaded.model.generation_config.eos_token_id
    head = loaded.model.get_output_embeddings()

    def forbid(module: Any, inputs: Any, logits: torch.Tensor) -> torch.Tensor:
        logits[..., ends] = float("-inf")
        return logits

    head.register_forward_hook(forbid)


def endings(deltas: Any) -> list[Ending]:
    found: list[Delta] = [delta for delta in deltas if delta.ending is not None]
    return [delta.ending for delta in sorted(found, key=lambda delta: delta.row) if delta.ending is not None]


def speed(found: list[Ending]) -> float:
    """Mean tokens per second of a row, without its prompt."""
    return sum(ending.tokens_per_s or 0.0 for ending in found) / len(found)


def best_of(repeats: int, *runs: Callable[[], Any]) -> list[tuple[float, Any]]:
    """Run each in turn, `repeats` times, and return the shortest time of each with what its last run returned."""
    best: list[tuple[float, Any]] = [(float("inf"), None)] * len(runs)
    for _ in range(repeats):
        for number, run in enumerate(runs):
            start = time.perf_counter()
            result = run()
            best[number] = (min(best[number][0], time.perf_counter() - start), result)
    return best


def against_transformers(
    loaded: LoadedModel, other: Any, view: ModalityView, tokens: int, repeats: int, label: str
) -> str:
    """Compare tokens per second after the first, as each run's own clock has it."""
    from transformers import StoppingCriteria, StoppingCriteriaList

    inputs = dict(inputs_for(loaded.processor, [view]))
    options = GenerationOptions(max_new_tokens=tokens, stop_after_answer=False)

    class Clock(StoppingCriteria):
        """Notes the time of every token; stops nothing."""

        def __init__(self) -> None:
            self.times: list[float] = []

        def __call__(self, ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
            self.times.append(time.perf_counter())
            return torch.zeros(len(ids), dtype=torch.bool)

    ours = theirs = 0.0
    same = True
    for _ in range(repeats):
        (mine,) = endings(generate(loaded, [view], options))
        ours = max(ours, mine.tokens_per_s or 0.0)
        clock = Clock()
        with torch.inference_mode():
            stopping = StoppingCriteriaList([clock])
            out = other.generate(**inputs, max_new_tokens=tokens, do_sample=False, stopping_criteria=stopping)
        theirs = max(theirs, (tokens - 1) / (clock.times[-1] - clock.times[0]))
        same = same and tuple(out[0, inputs["input_ids"].shape[1] :].tolist()) == mine.token_ids
    note = "" if same else " (other text)"
    return f"| {label}{note} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |"


def shared_prompts(loaded: LoadedModel, views: list[ModalityView], repeats: int) -> str:
    options = GenerationOptions(max_new_tokens=1)
    shortest = prompts.SHORTEST_SHARED

    def shared() -> Any:
        return endings(generate(loaded, views, options))

    def alone() -> Any:
        prompts.SHORTEST_SHARED = 10**9  # nothing is long enough
        try:
            return endings(generate(loaded, views, options))
        finally:
            prompts.SHORTEST_SHARED = shortest

    (shared_s, found), (alone_s, _) = best_of(repeats, shared, alone)
    tokens = f"{sum(e.shared_prompt_tokens for e in found)} of {sum(e.prompt_tokens or 0 for e in found)} tokens shared"
    label = f"{loaded.precision}, seconds for four prompts, {tokens}"
    return f"| {label} | {shared_s:.1f} | {alone_s:.1f} | {alone_s / shared_s:.2f} |"


def stock_model(loaded: LoadedModel) -> Any:
    """Return a stock Qwen3-VL with the very weights of the model, which it shares."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    values = {k: v for k, v in loaded.model.config.to_dict().items() if not k.startswith("ecg_") and k != "model_type"}
    with torch.device("meta"):
        stock = Qwen3VLForConditionalGeneration(Qwen3VLConfig(**values))
    stock.model.visual, stock.model.language_model = loaded.model.model.visual, loaded.model.model.language_model
    stock.lm_head = loaded.model.lm_head
    stock.generation_config = loaded.model.generation_config
    return stock.eval()


def common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


if __name__ == "__main__":
    sys.exit(main())
