"""Pages that cannot be read are one clear sentence, soon; turned ones and small ones in large pictures are read."""

from __future__ import annotations

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from ecgr1_core.digitize import digitize
from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.page_style import PageStyle
from ecgr1_core.render.sheets import draw_sheet

RATE_HZ = 500.0
EXIF_ORIENTATION = 0x0112


def heart() -> EcgRecord:
    """Ten beats of R and T, of another height in each lead; the limb leads follow from I and II."""
    times = np.arange(5000) / RATE_HZ
    beat = sum(np.exp(-0.5 * ((times - at) / 0.012) ** 2) for at in np.arange(10) + 0.5)
    wave = sum(0.25 * np.exp(-0.5 * ((times - at - 0.27) / 0.05) ** 2) for at in np.arange(10) + 0.5)
    one, two = 0.6 * (beat + wave), 1.0 * beat + 0.8 * wave
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    chest = [(0.3 + 0.2 * n) * beat + 0.5 * wave for n in range(6)]
    return EcgRecord(np.stack([*limb, *chest]).astype(np.float32), RATE_HZ, name="heart")


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def fault_of(data: bytes) -> str:
    started = time.process_time()
    with pytest.raises(InputError) as error:
        digitize(data, name="page.png")
    assert time.process_time() - started < 10
    sentence = str(error.value)
    assert sentence.startswith("page.png: ")
    assert "\n" not in sentence
    return sentence


def strip() -> Image.Image:
    """The lowest row of a page, a rhythm strip, on its grid."""
    page = draw_sheet(heart(), PageStyle(layout="3x4+1", spacing="even")).image
    return page.crop((0, round(page.height * 0.68), page.width, page.height))


def declared(width: int, height: int) -> bytes:
    """A PNG that says it is so large and holds next to nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    body = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def colourful() -> Image.Image:
    rng = np.random.default_rng(8)
    spots = [Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)) for side in (6, 40, 200)]
    layers = [np.asarray(spot.resize((1200, 900), Image.Resampling.BICUBIC), dtype=np.float32) for spot in spots]
    return Image.fromarray((0.6 * layers[0] + 0.25 * layers[1] + 0.15 * layers[2]).astype(np.uint8))


def test_a_strip_of_one_row_is_called_that() -> None:
    assert "only one row of traces is seen" in fault_of(saved(strip()))


def test_a_colourful_picture_is_no_ecg() -> None:
    fault_of(saved(colourful()))


def test_a_page_too_coarse_to_read_says_so() -> None:
    page = draw_sheet(heart(), PageStyle()).image
    small = page.resize((round(page.width * 40 / 150), round(page.height * 40 / 150)), Image.Resampling.BOX)
    assert "coarse" in fault_of(saved(small)) or "pixels" in fault_of(saved(small))


def test_a_picture_that_says_it_is_huge_is_not_decoded() -> None:
    assert "million pixels" in fault_of(declared(60_000, 60_000))


def test_a_photograph_turned_by_its_exif_is_read_upright() -> None:
    page = draw_sheet(heart(), PageStyle(dpi=110)).image
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6  # shown turned by a quarter clockwise
    turned = page.transpose(Image.Transpose.ROTATE_90)
    record, report = digitize(saved(turned, "JPEG", quality=92, exif=exif), name="page.jpg")
    assert record.missing_leads == ()
    assert report.turned_deg == 0


def test_a_page_that_covers_a_third_of_the_picture_is_read_where_it_lies() -> None:
    page = draw_sheet(heart(), PageStyle(dpi=110)).image
    picture = Image.new("RGB", (round(page.width * 1.7), round(page.height * 1.7)), (70, 60, 58))
    corner = (round(page.width * 0.3), round(page.height * 0.4))
    picture.paste(page, corner)
    record, report = digitize(saved(picture), name="page.png")
    assert record.missing_leads == ()
    assert set(report.leads) == set(LEADS)
    (strip_piece,) = (piece for piece in report.pieces if piece.row == 3)
    assert strip_piece.trace_px is not None
    known = strip_piece.trace_px[np.isfinite(strip_piece.trace_px).all(axis=1)]
    assert len(strip_piece.trace_px) <= 600
    on_page = np.asarray(page.convert("L"))
    x, y = (known - corner).astype(int).T
    near = np.min([on_page[np.clip(y + up, 0, page.height - 1), x] for up in (-2, -1, 0, 1, 2)], axis=0)
    assert (near < 120).mean() > 0.97  # on ink


@pytest.mark.parametrize("quarters", [0, 1])
def test_the_grid_that_was_found_lies_on_the_lines_of_5_mm(quarters: int) -> None:
    page = draw_sheet(heart(), PageStyle()).image.convert("RGB")
    turned = Image.fromarray(np.rot90(np.asarray(page), quarters))
    _, report = digitize(saved(turned), name="page.png")
    assert report.grid_to_px is not None
    red = np.asarray(turned, dtype=float)
    grey = red[..., 1]
    corners = (
        np.array([(5.0 * i, 5.0 * k + 2.5, 1.0) for i in range(12, 40) for k in range(12, 24)]) @ report.grid_to_px.T
    )
    middles = np.array([(5.0 * i + 2.5, 5.0 * k + 2.5, 1.0) for i in range(12, 40) for k in range(12, 24)])
    middles = middles @ report.grid_to_px.T
    lines, between = (
        np.median([grey[int(y / w) - 1 : int(y / w) + 2, int(x / w) - 1 : int(x / w) + 2].min() for x, y, w in points])
        for points in (corners, middles)
    )
    assert lines < between - 20
