"""Who was recorded does not get into a study: its cases have pseudonyms unless a table says otherwise."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "ecgr1_core" / "formats"))

from clinical_kit import edf, muse_xml

from annotations.cli_files import CaseRow, case_rows, read_cases
from ecgr1_core.record import LEADS


def test_cases_of_one_patient_share_a_pseudonym_and_have_names_that_tell_nothing(tmp_path: Path) -> None:
    counts = np.random.default_rng(1).integers(-200, 200, (12, 2500))
    files = [tmp_path / name for name in ("Doe_before.xml", "Doe_after.xml", "plain.xml", "unknown.edf")]
    for path in files[:3]:
        path.write_bytes(muse_xml(counts, LEADS))
    files[3].write_bytes(edf(counts, LEADS).replace(b"X F 24-JUL-1943 Doe", b"X X X X            "))
    before, after, plain, unknown = read_cases(case_rows(files, None, practice=False), tmp_path / "key")
    assert before.patient == after.patient == plain.patient == plain.record.patient.pseudonym
    assert before.name != after.name
    assert before.name.startswith("R-")
    assert (plain.name, unknown.name) == ("plain", "unknown")
    assert "Doe" not in repr((before, after, plain, unknown))
    (told,) = read_cases([CaseRow(files[0], "one", "p1", True, ("LBBB",))], tmp_path / "key")
    assert (told.name, told.patient, told.practice, told.labels) == ("one", "p1", True, ("LBBB",))
