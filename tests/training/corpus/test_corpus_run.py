"""A whole run: what it writes loads as training reads it, is the same each time, and the documented config fits."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from corpus_kit import case_of, example_record, synthetic
from pydantic import BaseModel

from ecgr1_core.errors import InputError
from ecgr1_core.evidence import evidence_reward, reference_from_text
from ecgr1_core.protocol import compose
from training.corpus import CorpusConfig, run_corpus
from training.corpus.authors import ProtocolAuthor
from training.corpus.config import Authoring, FolderSource, ProtocolAuthoring, Shares, Source
from training.media import media_beside
from training.rows import Row, leaking, read_rows
from training.run_config import load_config
from training.wfdb_files import write_wfdb

CONFIG = Path(__file__).parents[3] / "training" / "configs" / "corpus.yaml"
FILES = ("sft", "rl", "test")


def rows_of(folder: Path) -> dict[str, list[Row]]:
    found = {name: list(read_rows(folder / f"{name}.jsonl")) for name in FILES}
    assert all(isinstance(row, Row) for rows in found.values() for row in rows)
    return found  # type: ignore[return-value]


def test_files_load_with_their_recordings_and_pages(tmp_path: Path) -> None:
    config = synthetic(tmp_path, 6, pages="plain", shares=Shares(sft=1, rl=1, test=1), require_known=True)
    summary = run_corpus(config)
    rows = rows_of(tmp_path)
    assert summary["rows"] == {name: len(found) for name, found in rows.items()} == dict.fromkeys(FILES, 2)
    assert (summary["recordings"], summary["patients"], summary["rejected"]) == (6, 6, 0)
    assert not leaking(rows["sft"] + rows["rl"], rows["test"])
    for name, found in rows.items():
        media = media_beside(tmp_path / f"{name}.jsonl")
        for row in found:
            assert row.modality == "both"
            assert media.view(row, "both").record is not None
            assert media.page(row).size == (1754, 1240)
            assert row.labels
    assert all(row.answer and row.answer.startswith("<think>") for row in rows["sft"])
    for row in rows["test"]:
        assert row.solution is not None
        assert evidence_reward([row.rest["reference"]], [row.solution]) == [1.0]
        assert row.rest["labels_from"] == "recording"
    for row in rows["rl"]:
        assert row.solution is not None
        assert reference_from_text(row.solution).answer == row.labels
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == summary
    assert CorpusConfig.model_validate_json((tmp_path / "config.json").read_text(encoding="utf-8")) == config


def test_the_same_config_gives_the_same_rows_on_any_number_of_processes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    run_corpus(synthetic(one, 4))
    run_corpus(synthetic(two, 4, jobs=2))
    for name in FILES:
        assert (one / f"{name}.jsonl").read_bytes() == (two / f"{name}.jsonl").read_bytes()
    run_corpus(synthetic(two, 4).model_copy(update={"seed": 2}))
    assert any((one / f"{name}.jsonl").read_bytes() != (two / f"{name}.jsonl").read_bytes() for name in FILES)


def test_a_wording_that_fails_the_check_is_drawn_anew_and_at_last_the_canonical_one(tmp_path: Path) -> None:
    case = case_of("lvh_strain")
    author = ProtocolAuthor(1, ProtocolAuthoring(attempts=3))

    async def written() -> list[str]:
        return [await author.write(case, [("", ())] * attempt) for attempt in (0, 0, 1, 2)]

    first, again, second, last = asyncio.run(written())
    assert first == again != second
    assert last == compose(case.findings).raw not in (first, second)


def test_what_is_known_and_not_named_rejects(tmp_path: Path) -> None:
    write_wfdb(tmp_path / "data", replace(example_record(), name="a"))
    (tmp_path / "table.csv").write_text("filename_hr,patient_id,known\na,ann,sinus rhythm; LVH\n", encoding="utf-8")
    source = FolderSource(folder=tmp_path / "data", table=tmp_path / "table.csv", label_column="known")
    config = CorpusConfig(out=tmp_path / "out", sources=(source,), require_known=True)
    summary = run_corpus(config)
    assert (summary["rejected_for"], summary["texts"]) == ({"known label missed": 1}, 4)
    (line,) = (tmp_path / "out" / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["complaints"] == ["the answer does not name left ventricular hypertrophy"]
    assert sum(run_corpus(config.model_copy(update={"require_known": False}))["rows"].values()) == 1


def test_the_documented_config_loads_and_its_first_line_runs_it(tmp_path: Path) -> None:
    assert CONFIG.read_text(encoding="utf-8").splitlines()[0] == (
        "# ecgr1 train corpus --config training/configs/corpus.yaml"
    )
    config = load_config(CorpusConfig, CONFIG, [f"out={tmp_path}", "author={by: llm, model: other}", "jobs=3"])
    assert (config.out, config.jobs, config.author.by) == (tmp_path, 3, "llm")
    assert load_config(CorpusConfig, CONFIG).author == ProtocolAuthoring()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("pages=torn", "pages"),
        ("author.by=nobody", "author"),
        ("colour=red", "has a field colour"),
        ("shares={sft: 0, rl: 0, test: 0}", "one of the shares must be above 0"),
        ("sources=[{from: nowhere}]", "sources"),
    ],
)
def test_a_config_that_does_not_fit(change: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_config(CorpusConfig, CONFIG, [change])


def test_every_field_is_described() -> None:
    kinds: list[type[BaseModel]] = [CorpusConfig, Shares]
    for union in (Source, Authoring):
        kinds += get_args(get_args(union)[0])
    assert len(kinds) == 6
    fields = [(kind, *item) for kind in kinds for item in kind.model_fields.items()]
    assert not [f"{kind.__name__}.{name}" for kind, name, field in fields if not field.description]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="taken: it cannot be written to"):
        run_corpus(synthetic(tmp_path / "taken"))
