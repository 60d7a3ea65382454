"""The label table: complete against PTB-XL's statements, unambiguous, and found however a label is written."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ecgr1_core import vocabulary
from ecgr1_core.vocabulary import Label, label, labels, lookup


def test_every_statement_of_ptbxl_has_a_label(shared_data: Path) -> None:
    with (shared_data / "ptbxl" / "scp_statements.csv").open(newline="") as file:
        statements = {row[""]: row["description"] for row in csv.DictReader(file)}
    assert len(statements) == 71
    missing = [code for code in statements if (found := lookup(code)) is None or found.scp != code]
    assert missing == []
    assert {row.scp for row in labels()} - {None} == set(statements)


@pytest.mark.parametrize(
    ("text", "scp"),
    [
        ("LBBB", "CLBBB"),
        ("left bundle branch block, complete", "CLBBB"),
        ("Left Bundle-Branch Block", "CLBBB"),
        ("  clbbb ", "CLBBB"),
        ("1st-degree AV block", "1AVB"),
        ("first degree av-block", "1AVB"),
        ("Non-specific ST depression", "STD_"),
        ("ischaemic ST-T changes in inferior leads", "ISCIN"),
        ("LAO/LAE", "LAO/LAE"),
        ("P mitrale", "LAO/LAE"),
        ("NORM", "NORM"),
        ("inferior STEMI", "IMI"),
    ],
)
def test_lookup_by_name_code_and_synonym(text: str, scp: str) -> None:
    found = lookup(text)
    assert found is not None
    assert found.scp == scp


@pytest.mark.parametrize("text", ["", "-", "no left bundle branch block", "zebra"])
def test_lookup_of_what_is_no_label(text: str) -> None:
    assert lookup(text) is None


def test_every_name_and_synonym_finds_its_own_label() -> None:
    for row in labels():
        assert label(row.name) is row
        for word in (row.name, *row.synonyms):
            assert lookup(word) is row
        assert ";" not in row.name


def test_a_shared_code_finds_the_first_label() -> None:
    found = lookup("IMI")
    assert found is not None
    assert found.name == "inferior myocardial infarction"


def test_a_word_for_two_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="stands for both"):
        vocabulary._index((Label("a", None, ("x",)), Label("b", None, ("X",))))
