"""What the device measured and said, from the annotations of a DICOM waveform (PS3.3 C.10.10).

Measurements are coded in the MDC scheme or in SCP-ECG's (PS3.16 CID 3229 and those near it); statements are text.
"""

from __future__ import annotations

from typing import Any

from ecgr1_core.record import DeviceReading

# by coding scheme and code: the field of `DeviceReading`, and the units in which it is taken
_BEATS, _MS, _DEGREES = ("{H.B.}/min", "/min", "{beats}/min", "bpm"), ("ms",), ("deg",)
_MEASURED: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("MDC", "2:16016"): ("heart_rate_bpm", _BEATS),
    ("MDC", "2:15872"): ("pr_interval_ms", _MS),
    ("MDC", "2:16156"): ("qrs_duration_ms", _MS),
    ("MDC", "2:16160"): ("qt_interval_ms", _MS),
    ("MDC", "2:15876"): ("qtc_ms", _MS),
    ("MDC", "2:16128"): ("p_axis_deg", _DEGREES),
    ("MDC", "2:16132"): ("qrs_axis_deg", _DEGREES),
    ("MDC", "2:16136"): ("t_axis_deg", _DEGREES),
    ("SCPECG", "5.10.2.1-1"): ("heart_rate_bpm", _BEATS),
    ("SCPECG", "5.13.5-7"): ("pr_interval_ms", _MS),
    ("SCPECG", "5.13.5-9"): ("qrs_duration_ms", _MS),
    ("SCPECG", "5.13.5-11"): ("qt_interval_ms", _MS),
    ("SCPECG", "5.10.2.5-5"): ("qtc_ms", _MS),
    ("SCPECG", "5.10.3-11"): ("p_axis_deg", _DEGREES),
    ("SCPECG", "5.10.3-13"): ("qrs_axis_deg", _DEGREES),
    ("SCPECG", "5.10.3-15"): ("t_axis_deg", _DEGREES),
}


def device_reading(dataset: Any) -> DeviceReading | None:
    """Return what the annotations of a data set say, None where they say neither a measurement nor a statement."""
    values: dict[str, Any] = {}
    statements = []
    for annotation in dataset.get("WaveformAnnotationSequence") or []:
        text = " ".join(str(annotation.get("UnformattedTextValue") or "").split())
        if text:
            statements.append(text)
        known = _measurement(annotation)
        if known is not None:
            values.setdefault(*known)
    reading = DeviceReading(**values, statements=tuple(statements))
    return None if reading == DeviceReading() else reading


def _measurement(annotation: Any) -> tuple[str, float] | None:
    concept = next(iter(annotation.get("ConceptNameCodeSequence") or []), None)
    unit = next(iter(annotation.get("MeasurementUnitsCodeSequence") or []), None)
    value = annotation.get("NumericValue")
    if concept is None or unit is None or value is None or not hasattr(value, "real"):  # several values are none
        return None
    scheme = str(concept.get("CodingSchemeDesignator", "")).upper()
    field, units = _MEASURED.get((scheme, str(concept.get("CodeValue", ""))), ("", ()))
    return (field, float(value)) if str(unit.get("CodeValue", "")) in units else None
