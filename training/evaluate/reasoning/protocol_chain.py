"""Answers the questions of a chain from the measurements and findings of the recording, without any model.

What is asked is read from the words: topic, leads, limits, ranges. The order of criteria is in `criteria.toml`. Where a
question names a segment that was selected before, the segment is what is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ecgr1_core.record import EcgRecord
from training.evaluate.reasoning.chain import INITIAL, Asked
from training.evaluate.reasoning.facts import Facts
from training.evaluate.reasoning.plan import Plan, Step, plan_of
from training.evaluate.reasoning.samples import Question
from training.evaluate.reasoning.waves import beat_at, best_interval, best_range, interval_range, seconds
from training.evaluate.reasoning.wording import asked_leads, how_many, leads_in, ordinals, span_of, topic

_ROUNDING_MS: Final = 9.0  # what a segment's length may be off by, its ends being given to 0.01 s
_SECOND_S: Final = 0.9  # longest time from a P wave to the QRS that follows it


class ProtocolChain:
    """The answers of one recording; see `ChainAnswerer`."""

    def __init__(self, record: EcgRecord) -> None:
        self._facts = Facts(record)

    def answer(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
        """Return the options that the measurements speak for; the first one where nothing is known."""
        answers: dict[str, Callable[[Question, Sequence[Asked]], Sequence[str]]] = {
            INITIAL: self._initial,
            "criterion_selection": self._criterion,
            "finding_identification": self._finding,
            "lead_grounding": self._leads,
            "wave_grounding": self._wave,
            "measurement_grounding": self._measurement,
            "diagnostic_decision": self._decision,
        }
        return answers[question.kind](question, before) if question.kind in answers else question.options[:1]

    def _initial(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
        plan = plan_of(question.text)
        return [_option("Yes" if plan is not None and plan.decide(self._met) else "No", question.options)]

    def _met(self, step: Step) -> bool:
        return self._facts.holds(topic(step.ask), step.ask)

    def _criterion(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
        plan = _plan(before)
        if plan is None:
            return question.options[:1]
        step = _following(plan, before)
        wanted = [step] if isinstance(step, Step) else list(plan.steps)
        used = {answers[0] for asked, answers in before if asked.kind == "criterion_selection"}
        found = [option for one in wanted for option in one.among(question.options) if option not in used]
        others = [option for one in plan.steps for option in one.among(question.options) if option not in used]
        return (found or others or list(question.options))[:1]

    def _finding(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
        about = topic(question.text)
        if about == "non_conducted":
            where = self._selected_interval(before)
            if where is not None:
                at = next((n for n, b in enumerate(self._facts.beats) if abs(b.r_s - where[0]) < 1e-6), -1)
                return [_option("Yes" if self._facts.unconducted(at) else "No", question.options)]
        if about == "premature_qrs" and (segment := _segment(before)) is not None:
            beat = beat_at(self._facts, segment)
            normal = self._facts.measured.qrs_duration_ms
            if beat is not None and beat.kind != "ventricular_ectopic" and normal is not None:
                wide = 1000 * (segment[1] - segment[0]) > normal + 2 * _ROUNDING_MS + 2
                return [_option("Yes" if wide else "No", question.options)]
        return [_option("Yes" if self._facts.holds(about, question.text) else "No", question.options)]

    def _leads(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
        by_lead = {leads[0]: option for option in question.options if (leads := leads_in(option))}
        if "larger" in question.text and by_lead:
            wave = "s" if topic(question.text) == "s_amplitude" else "r"
            return [by_lead[max(by_lead, key=lambda lead: self._facts.largest_mv(wave, lead))]]
        found = next((asked for asked, _ in reversed(before) if asked.kind == "finding_identification"), None)
        about = topic(question.text)
        if found is None or about is None:
            return question.options[:1]
        asked = [lead for lead in asked_leads(found.text) or by_lead if lead in by_lead] or list(by_lead)
        margins = {lead: self._margin(about, lead, found.text, asked) for lead in asked}
        ranked = sorted(asked, key=lambda lead: -margins[lead])
        least = min(how_many(found.text, asked), len(ranked))
        chosen = {lead for lead in asked if margins[lead] >= 0} | set(ranked[:least])
        return [option for lead, option in by_lead.items() if lead in chosen]

    def _margin(self, about: str, lead: str, question: str, leads: Sequence[str]) -> float:
        try:
            return self._facts.margin(about, lead, question, leads)
        except KeyError:  # nothing that is seen by lead
            return float("-inf")

    def _wave(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
        if ordinals(question.options[0]):
            return [best_interval(self._facts, question.text, question.options)]
        about, within = topic(question.text), None
        if about == "non_conducted":
            kind, within = "blocked_p", self._selected_interval(before)
        elif about == "premature":
            kind = "premature"
        elif about == "t_inverted" or "T wave" in question.text:
            kind = "t"
        else:
            kind = "p" if "P wave" in question.text else "qrs"
        return [best_range(self._facts, kind, question.options, within=within)]

    def _measurement(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
        value = self._measured(question, before)
        spans = [(option, span) for option in question.options if (span := span_of(option)) is not None]
        if value is None or not spans:
            return question.options[:1]
        return [min(spans, key=lambda one: one[1].distance(value))[0]]

    def _measured(self, question: Question, before: Sequence[Asked]) -> float | None:
        """Return the value that is asked for, in the unit of the options."""
        facts, about, segment = self._facts, topic(question.text), _segment(before)
        if about == "rate":
            return facts.measured.heart_rate_bpm
        if about == "dissociation":
            return facts.measured.rhythm.p_rate_per_min
        if about == "axis":
            return facts.measured.qrs_axis_deg
        if about == "pr":
            return self._pr_ms(segment)
        if about in ("qrs", "premature_qrs"):
            return self._qrs_ms(segment)
        if about in ("r_amplitude", "s_amplitude") and segment is not None:
            leads = _lead_before(before)
            of = facts.r_mv if about == "r_amplitude" else facts.s_mv
            return of(leads, *segment) if leads else None
        return None

    def _pr_ms(self, segment: tuple[float, float] | None) -> float | None:
        """Return the time from the start of the selected P wave to the QRS after it."""
        if segment is not None:
            onsets = [beat.qrs_onset_s for beat in self._facts.beats if beat.qrs_onset_s is not None]
            after = [onset for onset in onsets if segment[1] - 0.02 < onset < segment[0] + _SECOND_S]
            if after:
                return 1000 * (min(after) - segment[0])
        return self._facts.measured.pr_interval_ms

    def _qrs_ms(self, segment: tuple[float, float] | None) -> float | None:
        """Return the length of the selected QRS, within its rounding that which we measure ourselves."""
        beat = None if segment is None else beat_at(self._facts, segment)
        own = self._facts.measured.qrs_duration_ms if beat is None else beat.qrs_duration_ms
        if segment is None:
            return own
        length = 1000 * (segment[1] - segment[0])
        return length if own is None else min(max(own, length - _ROUNDING_MS), length + _ROUNDING_MS)

    def _selected_interval(self, before: Sequence[Asked]) -> tuple[float, float] | None:
        for asked, answers in reversed(before):
            if asked.kind == "wave_grounding" and ordinals(answers[0]):
                return interval_range(self._facts, answers[0], asked.text)
        return None

    def _decision(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
        plan = _plan(before)
        step = None if plan is None else _following(plan, before)
        if isinstance(step, str):
            return [_option(step, question.options)]
        undecided = [option for option in question.options if option.casefold() not in ("yes", "no")]
        return (undecided or list(question.options))[:1]


def _plan(before: Sequence[Asked]) -> Plan | None:
    """Return the plan of the diagnosis that the chain began with."""
    return next((plan_of(asked.text) for asked, _ in before if asked.kind == INITIAL), None)


def _following(plan: Plan, before: Sequence[Asked]) -> Step | str:
    """Return the step that follows those that were asked, or the decision that they lead to."""
    step: Step | str = plan.steps[0]
    criterion: Step | None = None
    met_before = False
    for asked, answers in before:
        if asked.kind == "criterion_selection":
            criterion = plan.step_of(answers[0])
        elif asked.kind == "finding_identification" and criterion is not None:
            met = answers[0].casefold().startswith("yes")
            step, met_before = plan.after(criterion, met, met_before), met_before or met
    return step


def _segment(before: Sequence[Asked]) -> tuple[float, float] | None:
    """Return the time range that was selected last."""
    for asked, answers in reversed(before):
        if asked.kind == "wave_grounding" and (where := seconds(answers[0])) != (0.0, 0.0):
            return where
    return None


def _lead_before(before: Sequence[Asked]) -> str | None:
    """Return the lead that was named or selected last."""
    for asked, answers in reversed(before):
        if asked.kind == "lead_grounding" and (leads := leads_in(answers[0])):
            return leads[0]
        if asked.kind == "wave_grounding" and (leads := asked_leads(asked.text)):
            return leads[0]
    return None


def _option(word: str, options: Sequence[str]) -> str:
    """Return the option that begins with a word, the first one where none does."""
    return next((option for option in options if option.casefold().startswith(word.casefold())), options[0])
