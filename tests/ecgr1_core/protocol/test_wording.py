"""Other wordings say what the canonical one says: the same numbers, leads, negations and certainties."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from made_ecg import read
from varied_ecg import varied_ecg

from ecgr1_core.interpretation import STEP_TITLES, parse
from ecgr1_core.protocol import Findings, compose, limits
from ecgr1_core.protocol.text import Reading
from ecgr1_core.protocol.wording import Entry, Sentence, Wording, slot_names, wording_table
from ecgr1_core.record import LEADS

ECGS = range(40)
SEEDS = range(6)
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")
LEAD = re.compile(rf"\b(?:{'|'.join(sorted(LEADS, key=len, reverse=True))})\b")
NEGATION = re.compile(r"\b(?:no|not|none|neither|nor|without|nothing|nowhere|cannot)\b", re.IGNORECASE)
DOUBT = re.compile(r"\b(?:possible|possibly|probable|probably|suspected|likely|may|might|cannot)\b", re.IGNORECASE)
# What is met most often must not always be said in the same words.
FREQUENT = {
    f"{topic}.{outcome}"
    for topic, outcomes in (
        ("quality", ("sufficient",)),
        ("rate", ("normal", "slow", "fast")),
        ("rhythm", ("sinus", "atrial_fibrillation", "paced")),
        ("premature", ("none", "ventricular_ectopic")),
        ("p_wave", ("normal",)),
        ("pr", ("normal", "long")),
        ("qrs", ("normal", "rbbb", "lbbb", "irbbb")),
        ("axis", ("normal", "left", "right")),
        ("fascicle", ("lafb",)),
        ("lvh", ("none", "voltage")),
        ("rvh", ("none",)),
        ("low_voltage", ("none",)),
        ("progression", ("normal", "poor")),
        ("st_elevation", ("none", "present")),
        ("st_depression", ("none", "present")),
        ("t_wave", ("normal", "inverted", "low")),
        ("q_wave", ("none", "inferior", "anterolateral")),
        ("qt", ("normal", "long")),
        ("electrolytes", ("none",)),
    )
    for outcome in outcomes
}


def leads_in(text: str) -> set[str]:
    """Return the leads that a text names, those within a range too."""
    for first, last in set(re.findall(r"\b(V[1-6])–(V[1-6])\b", text)):
        text += " " + " ".join(LEADS[LEADS.index(first) : LEADS.index(last) + 1])
    return set(LEAD.findall(text))


def doubts(text: str) -> set[str]:
    return {word.lower() for word in DOUBT.findall(text)}


def by_finding(reading: Reading, step: str) -> dict[frozenset[str], str]:
    """Return the text of one step by the findings that it is of."""
    texts: dict[frozenset[str], str] = {}
    for one in reading.evidence:
        if one.step == step:
            key = frozenset(one.finding_ids)
            texts[key] = f"{texts.get(key, '')} {reading.text_of(step)[one.start : one.end]}".strip()
    return texts


@pytest.mark.parametrize("ecg", ECGS)
def test_every_seed_says_what_is_said_canonically(ecg: int) -> None:
    findings = varied_ecg(ecg)
    canonical = compose(findings)
    for seed in SEEDS:
        reading = compose(findings, seed)
        assert reading.answer == canonical.answer
        assert not re.search(r"[{}]|  |\.\.|;\.|,\.| ;| \.|\bNone\b(?! of)", reading.raw)
        for step, title in enumerate(STEP_TITLES[:-1], 1):
            said = by_finding(canonical, str(step))
            for ids, text in by_finding(reading, str(step)).items():
                expected = " ".join(said[frozenset([id])] for id in said_order(canonical, ids))
                assert Counter(NUMBER.findall(text)) == Counter(NUMBER.findall(expected)), title
                assert leads_in(text) == leads_in(expected)
                assert bool(NEGATION.search(text)) == bool(NEGATION.search(expected))
                assert doubts(text) == doubts(expected)
        for part in ("6", "summary"):
            assert set(NUMBER.findall(reading.text_of(part))) == set(NUMBER.findall(canonical.text_of(part)))
            assert leads_in(reading.text_of(part)) == leads_in(canonical.text_of(part))


def said_order(reading: Reading, ids: frozenset[str]) -> list[str]:
    return list(dict.fromkeys(id for one in reading.evidence for id in one.finding_ids if id in ids))


@pytest.mark.parametrize("ecg", ECGS)
def test_every_value_in_the_text_was_measured_or_is_a_limit(ecg: int) -> None:
    findings = varied_ecg(ecg)
    table = vars(limits()).values()
    known = {form for value in table for scale in (1, 10, 100) for form in forms(scale * value)}
    known |= {
        form for f in findings.items for value in f.numbers.values() for form in (*forms(value), *forms(10 * value))
    }
    known |= {"180", "815", "850"}  # the end of the circle; the shortest and longest RR interval of the made ECGs
    for seed in (None, 0, 1):
        raw = compose(findings, seed).raw
        said = re.findall(r"(?<![\w.])(\d+(?:\.\d+)?) ?(?:ms|bpm|mV|mm|°)(?!\w|·)", raw)
        spread = {
            str(round(f.numbers["rr_max_ms"] - f.numbers["rr_min_ms"])) for f in findings.topic("sinus_arrhythmia")
        }
        assert set(said) <= known | spread


def forms(value: float) -> Iterable[str]:
    value = abs(value)
    return f"{value:.0f}", f"{value:.1f}", f"{value:.2f}"


def test_seeds_differ_and_the_same_seed_is_the_same_text() -> None:
    findings = read()
    texts = [compose(findings, seed).raw for seed in range(20)]
    assert len(set(texts)) == 20
    assert texts == [compose(findings, seed).raw for seed in range(20)]
    assert compose(findings).raw == compose(findings, None).raw
    for part in ("1", "2", "3", "4", "5", "6", "summary"):
        assert len({compose(findings, seed).text_of(part) for seed in range(20)}) >= 4


@pytest.mark.parametrize("seed", [None, *SEEDS])
def test_the_form_is_kept(seed: int | None) -> None:
    for ecg in ECGS:
        reading = compose(varied_ecg(ecg), seed)
        assert reading.complete
        again = parse(reading.raw)
        assert (again.steps, again.summary, again.answer) == (reading.steps, reading.summary, reading.answer)
        assert [step.title for step in reading.steps] == list(STEP_TITLES)


def test_findings_that_follow_each_other_are_joined_by_some_seeds() -> None:
    joined = {one.finding_ids for seed in range(20) for one in compose(read(), seed).evidence if one.step in ("1", "2")}
    assert ("pr.normal", "qrs.normal") in joined
    assert ("rate.normal", "rhythm.sinus") in joined


def test_frequent_findings_have_three_templates_and_more() -> None:
    templates: Counter[str] = Counter()
    for entry in wording_table()[0]:
        if len(entry.ids) == 1:
            templates[entry.ids[0]] += len(entry.templates)
    assert {id for id in FREQUENT if templates[id] < 3} == set()


def test_the_table_spells_the_sentences_of_the_rules() -> None:
    """A rule that words its sentence anew is said canonically only; this tells which of the frequent ones do."""
    sentences = [
        sentence
        for findings in (read(), *map(varied_ecg, ECGS))
        for sentence in Wording().sentences(findings.items)
        if sentence.findings[0].id in FREQUENT
    ]
    spelled = {sentence.findings[0].id for sentence in sentences if any_entry(sentence)}
    assert {sentence.findings[0].id for sentence in sentences} - spelled == set()
    normal = Wording().sentences(read(transition_zone="V4").items)
    assert [sentence.text for sentence in normal if not any_entry(sentence)] == []


def any_entry(sentence: Sentence) -> bool:
    return any(entry.match([sentence]) is not None for entry in wording_table()[0] if len(entry.ids) == 1)


def literals(templates: Sequence[str]) -> str:
    """Return the templates without their slots."""
    return re.sub(r"\{[^}]*\}", "*", " ".join(templates))


@pytest.mark.parametrize("entry", wording_table()[0], ids=lambda entry: "+".join(entry.ids))
def test_the_words_around_the_slots_add_nothing(entry: Entry) -> None:
    said = literals(entry.says)
    for template in entry.templates:
        words = literals([template])
        assert template not in entry.says
        assert sorted(slot_names(template)) == sorted(name for one in entry.says for name in slot_names(one))
        assert set(NUMBER.findall(words)) == set(NUMBER.findall(said))
        assert leads_in(words) == leads_in(said)
        assert bool(NEGATION.search(words)) == bool(NEGATION.search(said))
        assert doubts(words) == doubts(said)
        assert not re.search(r"\. [A-Z{]", template), "one sentence each"
        assert not re.search(r"\ban? \{(?:\w*certainty|\w*_count)\}", template), "no article before an open slot"
        assert not re.search(r"\b(?:important|note that|noteworthy|interestingly|of course)\b", template)


@pytest.mark.parametrize("name", wording_table()[1])
def test_composed_sentences_agree(name: str) -> None:
    first, *others = wording_table()[1][name]
    assert len(others) >= 2
    for template in others:
        assert sorted(slot_names(template)) == sorted(slot_names(first))
        assert not re.search(r"\. [A-Z{]", template)
        assert bool(NUMBER.search(literals([template]))) == bool(NUMBER.search(literals([first])))


def test_the_rest_of_a_statement_keeps_its_words() -> None:
    findings: Findings = read(heart_rate_bpm=None)
    unknown = findings.get("rate.unknown")
    assert unknown is not None
    assert [one.text for one in Wording(3).sentences([unknown])] == [unknown.statement]
