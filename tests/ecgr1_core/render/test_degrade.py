"""Worn pages: the truth goes with them, the same seed gives the same image."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from page_kit import flattened, grid_pitch, heart, ink_found, on_page

from ecgr1_core.render.degrade import (
    LEVELS,
    Degradation,
    DegradeLevel,
    degradation_from_json,
    degradation_to_json,
    degrade,
    random_degradation,
)
from ecgr1_core.render.page_style import PageStyle, random_style
from ecgr1_core.render.page_truth import PageTruth, mapped
from ecgr1_core.render.sheets import DrawnPage, draw_sheet

BENT = ((0.05, 0.02), (-0.03, 0.04), (0.01, -0.05), (-0.04, 0.03))
ALONE = {
    "rotation": Degradation(rotation_deg=7),
    "perspective on a desk": Degradation(corner_shifts=BENT, surround=0.05, background=(90, 80, 70), texture=0.6),
    "crop": Degradation(crop=(0.1, 0.05, 0.07, 0.2)),
    "creases": Degradation(creases=8),
    "light and shadow": Degradation(unevenness=0.5, shadow=0.45),
    "blur": Degradation(blur_mm=0.2),
    "noise": Degradation(noise=12),
    "handwriting": Degradation(strokes=6),
    "stamps": Degradation(stamps=3),
    "jpeg": Degradation(jpeg_quality=25),
    "faded grid": Degradation(grid_fade=0.8),
    "grid lost in places": Degradation(grid_loss=0.5),
    "grey": Degradation(tone="grey"),
    "black and white": Degradation(tone="black and white", rotation_deg=1),
    "cast": Degradation(cast=(0.8, 1.0, 0.9)),
}


@pytest.fixture(scope="module")
def sheet() -> DrawnPage:
    return draw_sheet(heart(), PageStyle(spacing="even", dpi=120), seed=4)


@pytest.mark.parametrize("name", ALONE)
def test_ink_lies_within_two_pixels_of_the_carried_truth(sheet: DrawnPage, name: str) -> None:
    worn = degrade(sheet, ALONE[name])
    assert worn.image.tobytes() != sheet.image.tobytes()
    assert worn.image.size == (worn.truth.width_px, worn.truth.height_px)
    assert ink_found(worn.image, worn.truth, 2.0) > 0.998
    # in black and white much of the grid is as dark as the trace
    assert ink_found(worn.image, worn.truth, 2.0, shift=(0.0, 7.0)) < (0.8 if name == "black and white" else 0.25)
    visible = sum(len(on_page(lead.trace_px, worn.truth)) for lead in worn.truth.leads)
    assert visible > 0.6 * sum(len(lead.trace_px) for lead in sheet.truth.leads)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(6))
def test_random_wear_of_random_sheets(level: DegradeLevel, seed: int) -> None:
    rng = np.random.default_rng(seed)
    style = random_style(rng)
    drawn = draw_sheet(heart(), replace(style, dpi=min(style.dpi, 120)))
    worn = degrade(drawn, random_degradation(rng, level))
    least = 0.98 if level == "heavy" else 0.99  # thin steep lines that blur has made pale are missed beside dark ink
    assert ink_found(worn.image, worn.truth, 2.0) > least


@pytest.mark.parametrize("name", ["rotation", "perspective on a desk", "noise", "blur", "jpeg"])
def test_grid_measured_on_the_flattened_image_is_the_truth(sheet: DrawnPage, name: str) -> None:
    worn = degrade(sheet, ALONE[name])
    assert grid_pitch(flattened(worn.image, worn.truth)) == pytest.approx((worn.truth.px_per_mm,) * 2, abs=0.004)


def test_grid_pitch_follows_the_perspective(sheet: DrawnPage) -> None:
    worn = degrade(sheet, ALONE["perspective on a desk"]).truth
    near_left = worn.grid_pitch_px(*worn.grid_px[0])
    near_right = worn.grid_pitch_px(*worn.grid_px[2])
    assert near_left != pytest.approx(near_right, abs=0.05)
    one_mm_on = mapped(sheet.truth.grid_px[:1] + np.array((sheet.truth.px_per_mm, 0)), worn.page_to_image)
    assert worn.grid_pitch_px(*worn.grid_px[0])[0] == pytest.approx(
        np.hypot(*(one_mm_on - worn.grid_px[:1])[0]), abs=0.01
    )


def test_everything_on_the_page_moves_by_one_homography(sheet: DrawnPage) -> None:
    worn = degrade(sheet, ALONE["perspective on a desk"]).truth
    for before, after in zip(sheet.truth.leads, worn.leads, strict=True):
        for name in ("trace_px", "box_px", "label_px", "baseline_px"):
            assert mapped(getattr(before, name), worn.page_to_image) == pytest.approx(getattr(after, name))
    for before, after in zip(sheet.truth.texts, worn.texts, strict=True):
        assert mapped(before.box_px, worn.page_to_image) == pytest.approx(after.box_px)
    back = mapped(worn.pulses_px[0], np.linalg.inv(worn.page_to_image))
    assert back == pytest.approx(sheet.truth.pulses_px[0])


def test_twice_worn_is_moved_twice(sheet: DrawnPage) -> None:
    once = degrade(sheet, Degradation(rotation_deg=3))
    twice = degrade(once, Degradation(rotation_deg=-3, crop=(0.05, 0.05, 0.05, 0.05)))
    assert ink_found(twice.image, twice.truth, 2.0) > 0.998
    assert mapped(sheet.truth.leads[0].trace_px, twice.truth.page_to_image) == pytest.approx(
        twice.truth.leads[0].trace_px
    )


def test_a_quarter_turn_is_exact(sheet: DrawnPage) -> None:
    turned = degrade(sheet, Degradation(rotation_deg=90))
    height = sheet.image.height
    assert abs(turned.image.width - height) <= 1
    x, y = sheet.truth.leads[5].trace_px[100]
    assert turned.truth.leads[5].trace_px[100] == pytest.approx((height - y, x), abs=1.0)


def test_nothing_asked_for_is_nothing_done(sheet: DrawnPage) -> None:
    same = degrade(sheet, Degradation())
    assert same.image.tobytes() == sheet.image.tobytes()
    assert same.truth.leads[0].trace_px is sheet.truth.leads[0].trace_px


@pytest.mark.parametrize("level", LEVELS)
def test_same_seed_same_bytes_and_other_seeds_other_bytes(sheet: DrawnPage, level: DegradeLevel) -> None:
    images = [degrade(sheet, random_degradation(np.random.default_rng(seed), level)).image for seed in (1, 1, 2, 3)]
    assert images[0].tobytes() == images[1].tobytes()
    assert len({image.tobytes() for image in images}) == 3


def test_one_effect_does_not_change_where_another_is(sheet: DrawnPage) -> None:
    stamped = np.asarray(degrade(sheet, Degradation(seed=3, stamps=2)).image).astype(int)
    both = np.asarray(degrade(sheet, Degradation(seed=3, stamps=2, strokes=2)).image).astype(int)
    written = np.asarray(degrade(sheet, Degradation(seed=3, strokes=2)).image).astype(int)
    untouched = (written == np.asarray(sheet.image)).all(axis=2)
    assert (stamped[untouched] == both[untouched]).all()


def test_levels_grow() -> None:
    def mean(level: DegradeLevel, name: str) -> float:
        return float(np.mean([getattr(random_degradation(np.random.default_rng(s), level), name) for s in range(60)]))

    for name in ("noise", "blur_mm", "creases", "unevenness", "strokes"):
        assert mean("light", name) < mean("medium", name) < mean("heavy", name)
    with pytest.raises(ValueError, match="level must be one of light, medium, heavy"):
        random_degradation(np.random.default_rng(0), "extreme")  # type: ignore[arg-type]


def test_truth_of_a_worn_page_survives_json(sheet: DrawnPage) -> None:
    wear = random_degradation(np.random.default_rng(8), "heavy")
    worn = degrade(sheet, wear)
    again = PageTruth.from_json(json.loads(json.dumps(worn.truth.to_json(), allow_nan=False)))
    assert degradation_from_json(again.degradation) == wear
    assert np.abs(again.leads[3].trace_px - worn.truth.leads[3].trace_px).max() <= 0.0051
    assert again.grid_pitch_px() == pytest.approx(worn.truth.grid_pitch_px(), abs=1e-3)
    assert degrade(sheet, degradation_from_json(degradation_to_json(wear))).image.tobytes() == worn.image.tobytes()


def test_tones(sheet: DrawnPage) -> None:
    assert degrade(sheet, Degradation()).image.mode == "RGB"
    assert degrade(sheet, Degradation(tone="grey")).image.mode == "L"
    black = degrade(sheet, Degradation(tone="black and white")).image
    assert set(np.unique(np.asarray(black))) == {0, 255}


def test_faded_grid_is_paler_and_the_trace_is_not(sheet: DrawnPage) -> None:
    faded = np.asarray(degrade(sheet, Degradation(grid_fade=1.0)).image)
    before = np.asarray(sheet.image)
    grid = (before == sheet.truth.style.ink.major_grid).all(axis=2)
    trace = (before == sheet.truth.style.ink.trace).all(axis=2)
    assert (faded[grid] == sheet.truth.style.ink.paper).all()
    assert (faded[trace] == before[trace]).all()


def test_page_itself_is_left_as_it_was(sheet: DrawnPage) -> None:
    before = sheet.image.tobytes()
    degrade(sheet, random_degradation(np.random.default_rng(2), "heavy"))
    assert sheet.image.tobytes() == before
