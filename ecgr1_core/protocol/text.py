"""From findings to the reading: six headed paragraphs, a summary and the answer, in ECG-R1's form, with the evidence.

Every number in the text stands in a finding; this module adds none and judges nothing. Step 6 and the summary are made
of the same findings as the steps, so that they cannot contradict them. The evidence is kept while the sentences are
put together; no text is ever read back for it. How a sentence is worded, canonically or by a seed, is for `wording.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from ecgr1_core import vocabulary
from ecgr1_core.interpretation import STEP_NUMBERS, STEP_TITLES, Interpretation, Step, parse, write
from ecgr1_core.protocol import words
from ecgr1_core.protocol.findings import Certainty, Finding, Findings, Status
from ecgr1_core.protocol.wording import Sentence, Wording

UNDETERMINED = "undetermined rhythm"
SUMMARY = "summary"

Item = TypeVar("Item")

_LEAST_SURE_FIRST: tuple[Certainty, ...] = ("possible", "probable", "definite")
_GRAVEST_FIRST: tuple[Status, ...] = ("abnormal", "not_assessable", "normal")
# What a normal finding speaks against, in the order of the protocol.
_EXCLUDED: Mapping[str, str] = {
    "pr.normal": "first-degree AV block",
    "qrs.normal": "bundle branch block",
    "lvh.none": "left ventricular hypertrophy by voltage",
    "rvh.none": "right ventricular hypertrophy by R in V1",
    "st_elevation.none": "ST-elevation infarction",
    "q_wave.none": "Q-wave infarction",
    "qt.normal": "a prolonged QT interval",
}
# What another finding, by its topic or id, says already when it is listed as at least as sure.
_SAID_BY: Mapping[str, tuple[str, ...]] = {"st_elevation.present": ("stemi",)}
_INTERVALS = (
    ("pr.normal", "PR", "pr_interval_ms", words.ms),
    ("qrs.normal", "QRS", "qrs_duration_ms", words.ms),
    ("axis.normal", "axis", "qrs_axis_deg", words.degrees),
    ("qt.normal", "QTc (Fridericia)", "qtc_fridericia_ms", words.ms),
)


@dataclass(frozen=True)
class SentenceEvidence:
    """What one sentence of a reading rests on.

    `step` is "1" to "6" or "summary", and `text[start:end]` of that part is the sentence. `finding_ids` name the
    findings that it is made of, in the order of the sentence; `leads`, `beats` (numbers of the beats, from 1, where
    single beats are meant), `measurements` (by name with unit) and `rules` are theirs together. `certainty` is that of
    the least sure of them, `status` abnormal before not assessable before normal; both None for a sentence of no
    finding.
    """

    step: str
    start: int
    end: int
    finding_ids: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    beats: tuple[int, ...] = ()
    measurements: Mapping[str, float] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    certainty: Certainty | None = None
    status: Status | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        data = {one.name: getattr(self, one.name) for one in fields(self)}
        data |= {name: list(data[name]) for name in ("finding_ids", "leads", "beats", "rules")}
        return data | {"measurements": dict(self.measurements)}


@dataclass(frozen=True)
class Reading(Interpretation):
    """An interpretation and what each of its sentences rests on, in the order of the text."""

    evidence: tuple[SentenceEvidence, ...] = ()

    def text_of(self, step: str) -> str:
        """Return the text of the part that evidence of that `step` points into, "" where there is none."""
        if step == SUMMARY:
            return self.summary
        found = self.step(int(step))
        return found.text if found is not None else ""


def compose(findings: Findings, seed: int | None = None) -> Reading:
    """Return the reading of the findings; its `raw` is the output form and its answer the names of the labels.

    Without a `seed` every sentence is the canonical one; a seed draws other wordings that say the same, always alike
    for the same seed. The answer does not depend on it. Findings that are only possible are in the text, not in the
    answer. An answer always names a rhythm: where none is at least probable it says that it is undetermined.
    """
    wording = Wording(seed)
    parts = [wording.sentences(findings.of_step(number)) for number in STEP_NUMBERS[:-1]]
    parts += [_reasoning(findings, wording), _summary(findings, wording)]
    names = [*map(str, STEP_NUMBERS), SUMMARY]
    *texts, summary = [" ".join(sentence.text for sentence in part) for part in parts]
    steps = tuple(Step(*step) for step in zip(STEP_NUMBERS, STEP_TITLES, texts, strict=True))
    answer = tuple(label.name for label in findings.labels)
    if not _names_rhythm(findings):
        answer = (UNDETERMINED, *answer)
    evidence = [one for name, part in zip(names, parts, strict=True) for one in _evidence(name, part)]
    return Reading(**vars(parse(write(steps, summary, answer))), evidence=tuple(evidence))


def certainties(findings: Findings) -> dict[str, Certainty]:
    """Return how sure each label that the findings give the answer is, by its name in the order of the answer.

    A label is as sure as the surest finding that gives it; "normal ECG" only as sure as the least sure finding that an
    ECG cannot be called normal without.
    """
    sure: dict[str, Certainty] = {}
    for label in findings.labels:
        given = [finding.certainty for finding in findings.items if finding.label == label]
        if label == vocabulary.label("normal ECG"):
            sure[label.name] = _least_sure(finding.certainty for finding in findings.items if finding.basic)
        else:
            sure[label.name] = max(given, key=_LEAST_SURE_FIRST.index)
    return sure


def _evidence(step: str, sentences: Sequence[Sentence]) -> list[SentenceEvidence]:
    """Return the evidence of the sentences of one part, which stand in it with one space between them."""
    found, start = [], 0
    for sentence in sentences:
        end = start + len(sentence.text)
        made_of = sentence.findings
        found.append(
            SentenceEvidence(
                step=step,
                start=start,
                end=end,
                finding_ids=_each_once(finding.id for finding in made_of),
                leads=_each_once(lead for finding in made_of for lead in finding.leads),
                beats=_each_once(beat for finding in made_of for beat in _beats(finding)),
                measurements={name: value for finding in made_of for name, value in finding.numbers.items()},
                rules=_each_once(finding.rule for finding in made_of if finding.rule),
                certainty=_least_sure(finding.certainty for finding in made_of) if made_of else None,
                status=min((finding.status for finding in made_of), key=_GRAVEST_FIRST.index) if made_of else None,
            )
        )
        start = end + 1
    return found


def _beats(finding: Finding) -> tuple[int, ...]:
    """Return the numbers of the single beats of a finding, which its statement gives as "(beats 3, 5 to 7 and 9)"."""
    named = re.search(r"\(beats? ([^)]*)\)", finding.statement)
    runs = re.findall(r"(\d+)(?: to (\d+))?", named[1]) if named else []
    return tuple(beat for first, last in runs for beat in range(int(first), int(last or first) + 1))


def _each_once(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(items))


def _least_sure(certainties: Iterable[Certainty]) -> Certainty:
    return min(certainties, key=_LEAST_SURE_FIRST.index)


def _reasoning(findings: Findings, wording: Wording) -> list[Sentence]:
    """Step 6: what leads and what it means, what is only possible and what it means, what is excluded, what is open."""
    rhythm, of_rhythm = _rhythm(findings)
    excluded = _excluded(findings, wording)
    if findings.is_normal:
        conduction = _present(findings, ("pr.normal", "qrs.normal"))
        basic = tuple(finding for finding in findings.items if finding.basic)
        first = Sentence(wording.composed("normal_conclusion", rhythm=rhythm), (*of_rhythm, *conduction))
        return [first, *excluded, Sentence(wording.composed("normal_end"), basic)]
    sure, possible = _listed(findings, possible=False), _listed(findings, possible=True)
    sentences = [_headline(wording, "conclusion", {"rhythm": rhythm}, of_rhythm, sure)]
    if of_rhythm and not _names_rhythm(findings) and rhythm != UNDETERMINED:
        sentences.append(Sentence(wording.composed("rhythm_open"), of_rhythm))
    sentences += _meaning([finding for finding in findings.abnormal if finding not in possible], wording)
    if possible:
        sentences.append(Sentence(wording.composed("only_possible", findings=_in_words(possible)), possible))
        sentences += _meaning(possible, wording)
    return [*sentences, *excluded, *_open(findings, wording)]


def _meaning(findings: Sequence[Finding], wording: Wording) -> list[Sentence]:
    """What follows from each of the findings; what follows from several of them is said once."""
    by_reasoning: dict[str, Finding] = {}
    for finding in findings:
        by_reasoning.setdefault(finding.reasoning, finding)
    return [sentence for finding in by_reasoning.values() for sentence in wording.reasoning(finding)]


def _summary(findings: Findings, wording: Wording) -> list[Sentence]:
    """One paragraph: rhythm, what is there, what is possible, what is open."""
    rhythm, of_rhythm = _rhythm(findings)
    intervals, of_intervals = _intervals(findings)
    leading = (*of_rhythm, *of_intervals)
    slots = {"rhythm": rhythm, "intervals": intervals}
    if findings.is_normal:
        without = _present(findings, ("lvh.none", "q_wave.none", "st_elevation.none", "st_depression.none"))
        without += findings.topic("t_wave")
        return [Sentence(wording.composed("normal_summary", **slots), (*leading, *without))]
    sure, possible = _listed(findings, possible=False), _listed(findings, possible=True)
    sentences = [_headline(wording, "summary", slots, leading, sure)]
    if possible:
        sentences.append(Sentence(wording.composed("possible", findings=_in_words(possible)), possible))
    elif not sure:
        normal = tuple(finding for finding in findings.items if finding.status == "normal")
        sentences.append(Sentence(wording.composed("nothing_else"), normal))
    return [*sentences, *_open(findings, wording)]


def _headline(
    wording: Wording, name: str, slots: Mapping[str, str], leading: Sequence[Finding], sure: Sequence[Finding]
) -> Sentence:
    """Return the first sentence of step 6 or of the summary: the rhythm, and with it what is at least probable."""
    if not sure:
        return Sentence(wording.composed(f"{name}_alone", **slots), tuple(leading))
    # "atrial fibrillation with a ventricular rate of 80 bpm with …" would not be English.
    again = "_again" if " with " in slots["rhythm"] else ""
    return Sentence(wording.composed(f"{name}{again}", **slots, findings=_in_words(sure)), (*leading, *sure))


def _excluded(findings: Findings, wording: Wording) -> list[Sentence]:
    """What the normal findings exclude, in one sentence; only what was judged is named.

    Missing ST elevation excludes no infarction where another finding than Q waves makes one possible.
    """
    suspected = any(
        finding.label is not None and "infarction" in finding.label.name and finding.topic != "q_wave"
        for finding in findings.abnormal
    )
    speaking = [
        finding
        for finding in _present(findings, _EXCLUDED)
        if finding.status == "normal" and not (suspected and finding.topic == "st_elevation")
    ]
    if not speaking:
        return []
    named = words.join(_EXCLUDED[finding.id] for finding in speaking)
    return [Sentence(wording.composed("excluded", excluded=named), tuple(speaking))]


def _names_rhythm(findings: Findings) -> bool:
    """Whether one of the labels of the answer is that of the rhythm."""
    return any(finding.label in findings.labels for finding in findings.topic("rhythm"))


def _rhythm(findings: Findings) -> tuple[str, tuple[Finding, ...]]:
    """Return the rhythm in a few words, and the findings that say so."""
    judged = [finding for finding in findings.topic("rhythm") if finding.status != "not_assessable"]
    arrhythmia = findings.topic("sinus_arrhythmia")
    phrase = judged[0].phrase if judged else UNDETERMINED
    made_of = (*(judged[:1] or findings.topic("rhythm")), *arrhythmia)
    return phrase + (" and sinus arrhythmia" if arrhythmia else ""), made_of


def _listed(findings: Findings, *, possible: bool) -> tuple[Finding, ...]:
    """Abnormal findings beside the rhythm that have a phrase: only the possible ones, or all others."""
    return tuple(
        finding
        for finding in findings.abnormal
        if finding.phrase and finding.topic != "rhythm" and (finding.certainty == "possible") == possible
    )


def _in_words(listed: Sequence[Finding]) -> str:
    """Return the phrases of the findings as a list, without those that another of them says already.

    That a finding is possible is said by the sentence about those that are.
    """
    names = {name for finding in listed for name in (finding.id, finding.topic)}
    told = [finding for finding in listed if not names & {*_SAID_BY.get(finding.id, ())}]
    return words.join(finding.phrase.removeprefix("possible ") for finding in told)


def _open(findings: Findings, wording: Wording) -> list[Sentence]:
    """What could not be judged, in one sentence."""
    not_judged = tuple(f for f in findings.items if f.status == "not_assessable" and f.phrase)
    if not not_judged:
        return []
    named = words.join(_each_once(finding.phrase for finding in not_judged))
    return [Sentence(wording.composed("open", what=named), not_judged)]


def _intervals(findings: Findings) -> tuple[str, tuple[Finding, ...]]:
    """The normal intervals and axis in a few words, and their findings; abnormal ones stand among the findings."""
    parts: list[str] = []
    made_of: list[Finding] = []
    for id, name, key, in_words in _INTERVALS:
        finding = findings.get(id)
        if finding is not None and key in finding.numbers:
            parts.append(f"{name} {in_words(finding.numbers[key])}{_less_the_wide_qrs(finding)}")
            made_of += [finding] if finding not in made_of else []
    return "".join(f", {part}" for part in parts), tuple(made_of)


def _less_the_wide_qrs(finding: Finding) -> str:
    corrected = finding.numbers.get("qtc_fridericia_qrs_corrected_ms")
    return "" if corrected is None else f" ({words.ms(corrected)} corrected for the wide QRS)"


def _present(findings: Findings, ids: Iterable[str]) -> tuple[Finding, ...]:
    return tuple(finding for id in ids if (finding := findings.get(id)) is not None)
