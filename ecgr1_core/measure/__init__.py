"""FeatureDB: everything that is measured on a recording, by one entry, `measure(record) -> Measurements`."""

from ecgr1_core.measure.engine import corrected_qt_ms, measure
from ecgr1_core.measure.types import Beat, LeadMeasurements, LeadQuality, Measurements, Quality, RhythmMeasurements

__all__ = [
    "Beat",
    "LeadMeasurements",
    "LeadQuality",
    "Measurements",
    "Quality",
    "RhythmMeasurements",
    "corrected_qt_ms",
    "measure",
]
