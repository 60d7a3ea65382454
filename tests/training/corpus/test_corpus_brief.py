"""The short reading of small models: form, labels, nothing that measurements contradict, nothing denied too widely."""

from __future__ import annotations

import pytest
from corpus_kit import case_of, synthetic

from ecgr1_core.interpretation import parse
from ecgr1_core.protocol import compose
from training.corpus import run_corpus
from training.corpus.brief import brief
from training.corpus.config import ProtocolAuthoring
from training.corpus.validation import check
from training.rows import Row, read_rows

KINDS = ("sinus", "av_block_1", "lbbb", "atrial_fibrillation", "lvh_strain", "wpw", "av_block_3", "inferior_stemi")


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_the_form_and_the_labels_of_the_whole_reading_and_contradicts_nothing(kind: str) -> None:
    case = case_of(kind)
    text = brief(case.findings)
    whole = compose(case.findings)
    assert check(case, False, text).complaints == ()
    assert parse(text).answer == whole.answer
    assert len(text) < len(whole.raw) / 2


def test_it_names_the_values_that_were_measured() -> None:
    case = case_of("sinus")
    reading = parse(brief(case.findings))
    measured = case.measurements
    second, fifth = reading.step(2), reading.step(5)
    assert second is not None
    assert fifth is not None
    assert second.text.startswith(f"PR {measured.pr_interval_ms:.0f} ms, QRS {measured.qrs_duration_ms:.0f} ms, axis")
    assert fifth.text.startswith(f"QT {measured.qt_interval_ms:.0f} ms, QTc {measured.qtc_fridericia_ms:.0f} ms.")


def test_what_is_secondary_is_said_and_not_denied() -> None:
    step = parse(brief(case_of("lvh_strain").findings)).step(4)
    assert step is not None
    assert "secondary to left ventricular hypertrophy" in step.text
    assert "T-wave inversion" not in step.text


def test_what_cannot_be_judged_is_called_so() -> None:
    step = parse(brief(case_of("wpw").findings)).step(4)
    assert step is not None
    assert "not assessable" in step.text


def test_a_corpus_of_short_readings_has_one_wording(tmp_path) -> None:
    summary = run_corpus(synthetic(tmp_path, 6, "sinus", author=ProtocolAuthoring(brief=True)))
    rows = [row for row in read_rows(tmp_path / "sft.jsonl") if isinstance(row, Row)]
    assert summary["texts"] == summary["recordings"]
    third = {parse(row.answer or "").steps[2].text for row in rows}
    assert len(third) == 1
