"""The claim checker on sentences that were written by hand without knowing how it works."""

from __future__ import annotations

from collections import defaultdict

import pytest
from cases import CASES
from sentences import Judged, Sentence, judge, score, sentences

from ecgr1_core.record import LEADS, LIMB_LEADS

PRECISION, RECALL = 0.95, 0.85


def test_there_are_enough_sentences_of_every_kind() -> None:
    found = sentences()
    assert len(found) >= 200
    true, false = ([s for s in found if s.expect == expect] for expect in ("true", "false"))
    assert 0.45 <= len(false) / (len(true) + len(false)) <= 0.55
    phrasings: dict[tuple[str, str], set[int]] = defaultdict(set)
    count: dict[tuple[str, str], int] = defaultdict(int)
    for sentence in found:
        phrasings[sentence.kind, sentence.expect].add(sentence.phrasing)
        count[sentence.kind, sentence.expect] += 1
    kinds = {sentence.kind for sentence in found} - {"teaching"}
    assert len(kinds) >= 17
    for kind in kinds:
        for expect in ("true", "false"):
            assert len(phrasings[kind, expect]) >= 3, f"{kind}, {expect}: too few phrasings"
            assert count[kind, expect] >= 4, f"{kind}, {expect}: too few sentences"
    assert count["teaching", "none"] >= 20
    assert {s.trait for s in found} >= {"negation", "hedge", "bracket", "comparison", "range", "list", "territory"}


def test_every_sentence_is_marked_as_it_should_be() -> None:
    found = sentences()
    assert len({(s.case, s.text) for s in found}) == len(found)
    for sentence in found:
        assert sentence.case in CASES
        assert sentence.expect in ("true", "false", "none", "not_measurable")
        assert sentence.phrasing in (1, 2, 3, 4)
        assert (sentence.wrong is not None) == (sentence.expect == "false"), sentence
        assert sentence.wrong is None or sentence.wrong in sentence.text, sentence


@pytest.mark.parametrize("name", CASES)
def test_the_cases_are_whole(name: str) -> None:
    measured = CASES[name].measurements
    assert set(measured.leads) == set(LEADS) == set(measured.quality.leads)
    assert len(measured.beats) == measured.rhythm.beat_count
    for field in ("pr_interval_ms", "qt_interval_ms", "p_duration_ms", "qrs_axis_deg", "qtc_bazett_ms"):
        assert (getattr(measured, field) is None) == (field in measured.reasons), f"{name}: {field} has no reason"
    for field in ("p_amplitude_mv", "st_j_mv", "t_amplitude_mv"):
        level = {lead: getattr(measured.leads[lead], field) for lead in LIMB_LEADS}
        if None in level.values():
            continue
        assert level["II"] == pytest.approx(level["I"] + level["III"]), f"{name}: {field} is not Einthoven's"
        assert level["aVF"] == pytest.approx((level["II"] + level["III"]) / 2), f"{name}: {field} is not Goldberger's"


def test_false_sentences_are_contradicted_and_no_others() -> None:
    judged = [judge(sentence) for sentence in sentences()]
    total = score(judged)
    report = _wrong_ones(judged)
    assert total.precision is not None, f"no sentence was called contradicted\n{report}"
    assert total.recall is not None
    assert total.precision >= PRECISION, f"precision {total.precision:.3f}\n{report}"
    assert total.recall >= RECALL, f"recall {total.recall:.3f}\n{report}"


def test_what_was_not_measured_is_neither_supported_nor_contradicted() -> None:
    for sentence in sentences():
        if sentence.expect == "not_measurable":
            statuses = judge(sentence).statuses
            assert "contradicted" not in statuses, _line(sentence, statuses)
            assert "supported" not in statuses, _line(sentence, statuses)


def _wrong_ones(judged: list[Judged]) -> str:
    return "\n".join(
        _line(row.sentence, row.statuses)
        for row in judged
        if row.is_contradicted != (row.sentence.expect == "false")
    )  # fmt: skip


def _line(sentence: Sentence, statuses: tuple[str, ...]) -> str:
    return f"{sentence.case} {sentence.kind} expected {sentence.expect}, got {statuses or 'no claim'}: {sentence.text}"
