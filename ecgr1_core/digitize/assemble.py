"""From the pieces of trace of a page to a recording: time, millivolts, rhythm strips, and how far each lead is trusted.

Consecutive columns follow each other in time, so that a lead of a 3 × 4 page is known for its 2.5 s only and NaN
elsewhere; nothing is repeated or derived to fill it up. A rhythm strip gives its lead for the whole page, where it is
the lead that it is taken for. The module does not know how the pieces were found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecgr1_core.digitize.column_times import step_between_columns
from ecgr1_core.digitize.curve import between_vertices
from ecgr1_core.digitize.likeness import RATE_HZ, TRIOS, delayed, likeness, limb_agreements, made_of
from ecgr1_core.digitize.pieces import Float64Array, FoundPage, ScaleSource, TracePiece
from ecgr1_core.digitize.report import DigitizeReport, LeadReport
from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.formats.leads import LIMB_FROM_I_II, is_flat
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.layouts import LAYOUTS, PAGE_S, SPEEDS_MM_PER_S, find_layout

_LEAST_LEADS = 3
_LONGEST_JOIN_S = 0.05  # a gap up to here is joined by a straight line
_ALIKE = 0.85  # correlation from which a strip is the lead it is held against
_ASKEW = 15  # samples that a row may stand aside of another, on a page that is not quite straight
_AHEAD = 0.1  # by which another lead must be more alike to be taken instead
_SIMULTANEOUS = 0.9  # correlation of augmented leads with what follows from the first column
_BY_PLACE = 0.7  # of the confidence of a trace that has no name of its own
_LEAST_AGREEMENT = 0.4  # of the limb leads by Einthoven and Goldberger; below, a page was misread
_LEAST_CONFIDENCE = 0.25  # below this a trace is no lead


@dataclass(frozen=True, eq=False)
class _Stretch:
    """A piece as samples: `first` is its first sample on the page's clock, `mv` [n], NaN where there is no trace."""

    piece: TracePiece
    first: int
    mv: Float64Array

    def on_page(self, samples: int) -> Float64Array:
        out = np.full(samples, np.nan)
        low, high = max(0, self.first), min(samples, self.first + self.mv.size)
        if high > low:
            out[low:high] = self.mv[low - self.first : high - self.first]
        return out


def assemble(
    found: FoundPage,
    name: str,
    *,
    speed_mm_per_s: float | None = None,
    gain_mm_per_mv: float | None = None,
) -> tuple[EcgRecord, DigitizeReport]:
    """Return the recording of a page at 500 Hz, and the report on it.

    `name` is that of the file, and what is given goes before what the page shows. Raises MissingInformationError where
    speed or gain is unknown, InputError where fewer than three leads are found.
    """
    speed = speed_mm_per_s or found.speed_mm_per_s
    gain = gain_mm_per_mv or found.gain_mm_per_mv
    speed_source: ScaleSource | None = "asked" if speed_mm_per_s else found.speed_source
    if speed is None:
        speed, speed_source = _speed_by_length(found), "geometry"
    if speed is None:
        raise MissingInformationError(
            name, "the page does not show its paper speed", "give the speed in mm/s", "speed_mm_per_s"
        )
    if gain is None:
        raise MissingInformationError(
            name, "the page shows neither its gain nor a calibration pulse", "give the gain in mm/mV", "gain_mm_per_mv"
        )
    unsure = list(found.unsure)
    found = _named_by_layout(found, unsure)
    pieces = [
        piece for piece in found.pieces if piece.confidence >= _LEAST_CONFIDENCE and np.isfinite(piece.y_mm).any()
    ]
    dropped = [piece.lead for piece in found.pieces if piece.lead and not any(piece is kept for kept in pieces)]
    if dropped:
        unsure.append(f"no trace could be followed for {', '.join(dropped)}")
    if not pieces:
        raise _too_few(name, 0)
    start_mm = found.columns_x_mm[0] if found.columns_x_mm else min(float(piece.x_mm[0]) for piece in pieces)
    strips = [piece for piece in pieces if piece.row in found.rhythm_rows]
    cells = [piece for piece in pieces if piece.row not in found.rhythm_rows]
    starts = _column_starts(found, cells, start_mm)

    def sampled(piece: TracePiece, first_mm: float) -> _Stretch:
        return _sampled(piece, first_mm, speed, gain, drawn=found.source == "vector")

    as_consecutive = {id(piece): sampled(piece, start_mm) for piece in pieces}
    as_simultaneous = {id(piece): sampled(piece, starts.get(piece.column, start_mm)) for piece in cells}
    columns = found.columns or _columns(
        [as_simultaneous[id(piece)] for piece in cells], [as_consecutive[id(piece)] for piece in strips]
    )
    chosen = as_simultaneous if columns == "simultaneous" else as_consecutive
    stretches = [chosen[id(piece)] for piece in cells]
    strip_stretches = [as_consecutive[id(piece)] for piece in strips]
    samples = _length([*stretches, *strip_stretches])
    if columns == "consecutive" and strip_stretches:
        stretches = _on_the_clock_of(strip_stretches[0], stretches, samples, unsure)
    rows: dict[str, Float64Array] = {}
    sources: dict[str, list[_Stretch]] = {}
    for stretch in stretches:
        lead = stretch.piece.lead
        if lead is None:
            unsure.append(f"the trace in row {stretch.piece.row + 1} has no lead's name and is left out")
        elif lead in rows:
            unsure.append(f"{lead} stands on the page twice: only the first is taken")
        else:
            rows[lead] = stretch.on_page(samples)
            sources[lead] = [stretch]
    agreements = limb_agreements(rows)
    _check_limb_leads(agreements, name)
    for stretch in strip_stretches:
        _add_strip(stretch, rows, sources, agreements, samples, unsure)
    if len(rows) < _LEAST_LEADS:
        raise _too_few(name, len(rows))
    for lead, value in agreements.items():
        if lead in rows and value < 0.5 and len(sources[lead]) == 1:
            unsure.append(f"{lead} does not follow from the other limb leads as it should (correlation {value:.2f})")
    record = EcgRecord(
        signal_mv=np.stack([rows.get(lead, np.full(samples, np.nan)) for lead in LEADS]).astype(np.float32),
        sampling_rate_hz=RATE_HZ,
        name=Path(name).stem,
        source_format="page",
        missing_leads=tuple(lead for lead in LEADS if lead not in rows),
        flat_leads=tuple(lead for lead in LEADS if lead in rows and is_flat(rows[lead])),
        warnings=tuple(unsure),
    )
    report = DigitizeReport(
        source=found.source,
        layout=found.layout,
        order=found.order,
        columns=columns,
        speed_mm_per_s=speed,
        speed_source=speed_source,
        gain_mm_per_mv=gain,
        gain_source="asked" if gain_mm_per_mv else found.gain_source,
        mm_per_px=found.mm_per_px,
        turned_deg=found.turned_deg,
        leads={lead: _lead_report(rows[lead], sources[lead], agreements.get(lead)) for lead in LEADS if lead in rows},
        unsure=tuple(unsure),
        printed=tuple(text.text for text in found.texts),
    )
    return record, report


def _named_by_layout(found: FoundPage, unsure: list[str]) -> FoundPage:
    """Return the page with traces that have no name named by their place, if every name that is there agrees."""
    if found.layout is None or found.layout not in LAYOUTS:
        return found
    layout = find_layout(found.layout, found.order)
    named: list[TracePiece] = []
    unnamed: list[TracePiece] = []
    for piece in found.pieces:
        if piece.row >= len(layout.rows) or piece.row in found.rhythm_rows:
            continue
        if piece.column >= len(layout.rows[piece.row]):
            return found
        (unnamed if piece.lead is None else named).append(piece)
    if not named or not unnamed or any(piece.lead != layout.rows[piece.row][piece.column] for piece in named):
        return found
    leads = {id(piece): layout.rows[piece.row][piece.column] for piece in unnamed}
    unsure.append(f"{', '.join(leads.values())} taken by their place: no name was read beside them")
    pieces = tuple(
        piece
        if id(piece) not in leads
        else replace(
            piece,
            lead=leads[id(piece)],
            inverted=leads[id(piece)] in layout.inverted_leads,
            confidence=_BY_PLACE * piece.confidence,
        )
        for piece in found.pieces
    )
    return replace(found, pieces=pieces)


def _speed_by_length(found: FoundPage) -> float | None:
    """Return the paper speed at which all that the page shows lasts ten seconds, within 1.5 %, or None."""
    if found.columns_x_mm:
        length = found.columns_x_mm[-1] - found.columns_x_mm[0]
    elif found.pieces:
        length = max(float(p.x_mm[-1]) for p in found.pieces) - min(float(p.x_mm[0]) for p in found.pieces)
    else:
        return None
    return next((speed for speed in SPEEDS_MM_PER_S if abs(length / (speed * PAGE_S) - 1) < 0.015), None)


def _too_few(name: str, count: int) -> InputError:
    return InputError(
        name,
        f"only {count} leads could be read from the page" if count else "no lead could be read from the page",
        "give a sharper picture of the whole page, or the recording itself",
    )


def _column_starts(found: FoundPage, cells: list[TracePiece], start_mm: float) -> dict[int, float]:
    """Return the x in mm at which each column begins."""
    if found.columns_x_mm:
        return dict(enumerate(found.columns_x_mm[:-1]))
    starts: dict[int, float] = {}
    for piece in cells:
        starts[piece.column] = min(starts.get(piece.column, np.inf), float(piece.x_mm[0]))
    return starts or {0: start_mm}


def _sampled(piece: TracePiece, start_mm: float, speed: float, gain: float, *, drawn: bool) -> _Stretch:
    """Return a piece at 500 Hz; gaps up to 50 ms are joined. The points of a `drawn` one are vertices of its line."""
    seconds = (piece.x_mm - start_mm) / speed
    values = piece.y_mm / gain * (-1.0 if piece.inverted else 1.0)
    known = np.isfinite(values)
    seconds, values = seconds[known], values[known]
    first = int(np.ceil(seconds[0] * RATE_HZ - 1e-6))
    times = np.arange(first, max(first, int(np.floor(seconds[-1] * RATE_HZ + 1e-6))) + 1) / RATE_HZ
    mv = between_vertices(times, seconds, values) if drawn else np.interp(times, seconds, values)
    after = np.clip(np.searchsorted(seconds, times), 1, max(1, seconds.size - 1))
    if seconds.size > 1:
        mv[seconds[after] - seconds[after - 1] > _LONGEST_JOIN_S] = np.nan
    return _Stretch(piece, first, mv)


def _length(stretches: list[_Stretch]) -> int:
    """Return the samples of the page: ten seconds, unless the traces are clearly longer or shorter."""
    stop = max(stretch.first + stretch.mv.size for stretch in stretches)
    page = round(PAGE_S * RATE_HZ)
    return page if abs(stop - page) < 0.3 * RATE_HZ else max(1, stop)


def _columns(cells: list[_Stretch], strips: list[_Stretch]) -> Literal["consecutive", "simultaneous"]:
    """Return whether the columns begin at one moment: limb leads of one column then follow from those of another.

    Where all limb leads stand in one column, the columns are taken to be consecutive, as carts print them, unless there
    is no rhythm strip and the beats of all columns coincide.
    """
    if len({stretch.piece.column for stretch in cells}) < 2:
        return "consecutive"
    limb = [stretch for stretch in cells if stretch.piece.lead in LIMB_FROM_I_II]
    likenesses: list[float | None] = []
    for third in limb:
        for one, other in combinations([stretch for stretch in limb if stretch.piece.column != third.piece.column], 2):
            if one.piece.column == other.piece.column and one.piece.lead != other.piece.lead:
                size = min(one.mv.size, other.mv.size, third.mv.size)
                mix = made_of(str(one.piece.lead), str(other.piece.lead), str(third.piece.lead))
                likenesses.append(likeness(mix[0] * one.mv[:size] + mix[1] * other.mv[:size], third.mv[:size]))
    known = [value for value in likenesses if value is not None]
    if known:
        return "simultaneous" if float(np.median(known)) > _SIMULTANEOUS else "consecutive"
    activity = []
    for column in sorted({stretch.piece.column for stretch in cells}):
        some = [np.abs(np.gradient(np.nan_to_num(s.mv))) for s in cells if s.piece.column == column and s.mv.size > 2]
        if some:
            size = min(part.size for part in some)
            activity.append(np.convolve(np.mean([part[:size] for part in some], axis=0), np.ones(15) / 15, "same"))
    if len(activity) < 2 or strips:
        return "consecutive"
    size = min(part.size for part in activity)
    alike = [likeness(activity[0][:size], part[:size]) or 0.0 for part in activity[1:]]
    return "simultaneous" if min(alike) > _SIMULTANEOUS else "consecutive"


def _on_the_clock_of(strip: _Stretch, stretches: list[_Stretch], samples: int, unsure: list[str]) -> list[_Stretch]:
    """Return the cells moved in time where each column is printed later, or earlier, than the one before it."""
    numbers = sorted({stretch.piece.column for stretch in stretches})
    columns = [[each.on_page(samples) for each in stretches if each.piece.column == number] for number in numbers]
    step = step_between_columns(columns, strip.on_page(samples))
    if step == 0.0:
        return stretches
    unsure.append(
        f"each column is printed {abs(step) / RATE_HZ * 1000:.0f} ms {'later' if step > 0 else 'earlier'} than the one "
        "before it, against the rhythm strip; that was put right"
    )
    return [replace(each, first=each.first - round(step * each.piece.column)) for each in stretches]


def _check_limb_leads(agreements: dict[str, float], name: str) -> None:
    """Raise InputError where no trio of limb leads agrees; a single lead that was misread spoils its own trio only."""
    trios = [[agreements[lead] for lead in trio if lead in agreements] for trio in TRIOS]
    if any(trios) and all(float(np.median(values)) < _LEAST_AGREEMENT for values in trios if values):
        raise InputError(
            name,
            "the limb leads read from the page do not follow from one another, so that it was probably read wrongly",
            "give a sharper, flatter picture of it, or the recording itself",
        )


def _add_strip(
    stretch: _Stretch,
    rows: dict[str, Float64Array],
    sources: dict[str, list[_Stretch]],
    agreements: dict[str, float],
    samples: int,
    unsure: list[str],
) -> None:
    """Put a rhythm strip in the place of the lead that it shows, for the seconds beyond the lead's own cell."""
    strip = stretch.on_page(samples)
    moved = [delayed(strip, by) for by in range(-_ASKEW, _ASKEW + 1, _ASKEW // 5)]

    def best_of(as_large: bool) -> dict[str, float]:
        found = {lead: [likeness(each, row, as_large=as_large) for each in moved] for lead, row in rows.items()}
        return {lead: max(known) for lead, values in found.items() if (known := [v for v in values if v is not None])}

    alike, same = best_of(as_large=False), best_of(as_large=True)
    named = stretch.piece.lead
    best = max(same, key=lambda lead: same[lead], default=None)
    if best is None:
        if named is not None and named not in rows:
            rows[named], sources[named] = strip, [stretch]
        return
    own = same.get(named, 0.0) if named is not None else 0.0
    if named is not None and (named not in same or own >= _ALIKE or same[best] < own + _AHEAD):
        lead = named
    else:
        lead = best
        if named is not None and alike[best] >= _ALIKE:
            unsure.append(f"the rhythm strip taken for {named} has the shape of {best} and is taken for that")
    if alike.get(lead, 1.0) < _ALIKE:
        unsure.append(f"the rhythm strip in row {stretch.piece.row + 1} is not surely {lead} and is left out")
        return
    if lead in rows:
        cell = rows[lead]
        both = np.isfinite(cell) & np.isfinite(strip)
        level = float(np.median(cell[both] - strip[both])) if both.any() else 0.0
        rows[lead] = np.where(np.isfinite(cell), cell, strip + level)
        agreements[lead] = alike[lead]
    else:
        rows[lead] = strip
    sources.setdefault(lead, []).append(stretch)


def _lead_report(row: Float64Array, sources: list[_Stretch], agreement: float | None) -> LeadReport:
    known: npt.NDArray[np.int64] = np.flatnonzero(np.isfinite(row))
    start, stop = (int(known[0]), int(known[-1]) + 1) if known.size else (0, 0)
    confidence = max(stretch.piece.confidence for stretch in sources)
    if agreement is not None:
        confidence *= float(np.clip(0.4 + 0.7 * agreement, 0.3, 1.0))
    return LeadReport(
        confidence=float(confidence),
        start_s=start / RATE_HZ,
        stop_s=stop / RATE_HZ,
        unknown_share=1 - known.size / max(1, stop - start),
        agreement=agreement,
        boxes_px=tuple(stretch.piece.box_px for stretch in sources),
    )
