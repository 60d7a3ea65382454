"""Chains over the 17 diagnoses: the protocol answers from its measurements, and scores are those of the benchmark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from made_samples import CHAINS, made_samples

from ecgr1_core import formats
from ecgr1_core.errors import InputError
from ecgr1_core.settings import Settings
from training.evaluate.answerers import answerer_of
from training.evaluate.reasoning.chain import KINDS, Asked, ask_chain, chain_table, outcome
from training.evaluate.reasoning.protocol_chain import ProtocolChain
from training.evaluate.reasoning.run import run_chains
from training.evaluate.reasoning.samples import Question, Sample, read_samples, recording_path, sample_of
from training.problems import Problems


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of all chains and samples.jsonl beside them; do not write into it."""
    place = tmp_path_factory.mktemp("chains")
    samples = made_samples(place)
    (place / "samples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in samples))
    return place


@pytest.fixture(scope="module")
def table(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    lines = tmp_path_factory.mktemp("lines") / "reasoning.jsonl"
    protocol = answerer_of("protocol", Settings(), folder)
    return run_chains(folder / "samples.jsonl", folder, protocol, lines, 1, Problems())


@pytest.mark.slow
def test_the_protocol_completes_most_chains(table: dict[str, Any]) -> None:
    assert table["samples"] == 2 * len(CHAINS) == 34
    assert table["completed"]["mean"] > 0.8
    assert table["aligned"]["mean"] > 0.8
    assert set(table["by_diagnosis"]) == set(CHAINS)
    for kind in KINDS:
        assert table["accuracy"][kind]["right"] > 0.85, kind
        assert table["accuracy"][kind]["questions"] > 8, kind


def test_answers_follow_the_recording_and_not_the_question(folder: Path) -> None:
    """The same chain asked about another recording is answered otherwise."""
    samples = [one for one in read_samples(folder / "samples.jsonl") if isinstance(one, Sample)]
    block = next(one for one in samples if one.target == "first_degree_av_block" and one.present)
    normal = next(one for one in samples if one.target == "first_degree_av_block" and not one.present)
    own = ProtocolChain(formats.read(recording_path(block, folder)))
    other = ProtocolChain(formats.read(recording_path(normal, folder)))
    assert ask_chain(block, own)["completed"]
    assert not ask_chain(block, other)["completed"]
    assert list(other.answer(block.initial, [])) == ["No"]


def test_answers_follow_the_limits_of_the_question(folder: Path) -> None:
    samples = [one for one in read_samples(folder / "samples.jsonl") if isinstance(one, Sample)]
    block = next(one for one in samples if one.target == "first_degree_av_block" and one.present)
    chain = ProtocolChain(formats.read(recording_path(block, folder)))

    def prolonged(limit: str) -> list[str]:
        text = f"Is the PR interval prolonged, that is, {limit}?"
        return list(chain.answer(Question("finding_identification", text, ("Yes", "No"), ("Yes",)), []))

    assert prolonged("greater than 200 milliseconds") == ["Yes"]
    assert prolonged("greater than 320 ms") == ["No"]
    amplitude = "Is the largest R amplitude in lead {} greater than {} mV?"
    for lead, limit, answer in (("V5", "0.2", "Yes"), ("V5", "6.0", "No")):
        text = amplitude.format(lead, limit)
        assert list(chain.answer(Question("finding_identification", text, ("Yes", "No"), ("Yes",)), [])) == [answer]


def test_no_right_answer_is_looked_at(folder: Path) -> None:
    """The protocol sees questions and what was answered before them, never the answer to what it is asked."""
    sample = next(one for one in read_samples(folder / "samples.jsonl") if isinstance(one, Sample))
    inner = ProtocolChain(formats.read(recording_path(sample, folder)))

    class Blind:
        def answer(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
            return inner.answer(Question(question.kind, question.text, question.options, ("?",)), before)

    assert ask_chain(sample, Blind()) == ask_chain(sample, inner)


def test_scores_by_hand() -> None:
    def asked(*right: bool) -> list[dict[str, Any]]:
        kinds = ["criterion_selection", "finding_identification", "lead_grounding", "wave_grounding"]
        kinds = [*kinds[: len(right) - 1], "diagnostic_decision"]
        return [{"kind": kind, "right": one} for kind, one in zip(kinds, right, strict=True)]

    whole = [asked(True, True, True), asked(True, True, True, True, True)]
    assert outcome(True, whole) == {"completed": True, "aligned": True, "depths": [None, 4]}
    assert outcome(False, whole)["aligned"] is False
    second_lead_wrong = [asked(True, True, True, False, True), asked(True, True, True, True, True)]
    assert outcome(True, second_lead_wrong) == {"completed": False, "aligned": False, "depths": [2, 0]}
    rows = [
        {"target": "a", "initial": {"right": True}, "rounds": rounds, **outcome(True, rounds)}
        for rounds in (whole, second_lead_wrong)
    ]
    table = chain_table(rows, seed=1)
    assert table["completed"]["mean"] == 0.5
    assert table["depth"]["mean"] == pytest.approx((4 + 2 + 0) / 3)
    assert table["accuracy"]["wave_grounding"] == {"questions": 3, "right": pytest.approx(2 / 3)}
    assert table["accuracy_until_error"]["wave_grounding"] == {"questions": 2, "right": 0.5}
    assert table["accuracy_until_error"]["diagnostic_decision"] == {"questions": 2, "right": 1.0}


def test_every_question_comes_with_the_right_answers_before_it(folder: Path) -> None:
    sample = next(one for one in read_samples(folder / "samples.jsonl") if isinstance(one, Sample))
    seen: list[list[tuple[str, ...]]] = []

    class Wrong:
        def answer(self, question: Question, before: Sequence[Asked]) -> Sequence[str]:
            seen.append([answers for _, answers in before])
            return [next(option for option in question.options if option not in question.answers)]

    found = ask_chain(sample, Wrong())
    assert not found["completed"]
    questions = [sample.initial, *(question for one in sample.rounds for question in one.questions)]
    assert seen == [[one.answers for one in questions[:at]] for at in range(len(questions))]


def test_a_run_goes_on_and_names_what_it_cannot_read(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "samples.jsonl").read_text().splitlines()[:3]
    gone = json.loads(lines[1])
    gone["metadata"] |= {"id": 99, "ecg_id": "nowhere"}
    path, kept = tmp_path / "samples.jsonl", tmp_path / "kept.jsonl"
    path.write_text("\n".join([lines[0], "{}", json.dumps(gone), lines[2]]) + "\n")
    protocol, problems = answerer_of("protocol", Settings(), tmp_path), Problems()
    first = run_chains(path, folder, protocol, kept, 1, problems)
    assert first["samples"] == 2
    assert problems.counts == {"unreadable sample": 1, "unreadable": 1}
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-5])
    assert run_chains(path, folder, protocol, kept, 1, Problems()) == first
    assert kept.read_bytes() == whole


def test_files_of_one_sample_each_and_the_layouts_of_the_databases(folder: Path, tmp_path: Path) -> None:
    line = (folder / "samples.jsonl").read_text().splitlines()[0]
    (tmp_path / "first_degree").mkdir()
    (tmp_path / "first_degree" / "7.json").write_text(line)
    assert [type(one) for one in read_samples(tmp_path)] == [Sample]
    data = json.loads(line)
    for place, meta in (
        ("records500/21000/21472_hr.hea", {"ecg_id": "21472"}),
        ("files/p1972/p19729398/s41084804/41084804.hea", {"ecg_id": "41084804", "subject_id": "19729398"}),
    ):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).touch()
        sample = sample_of({"metadata": data["metadata"] | meta, "data": data["data"]}, "x")
        assert recording_path(sample, tmp_path) == tmp_path / place
    with pytest.raises(InputError, match="is not in"):
        recording_path(sample_of(data, "x"), tmp_path)


@pytest.mark.parametrize("spoil", [{"dx_label": None, "ecg_id": None}, {"target_dx": ...}])
def test_what_is_no_sample_is_an_error(folder: Path, spoil: dict[str, Any]) -> None:
    data = json.loads((folder / "samples.jsonl").read_text().splitlines()[0])
    if spoil.get("target_dx") is ...:
        del data["metadata"]["target_dx"]
    else:
        data["data"]["reasoning"][0]["finding_identification"]["answer"] = "Perhaps"
    with pytest.raises(InputError, match="is no sample"):
        sample_of(data, "line 1")
