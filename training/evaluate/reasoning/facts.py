"""What one recording shows, as answers to the topics of closed questions: yes or no, by lead, and in numbers.

It rests on the measurements and on the protocol's findings; limits come with the question. Margins are signed: 0 or
above is "yes", and the larger the clearer, so that leads can be ranked. Unknown is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np

from ecgr1_core.measure import Beat, Measurements, measure
from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, condition
from ecgr1_core.measure.types import LeadMeasurements
from ecgr1_core.protocol import as_shown, assess, limits
from ecgr1_core.protocol.case import Case, Complex
from ecgr1_core.record import LEADS, EcgRecord
from training.evaluate.reasoning.wording import Span, asked_leads, how_many, limit_of, limits_by_lead, span_of

ECTOPIC: Final = ("supraventricular_ectopic", "ventricular_ectopic")
_NO_CONDUCTION: Final = (
    *("second-degree AV block", "second-degree AV block, Mobitz I", "second-degree AV block, Mobitz II"),
    *("2:1 AV block", "third-degree AV block", "AV dissociation", "atrial fibrillation", "atrial flutter"),
)
_SMALL_MV: Final = 0.1  # "a small r wave": one millimetre
_FLAT_T_MV: Final = 0.05  # half a millimetre, the least that is seen on paper
_PATTERN: Final = 0.25  # a wave below this share of the main one does not change what a complex is called
_LONGER: Final = 1.3  # of the RR intervals before
_WIDER_MS: Final = 20.0  # than the normal beats, the least that is called prolonged
_REGULAR: Final = 0.1  # SD over mean of RR
_BASELINE_S: Final = 0.04  # before the QRS, from which amplitudes are measured


class Facts:
    """One recording, measured once."""

    def __init__(self, record: EcgRecord) -> None:
        self.record = record
        self.measured: Measurements = measure(record)
        self.case = Case(as_shown(self.measured), record.patient, limits())
        self.findings = assess(self.measured, record.patient, record.warnings)
        self.labels = frozenset(label.name for label in self.findings.labels)

    @property
    def beats(self) -> tuple[Beat, ...]:
        """All beats in time."""
        return self.measured.beats

    @cached_property
    def _signal(self) -> np.ndarray:
        return condition(self.record).signal_mv

    def holds(self, topic: str | None, question: str) -> bool:
        """Whether what a question asks about is there; "no" where it is unknown or the topic is not known."""
        if topic in _BY_LEAD:
            leads = asked_leads(question) or LEADS
            passing = [lead for lead in leads if self.margin(topic, lead, question, leads) >= 0]
            return len(passing) >= how_many(question, leads)
        answer = _WHOLE[topic](self, question) if topic in _WHOLE else None
        return bool(answer)

    def margin(self, topic: str, lead: str, question: str, leads: Sequence[str]) -> float:
        """Return how clearly one lead shows a topic; -inf where it was not measured.

        `question` is the one that names the limits, `leads` those it asks about.
        """
        measured, qrs = self.case.lead(lead), self.case.qrs(lead)
        if measured is None or qrs is None:
            return -np.inf
        value = _BY_LEAD[topic](measured, qrs, limits_by_lead(question, leads).get(lead), question)
        return -np.inf if value is None else float(value)

    def premature(self) -> list[Beat]:
        """Return the beats that come early."""
        return [beat for beat in self.beats if beat.kind in ECTOPIC]

    def r_mv(self, lead: str, start_s: float, end_s: float) -> float:
        """Return the height of the QRS above the baseline between two times, in mV."""
        return self._deflection(lead, start_s, end_s, np.max)

    def s_mv(self, lead: str, start_s: float, end_s: float) -> float:
        """Return the depth of the QRS below the baseline between two times, in mV, positive."""
        return -self._deflection(lead, start_s, end_s, np.min)

    def largest_mv(self, wave: str, lead: str) -> float:
        """Return the largest R or S amplitude of a lead over the beats that are not premature, in mV; 0 for none."""
        of = self.r_mv if wave == "r" else self.s_mv
        own = [beat for beat in self.beats if beat.kind not in ECTOPIC]
        values = [of(lead, b.qrs_onset_s, b.qrs_offset_s) for b in own if b.qrs_onset_s and b.qrs_offset_s]
        return max(values, default=0.0)

    def rr_ms(self) -> list[float]:
        """Return the intervals between neighbouring beats, in ms."""
        times = [beat.r_s for beat in self.beats]
        return [1000 * (later - earlier) for earlier, later in pairwise(times)]

    def long_interval(self) -> int | None:
        """Return the number of the beat before the interval that is longest against those before it, None for none."""
        rr = self.rr_ms()
        ratios = [value / float(np.median(rr[max(0, at - 3) : at] or rr)) for at, value in enumerate(rr)]
        at = int(np.argmax(ratios)) if ratios else 0
        return at if ratios and ratios[at] >= _LONGER else None

    def p_between(self, start_s: float, end_s: float) -> list[float]:
        """Return the peaks of P waves between two times."""
        return [peak for peak in self.measured.rhythm.p_times_s if start_s < peak < end_s]

    def unconducted(self, at: int) -> list[float]:
        """Return the P waves between a beat and the next that no QRS follows: all but one just before the next QRS."""
        if not 0 <= at < len(self.beats) - 1:
            return []
        here, after = self.beats[at], self.beats[at + 1]
        found = self.p_between((here.qrs_offset_s or here.r_s) + 0.04, after.qrs_onset_s or after.r_s)
        return found[:-1] if found and (after.r_s - found[-1]) < 0.4 else found

    def _deflection(self, lead: str, start_s: float, end_s: float, of: Callable[..., np.floating]) -> float:
        row, rate = self._signal[LEADS.index(lead)], WORKING_RATE_HZ
        start, end = max(0, round((start_s - 0.01) * rate)), min(row.size, round((end_s + 0.01) * rate) + 1)
        before = row[max(0, round((start_s - _BASELINE_S) * rate)) : max(1, start)]
        if start >= end or before.size == 0:
            return 0.0
        return float(of(row[start:end]) - np.median(before))


def _above(value: float | None, span: Span | None) -> bool | None:
    return None if value is None or span is None else span.distance(value) == 0 and value != span.low


def _regular(facts: Facts, _: str) -> bool | None:
    rr = [beat.rr_ms for beat in facts.beats if beat.kind not in ECTOPIC and beat.rr_ms]
    return float(np.std(rr) / np.mean(rr)) < _REGULAR if len(rr) > 1 else None


def _axis(facts: Facts, question: str) -> bool | None:
    return _above(facts.measured.qrs_axis_deg, span_of(question))


def _amplitude(facts: Facts, question: str) -> bool | None:
    leads = asked_leads(question)
    return _above(facts.largest_mv("r", leads[0]), limit_of(question, "mv")) if leads else None


def _voltage_sum(facts: Facts, question: str) -> bool | None:
    """Return whether S in the first lead and the larger R of the others add up to more than the limit."""
    leads = asked_leads(question)
    if not leads:
        return None
    first, *others = leads
    total = facts.largest_mv("s", first) + max((facts.largest_mv("r", lead) for lead in others), default=0.0)
    return _above(total, limit_of(question, "mv"))


def _cornell(facts: Facts, question: str) -> bool | None:
    """Return whether (S in V3 + R in aVL) times the QRS duration, in mV·s, exceeds the limit (Molloy et al. 1992)."""
    qrs_ms = facts.measured.qrs_duration_ms
    if qrs_ms is None:
        return None
    return _above((facts.largest_mv("s", "V3") + facts.largest_mv("r", "aVL")) * qrs_ms / 1000, span_of(question))


def _premature_wide(facts: Facts, _: str) -> bool | None:
    early = facts.premature()
    normal = facts.measured.qrs_duration_ms
    widths = [beat.qrs_duration_ms for beat in early if beat.qrs_duration_ms is not None]
    if any(beat.kind == "ventricular_ectopic" for beat in early):
        return True
    return bool(widths) and normal is not None and max(widths) > normal + _WIDER_MS


def _non_conducted(facts: Facts, _: str) -> bool:
    at = facts.long_interval()
    return at is not None and bool(facts.unconducted(at))


_WHOLE: Final[dict[str | None, Callable[[Facts, str], bool | None]]] = {
    "conduction": lambda facts, _: not facts.labels & set(_NO_CONDUCTION),
    "non_conducted": _non_conducted,
    "dropped": lambda facts, _: facts.long_interval() is not None,
    "dissociation": lambda facts, _: facts.measured.rhythm.p_train_steady or "AV dissociation" in facts.labels,
    "fibrillation": lambda facts, _: "atrial fibrillation" in facts.labels,
    "regular": _regular,
    "rate": lambda facts, question: _above(facts.measured.heart_rate_bpm, limit_of(question, "bpm")),
    "premature_qrs": _premature_wide,
    "premature": lambda facts, _: bool(facts.premature()),
    "pr": lambda facts, question: _above(facts.measured.pr_interval_ms, limit_of(question, "ms")),
    "qrs": lambda facts, question: _above(facts.measured.qrs_duration_ms, limit_of(question, "ms")),
    "lbbb": lambda facts, _: any("left bundle branch block" in label for label in facts.labels),
    "rbbb": lambda facts, _: any("right bundle branch block" in label for label in facts.labels),
    "axis": _axis,
    "cornell": _cornell,
    "voltage_sum": _voltage_sum,
    "r_amplitude": _amplitude,
}


def _q_wave(lead: LeadMeasurements, qrs: Complex, limit: float | None, question: str) -> float | None:
    """Return how clearly a Q wave is pathological: QS, deep S after a small r, or longer and deeper than the limits."""
    if qrs.is_qs or (0 < qrs.r <= _SMALL_MV and qrs.s > 5 * qrs.r):
        return 1.0
    long_enough = limit_of(question, "ms")
    if not qrs.q or qrs.q_ms is None or long_enough is None or not _above(qrs.q_ms, long_enough):
        return -1.0
    least = 0.2 * qrs.height if "one-fifth" in question or "1/5" in question else limit
    return None if least is None else qrs.q - least


def _slurred(lead: LeadMeasurements, qrs: Complex, limit: float | None, question: str) -> float | None:
    if not qrs.s or not qrs.r or qrs.s_ms is None:
        return -1.0
    longest = limit_of(question, "ms")
    least = 40.0 if longest is None or longest.low is None else longest.low
    return max(qrs.s_ms - least, qrs.s_ms - (qrs.r_ms or np.inf))


def _broad_r(lead: LeadMeasurements, qrs: Complex, limit: float | None, question: str) -> float | None:
    """Return how clearly the complex is one broad R, by the limits of the question, or qR."""
    if qrs.q and qrs.r > qrs.q and qrs.depth <= qrs.q:
        return 1.0
    duration, peak = (span.low for span in _both_limits(question))
    monophasic = qrs.depth <= _PATTERN * qrs.height
    if not monophasic or lead.r_duration_ms is None or lead.r_peak_time_ms is None:
        return -1.0
    return min(lead.r_duration_ms - (duration or 120.0), lead.r_peak_time_ms - (peak or 55.0))


def _both_limits(question: str) -> tuple[Span, Span]:
    """Return the two limits in ms that stand in a question, in their order; the same twice where there is one."""
    first = limit_of(question, "ms") or Span(None, None, "ms")
    rest = question.partition("illiseconds")[2]
    return first, limit_of(rest, "ms") or first


_BY_LEAD: Final[dict[str, Callable[[LeadMeasurements, Complex, float | None, str], float | None]]] = {
    "st_elevation": lambda lead, _, limit, __: None if lead.st_j_mv is None else lead.st_j_mv - (limit or 0.1),
    "st_depression": lambda lead, _, limit, __: None if lead.st_j_mv is None else -lead.st_j_mv - (limit or 0.1),
    "t_inverted": lambda lead, *_: None if lead.t_amplitude_mv is None else -lead.t_amplitude_mv - _FLAT_T_MV,
    "q_wave": _q_wave,
    "dominant_s": lambda _, qrs, *__: qrs.depth - qrs.height,
    "dominant_r": lambda _, qrs, *__: qrs.height - qrs.depth,
    "monophasic": lambda _, qrs, *__: -1.0 if qrs.q or not qrs.height else _PATTERN - qrs.depth / qrs.height,
    "notched": lambda lead, qrs, *_: 1.0 if lead.qrs_notched or (qrs.r_prime and not qrs.depth) else -1.0,
    "rsr": lambda _, qrs, *__: qrs.r_prime if qrs.r and qrs.r_prime else -1.0,
    "slurred_s": _slurred,
    "broad_r": _broad_r,
    "qr_pattern": lambda _, qrs, *__: -1.0 if not qrs.q else min(qrs.r - qrs.q, _PATTERN - qrs.s / max(qrs.r, 1e-6)),
    "rs_pattern": lambda _, qrs, *__: -1.0 if not qrs.r or qrs.q else qrs.s - qrs.r,
}
