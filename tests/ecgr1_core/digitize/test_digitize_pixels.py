"""Pages drawn by the program are read off their pixels again: traces, leads, scales, turned and photographed pages."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ecgr1_core.digitize import Asked, DigitizeReport, digitize
from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.degrade import Degradation, degrade
from ecgr1_core.render.page_style import PageStyle
from ecgr1_core.render.sheets import draw_sheet

RATE_HZ = 500.0
AS_PHOTOGRAPHED = Degradation(
    seed=3,
    rotation_deg=2.0,
    corner_shifts=((0.02, 0.01), (-0.03, 0.02), (-0.01, -0.02), (0.03, -0.01)),
    surround=0.03,
    background=(78, 68, 62),
    unevenness=0.25,
    noise=3.0,
    blur_mm=0.05,
    jpeg_quality=85,
)


def heart() -> EcgRecord:
    """Eleven beats of smooth waves; limb leads that follow from I and II, chest leads with shapes of their own."""
    times = np.arange(round(10 * RATE_HZ)) / RATE_HZ
    beats = (np.arange(11) + 0.4) * 10 / 11 + 0.03 * np.sin(np.arange(11) * 2.0)

    def lead(p: float, q: float, r: float, s: float, t: float) -> np.ndarray:
        waves = ((-0.16, 0.025, p), (-0.025, 0.008, q), (0.0, 0.011, r), (0.028, 0.010, s), (0.26, 0.05, t))
        return sum(
            (h * np.exp(-0.5 * ((times - b - at) / width) ** 2) for b in beats for at, width, h in waves),
            np.zeros_like(times),
        )

    one, two = lead(0.10, -0.08, 0.7, -0.15, 0.2), lead(0.14, -0.05, 1.1, -0.2, 0.3)
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    chest = [lead(0.08, 0.0, 0.2 + 0.25 * n, -1.0 + 0.18 * n, 0.1 + 0.05 * n) for n in range(6)]
    return EcgRecord(np.stack([*limb, *chest]).astype(np.float32), RATE_HZ, name="heart")


def read(image: Image.Image, asked: Asked | None = None) -> tuple[EcgRecord, DigitizeReport]:
    file = io.BytesIO()
    image.save(file, "PNG")
    return digitize(file.getvalue(), asked=asked, name="page.png")


def snr_db(read_mv: np.ndarray, true_mv: np.ndarray) -> float:
    """Signal to noise where the lead was read, after the best shift up to 12 ms and without the level."""
    known = np.flatnonzero(np.isfinite(read_mv))
    known = known[(known > 10) & (known < true_mv.size - 10)]
    best = -np.inf
    for shift in range(-6, 7):
        noise = read_mv[known] - true_mv[known + shift]
        signal = true_mv[known + shift]
        best = max(best, 10 * np.log10(signal.var() / noise.var()))
    return float(best)


def assert_all_leads_read(record: EcgRecord, truth: EcgRecord, least_db: float, median_db: float = 0.0) -> None:
    assert record.missing_leads == ()
    found = {lead: snr_db(record.lead(lead), truth.lead(lead)) for lead in LEADS}
    assert min(found.values()) >= least_db, found
    assert np.median(list(found.values())) >= median_db, found


@pytest.mark.parametrize("layout", ["3x4", "3x4+1", "3x4+3", "6x2", "12x1"])
def test_a_clean_page_is_read_in_every_layout(layout: str) -> None:
    truth = heart()
    record, report = read(draw_sheet(truth, PageStyle(layout=layout)).image)
    assert report.layout == layout
    assert (report.speed_mm_per_s, report.gain_mm_per_mv) == (25.0, 10.0)
    assert record.sampling_rate_hz == 500
    assert record.samples == 5000
    assert_all_leads_read(record, truth, 15.0, median_db=20.0)
    assert all(lead.confidence > 0.6 for lead in report.leads.values())


def test_a_lead_is_known_for_its_own_seconds_only() -> None:
    record, report = read(draw_sheet(heart(), PageStyle(layout="3x4+1")).image)
    for number, lead in enumerate(("I", "aVR", "V1", "V4")):
        known = np.flatnonzero(np.isfinite(record.lead(lead))) / RATE_HZ
        assert known[0] == pytest.approx(2.5 * number, abs=0.06)
        assert known[-1] == pytest.approx(2.5 * number + 2.5, abs=0.06)
    assert np.isfinite(record.lead("II")).mean() > 0.98  # the rhythm strip
    assert report.leads["II"].agreement is not None
    assert report.leads["II"].agreement > 0.95


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_page_is_turned_back(quarters: int) -> None:
    truth = heart()
    page = draw_sheet(truth, PageStyle(dpi=110)).image
    record, report = read(Image.fromarray(np.rot90(np.asarray(page), -quarters)))
    assert report.turned_deg == 90 * quarters
    assert_all_leads_read(record, truth, 12.0)


def test_a_photographed_page_is_straightened() -> None:
    truth = heart()
    page = degrade(draw_sheet(truth, PageStyle()), AS_PHOTOGRAPHED)
    record, report = read(page.image)
    assert report.layout == "3x4+1"
    assert report.turned_deg == 0
    assert_all_leads_read(record, truth, 12.0)


def test_a_small_sheet_on_a_dark_table_seen_at_an_angle_is_straightened() -> None:
    truth = heart()
    corners = ((0.08, 0.05), (-0.06, 0.07), (-0.04, -0.08), (0.07, -0.03))
    worn = replace(
        AS_PHOTOGRAPHED, rotation_deg=6.0, corner_shifts=corners, surround=0.15, unevenness=0.5, shadow=0.4, noise=6.0
    )
    page = degrade(draw_sheet(truth, PageStyle()), worn)
    record, report = read(page.image)
    assert report.layout == "3x4+1"
    assert_all_leads_read(record, truth, 8.0, median_db=12.0)


def test_wide_creases_across_the_rows_are_no_ink() -> None:
    truth = heart()
    page = np.asarray(draw_sheet(truth, PageStyle()).image.convert("RGB"), dtype=np.float64)
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    for turn, middle in ((0.6, 700), (2.3, 100), (1.4, 600), (0.1, 1100)):
        across = x * np.cos(turn) + y * np.sin(turn) - middle
        page *= (1 - 0.35 * np.exp(-0.5 * (across / 8) ** 2))[..., None]
    record, _ = read(Image.fromarray(page.astype(np.uint8)))
    assert_all_leads_read(record, truth, 12.0, median_db=17.0)


def test_a_grid_that_has_faded_but_for_a_corner_is_that_of_the_whole_page() -> None:
    truth = heart()
    pixels = np.asarray(draw_sheet(truth, PageStyle()).image, dtype=np.float32)
    faded = np.where(pixels.min(axis=2, keepdims=True) > 120, 255 - 0.12 * (255 - pixels), pixels)
    high, wide = (round(0.4 * side) for side in pixels.shape[:2])
    faded[:high, -wide:] = pixels[:high, -wide:]
    record, report = read(Image.fromarray(faded.astype(np.uint8)))
    assert report.layout == "3x4+1"
    assert_all_leads_read(record, truth, least_db=10)


@pytest.mark.parametrize("gain", [5.0, 10.0, 20.0])
def test_a_printed_gain_is_read_where_no_pulse_stands(gain: float) -> None:
    style = PageStyle(layout="3x4", spacing="even", pulse="none", gain_mm_per_mv=gain)
    _, report = read(draw_sheet(heart(), style).image)
    assert (report.gain_mm_per_mv, report.gain_source) == (gain, "printed")


def test_columns_that_begin_at_one_moment_are_recognised() -> None:
    truth = heart()
    record, report = read(draw_sheet(truth, PageStyle(layout="3x4", spacing="even", columns="simultaneous")).image)
    assert report.columns == "simultaneous"
    assert_all_leads_read(record, truth, 15.0)
    assert np.flatnonzero(np.isfinite(record.lead("V6")))[-1] / RATE_HZ == pytest.approx(2.5, abs=0.06)


def test_the_cabrera_order_is_read_and_minus_avr_turned_over() -> None:
    truth = heart()
    record, report = read(draw_sheet(truth, PageStyle(order="cabrera")).image)
    assert report.order == "cabrera"
    assert_all_leads_read(record, truth, 15.0)


def test_a_rhythm_strip_of_another_lead_is_that_lead() -> None:
    truth = heart()
    record, _ = read(draw_sheet(truth, PageStyle(rhythm_leads=("V5",))).image)
    assert np.isfinite(record.lead("V5")).mean() > 0.98
    assert snr_db(record.lead("V5"), truth.lead("V5")) > 15
    assert np.isfinite(record.lead("II")).mean() < 0.3


def test_scales_are_those_of_the_page_and_asked_for_where_it_shows_none() -> None:
    truth = heart()
    style = PageStyle(speed_mm_per_s=50.0, gain_mm_per_mv=20.0, layout="3x4", dpi=100)
    record, report = read(draw_sheet(truth, style).image)
    assert (report.speed_mm_per_s, report.gain_mm_per_mv) == (50.0, 20.0)
    assert_all_leads_read(record, truth, 15.0)

    bare = draw_sheet(truth, PageStyle(layout="3x4", spacing="even", pulse="none", scales_place="none")).image
    with pytest.raises(MissingInformationError) as missing:
        read(bare)
    assert missing.value.field == "gain_mm_per_mv"
    record, report = read(bare, Asked(gain_mm_per_mv=10.0))
    assert (report.speed_source, report.gain_source) == ("geometry", "asked")
    assert_all_leads_read(record, truth, 15.0)


def test_a_page_without_a_grid_needs_its_scale() -> None:
    truth = heart()
    style = PageStyle(minor_lines="none", major_line_mm=0.0)
    page = draw_sheet(truth, style).image
    page.info.pop("dpi")
    with pytest.raises(MissingInformationError) as missing:
        read(page)
    assert missing.value.field == "px_per_mm"
    record, report = read(page, Asked(px_per_mm=150 / 25.4))
    assert_all_leads_read(record, truth, 15.0)
    assert any("no grid" in sentence for sentence in report.unsure)


def picture(kind: str) -> Image.Image:
    rng = np.random.default_rng(5)
    if kind == "blank":
        return Image.new("RGB", (1600, 1200), "white")
    if kind == "noise":
        return Image.fromarray(rng.integers(0, 256, (1200, 1600, 3), dtype=np.uint8))
    if kind == "blurs":
        spots = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        return Image.fromarray(spots).resize((1600, 1200), Image.Resampling.BICUBIC)
    style = PageStyle(layout="12x1")
    empty = EcgRecord(np.full((12, 5000), np.nan, dtype=np.float32), RATE_HZ)
    return draw_sheet(empty, replace(style, spacing="even", pulse="none", label_place="none")).image


def test_limb_leads_that_do_not_follow_from_one_another_are_refused() -> None:
    signal = heart().signal_mv.copy()

    def page_with(moved: range) -> Image.Image:
        apart = [np.roll(row, 75 * number) if number in moved else row for number, row in enumerate(signal)]
        return draw_sheet(EcgRecord(np.stack(apart), RATE_HZ), PageStyle(layout="12x1")).image

    with pytest.raises(InputError, match="do not follow from one another"):
        read(page_with(range(6)))
    record, report = read(page_with(range(3)))  # aVR, aVL and aVF still agree
    assert record.missing_leads == ()
    assert any("does not follow" in sentence for sentence in report.unsure)


@pytest.mark.parametrize("kind", ["blank", "noise", "blurs", "grid"])
def test_what_is_no_ecg_is_one_sentence_within_ten_seconds(kind: str) -> None:
    started = time.monotonic()
    with pytest.raises(InputError) as error:
        read(picture(kind))
    assert time.monotonic() - started < 10
    assert str(error.value).startswith("page.png: ")
    assert str(error.value).count(";") == 1
