"""One corpus from its configuration: what is drawn, split, checked for leaks, made, and written, in this order.

Into the folder `out` go sft.jsonl, rl.jsonl and test.jsonl with measurements beside them, rejected.jsonl,
problems.jsonl, config.json, summary.json, synthetic recordings in ecg/, pages in images/ with what runs where on them,
and a language model's answers in answers/.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ecgr1_core.errors import InputError
from training.corpus.config import PARTS, CorpusConfig, LlmAuthoring, Part
from training.corpus.making import Made, make
from training.corpus.ratings import rated_rows
from training.corpus.sources import Recipe, recipes
from training.corpus.split import parts_of, require_apart, versions_apart
from training.problems import Problems
from training.rows import Row, write_rows
from training.targets import beside_rows, save_measured

logger = logging.getLogger(__name__)


def run_corpus(config: CorpusConfig) -> dict[str, Any]:
    """Make the corpus and return its summary: rows by file, what was rejected or left out and why, tokens and cost.

    Raises InputError for a source, a split, a server or a folder that cannot be used. Answers that were paid for until
    then are kept, and the same run goes on from there.
    """
    try:
        return _run(config)
    except OSError as error:
        fault = f"it cannot be written to ({error.strerror or error})"
        raise InputError(config.out, fault, "make room, or give another folder, and run again") from error


def _run(config: CorpusConfig) -> dict[str, Any]:
    from threadpoolctl import threadpool_limits

    started = time.monotonic()
    config.out.mkdir(parents=True, exist_ok=True)
    (config.out / "config.json").write_text(config.model_dump_json(by_alias=True, indent=1) + "\n", encoding="utf-8")
    (config.out / "problems.jsonl").unlink(missing_ok=True)
    problems = Problems(config.on_problem, config.out / "problems.jsonl")
    found, unknown = recipes(config.sources, config.seed, problems)
    chosen = _wanted(config, found)
    parts = parts_of(chosen, config.shares, config.seed)
    chosen = versions_apart(chosen, parts, config.seed)
    rated = [row for manifest in config.ratings for row in rated_rows(manifest, config.out)]
    if not chosen and not rated:
        raise InputError("corpus", "there is nothing to make it of", "name sources or ratings")
    _require_apart(config, chosen, parts, rated)
    logger.info("corpus: %d recordings of %d patients, %d rated rows", len(chosen), len(parts), len(rated))
    with threadpool_limits(limits=1):  # threads for products as small as those of measuring only cost time
        made = make(config, chosen, parts, problems)
    summary = {
        "seed": config.seed,
        "recordings": len(chosen),
        "patients": len(parts),
        "rows": _write(config, chosen, parts, made, rated),
        "rated_rows": len(rated),
        "texts": made.texts,
        "rejected": len(made.rejected),
        "rejected_for": dict(sorted(made.reasons.items())),
        "rejected_of_kind": dict(made.kinds.most_common()),
        "left_out": dict(sorted(problems.counts.items())),
        "phrases": made.phrases,
        "phrases_unusable": made.unusable,
        "labels_unknown": dict(unknown.most_common()),
        "seconds": round(time.monotonic() - started, 1),
    }
    if made.usage is not None and isinstance(config.author, LlmAuthoring):
        summary["author"] = made.usage.to_json(config.author)
    (config.out / "summary.json").write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    logger.info("corpus: rows %s, rejected %d; %s", summary["rows"], len(made.rejected), problems.sentence())
    return summary


def _wanted(config: CorpusConfig, found: Sequence[Recipe]) -> list[Recipe]:
    if config.without is None:
        return list(found)
    from annotations.feedback import read_patients

    left_out = read_patients(config.without)
    return [recipe for recipe in found if recipe.patient not in left_out]


def _require_apart(
    config: CorpusConfig, chosen: Sequence[Recipe], parts: Mapping[str, Part], rated: Sequence[Row]
) -> None:
    """Look for patients in two files before anything is drawn or paid for."""
    planned: dict[str, list[Row]] = {f"{part}.jsonl": [] for part in PARTS}
    for recipe in chosen:
        planned[f"{parts[recipe.patient]}.jsonl"].append(Row((), patient=recipe.patient))
    planned["rl.jsonl"] += rated
    require_apart(planned, config.held_out)


def _write(
    config: CorpusConfig, chosen: Sequence[Recipe], parts: Mapping[str, Part], made: Made, rated: Sequence[Row]
) -> dict[str, int]:
    counts: dict[str, int] = {}
    for part in PARTS:
        places = [place for place in sorted(made.rows) if parts[chosen[place].patient] == part]
        rows = [made.rows[place] for place in places]
        measured = [made.measured[place] for place in places]
        save_measured(beside_rows(config.out / f"{part}.jsonl"), [str(row.id) for row in rows], measured)
        counts[part] = write_rows(config.out / f"{part}.jsonl", [*rows, *(rated if part == "rl" else ())])
    lines = [json.dumps(made.rejected[place], ensure_ascii=False) + "\n" for place in sorted(made.rejected)]
    (config.out / "rejected.jsonl").write_text("".join(lines), encoding="utf-8")
    return counts
