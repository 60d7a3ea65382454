"""The table of measurements flags what the reading calls abnormal, by the same numbers."""

from __future__ import annotations

import re

import pytest

from ecgr1_core.measure import Measurements
from ecgr1_core.protocol import assess
from ecgr1_core.record import Patient
from ui.components.measurements import measurements_html

MAN = Patient(50.0, "M")


def _row(measured: Measurements, label: str) -> str:
    found = re.search(
        rf'<tr class="(?:out|normal)"><th scope="row">{label}</th>.*?</tr>', measurements_html(measured, MAN)
    )
    assert found is not None
    return found.group()


@pytest.mark.parametrize(("qrs_ms", "normal"), [(109.4, True), (109.6, False), (110.4, False)])
def test_qrs_is_judged_rounded(qrs_ms: float, normal: bool) -> None:
    measured = Measurements(qrs_duration_ms=qrs_ms)
    assert ('class="normal"><th' in _row(measured, "QRS")) == normal
    finding = assess(measured, MAN).get("qrs.normal")
    assert finding is not None
    assert ("slightly long" not in finding.statement) == normal


@pytest.mark.parametrize(("fridericia_ms", "long"), [(488.0, False), (560.0, True)])
def test_qtc_of_a_wide_qrs_is_judged_without_it(fridericia_ms: float, long: bool) -> None:
    measured = Measurements(
        heart_rate_bpm=72.0,
        qrs_duration_ms=160.0,
        qt_interval_ms=460.0,
        qtc_bazett_ms=fridericia_ms + 12.0,
        qtc_fridericia_ms=fridericia_ms,
    )
    assert assess(measured, MAN).has("qt.long", at_least="possible") == long
    row = _row(measured, "QTc Fridericia")
    assert ('class="out"' in row) == long
    assert "wide QRS taken off" in row


def test_bazett_has_no_range_where_it_misleads() -> None:
    measured = Measurements(
        heart_rate_bpm=105.0, qrs_duration_ms=90.0, qt_interval_ms=340.0, qtc_bazett_ms=456.0, qtc_fridericia_ms=420.0
    )
    assert assess(measured, MAN).get("qt.normal") is not None
    assert 'class="out"' not in _row(measured, "QTc Bazett")
