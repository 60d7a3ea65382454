"""The limits of the waves on a drawn page: a band for every P, QRS and T, and what the beat was taken for."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ecgr1_core.measure import Beat, Measurements
from ecgr1_core.render.geometry import TEXT_SIZE_MM, Sheet

_BAND_HALF_HEIGHT_MM = 9.0
_COLOURS = {"P": (0, 114, 178), "QRS": (213, 94, 0), "T": (0, 158, 115)}  # Okabe and Ito 2008
_STRENGTH = 70  # of 255
_NAMES = {"ventricular_ectopic": "V", "supraventricular_ectopic": "S", "paced": "P"}


def draw_marks(
    image: Image.Image, sheet: Sheet, measured: Measurements, px_per_mm: float, margins_mm: tuple[float, float]
) -> Image.Image:
    """Return the page with the waves of every beat as coloured bands in every row, onset to offset.

    P is blue, QRS vermilion, T green from its peak to its end. A letter above the last row names a beat that is
    not normal: V ventricular, S supraventricular, P paced.
    """
    layer = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(round(TEXT_SIZE_MM * px_per_mm))

    def pixel(x_mm: float, y_mm: float) -> tuple[float, float]:
        return (x_mm + margins_mm[0]) * px_per_mm, (y_mm + margins_mm[1]) * px_per_mm

    for beat in measured.beats:
        for wave, onset_s, offset_s in _waves(beat):
            if onset_s is None or offset_s is None:
                continue
            for row in sheet.rows:
                left, right = sheet.x_mm(onset_s), sheet.x_mm(offset_s)
                if right < sheet.trace_left_mm or left > sheet.width_mm:
                    continue
                corner = pixel(left, row.baseline_mm - _BAND_HALF_HEIGHT_MM)
                draw.rectangle(
                    (*corner, *pixel(right, row.baseline_mm + _BAND_HALF_HEIGHT_MM)),
                    fill=(*_COLOURS[wave], _STRENGTH),
                )
        if beat.kind in _NAMES and sheet.trace_left_mm <= sheet.x_mm(beat.r_s) <= sheet.width_mm:
            place = pixel(sheet.x_mm(beat.r_s), sheet.rows[-1].baseline_mm - _BAND_HALF_HEIGHT_MM)
            draw.text(place, _NAMES[beat.kind], fill=(*_COLOURS["QRS"], 255), font=font, anchor="mb")
    return Image.fromarray(np.asarray(Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")))


def _waves(beat: Beat) -> tuple[tuple[str, float | None, float | None], ...]:
    return (
        ("P", beat.p_onset_s, beat.p_offset_s),
        ("QRS", beat.qrs_onset_s, beat.qrs_offset_s),
        ("T", beat.t_peak_s, beat.t_offset_s),
    )
