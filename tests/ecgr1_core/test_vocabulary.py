"""The label table: complete against PTB-XL's statements, unambiguous, and found however a label is written."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

import ecgr1_core.protocol
from ecgr1_core import vocabulary
from ecgr1_core.protocol.territories import territory
from ecgr1_core.record import LEADS
from ecgr1_core.vocabulary import Label, label, labels, lookup, with_implied


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
        ("AHA 104", "CLBBB"),
        ("aha-106", "CRBBB"),
        ("164909002", "CLBBB"),
        ("SNOMED 164889003", "AFIB"),
        ("427172004", "PVC"),
        ("17338001", "PVC"),
        ("Hyperkalaemia", "EL"),
        ("Wenckebach", "2AVB"),
    ],
)
def test_lookup_by_name_code_and_synonym(text: str, scp: str) -> None:
    found = lookup(text)
    assert found is not None
    assert found.scp == scp


@pytest.mark.parametrize("text", ["", "-", "no left bundle branch block", "zebra", "104", "AHA", "1648890"])
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


def test_aha_numbers_are_those_of_ptbxl(shared_data: Path) -> None:
    with (shared_data / "ptbxl" / "scp_statements.csv").open(newline="") as file:
        stated = {row[""]: row["AHA code"].removesuffix(".0") for row in csv.DictReader(file) if row["AHA code"]}
    ours = {code: found.aha for code in stated if (found := lookup(code)) is not None}
    assert len(stated) > 35
    assert ours == stated


def test_snomed_codes_are_those_of_the_challenge(shared_data: Path) -> None:
    stated: dict[str, str] = {}
    with (shared_data / "challenge2021" / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            stated |= dict(zip(row["dx_codes"].split(","), row["dx_names"].split("; "), strict=True))
    ours = {code: found.name for code in stated if (found := lookup(code)) is not None}
    assert len(ours) > 30
    by_name = {code: found.name for code, name in stated.items() if (found := lookup(name)) is not None}
    assert {code: name for code, name in by_name.items() if ours.get(code) != name} == {}


@pytest.mark.parametrize("code", [c for row in labels() for c in (row.snomed, *row.snomed_other) if c is not None])
def test_snomed_codes_have_their_check_digit(code: str) -> None:
    """The last digit of a SNOMED CT identifier is a check digit (Verhoeff 1969)."""
    turn = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    check = 0
    for place, char in enumerate(reversed(code)):
        digit = int(char)
        for _ in range(place % 8):
            digit = turn[digit]
        check = _dihedral(check, digit)
    assert check == 0


def _dihedral(a: int, b: int) -> int:
    """Multiply in the dihedral group of order ten: 0 to 4 are turns, 5 to 9 reflections."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5


def test_every_label_that_the_rules_can_give_is_in_the_table() -> None:
    folder = Path(ecgr1_core.protocol.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("step*.py")))
    named = set(re.findall(r'vocabulary\.label\("([^"]+)"\)', text))
    assert len(named) > 30
    walls = {territory(pair) for pair in [(a, b) for a in LEADS for b in LEADS]} | {"inferolateral", "anterolateral"}
    for wall in walls - {""}:
        named |= {f"{wall} myocardial infarction", f"ischemic ST-T changes in {wall} leads"}
        named.add(f"acute {'anterior' if wall == 'anteroseptal' else wall} ST-elevation myocardial infarction")
    for chamber in ("ventricular", "atrial"):
        named.add(f"run of {chamber} complexes")
    named |= {"ventricular bigeminy", "ventricular trigeminy", "bigeminy", "trigeminy"}
    assert [name for name in sorted(named) if name not in {row.name for row in labels()}] == []


def test_what_follows_from_a_label() -> None:
    acute = with_implied([label("acute inferolateral ST-elevation myocardial infarction")])
    assert {label(f"{wall}myocardial infarction") for wall in ("", "inferior ", "inferolateral ")} <= acute
    assert label("ST-elevation myocardial infarction") in acute
    parts = [label("complete right bundle branch block"), label("left anterior fascicular block")]
    assert label("bifascicular block") in with_implied(parts)
    assert label("bifascicular block") not in with_implied(parts[:1])
    assert label("sinus rhythm") not in acute


def test_a_relation_to_no_label_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary.tomllib, "loads", lambda _: {"label": [{"name": "a", "implies": ["b"]}]})
    labels.cache_clear()
    try:
        with pytest.raises(ValueError, match="which is no label"):
            labels()
    finally:
        labels.cache_clear()
