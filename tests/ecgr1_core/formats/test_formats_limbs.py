"""Limb leads that do not follow from one another are told of, and why, whatever the format."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from clinical_kit import aecg_xml, mortara_xml

from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.formats.writing import WRITERS
from ecgr1_core.record import LEADS, EcgRecord

SCALED = "scales each lead by itself"
WRONG = "the limb leads do not follow from one another"


def warnings_of(path: Path, options: ReadOptions | None = None) -> list[str]:
    return [text for text in read(path, options or ReadOptions()).warnings if SCALED in text or WRONG in text]


def scaled_aecg(counts: np.ndarray) -> bytes:
    """An aECG of which each lead has a scale of its own, so that all of them span a millivolt."""
    data = aecg_xml(counts, LEADS)
    for row in counts:
        data = data.replace(b'<scale value="5"', f'<scale value="{1000 / np.ptp(row):.6f}"'.encode(), 1)
    return data


def test_gains_that_scale_each_lead_by_itself_are_told_of_in_any_format(counts: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(scaled_aecg(counts))
    assert [SCALED in text for text in warnings_of(path)] == [True]
    told = read(path, ReadOptions(counts_per_mv=1000.0))
    np.testing.assert_allclose(told.signal_mv, counts / 1000, atol=1e-6)
    assert warnings_of(path, ReadOptions(counts_per_mv=1000.0)) == []


def test_dicom_takes_the_users_word_for_its_counts(counts: np.ndarray, tmp_path: Path) -> None:
    import pydicom

    (path,) = WRITERS["dicom"](EcgRecord((counts / 1000).astype(np.float32), 500.0), tmp_path, "out")
    dataset = pydicom.dcmread(path)
    for channel, row in zip(dataset.WaveformSequence[0].ChannelDefinitionSequence, counts, strict=True):
        channel.ChannelSensitivity = f"{1000 / np.ptp(row):.8g}"
    dataset.save_as(path)
    assert [SCALED in text for text in warnings_of(path)] == [True]
    told = read(path, ReadOptions(counts_per_mv=1000.0))
    np.testing.assert_allclose(told.signal_mv, counts / 1000, atol=1e-6)


def test_leads_that_are_not_what_they_are_called_are_told_of(counts: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "file"
    swapped = list(LEADS)
    swapped[0], swapped[6] = "V1", "I"
    path.write_bytes(mortara_xml(counts, swapped))
    assert [WRONG in text for text in warnings_of(path)] == [True]
    path.write_bytes(mortara_xml(counts, LEADS))
    assert warnings_of(path) == []


@pytest.mark.parametrize("flat", [0, 2])
def test_an_electrode_that_came_off_is_no_wrong_name(flat: int, counts: np.ndarray, tmp_path: Path) -> None:
    counts[flat] = 0
    path = tmp_path / "file"
    path.write_bytes(mortara_xml(counts, LEADS))
    record = read(path)
    assert record.flat_leads == (LEADS[flat],)
    assert WRONG not in " ".join(record.warnings)
