"""A small corpus for tests of learning: synthetic recordings with pages, rows in the published layout, a tiny model."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ecgr1_core.record import EcgRecord
from training.cli import write_record
from training.rows import Row, write_rows
from training.synthesis import Truth, kind_spec, synthesize, varied

sys.path.insert(0, str(Path(__file__).parents[2] / "ecgr1_core" / "model"))  # tiny: how a small checkpoint is built

KINDS = ("sinus", "atrial_fibrillation", "lbbb", "inferior_stemi")
ANSWERS = ("sinus rhythm", "atrial fibrillation", "left bundle branch block", "sinus rhythm; acute inferior infarction")
SIZES: dict[str, Any] = {
    # One layer more than deepstack levels: what is added after the last layer reaches no answer token.
    **{"text_layers": 4, "hidden": 32, "intermediate": 48, "heads": 2, "key_value_heads": 1},
    **{"vision_depth": 3, "vision_width": 16, "tower_layers": 1, "tower_width": 16},
}


def checkpoint(folder: Path, **sizes: Any) -> Path:
    """Write a checkpoint still smaller than the tests of the model use."""
    from tiny import build_checkpoint

    return build_checkpoint(folder, **{**SIZES, **sizes})


@cache
def recording(number: int) -> tuple[EcgRecord, Truth]:
    """One of as many patients as one likes; kinds take turns."""
    rng = np.random.default_rng([5, number])
    spec = varied(kind_spec(KINDS[number % len(KINDS)]), rng)
    return synthesize(replace(spec, name=f"ecg{number}"), rng)


def corpus(folder: Path, numbers: range, name: str = "rows.jsonl") -> Path:
    """Write recordings, pages of 70 image tokens and a file of rows with tags for both."""
    from ecgr1_core.render.paper import render_page

    rows = []
    for number in numbers:
        record, truth = recording(number)
        kind = number % len(KINDS)
        write_record(folder, record, truth, kind=KINDS[kind])
        page = folder / f"ecg{number}.png"
        if not page.exists():
            render_page(record).resize((320, 224)).save(page)
        answer = f"<think> Rhythm and conduction. </think> Reading {number}. <answer>{ANSWERS[kind]}</answer>"
        rows.append(
            Row(
                messages=(
                    {"role": "system", "content": "You are a cardiologist."},
                    {"role": "user", "content": "<ecg><image>Read this electrocardiogram."},
                    {"role": "assistant", "content": answer},
                ),
                ecg=f"ecg{number}",
                image=f"ecg{number}.png",
                id=str(number),
                patient=f"patient {number}",
                labels=tuple(ANSWERS[kind].split("; ")[:1]),
            )
        )
    write_rows(folder / name, rows)
    return folder / name


def metrics(out: Path, key: str = "loss") -> list[tuple[int, float]]:
    """Return step and value of every line of a run's log that has this key."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [(line["step"], line[key]) for line in lines if key in line]
