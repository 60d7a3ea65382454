"""Who goes to which file, that nobody is in two, and RL exports taken in by their manifest."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from corpus_kit import example_record, synthetic

from annotations.export_files import ExportFolder
from annotations.feedback import prompt_messages, solution
from ecgr1_core.errors import InputError
from training.corpus import CorpusConfig, run_corpus
from training.corpus.config import FolderSource, Shares
from training.corpus.split import require_apart, split
from training.media import media_beside
from training.rows import Row, read_rows, write_rows
from training.wfdb_files import write_wfdb


def test_shares_are_those_of_the_patients_and_the_seed_decides() -> None:
    patients = [f"p{number}" for number in range(1000)]
    first = split(patients, Shares(), 1)
    assert Counter(first.values()) == Counter(sft=700, rl=200, test=100)
    assert split(reversed(patients), Shares(), 1) == first
    assert sum(split(patients, Shares(), 2)[one] == part for one, part in first.items()) < 700
    assert set(split(patients, Shares(sft=0, rl=3, test=0), 1).values()) == {"rl"}
    with pytest.raises(ValueError, match="above 0"):
        Shares(sft=0, rl=0, test=0)


def row(patient: str | None, ecg: str | None = None) -> Row:
    return Row(({"role": "user", "content": "?"},), patient=patient, ecg=ecg)


def test_a_patient_in_two_files_is_named(tmp_path: Path) -> None:
    require_apart({"sft.jsonl": [row("a"), row("b")], "test.jsonl": [row("c")]})
    with pytest.raises(InputError, match=r"sft\.jsonl: of its patients 1 stand in test\.jsonl too \(b\)"):
        require_apart({"sft.jsonl": [row("a"), row("b")], "rl.jsonl": [], "test.jsonl": [row("b")]})
    write_rows(tmp_path / "held.jsonl", [row("a"), row("z")])
    with pytest.raises(InputError, match=r"rl\.jsonl: of its patients 1 stand in held\.jsonl too \(a\)"):
        require_apart({"rl.jsonl": [row("a")]}, [tmp_path / "held.jsonl"])
    (tmp_path / "held.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"held\.jsonl line 1"):
        require_apart({"rl.jsonl": [row("a")]}, [tmp_path / "held.jsonl"])


def folder_source(tmp_path: Path) -> FolderSource:
    """Three recordings of two patients."""
    for name in ("a", "b", "c"):
        write_wfdb(tmp_path / "data", replace(example_record(), name=name))
    (tmp_path / "data.csv").write_text("filename_hr,patient_id\na,ann\nb,bob\nc,ann\n", encoding="utf-8")
    return FolderSource(folder=tmp_path / "data", table=tmp_path / "data.csv")


def test_held_out_patients_end_the_run_before_anything_is_made_and_can_be_left_out(tmp_path: Path) -> None:
    config = CorpusConfig(out=tmp_path / "out", sources=(folder_source(tmp_path),), shares=Shares(rl=0, test=0))
    write_rows(tmp_path / "held.jsonl", [row("bob")])
    held = config.model_copy(update={"held_out": (tmp_path / "held.jsonl",)})
    with pytest.raises(InputError, match=r"sft\.jsonl: of its patients 1 stand in held\.jsonl"):
        run_corpus(held)
    assert not (tmp_path / "out" / "sft.jsonl").exists()
    (tmp_path / "without.txt").write_text("bob\n", encoding="utf-8")
    assert run_corpus(held.model_copy(update={"without": tmp_path / "without.txt"}))["rows"]["sft"] == 2


def export(folder: Path, patient: str = "rated", kind: str = "rl", **changes: object) -> Path:
    """An export of a reader study as `annotations` writes it, of one case."""
    out = ExportFolder(folder)
    write_wfdb(out.place("ecg/k/r").parent, replace(example_record(), name="r"))
    given = {
        "id": "k",
        "patient": patient,
        "selected_by": "other",
        "messages": prompt_messages(),
        "images": [],
        "objects": {"ecg": ["ecg/k/r"]},
        "solution": solution({1: ["sinus rhythm"]}, ["NSR"]),
    }
    out.json_lines(f"{kind}.jsonl", [given | changes])
    out.finish({"kind": kind})
    return folder / "manifest.json"


def test_rated_rows_are_added_to_rl_and_their_files_are_found(tmp_path: Path) -> None:
    config = synthetic(tmp_path / "out", 2, shares=Shares(rl=0, test=0), ratings=(export(tmp_path / "study"),))
    assert run_corpus(config)["rows"] == {"sft": 2, "rl": 1, "test": 0}
    (added,) = read_rows(tmp_path / "out" / "rl.jsonl")
    assert isinstance(added, Row)
    assert (added.ecg, added.patient, added.labels) == ("../study/ecg/k/r", "rated", ("sinus rhythm",))
    assert added.rest["selected_by"] == "other"
    assert media_beside(tmp_path / "out" / "rl.jsonl").record(added).samples == 5000


def test_a_rated_patient_in_another_file_is_an_error(tmp_path: Path) -> None:
    ratings = (export(tmp_path / "study", patient="ann"),)
    config = CorpusConfig(out=tmp_path / "out", sources=(folder_source(tmp_path),), ratings=ratings)
    with pytest.raises(InputError, match=r"of its patients 1 stand in rl\.jsonl too \(ann\)"):
        run_corpus(config.model_copy(update={"shares": Shares(sft=1, rl=0, test=0)}))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "rl.jsonl").write_text("{}\n"), r"its file rl\.jsonl was changed"),
        (lambda folder: (folder / "ecg/k/r.dat").unlink(), r"its file ecg/k/r\.dat is missing"),
        (lambda folder: (folder / "more.txt").write_text("x"), r"holds more\.txt, which was not exported"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), r"manifest\.json: it lists no files"),
        (lambda folder: (folder / "manifest.json").write_text("x"), "cannot be read as a manifest"),
        (
            lambda folder: (folder / "manifest.json").write_text(
                json.dumps(json.loads((folder / "manifest.json").read_text()) | {"content_sha256": "0"})
            ),
            "its list of files was changed",
        ),
    ],
)
def test_a_spoiled_export_is_not_used(tmp_path: Path, spoil: object, said: str) -> None:
    manifest = export(tmp_path / "study")
    spoil(tmp_path / "study")  # type: ignore[operator]
    with pytest.raises(InputError, match=said):
        run_corpus(CorpusConfig(out=tmp_path / "out", ratings=(manifest,)))


def test_an_export_of_another_kind_or_without_patients_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no export for RL"):
        run_corpus(CorpusConfig(out=tmp_path / "out", ratings=(export(tmp_path / "a", kind="preferences"),)))
    with pytest.raises(InputError, match="names no patient"):
        run_corpus(CorpusConfig(out=tmp_path / "out", ratings=(export(tmp_path / "b", patient=None),)))  # type: ignore[arg-type]


def test_nothing_to_make_a_corpus_of(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to make it of"):
        run_corpus(CorpusConfig(out=tmp_path / "out"))
