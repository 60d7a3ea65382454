"""A recording as a part of a chat message, there and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ecgr1_core.errors import DamagedFileError, InputError, UnsuitableRecordingError
from ecgr1_core.formats.leads import LIMB_FROM_I_II
from ecgr1_core.readers.ecg_part import decode_part, encode_part
from ecgr1_core.record import LEADS, LIMB_LEADS, EcgRecord, Patient


def recording(**options: Any) -> EcgRecord:
    signal = np.random.default_rng(4).normal(0, 0.4, (12, 1500)).astype(np.float32)
    for row, lead in enumerate(LIMB_LEADS):
        signal[row] = np.asarray(LIMB_FROM_I_II[lead]) @ signal[:2]
    signal[3, 20:40] = np.nan
    return EcgRecord(signal, 500.0, name="Jane Doe 1948", patient=Patient(61.0, "F"), **options)


def test_there_and_back_it_is_the_same_to_the_bit_and_nameless() -> None:
    record = recording()
    text = json.dumps(encode_part(record))
    assert "Jane" not in text
    back = decode_part(json.loads(text))
    np.testing.assert_array_equal(back.signal_mv, record.signal_mv)
    assert (back.sampling_rate_hz, back.patient, back.missing_leads) == (500.0, record.patient, ())
    assert back.warnings == ("lead aVR: 1.3 % of the samples are unknown",)


def test_a_lead_that_was_not_recorded_is_left_out_and_stays_missing() -> None:
    signal = np.array(recording().signal_mv)
    signal[11] = np.nan
    part = encode_part(EcgRecord(signal, 500.0, missing_leads=("V6",)))
    assert part["input_ecg"]["leads"] == list(LEADS[:11])
    assert decode_part(part).missing_leads == ("V6",)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"format": "mp3"}, DamagedFileError, "format"),
        ({"unit": "uV"}, DamagedFileError, "unit"),
        ({"sampling_rate_hz": 0}, DamagedFileError, "sampling_rate_hz"),
        ({"sampling_rate_hz": 50}, UnsuitableRecordingError, "too coarse"),
        ({"sampling_rate_hz": 1000}, UnsuitableRecordingError, "too short"),
        ({"samples": 1499}, DamagedFileError, "1499 samples"),
        ({"samples": -1}, DamagedFileError, "samples"),
        ({"leads": ["I"] * 12}, DamagedFileError, "at most once"),
        ({"leads": [*LEADS[:11], "Vx"]}, DamagedFileError, "Vx"),
        ({"leads": []}, DamagedFileError, "leads"),
        ({"data": "*" * 96_000}, DamagedFileError, "no base64"),
        ({"data": 7}, DamagedFileError, "data"),
        ({"age_years": -4}, DamagedFileError, "age_years"),
        ({"name": "Jane Doe"}, DamagedFileError, "name"),
    ],
)
def test_what_is_not_of_the_form_is_said(change: dict[str, Any], error: type[InputError], words: str) -> None:
    part = encode_part(recording())
    part["input_ecg"] |= change
    with pytest.raises(error, match=words) as caught:
        decode_part(part)
    assert str(caught.value).startswith("input_ecg: ")
    assert "\n" not in str(caught.value)


def test_no_object_at_all_is_said() -> None:
    with pytest.raises(DamagedFileError, match="input_ecg"):
        decode_part({"type": "input_ecg"})
