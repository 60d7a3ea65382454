"""A recording and its measurements as the viewer on the screen wants them: plain data, ready for JSON.

The browser gets the samples once, the positions of all rows in every layout, order, speed and gain, and the sections of
the display filters; so that no switch asks the server. Every position comes from `geometry`, as it does on paper. The
module knows nothing of browsers, and gives no name and nothing of the patient away.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ecgr1_core.measure import Beat, Measurements
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render import geometry as g
from ecgr1_core.render.filters import (
    BANDS_HZ,
    DEFAULT_BAND,
    NOTCHES_HZ,
    PAD_S,
    UNFILTERED,
    DisplayFilter,
    band_filter,
    notch_filter,
)
from ecgr1_core.render.layouts import (
    DEFAULT_LAYOUT,
    GAINS_MM_PER_MV,
    LAYOUTS,
    ORDERS,
    PAGE_S,
    SPEEDS_MM_PER_S,
    Layout,
    find_layout,
)
from ecgr1_core.render.segments import envelope, means_mv, packed_segment, segment_count, segment_samples

PAGES_THAT_FIT = 0.9  # of a recording of many pages: the others may draw over their neighbours
DOMINANT_KINDS = ("normal", "paced")


def screen_recording(record: EcgRecord, key: str | None = None, *, whole: bool = True) -> dict[str, Any]:
    """Return the samples of `record`, its geometry and its filters; `key` stands for it, by default its `identity`.

    The samples are in `segments` (`segments.packed_segment`); unless `whole`, only the first is there, and the others
    are to be had from `screen_segments`. `means_mv` are what the filters take out of each lead. A recording longer than
    a page has an `overview`, the lowest and highest values of its strip. `geometry` is keyed by layout and order, then
    by speed and gain. Measuring uses the samples as they are in the record.
    """
    return {
        "id": key or identity(record),
        "samples": record.samples,
        "sampling_rate_hz": record.sampling_rate_hz,
        "duration_s": record.duration_s,
        "leads": LEADS,
        "missing": record.missing_leads,
        "page_s": PAGE_S,
        "defaults": {"layout": DEFAULT_LAYOUT, "band": DEFAULT_BAND},
        "constants": _constants(),
        "segment_samples": segment_samples(record.sampling_rate_hz),
        "segments": [packed_segment(record, number) for number in range(segment_count(record) if whole else 1)],
        "means_mv": means_mv(record),
        "overview": envelope(record) if record.duration_s > PAGE_S else None,
        **_geometry(record),
        "filters": _filters(record.sampling_rate_hz),
    }


def screen_segments(record: EcgRecord, numbers: Sequence[int]) -> dict[str, Any]:
    """Return the segments of these numbers with the identity of their recording; numbers that it lacks are left out."""
    there = [number for number in numbers if 0 <= number < segment_count(record)]
    return {"id": identity(record), "segments": [packed_segment(record, number) for number in there]}


def screen_marks(record: EcgRecord, measured: Measurements) -> dict[str, Any]:
    """Return the waves of every beat in seconds, pacing spikes, and the limits of the median beat from its R.

    A beat is [number, kind, R, P onset, P offset, QRS onset, QRS offset, T peak, T offset]. The median beat begins its
    QRS where those of the dominant kind do, by the median; its other limits follow from the global intervals.
    """
    return {
        "id": identity(record),
        "beats": [_beat(beat) for beat in measured.beats],
        "spikes_s": _spikes(record, measured),
        "median": _median_beat(measured),
        "rr_ms": measured.rr_ms,
        "heart_rate_bpm": measured.heart_rate_bpm,
    }


def identity(record: EcgRecord) -> str:
    """Return 16 digits that are the same for the same samples."""
    digest = hashlib.blake2b(record.signal_mv.data, digest_size=8)
    digest.update(str(record.sampling_rate_hz).encode())
    return digest.hexdigest()


def _constants() -> dict[str, float]:
    return {
        "least_width_mm": g.LEAST_WIDTH_MM,
        "major_grid_mm": g.MAJOR_GRID_MM,
        "trace_width_mm": g.TRACE_WIDTH_MM,
        "text_size_mm": g.TEXT_SIZE_MM,
        "text_inset_mm": g.TEXT_INSET_MM,
        "label_inset_mm": g.LABEL_INSET_MM,
        "separator_half_height_mm": g.SEPARATOR_HALF_HEIGHT_MM,
        "pulse_mv": g.PULSE_MV,
        "pulse_s": g.PULSE_S,
        "pulse_lead_mm": g.PULSE_LEAD_MM,
    }


def _geometry(record: EcgRecord) -> dict[str, Any]:
    widths = {
        f"{speed:g}": {"width_mm": g.page_width_mm(speed), "left_mm": g.trace_left_mm(speed)}
        for speed in SPEEDS_MM_PER_S
    }
    reach_of_lead = _usual_reach(record) if record.duration_s > PAGE_S else None
    centred = g.centred_page(record, 0.0)
    known: dict[tuple[str, int, int, float], g.Reach] = {}

    def reach(cell: g.Cell, speed: float) -> g.Reach:
        """Return the reach of a cell; many layouts have it in common."""
        place = (cell.label, cell.first_sample, cell.signal_mv.size, speed)
        if place not in known:
            known[place] = g.reach(cell, record.sampling_rate_hz, speed)
        return known[place]

    layouts, positions = {}, {}
    for name in (*LAYOUTS, *LEADS):
        for order in ORDERS if name in LAYOUTS else ORDERS[:1]:
            layout = find_layout(name, order)
            layouts[f"{name}|{order}"] = {"rows": layout.all_rows, "inverted": layout.inverted_leads}
            positions[f"{name}|{order}"] = _positions(
                layout, g.page_cells(record, layout, 0.0, centred), reach, reach_of_lead
            )
    return {"widths": widths, "layouts": layouts, "geometry": positions}


def _positions(
    layout: Layout,
    cell_rows: Sequence[tuple[g.Cell, ...]],
    reach: Callable[[g.Cell, float], g.Reach],
    reach_of_lead: dict[str, g.Reach] | None,
) -> dict[str, Any]:
    """Return height and rows ([top, baseline, label, bottom] in mm) by speed and gain.

    Of a recording of one page they are those of `lay_out`; of a longer one those that nine of ten of its pages need, so
    that rows do not move while one leafs through it.
    """
    found = {}
    for speed in SPEEDS_MM_PER_S:
        if reach_of_lead is None:
            reaches = [[reach(cell, speed) for cell in cells] for cells in cell_rows]
        else:
            reaches = [[_turned(reach_of_lead[cell.lead], cell.lead, layout) for cell in cells] for cells in cell_rows]
        for gain in GAINS_MM_PER_MV:
            rows, height_mm = g.stack(cell_rows, reaches, gain)
            found[f"{speed:g}|{gain:g}"] = {
                "height_mm": height_mm,
                "rows": [[round(row.top_mm, 3), row.baseline_mm, round(row.label_mm, 3), round(row.bottom_mm, 3)]
                         for row in rows],
            }  # fmt: skip
    return found


def _usual_reach(record: EcgRecord) -> dict[str, g.Reach]:
    """Return how far each lead goes from its median on nine of ten pages."""
    page = round(PAGE_S * record.sampling_rate_hz)
    reaches = {}
    for lead in LEADS:
        row = np.where(np.isfinite(record.lead(lead)), record.lead(lead), np.float32(np.nan))
        pages = [row[first : first + page] for first in range(0, row.size, page)]
        known = [part for part in (part[~np.isnan(part)] for part in pages) if part.size]
        levels = [float(np.median(part)) for part in known]
        above = [float(part.max()) - level for part, level in zip(known, levels, strict=True)]
        below = [level - float(part.min()) for part, level in zip(known, levels, strict=True)]
        high = float(np.quantile(above, PAGES_THAT_FIT)) if above else 0.0
        low = float(np.quantile(below, PAGES_THAT_FIT)) if below else 0.0
        reaches[lead] = g.Reach(high, low, high)
    return reaches


def _turned(reach: g.Reach, lead: str, layout: Layout) -> g.Reach:
    if lead in layout.inverted_leads:
        return g.Reach(reach.below_mv, reach.above_mv, reach.below_mv)
    return reach


def _filters(sampling_rate_hz: float) -> dict[str, Any]:
    return {
        "bands": {band: _plain_filter(band_filter(band, sampling_rate_hz)) for band in BANDS_HZ},
        "notches": {f"{mains:g}": _plain_filter(notch_filter(mains, sampling_rate_hz)) for mains in NOTCHES_HZ},
        "unfiltered": UNFILTERED,
        "pad_s": PAD_S,
    }


def _plain_filter(item: DisplayFilter | None) -> dict[str, Any] | None:
    if item is None:
        return None
    return {"label": item.label, "sections": item.sections.tolist()}


def _beat(beat: Beat) -> list[Any]:
    times = (beat.r_s, beat.p_onset_s, beat.p_offset_s, beat.qrs_onset_s, beat.qrs_offset_s, beat.t_peak_s,
             beat.t_offset_s)  # fmt: skip
    return [beat.number, beat.kind, *(None if time is None else round(time, 4) for time in times)]


def _spikes(record: EcgRecord, measured: Measurements) -> list[float]:
    """Return the times of pacing spikes in seconds, where the measurements say that there are any."""
    if measured.rhythm.pacing_spike_count == 0:
        return []
    from ecgr1_core.measure.conditioning import WORKING_RATE_HZ, condition
    from ecgr1_core.measure.pacing import find_spikes

    return [round(float(spike) / WORKING_RATE_HZ, 4) for spike in find_spikes(condition(record))]


def _median_beat(measured: Measurements) -> dict[str, Any] | None:
    """Return kind, beat numbers and limits of the median beat in seconds from R; None where there is none."""
    kinds = Counter(beat.kind for beat in measured.beats if beat.kind in DOMINANT_KINDS)
    if not kinds:
        return None
    kind = kinds.most_common(1)[0][0]
    beats = [beat for beat in measured.beats if beat.kind == kind]
    onset = _median([beat.qrs_onset_s - beat.r_s for beat in beats if beat.qrs_onset_s is not None])
    p_onset = _added(onset, measured.pr_interval_ms, -1.0)
    limits = {
        "p_onset": p_onset,
        "p_offset": _added(p_onset, measured.p_duration_ms),
        "qrs_onset": onset,
        "qrs_offset": _added(onset, measured.qrs_duration_ms),
        "t_peak": _median([beat.t_peak_s - beat.r_s for beat in beats if beat.t_peak_s is not None]),
        "t_offset": _added(onset, measured.qt_interval_ms),
    }
    return {"kind": kind, "numbers": [beat.number for beat in beats], "limits_s": limits}


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _added(start_s: float | None, interval_ms: float | None, sign: float = 1.0) -> float | None:
    return None if start_s is None or interval_ms is None else start_s + sign * interval_ms / 1000.0
