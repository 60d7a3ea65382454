"""A run of ECG-Reasoning-Benchmark: every chain of a file asked of one reader, kept line by line."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ecgr1_core import formats
from ecgr1_core.errors import InputError
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.render.paper import render_page
from training.evaluate.answerers import Answerer
from training.evaluate.lines import Lines
from training.evaluate.reasoning.chain import ChainAnswerer, TextAnswerer, ask_chain, chain_table
from training.evaluate.reasoning.protocol_chain import ProtocolChain
from training.evaluate.reasoning.samples import Sample, read_samples, recording_path
from training.problems import Problems

PROTOCOL = "protocol"
_EVERY = 20

logger = logging.getLogger(__name__)


def run_chains(
    path: Path, ecg_root: Path, answerer: Answerer, lines: Path, seed: int, problems: Problems, limit: int | None = None
) -> dict[str, Any]:
    """Ask a reader all chains of a file and return its figures; chains that are in `lines` are not asked again.

    The protocol reader answers from its measurements, models in words. Samples that are none, and recordings that
    cannot be read, are noted in `problems`. InputError for a reader that can do neither.
    """
    if answerer.name != PROTOCOL and not answerer.answers:
        raise InputError(f"reader {answerer.name!r}", "cannot be asked questions", "leave it out of the benchmark")
    results: list[dict[str, Any]] = []
    with Lines(lines) as kept:
        for number, sample in enumerate(read_samples(path)):
            if limit is not None and number >= limit:
                break
            if isinstance(sample, InputError):
                problems.note("unreadable sample", sample)
                continue
            key = f"{path.name} {sample.id} {answerer.name} {answerer.version}"
            if key not in kept.done:
                try:
                    kept.add(
                        {"key": key, "reader": answerer.name, **ask_chain(sample, _chain(sample, ecg_root, answerer))}
                    )
                except InputError as error:
                    fault = InputError(f"{sample.source}, {error.subject}", error.fault, error.remedy)
                    problems.note("unreadable", fault)
                    continue
            results.append(kept.done[key])
            if len(results) % _EVERY == 0:
                done = sum(row["completed"] for row in results)
                logger.info("chains: %s completed %d of %d", answerer.name, done, len(results))
    return {"file": path.name, "reader": answerer.name, "version": answerer.version, **chain_table(results, seed)}


def _chain(sample: Sample, ecg_root: Path, answerer: Answerer) -> ChainAnswerer:
    record = formats.read(recording_path(sample, ecg_root))
    if answerer.name == PROTOCOL:
        return ProtocolChain(record)
    modality: Modality = "both" if "both" in answerer.modalities else answerer.modalities[0]
    page = None if modality == "signal" else render_page(record)
    return TextAnswerer(answerer, ModalityView(modality, record, page, None if page is None else "rendered"))
