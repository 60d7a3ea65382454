"""Evidence phrases of the protocol's findings: found in its own reading, and not in that of another recording."""

from __future__ import annotations

import numpy as np
import pytest

from ecgr1_core.evidence import match
from ecgr1_core.measure import measure
from ecgr1_core.protocol import assess, compose
from ecgr1_core.protocol.evidence_phrases import PHRASES_PER_STEP, WORDS_PER_PHRASE, reference_of
from ecgr1_core.protocol.findings import Findings
from training.synthesis import kind_spec, synthesize


def findings_of(kind: str) -> Findings:
    record, _ = synthesize(kind_spec(kind), np.random.default_rng(1))
    return assess(measure(record), record.patient)


@pytest.mark.parametrize("kind", ["sinus", "lbbb", "atrial_fibrillation", "inferior_stemi"])
def test_the_own_reading_mentions_every_phrase(kind: str) -> None:
    findings = findings_of(kind)
    reference = reference_of(findings)
    assert {1, 2, 6} <= set(reference.phrases)
    assert kind != "inferior_stemi" or "inferior ST-elevation myocardial" in reference.phrases[4]
    for phrases in reference.phrases.values():
        assert 1 <= len(phrases) <= PHRASES_PER_STEP
        assert all(len(phrase.split()) <= WORDS_PER_PHRASE for phrase in phrases)
    reading = compose(findings)
    assert reference.answer == reading.answer
    assert match(reading.raw, reference).score == 1.0
    strict = match(reading.raw, reference, "strict")
    assert not [phrase for step in strict.steps for phrase in step.phrases if phrase.status == "negated"]


def test_the_reading_of_another_recording_misses_them() -> None:
    reference = reference_of(findings_of("lbbb"))
    assert "left bundle branch" in reference.phrases[2]
    score = match(compose(findings_of("atrial_fibrillation")).raw, reference).score
    assert score is not None
    assert score < 0.5
