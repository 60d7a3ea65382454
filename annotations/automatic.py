"""Automatic scores that a study can compute by itself, to be set beside what raters said.

EDER: the evidence phrases of each step that the study settled on for a case, in any of its readings, looked for in each
reading of that case (`ecgr1_core.evidence`, strict matching); the reward is the mean over steps, as in training.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations.adjudication import settled
from annotations.blinding import shown_reading
from annotations.tables import Output, Study
from ecgr1_core.evidence import Reference, match_steps

EDER = "EDER, settled phrases"
Scores = Mapping[tuple[str, str], float]


def eder_scores(session: Session, study: Study) -> Scores:
    """Return the EDER of each reading by (case, arm), for cases with any settled phrase; {} where there is none."""
    outputs = {one.id: one for one in session.scalars(select(Output).where(Output.study_id == study.id))}
    phrases: dict[int, dict[int, dict[str, None]]] = {}
    for output_id, outcome in settled(session, study).items():
        by_step = phrases.setdefault(outputs[output_id].case_id, {})
        for step, texts in outcome.phrases.items():
            by_step.setdefault(step, {}).update(dict.fromkeys(texts))
    found = {}
    for one in outputs.values():
        wanted = {step: tuple(texts) for step, texts in phrases.get(one.case_id, {}).items() if texts}
        said = {step.number: step.text for step in shown_reading(one).steps}
        score = match_steps(said, Reference(wanted), "strict").score
        if score is not None:
            found[one.case.name, one.arm.name] = float(score)
    return found
