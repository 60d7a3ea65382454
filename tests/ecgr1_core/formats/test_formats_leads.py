"""Lead names, units and the limb-lead equations."""

from __future__ import annotations

import numpy as np
import pytest

from ecgr1_core.errors import DamagedFileError
from ecgr1_core.formats.leads import LeadName, derive_limb_leads, match_channels, parse_lead_name
from ecgr1_core.formats.units import millivolts_per
from ecgr1_core.record import LIMB_LEADS


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("I", "I"), ("i", "I"), ("DI", "I"), ("D2", "II"), ("MLI", "I"), ("MLII", "II"), ("MLIII", "III"),
        ("AVR", "aVR"), ("avr", "aVR"), ("aVL", "aVL"), ("Avf", "aVF"), ("V1", "V1"), ("v6", "V6"), ("C3", "V3"),
        ("Lead I", "I"), ("ECG I", "I"), ("ECG Lead aVF", "aVF"), ("EKG_V2", "V2"), ("ECG-II", "II"),
        ("Lead I (Einthoven)", "I"), ("MDC_ECG_LEAD_V4", "V4"), (" a VR ", "aVR"), ("Ableitung III", "III"),
    ],
)  # fmt: skip
def test_spellings(text: str, lead: str) -> None:
    assert parse_lead_name(text) == LeadName(lead)


@pytest.mark.parametrize("text", ["-aVR", "−aVR", "- AVR", "minus aVR", "Lead -aVR"])
def test_inverted_spellings(text: str) -> None:
    assert parse_lead_name(text) == LeadName("aVR", inverted=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I (mV)", LeadName("I", unit="mV")),
        ("V1 [µV]", LeadName("V1", unit="µV")),
        ("aVR_uV", LeadName("aVR", unit="uV")),
        ("V1 (V)", LeadName("V1", unit="V")),
        ("-aVR (mV)", LeadName("aVR", inverted=True, unit="mV")),
    ],
)
def test_units_in_names(text: str, expected: LeadName) -> None:
    assert parse_lead_name(text) == expected


@pytest.mark.parametrize(
    "text", ["", "MCL1", "V4R", "V7", "vx", "resp", "ECG", "Lead", "V", "IV", "1", "aVR (inverted)"]
)
def test_what_is_no_lead_of_the_twelve(text: str) -> None:
    assert parse_lead_name(text) is None


def test_the_same_lead_twice_is_refused_by_name() -> None:
    with pytest.raises(DamagedFileError, match=r"aVR.*'AVR'.*'-aVR'"):
        match_channels(["I", "AVR", "-aVR"], "x.csv")


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("mV", 1),
        ("mv", 1),
        ("uV", 1e-3),
        ("µV", 1e-3),
        ("μV", 1e-3),
        ("V", 1e3),
        ("nV", 1e-6),
        ("mmHg", None),
        ("", None),
    ],
)
def test_units(unit: str, factor: float | None) -> None:
    assert millivolts_per(unit) == factor


@pytest.mark.parametrize("given", [(a, b) for a in LIMB_LEADS for b in LIMB_LEADS if a != b])
def test_any_two_limb_leads_give_the_other_four(given: tuple[str, str], counts: np.ndarray) -> None:
    rows = {lead: counts[LIMB_LEADS.index(lead)].astype(np.float64) for lead in given}
    derived = derive_limb_leads(rows)
    assert set(derived) == set(LIMB_LEADS) - set(given)
    for lead, samples in derived.items():
        np.testing.assert_allclose(samples, counts[LIMB_LEADS.index(lead)], atol=1e-6)


def test_nothing_is_derived_from_a_flat_lead() -> None:
    assert derive_limb_leads({"I": np.zeros(10), "II": np.arange(10.0)}) == {}
