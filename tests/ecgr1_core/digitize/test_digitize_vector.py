"""PDF pages drawn here line by line are read off their lines: leads, times, levels, what is between the vertices."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from ecgr1_core.digitize import DigitizeReport, digitize, open_page
from ecgr1_core.digitize.curve import between_vertices
from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.layouts import find_layout

RATE_HZ = 500
WIDTH_MM, HEIGHT_MM = 297.0, 210.0
LEFT_MM, TOP_MM = 22.0, 50.0  # of the first trace: its left end and its 0 mV
TIMES_S = np.arange(10 * RATE_HZ) / RATE_HZ


def heart() -> dict[str, np.ndarray]:
    """Eleven beats with narrow R waves; limb leads that follow from I and II, chest leads with shapes of their own."""
    beats = (np.arange(11) + 0.4) * 10 / 11 + 0.03 * np.sin(np.arange(11) * 2.0)

    def lead(p: float, q: float, r: float, s: float, t: float) -> np.ndarray:
        waves = ((-0.16, 0.025, p), (-0.025, 0.008, q), (0.0, 0.010, r), (0.028, 0.010, s), (0.26, 0.05, t))
        return sum(
            (h * np.exp(-0.5 * ((TIMES_S - b - at) / width) ** 2) for b in beats for at, width, h in waves),
            np.zeros_like(TIMES_S),
        )

    one, two = lead(0.10, -0.08, 0.7, -0.15, 0.2), lead(0.14, -0.05, 1.1, -0.2, 0.3)
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    chest = [lead(0.08, 0.0, 0.2 + 0.25 * n, -1.0 + 0.18 * n, 0.1 + 0.05 * n) for n in range(6)]
    return dict(zip(LEADS, [*limb, *chest], strict=True))


HEART = heart()
Thin = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def every(step: int) -> Thin:
    """Pick samples."""
    return lambda times, values: (times[::step], values[::step])


def averaged(step: int) -> Thin:
    """Average as many samples around each one that is picked; `step` is odd, so that this moves nothing."""

    def thin(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        around = np.pad(values, step // 2, mode="edge")
        return times[::step], np.convolve(around, np.ones(step) / step, "valid")[::step]

    return thin


@dataclass(frozen=True)
class Sheet:
    """A page to be drawn; `name_pitch_mm` is how far the names of columns stand apart, None: as far as the traces."""

    layout: str = "3x4+1"
    thin: Thin | None = None
    names: Sequence[str] = LEADS
    strip_name: bool = True
    name_pitch_mm: float | None = None
    one_line_a_row: bool = False
    simultaneous: bool = False
    scales: str = "25 mm/s  10 mm/mV"
    pulse: bool = True
    rounded_to_mm: float = 0.0
    quarters: int = 0

    def pdf(self) -> bytes:
        """Draw it; the page is turned clockwise by quarters."""
        file = io.BytesIO()
        sides = (WIDTH_MM, HEIGHT_MM) if self.quarters % 2 == 0 else (HEIGHT_MM, WIDTH_MM)
        canvas = Canvas(file, pagesize=(sides[0] * mm, sides[1] * mm))
        turn, x, y = {0: (0, 0, 0), 1: (-90, 0, WIDTH_MM), 2: (180, WIDTH_MM, HEIGHT_MM), 3: (90, HEIGHT_MM, 0)}[
            self.quarters
        ]
        canvas.translate(x * mm, y * mm)
        canvas.rotate(turn)
        self._grid(canvas)
        layout = find_layout(self.layout)
        pitch = (HEIGHT_MM - TOP_MM - 15) / len(layout.all_rows)
        for row, leads in enumerate(layout.all_rows):
            foot = TOP_MM + pitch * row
            self._row(canvas, leads, foot, is_strip=row >= len(layout.rows))
        canvas.setFont("Helvetica", 9)
        canvas.drawString(LEFT_MM * mm, 5 * mm, self.scales)
        canvas.save()
        return file.getvalue()

    def _grid(self, canvas: Canvas) -> None:
        canvas.setStrokeColorRGB(1, 0.7, 0.7)
        for step, width in ((1, 0.1), (5, 0.3)):
            canvas.setLineWidth(width * mm)
            xs = [(3 + place) * mm for place in range(0, 291, step)]
            ys = [(2 + place) * mm for place in range(0, 206, step)]
            canvas.grid(xs, ys)

    def _row(self, canvas: Canvas, leads: Sequence[str], foot: float, *, is_strip: bool) -> None:
        canvas.setStrokeColorRGB(0, 0, 0)
        canvas.setLineWidth(0.3 * mm)
        if self.pulse:
            self._line(canvas, np.array([8, 10, 10, 15, 15, 17.0]), foot - np.array([0, 0, 10, 10, 0, 0.0]))
        drawn = []
        for column, lead in enumerate(leads):
            part = slice(len(TIMES_S) * column // len(leads), len(TIMES_S) * (column + 1) // len(leads))
            shown = slice(0, part.stop - part.start) if self.simultaneous else part
            times, values = (self.thin or every(1))(TIMES_S[part], HEART[lead][shown])
            drawn.append((LEFT_MM + 25 * times, foot - 10 * values))
            name_x = LEFT_MM + 2 + column * (self.name_pitch_mm or 250 / len(leads))
            if lead in self.names and (self.strip_name or not is_strip):
                canvas.setFont("Helvetica-Bold", 9)
                canvas.drawString(name_x * mm, (HEIGHT_MM - foot + 9) * mm, lead)
        if self.one_line_a_row:
            drawn = [tuple(np.concatenate(parts) for parts in zip(*drawn, strict=True))]
        for x, y in drawn:
            self._line(canvas, x, y)

    def _line(self, canvas: Canvas, x: np.ndarray, y: np.ndarray) -> None:
        if self.rounded_to_mm:
            x, y = (np.round(values / self.rounded_to_mm) * self.rounded_to_mm for values in (x, y))
        path = canvas.beginPath()
        path.moveTo(x[0] * mm, (HEIGHT_MM - y[0]) * mm)
        for px, py in zip(x[1:], y[1:], strict=True):
            path.lineTo(px * mm, (HEIGHT_MM - py) * mm)
        canvas.drawPath(path)


def read(sheet: Sheet) -> tuple[EcgRecord, DigitizeReport]:
    record, report = digitize(sheet.pdf(), name="print.pdf")
    assert report.source == "vector"
    return record, report


def snr_db(record: EcgRecord, lead: str) -> float:
    """Signal to noise where the lead was read, with neither shift nor level taken out."""
    read_mv, true_mv = record.lead(lead), HEART[lead]
    known = np.flatnonzero(np.isfinite(read_mv))
    noise = read_mv[known] - true_mv[known]
    return float(10 * np.log10(true_mv[known].var() / max((noise**2).mean(), 1e-12)))


def assert_right(record: EcgRecord, least_db: float) -> None:
    assert record.missing_leads == ()
    found = {lead: snr_db(record, lead) for lead in LEADS}
    assert min(found.values()) >= least_db, found


@pytest.mark.parametrize("layout", ["3x4", "3x4+1", "3x4+3", "6x2", "12x1"])
def test_dense_lines_are_read_to_the_microvolt(layout: str) -> None:
    record, report = read(Sheet(layout=layout))
    assert (report.layout, report.order, report.columns) == (layout, "standard", "consecutive")
    assert (report.speed_mm_per_s, report.gain_mm_per_mv, report.gain_source) == (25, 10, "printed")
    assert report.unsure == ()
    assert_right(record, 50)
    seconds = {"3x4+1": 2.5, "3x4": 2.5, "3x4+3": 2.5, "6x2": 5.0, "12x1": 10.0}[layout]
    assert np.isfinite(record.lead("V6")).sum() == pytest.approx(seconds * RATE_HZ, abs=2)
    assert np.isfinite(record.lead("II")).sum() == pytest.approx((10 if "+" in layout else seconds) * RATE_HZ, abs=2)


@pytest.mark.parametrize("thin", [every(4), averaged(3)])
def test_what_is_between_thinned_points_is_found_again(thin: Thin) -> None:
    record, _ = read(Sheet(thin=thin))
    assert_right(record, 27)
    for lead in ("I", "V6"):
        known = np.flatnonzero(np.isfinite(record.lead(lead)))
        assert np.nanmax(record.lead(lead)) == pytest.approx(HEART[lead][known].max(), rel=0.03)


def test_coordinates_rounded_to_a_tenth_of_a_point_are_evened_out() -> None:
    record, _ = read(Sheet(thin=every(4), rounded_to_mm=0.0353))
    assert_right(record, 23)


def test_names_that_stand_farther_apart_than_the_traces_are_given_to_their_columns() -> None:
    record, report = read(Sheet(name_pitch_mm=70, strip_name=False, thin=every(4)))
    assert report.layout == "3x4+1"
    assert report.unsure == ()
    assert_right(record, 27)


def test_rows_drawn_in_one_line_are_cut_where_their_names_say() -> None:
    record, report = read(Sheet(layout="6x2", one_line_a_row=True, name_pitch_mm=140))
    assert (report.layout, report.columns) == ("6x2", "consecutive")
    assert np.isfinite(record.lead("V1")).sum() == pytest.approx(2500, abs=5)
    assert_right(record, 30)


def test_columns_that_begin_at_one_moment_are_seen_by_what_their_leads_have_in_common() -> None:
    record, report = read(Sheet(layout="3x4", simultaneous=True))
    assert report.columns == "simultaneous"
    assert_right(record, 50)
    assert np.isfinite(record.signal_mv).any(axis=0).sum() == pytest.approx(1250, abs=2)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_page_gives_the_same_recording_and_says_where_its_traces_lie(quarters: int) -> None:
    sheet = Sheet(quarters=quarters, thin=every(2))
    record, report = read(sheet)
    assert report.turned_deg == 90 * quarters
    assert_right(record, 40)
    pixels = open_page(sheet.pdf(), name="print.pdf").raster.pixels
    for piece in report.pieces:
        assert piece.trace_px is not None
        columns, rows = np.round(piece.trace_px - 0.5).astype(int).T
        assert pixels[rows, columns].max(axis=1).mean() < 60  # ink
        assert (piece.trace_px.min(axis=0) >= np.array(piece.box_px[:2]) - 1e-6).all()
        assert (piece.trace_px.max(axis=0) <= np.array(piece.box_px[2:]) + 1e-6).all()


@pytest.mark.parametrize("quarters", [0, 1])
def test_the_grid_is_where_its_lines_of_5_mm_are(quarters: int) -> None:
    sheet = Sheet(quarters=quarters)
    _, report = read(sheet)
    assert report.grid_to_px is not None
    pixels = open_page(sheet.pdf(), name="print.pdf").raster.pixels
    inside = np.array(
        [(x, y + 0.5, 1.0) for x in range(20, 100, 5) for y in range(10, 30)]
    )  # on the paper, left of all

    def redness(points: np.ndarray) -> float:
        columns, rows = np.floor((points @ report.grid_to_px.T)[:, :2]).astype(int).T
        return float((pixels[rows, columns, 0].astype(int) - pixels[rows, columns, 1]).mean())

    on_line, beside = redness(inside), redness(inside + np.array([0.5, 0, 0]))
    assert on_line > 60
    assert beside < 15


def test_traces_without_a_name_are_named_by_their_place_and_the_report_says_so() -> None:
    record, report = read(Sheet(names=[lead for lead in LEADS if lead not in ("V4", "V5")], thin=every(4)))
    assert_right(record, 27)
    assert any("V4, V5 taken by their place" in sentence for sentence in report.unsure)
    assert report.leads["V4"].confidence < 0.5 < report.leads["V6"].confidence


def test_without_printed_scales_the_pulse_gives_the_gain_and_the_length_the_speed() -> None:
    record, report = read(Sheet(scales="", thin=every(4)))
    assert (report.gain_source, report.speed_source) == ("pulse", "geometry")
    assert_right(record, 27)


def test_a_missing_gain_is_asked_for_by_the_name_of_the_file() -> None:
    with pytest.raises(MissingInformationError, match=r"^print\.pdf: .*gain") as raised:
        digitize(Sheet(scales="25 mm/s", pulse=False).pdf(), name="print.pdf")
    assert raised.value.field == "gain_mm_per_mv"


def test_a_simplified_line_stays_as_straight_as_it_was_drawn() -> None:
    """A cubic through uneven vertices would swing out beyond them."""
    vertices_s = np.array([0, 0.5, 0.52, 0.54, 0.56, 1.0, 1.02, 1.1, 1.5, 1.52, 1.54, 1.7, 1.9, 2.2, 2.3, 2.31, 2.5])
    values = np.array([0, 0, 1, -0.3, 0, 0, 0.1, 0.2, 0, 1, -0.3, 0, 0, 0.2, 0.1, 0, 0.0])
    times = np.arange(0, 2.5, 1 / RATE_HZ)
    assert between_vertices(times, vertices_s, values) == pytest.approx(np.interp(times, vertices_s, values))


def test_a_gap_is_not_bridged_by_a_curve() -> None:
    vertices_s = np.concatenate((np.arange(50), np.arange(80, 130))) * 0.008
    times = np.arange(0, 1.0, 1 / RATE_HZ)
    curve = between_vertices(times, vertices_s, np.sin(40 * vertices_s))
    gap = (times > 0.392) & (times < 0.64)
    assert curve[gap] == pytest.approx(np.interp(times[gap], vertices_s, np.sin(40 * vertices_s)))
    inside = (times > 0.05) & (times < 0.35)
    assert curve[inside] == pytest.approx(np.sin(40 * times[inside]), abs=0.02)


def test_a_page_of_text_has_no_traces() -> None:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(100, 500, "Dear colleague, lead II shows nothing new.")
    canvas.save()
    with pytest.raises(InputError, match=r"^letter\.pdf: no ECG"):
        digitize(file.getvalue(), name="letter.pdf")
