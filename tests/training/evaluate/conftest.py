"""Cases for the tests of evaluation: synthetic recordings, their pages, and rows in the published layout."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from ecgr1_core.measure import measure
from ecgr1_core.protocol import assess, compose
from ecgr1_core.protocol.evidence_phrases import reference_of
from ecgr1_core.render.paper import render_page
from training.cli import write_record
from training.rows import Row, write_rows
from training.synthesis import kind_spec, synthesize

sys.path.insert(0, str(Path(__file__).parents[2] / "ecgr1_core" / "model"))

KINDS = ("sinus", "atrial_fibrillation", "av_block_1", "lafb", "sinus_tachycardia")
TAGS = ("<ecg><image>", "<ecg>", "<image>", "<image><ecg>", "<ecg><image>")


@pytest.fixture(scope="session")
def rows_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hand-made ten-row test file: five good rows in four environments, five that are not.

    The good ones end with the reference reading and carry the solution that the rewards read; do not write into it.
    """
    from annotations.feedback import solution

    folder = tmp_path_factory.mktemp("rows")
    rows = []
    for number, (kind, tags) in enumerate(zip(KINDS, TAGS, strict=True)):
        record, _ = synthesize(kind_spec(kind), np.random.default_rng(number))
        write_record(folder / "ecg", record, synthesize(kind_spec(kind), np.random.default_rng(number))[1], kind=kind)
        page = f"images/{kind}.png"
        if "<image>" in tags:
            (folder / "images").mkdir(exist_ok=True)
            render_page(record).save(folder / page)
        findings = assess(measure(record), record.patient)
        reference = reference_of(findings)
        turns = (
            {"role": "system", "content": "You read electrocardiograms."},
            {"role": "user", "content": f"{tags}What does this tracing show?"},
            {"role": "assistant", "content": compose(findings).raw},
        )
        rows.append(
            Row(
                turns,
                ecg=f"ecg/{kind}" if "<ecg>" in tags else None,
                image=page if "<image>" in tags else None,
                solution=solution(reference.phrases, reference.answer or ()),
                id=kind,
                patient=f"p{number}",
            )
        )
    path = folder / "test.jsonl"
    write_rows(path, rows)
    good = path.read_text(encoding="utf-8")
    ask = '{"role": "user", "content": "%sRead it."}'
    bad = [
        "this is no JSON",
        '{"messages": [], "images": []}',
        '{"id": "no-tag", "messages": [%s], "objects": {"ecg": ["ecg/sinus"]}}' % (ask % ""),
        '{"id": "gone", "messages": [%s], "objects": {"ecg": ["ecg/nowhere"]}, "labels": ["sinus rhythm"]}'
        % (ask % "<ecg>"),
        '{"id": "odd", "messages": [%s], "objects": {"ecg": ["ecg/sinus"]}, "labels": ["Sinus rhythm", "moon phase"]}'
        % (ask % "<ecg>"),
    ]
    path.write_text(good + "\n".join(bad) + "\n", encoding="utf-8")
    return path
