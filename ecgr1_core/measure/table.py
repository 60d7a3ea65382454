"""FeatureDB as a table: one row per beat and lead, for corpora and statistics."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ecgr1_core.measure.amplitudes import measure_lead
from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, samples
from ecgr1_core.measure.delineate import WaveLimits
from ecgr1_core.measure.engine import analyse
from ecgr1_core.measure.templates import AFTER, BEFORE, beat_windows
from ecgr1_core.measure.types import LeadMeasurements
from ecgr1_core.record import LEADS, EcgRecord

_LEAD_FIELDS = [item.name for item in dataclasses.fields(LeadMeasurements) if item.name != "reasons"]


def beat_rows(record: EcgRecord) -> list[dict[str, Any]]:
    """Return one row per beat and lead that carries a signal then.

    A row holds the recording's name, the beat (as in `Measurements.beats`), the lead, and the lead's amplitudes, levels
    and shapes measured on that one beat inside its own limits; beats cut by an end of the recording have none. Units as
    in `LeadMeasurements`.
    """
    analysis = analyse(record)
    if analysis.leveled is None or analysis.position is None:
        return []
    usable = analysis.leveled.usable
    windows = beat_windows(analysis.leveled.signal_mv, analysis.position)
    shown = beat_windows(analysis.leveled.shown.astype(np.float64), analysis.position)[:, :, BEFORE] > 0
    rows = []
    for index, beat in enumerate(analysis.measurements.beats):
        limits = analysis.limits_of.get(index)
        own = None if limits is None else _in_window(limits, int(analysis.position[index]))
        rr_samples = (beat.rr_ms or 800.0) * WORKING_RATE_HZ / 1000.0
        common = {"record": record.name, **dataclasses.asdict(beat)}
        for lead_index in np.flatnonzero(usable & shown[index]):
            values: dict[str, Any] = dict.fromkeys(_LEAD_FIELDS)
            if own is not None:
                p_present = own.p_onset is not None
                window = np.nan_to_num(windows[index, lead_index])
                found = measure_lead(window, own, rr_samples, p_present=p_present, p_reason=analysis.p_reason)
                values = {name: getattr(found, name) for name in _LEAD_FIELDS}
            clash = {f"lead_{name}" if name in common else name: value for name, value in values.items()}
            rows.append({**common, "lead": LEADS[lead_index], **clash})
    return rows


def _in_window(limits: WaveLimits, fiducial: int) -> WaveLimits | None:
    """Return the limits counted from the start of the beat's window; None where they do not fit into it."""
    moved: dict[str, float | None] = {
        item.name: None if (value := getattr(limits, item.name)) is None else value - fiducial + BEFORE
        for item in dataclasses.fields(WaveLimits)
    }
    for name in ("p_onset", "t_offset"):
        value = moved[name]
        if value is not None and not 0 <= value < BEFORE + AFTER - samples(20.0):
            for other in [key for key in moved if key.startswith(name[0] + "_")]:
                moved[other] = None
    return WaveLimits(**moved)  # type: ignore[arg-type]
