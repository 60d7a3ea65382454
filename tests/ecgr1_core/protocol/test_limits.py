"""The limits: one table, every row with unit, source and meaning, and no number of a limit in the rules."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import ecgr1_core.protocol
from ecgr1_core.protocol import Limits, limit_table, limits


def test_every_limit_is_loaded_with_unit_source_and_meaning() -> None:
    rows = limit_table()
    assert {row.name for row in rows} == {field.name for field in dataclasses.fields(Limits)}
    for row in rows:
        assert row.unit, row.name
        assert len(row.source) > 10, row.name
        assert row.meaning.endswith("."), row.name
        if row.name.endswith("_mv_ms"):
            assert row.unit == "mV·ms"
        elif row.name.rpartition("_")[2] in ("mv", "ms", "bpm", "deg"):
            assert {"mV": "mv", "ms": "ms", "bpm": "bpm", "degrees": "deg"}[row.unit] == row.name.rpartition("_")[2]


def test_the_limits_of_the_protocol() -> None:
    table = limits()
    assert (table.rate_low_bpm, table.rate_high_bpm) == (60, 100)
    assert (table.pr_short_ms, table.pr_long_ms, table.qrs_wide_ms) == (120, 200, 120)
    assert (table.axis_left_deg, table.axis_right_deg) == (-30, 90)
    assert (table.sokolow_lyon_mv, table.lvh_r_i_mv, table.lvh_r_avl_mv) == (3.5, 1.5, 1.1)
    assert (table.cornell_male_mv, table.cornell_female_mv) == (2.8, 2.0)
    assert (table.qtc_male_ms, table.qtc_female_ms, table.qtc_high_risk_ms) == (450, 460, 500)


def test_every_limit_is_used_and_no_rule_holds_a_number_of_its_own() -> None:
    folder = Path(ecgr1_core.protocol.__file__).parent
    code = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.name != "limits.py"}
    everything = "\n".join(code.values())
    assert [f.name for f in dataclasses.fields(Limits) if f"limits.{f.name}" not in everything] == []
    for name, text in code.items():
        if name.startswith("step"):
            compared = re.findall(r"(?:<=?|>=?) -?\d+(?:\.\d+)?\b", re.sub(r'"[^"\n]*"', '""', text))
            assert {re.sub(r"[<>= -]", "", number) for number in compared} <= {"0", "0.0", "1", "2", "3"}, name
