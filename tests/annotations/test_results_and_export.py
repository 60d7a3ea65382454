"""Results of a finished study computed apart, and every export read again."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from simulated_study import EFFECTS, World
from sqlalchemy import select

from annotations import export, feedback
from annotations.adjudication import settled
from annotations.feedback import STEP_KEYS, Selection
from annotations.policy import NotPermittedError
from annotations.results import progress, results
from annotations.tables import Case, Event
from ecgr1_core.errors import InputError


@pytest.fixture(scope="module")
def found(finished: World) -> dict[str, Any]:
    scores = {(case, arm): EFFECTS[arm] for case in finished.truth for arm in EFFECTS}
    with finished.acting("investigator") as acting:
        return results(
            acting,
            finished.study(acting),
            criteria=["reliability", "diagnosis_correct"],
            automatic={"judge": scores},
            repeats=400,
        )


@pytest.fixture(scope="module")
def folder(finished: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "all"
    with finished.acting("investigator") as acting:
        export.export_study(acting, finished.study(acting), path)
    return path


def test_results_equal_those_computed_from_the_exported_table(found: dict[str, Any], folder: Path) -> None:
    table = pd.read_csv(folder / "ratings.csv")
    main = table[~table["practice"] & table["duplicate_of"].isna()]
    for key in ("reliability", "diagnosis_correct"):
        apart = main.groupby("arm")[key].agg(["mean", "count"])
        for arm, row in apart.iterrows():
            assert found["arms"][key][arm]["mean"] == pytest.approx(row["mean"])
            assert found["arms"][key][arm]["ratings"] == row["count"]
    assert found["n"] == {
        "raters": 3,
        "cases": 10,
        "arms": 3,
        "ratings": len(main),
        "duplicates": 2,
        "practice": 3,
        "not_rated": 0,
    }
    seconds = main.drop_duplicates("reading")["stage_two_active_s"]
    assert found["time_s"]["stage_two"]["readings"] >= len(seconds)
    assert seconds.between(0, 120).all()


def test_the_planted_order_is_found(found: dict[str, Any]) -> None:
    means = {arm: row["mean"] for arm, row in found["arms"]["reliability"].items()}
    assert means["signal-only"] > means["image-only"] > means["other"]
    rates = [one["arm"] for one in found["preferences"]]
    assert rates == ["signal-only", "image-only", "other"]
    judge = found["automatic"]["judge"]["reliability"]
    assert judge["low"] < judge["spearman"] < judge["high"]
    assert judge["spearman"] > 0.3
    by_pair = {(one["first"], one["second"]): one["estimates"] for one in found["differences"]["reliability"]}
    for estimate in by_pair["other", "signal-only"]:
        assert estimate["value"] < -0.5, estimate
    assert found["intra_rater"]["reliability"]["pairs"] == 6


def test_results_are_plain_json_and_the_same_again(found: dict[str, Any], finished: World) -> None:
    with finished.acting("investigator") as acting:
        again = results(acting, finished.study(acting), criteria=["reliability", "diagnosis_correct"], repeats=400)
    assert json.loads(json.dumps(again["arms"], allow_nan=False)) == json.loads(json.dumps(found["arms"]))


@pytest.mark.parametrize("name", ["rater1", "judge", "admin"])
def test_raters_and_administrators_see_no_results(finished: World, name: str, tmp_path: Path) -> None:
    with finished.acting(name) as acting:
        study = finished.study(acting)
        with pytest.raises(NotPermittedError):
            results(acting, study)
        for act in (export.export_study, feedback.export_rl, feedback.export_evaluation, feedback.export_preferences):
            with pytest.raises(NotPermittedError):
                act(acting, study, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_nobody_sees_results_before_unblinding(world: World, tmp_path: Path) -> None:
    with world.acting("investigator") as acting:
        study = world.study(acting)
        with pytest.raises(NotPermittedError):
            results(acting, study)
        with pytest.raises(NotPermittedError):
            export.export_study(acting, study, tmp_path / "x")
        assert [row["rated"] for row in progress(acting, study)] == [0, 0]


def test_progress_counts_the_drop_out(finished: World) -> None:
    with finished.acting("auditor") as acting:
        rows = progress(acting, finished.study(acting))
    assert [(row["rater"], row["rated"], row["readings"], row["withdrawn"]) for row in rows] == [
        ("rater1", 12, 12, False),
        ("rater2", 12, 12, False),
        ("rater3", 6, 12, True),
    ]


def test_every_column_is_in_the_dictionary_and_both_formats_agree(folder: Path) -> None:
    with (folder / "data_dictionary.csv").open() as file:
        told = {(row["table"], row["column"]): row["meaning"] for row in csv.DictReader(file)}
    for name in ("ratings", "preferences", "own_diagnoses", "not_rated", "outputs", "events"):
        table, other = pd.read_csv(folder / f"{name}.csv"), pd.read_parquet(folder / f"{name}.parquet")
        assert {(name, column) for column in table.columns} == {key for key in told if key[0] == name}
        assert len(table) == len(other)
        assert list(table.columns) == list(other.columns)
    assert all(told.values())
    ratings = pd.read_parquet(folder / "ratings.parquet")
    assert ratings["reliability"].between(1, 5).all()


def test_the_manifest_hashes_each_file(folder: Path, finished: World) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, sha256 in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
    with finished.acting("investigator") as acting:
        event = acting.session.scalars(select(Event).where(Event.kind == "export.made")).first()
        assert event is not None
        assert manifest["lock_sha256"] == finished.study(acting).lock_sha256
        with pytest.raises(InputError, match="the folder is not empty"):
            export.export_study(acting, finished.study(acting), folder)


def test_the_imrmc_file_has_truth_and_scores(finished: World, tmp_path: Path) -> None:
    with finished.acting("investigator") as acting:
        study = finished.study(acting)
        export.export_imrmc(acting, study, tmp_path / "m", truth="AF", criteria=["reliability"])
        with pytest.raises(InputError, match="all cases are of one kind"):
            export.export_imrmc(
                acting, study, tmp_path / "n", truth="ventricular tachycardia", criteria=["reliability"]
            )
    head, _, data = (tmp_path / "m" / "reliability.imrmc").read_text().partition("BEGIN DATA:\n")
    sizes = dict(re.findall(r"^(N\w): (\d+)$", head, re.MULTILINE))
    rows = [line.split(",") for line in data.splitlines()]
    truth = {row[1]: row[3] for row in rows if row[0] == "-1"}
    scores = [row for row in rows if row[0] != "-1"]
    assert {row[2] for row in rows if row[0] == "-1"} == {"0"}
    assert (
        (int(sizes["N0"]), int(sizes["N1"]))
        == (7, 3)
        == (
            sum(one == "0" for one in truth.values()),
            sum(one == "1" for one in truth.values()),
        )
    )
    assert int(sizes["NR"]) == len({row[0] for row in scores}) == 3
    assert int(sizes["NM"]) == len({row[2] for row in scores}) == 3
    assert len({tuple(row[:3]) for row in scores}) == len(scores)
    assert {finished.truth[case] == "atrial fibrillation" for case, one in truth.items() if one == "1"} == {True}


def _published_reading(text: str) -> tuple[dict[str, list[str]], set[str]]:
    """Read a `solution` as the published rewards do (facts of the layout, see the source of `feedback`)."""
    evidence = re.search(r"<\|key_diagnostic_evidence\|>(.*?)<\|[/\\]key_diagnostic_evidence\|>", text, re.DOTALL)
    answer = re.search(r"<\|answer\|>(.*?)<\|[/\\]answer\|>", text, re.DOTALL)
    assert evidence is not None
    assert answer is not None
    steps = re.findall(r"(step_\d+_[a-z_]+):\s*(.*?)(?=\s*step_\d+|$)", evidence[1].strip(), re.DOTALL)
    return (
        {key: [one.strip() for one in value.split(";") if one.strip()] for key, value in steps},
        {one.strip().lower() for one in answer[1].split(";")},
    )


def test_rl_rows_are_in_the_published_layout(finished: World, tmp_path: Path) -> None:
    with finished.acting("investigator") as acting:
        study = finished.study(acting)
        manifest = feedback.export_rl(acting, study, tmp_path / "rl", selection=Selection(quotas={"contradicted": 4}))
        done = settled(acting.session, study)
        patients = {one.key: one for one in acting.session.scalars(select(Case))}
        assert done
    rows = [json.loads(line) for line in (tmp_path / "rl" / "rl.jsonl").read_text().splitlines()]
    assert len(rows) == manifest["rows"] > 0
    for row in rows:
        evidence, labels = _published_reading(row["solution"])
        assert labels == {finished.truth[patients[row["id"]].name].lower()}
        assert set(evidence) <= set(STEP_KEYS.values())
        assert all(len(words) <= 3 and all(len(one.split()) < 4 for one in words) for words in evidence.values())
        assert "regular" not in evidence.get(STEP_KEYS[2], [])  # rejected by every rater
        assert evidence[STEP_KEYS[1]] == ["heart rate"]
        assert row["messages"][1]["content"].startswith("<ecg><image>")
        assert (tmp_path / "rl" / row["images"][0]).exists()
        import wfdb

        record = wfdb.rdrecord(str(tmp_path / "rl" / row["objects"]["ecg"][0]))
        assert record.p_signal.shape == (500, 12)
        assert row["selected_by"] == "contradicted"


def test_quotas_and_barred_patients_are_heeded(finished: World, tmp_path: Path) -> None:
    with finished.acting("investigator") as acting:
        study = finished.study(acting)
        few = feedback.export_rl(acting, study, tmp_path / "few", selection=Selection(quotas={"contradicted": 2}))
        everyone = frozenset(acting.session.scalars(select(Case.patient)))
        none = feedback.export_rl(acting, study, tmp_path / "none", without=everyone)
        some = feedback.export_evaluation(acting, study, tmp_path / "some", without=frozenset({"patient0"}))
    assert few["rows"] == 2
    assert few["left_out"]["over the quota of contradicted"] > 0
    assert none["rows"] == 0
    rows = [json.loads(line) for line in (tmp_path / "some" / "evaluation.jsonl").read_text().splitlines()]
    assert "patient0" not in {row["patient"] for row in rows}
    assert some["left_out"]["patient in the list"] == 6  # two cases, three arms


def test_evaluation_rows_carry_human_and_automatic_scores(finished: World, tmp_path: Path) -> None:
    scores = {"judge": {("file000", "other"): 12.5}}
    with finished.acting("investigator") as acting:
        feedback.export_evaluation(acting, finished.study(acting), tmp_path / "e", automatic=scores)
    rows = [json.loads(line) for line in (tmp_path / "e" / "evaluation.jsonl").read_text().splitlines()]
    assert {row["arm"] for row in rows} == set(EFFECTS)
    for row in rows:
        values = row["human_by_rater"]["reliability"]
        assert row["human"]["reliability"] == pytest.approx(np.mean(values))
        assert row["labels"] == [finished.truth[row["case"]]]
        expected = 12.5 if (row["case"], row["arm"]) == ("file000", "other") else None
        assert row["automatic"]["judge"] == expected
    assert "file010" not in {row["case"] for row in rows}  # practice


def test_preference_pairs_have_a_majority(finished: World, tmp_path: Path) -> None:
    with finished.acting("investigator") as acting:
        manifest = feedback.export_preferences(acting, finished.study(acting), tmp_path / "p")
    rows = [json.loads(line) for line in (tmp_path / "p" / "preferences.jsonl").read_text().splitlines()]
    assert len(rows) == manifest["rows"]
    for row in rows:
        assert row["votes"] * 2 > row["raters"]
        assert row["messages"][-1]["role"] == "assistant"
        assert row["messages"][-1]["content"] != row["rejected_response"]
