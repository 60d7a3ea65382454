"""Reads one page of a PDF with PDFium, as a program of its own: `python -m ecgr1_core.pdf.page PAGE`.

The PDF comes on standard input; the answer goes to standard output as NumPy arrays, with a few words on the page as
JSON among them. PDFium is native code that reads what strangers send, and may be used by one thread only; a process
of its own bounds its memory, can be ended when it takes too long, and takes nothing with it when it falls over.
`digitize.intake` starts it.
"""

from __future__ import annotations

import ctypes
import io
import json
import math
import sys
import time
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from ecgr1_core.pdf.drawing import MM_PER_INCH, Float64Array, quarters_of

POINTS_PER_INCH = 72.0
MM_PER_POINT = MM_PER_INCH / POINTS_PER_INCH
USUAL_DPI = 300.0
DPI_RANGE = (72.0, 600.0)
MOST_PX = 24_000_000  # of the picture of the page
LARGEST_SIDE_MM = 5080.0  # 200 inches, the longest page that PDF 1.7 allows
LEAST_SIDE_MM = 10.0
MOST_POINTS = 2_000_000
MOST_LETTERS = 20_000
MOST_MEMORY_BYTES = 3 * 1024**3
_LINES_TIME_S = 5.0  # of the processor; then the lines are left, and the page is a picture only
_DEEPEST_FORM = 8
_CURVE_STEPS = 4
_SCAN_SHARE = 0.5  # an image that covers more of the page than this is a scan, and gives the resolution
_EVERYWHERE = (-math.inf, -math.inf, math.inf, math.inf)

Matrix = Float64Array  # [3, 3], for row vectors: (x, y, 1) @ matrix


class PageFault(Exception):
    """The page cannot be given: a word by which `digitize.intake` knows why, and the number of pages."""


class _TooMuch(Exception):
    """There are more lines than are read."""


def main() -> int:
    """Answer on standard output; always 0 but where the process falls over."""
    number, seconds = int(sys.argv[1]), int(sys.argv[2])
    _bound(seconds)
    try:
        answer = read_page(sys.stdin.buffer.read(), number)
    except PageFault as fault:
        answer = {"about": _json({"fault": fault.args[0], "pages": fault.args[1]})}
    stream = io.BytesIO()
    np.savez(stream, **answer)
    sys.stdout.buffer.write(stream.getbuffer())
    return 0


def read_page(data: bytes, number: int) -> dict[str, Any]:
    """Return page `number` (from 1) of a PDF as arrays; raises `PageFault`.

    `about` is JSON as bytes: `pages`, `width_mm`, `height_mm`, `dpi`, `image_share`, `letters`, `has_lines`.
    `pixels` is [height, width, 3] uint8 RGB. The strokes are `points_mm` [n, 2], x to the right and y downwards, and
    for each of them `lengths` [s], `styles` [s, 4] (red, green, blue, width in mm), `filled` [s] and `clips_mm` [s, 4];
    `letter_boxes_mm` and `letter_turns` are as in `Drawing`.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
        raise PageFault("password" if locked else "damaged", 0) from error
    pages = len(document)
    if pages == 0:
        raise PageFault("damaged", 0)
    if not 1 <= number <= pages:
        raise PageFault("page", pages)
    try:
        page = document[number - 1]
        return _answer(page, pages)
    except pypdfium2.PdfiumError as error:
        raise PageFault("damaged", pages) from error


def _answer(page: pypdfium2.PdfPage, pages: int) -> dict[str, Any]:
    to_mm, width_mm, height_mm = _to_page(page)
    sides = (width_mm, height_mm)
    if not (min(sides) >= LEAST_SIDE_MM and max(sides) <= LARGEST_SIDE_MM):
        raise PageFault("size", pages)
    lines = _Lines(to_mm)
    has_lines = True
    try:
        lines.read(page.raw, None, np.eye(3), 0)
    except _TooMuch:
        lines.forget()
        has_lines = False
    letters, boxes, turns = _letters(page, to_mm)
    page_area = width_mm * height_mm
    share = min(1.0, lines.image_area_mm2 / page_area)
    dpi = lines.image_dpi if share > _SCAN_SHARE else USUAL_DPI
    dpi = min(max(dpi, DPI_RANGE[0]), DPI_RANGE[1], math.sqrt(MOST_PX / page_area) * MM_PER_INCH)
    bitmap = page.render(scale=dpi / POINTS_PER_INCH, rev_byteorder=True)
    about = {
        "pages": pages,
        "width_mm": width_mm,
        "height_mm": height_mm,
        "dpi": dpi,
        "image_share": share,
        "letters": letters,
        "has_lines": has_lines,
    }
    return {
        "about": _json(about),
        "pixels": _rgb(bitmap.to_numpy()),
        "letter_boxes_mm": boxes,
        "letter_turns": turns,
        **lines.arrays(),
    }


def _to_page(page: pypdfium2.PdfPage) -> tuple[Matrix, float, float]:
    """Return the matrix from PDF's coordinates to mm from the upper left corner as displayed, and the page's size."""
    box = pdfium.FS_RECTF()
    if not pdfium.FPDF_GetPageBoundingBox(page.raw, box):
        raise pypdfium2.PdfiumError("the page has no box")
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    by_turn = {
        0: ((1, 0), (0, -1), (-left, top)),
        90: ((0, 1), (1, 0), (-bottom, -left)),
        180: ((-1, 0), (0, 1), (right, -bottom)),
        270: ((0, -1), (-1, 0), (top, right)),
    }
    rows = by_turn[page.get_rotation()]
    to_mm = np.eye(3)
    to_mm[:, :2] = np.array(rows, dtype=np.float64) * MM_PER_POINT
    sides = (abs(right - left) * MM_PER_POINT, abs(top - bottom) * MM_PER_POINT)
    return to_mm, *(sides[::-1] if page.get_rotation() in (90, 270) else sides)


class _Lines:
    """Collects the paths of a page and of the forms in it, and looks for the largest image."""

    def __init__(self, to_mm: Matrix) -> None:
        self._to_mm = to_mm
        self._deadline = time.process_time() + _LINES_TIME_S
        self._count = 0
        self.image_area_mm2 = 0.0
        self.image_dpi = USUAL_DPI
        self.forget()

    def forget(self) -> None:
        """Drop all strokes."""
        self._points: list[Float64Array] = []
        self._styles: list[tuple[float, float, float, float]] = []
        self._filled: list[bool] = []
        self._clips: list[tuple[float, float, float, float]] = []

    def arrays(self) -> dict[str, Any]:
        """Return the strokes as `read_page` gives them."""
        return {
            "points_mm": np.concatenate(self._points) if self._points else np.zeros((0, 2)),
            "lengths": np.array([len(points) for points in self._points], dtype=np.int64),
            "styles": np.array(self._styles, dtype=np.float64).reshape(-1, 4),
            "filled": np.array(self._filled, dtype=np.bool_),
            "clips_mm": np.array(self._clips, dtype=np.float64).reshape(-1, 4),
        }

    def read(self, page: Any, form: Any, outer: Matrix, depth: int) -> None:
        """Read the objects of a page, or of a form that lies on it by the matrix `outer`."""
        count = pdfium.FPDFPage_CountObjects(page) if form is None else pdfium.FPDFFormObj_CountObjects(form)
        for index in range(count):
            if time.process_time() > self._deadline:
                raise _TooMuch
            one = pdfium.FPDFPage_GetObject(page, index) if form is None else pdfium.FPDFFormObj_GetObject(form, index)
            if not one:
                continue
            kind = pdfium.FPDFPageObj_GetType(one)
            matrix = _matrix_of(one) @ outer
            if kind == pdfium.FPDF_PAGEOBJ_PATH:
                self._path(one, matrix, outer)
            elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                self._image(one, matrix)
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEEPEST_FORM:
                self.read(page, one, matrix, depth + 1)

    def _image(self, one: Any, matrix: Matrix) -> None:
        """An image is the unit square after its matrix."""
        to_mm = matrix @ self._to_mm
        area = abs(float(np.linalg.det(to_mm[:2, :2])))
        width, height = ctypes.c_uint(), ctypes.c_uint()
        if area > self.image_area_mm2 and pdfium.FPDFImageObj_GetImagePixelSize(one, width, height):
            self.image_area_mm2 = area
            self.image_dpi = math.sqrt(width.value * height.value / area) * MM_PER_INCH

    def _path(self, one: Any, matrix: Matrix, outer: Matrix) -> None:
        fill, stroked = ctypes.c_int(), ctypes.c_int()
        if not pdfium.FPDFPath_GetDrawMode(one, fill, stroked) or not (fill.value or stroked.value):
            return
        get_colour = pdfium.FPDFPageObj_GetStrokeColor if stroked.value else pdfium.FPDFPageObj_GetFillColor
        red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
        width = ctypes.c_float()
        if not get_colour(one, red, green, blue, alpha) or alpha.value == 0:
            return
        pdfium.FPDFPageObj_GetStrokeWidth(one, width)
        to_mm = matrix @ self._to_mm
        width_mm = width.value * math.sqrt(abs(float(np.linalg.det(to_mm[:2, :2]))))
        style = (red.value, green.value, blue.value, round(width_mm, 3))
        clip = _clip_of(one, outer @ self._to_mm)
        for points in self._subpaths(one):
            self._points.append((np.column_stack((points, np.ones(len(points)))) @ to_mm)[:, :2])
            self._styles.append(style)
            self._filled.append(not stroked.value)
            self._clips.append(clip)

    def _subpaths(self, one: Any) -> list[Float64Array]:
        """Return the path's unbroken lines as [n, 2] points in its own coordinates, curves by a few points each."""
        segments = pdfium.FPDFPath_CountSegments(one)
        self._count += max(segments, 0)
        if self._count > MOST_POINTS:
            raise _TooMuch
        get_segment, get_point = pdfium.FPDFPath_GetPathSegment, pdfium.FPDFPathSegment_GetPoint
        get_type, get_close = pdfium.FPDFPathSegment_GetType, pdfium.FPDFPathSegment_GetClose
        x, y = ctypes.c_float(), ctypes.c_float()
        found: list[list[tuple[float, float]]] = []
        current: list[tuple[float, float]] = []
        curve: list[tuple[float, float]] = []
        for index in range(segments):
            segment = get_segment(one, index)
            get_point(segment, x, y)
            point = (x.value, y.value)
            kind = get_type(segment)
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                current = [point]
                found.append(current)
            elif kind == pdfium.FPDF_SEGMENT_BEZIERTO:
                curve.append(point)
                if len(curve) == 3 and current:
                    current.extend(_bezier(current[-1], *curve))
                    curve = []
            else:
                current.append(point)
            if get_close(segment) and current:
                current.append(current[0])
        return [np.array(points, dtype=np.float64) for points in found if len(points) > 1]


def _bezier(*corners: tuple[float, float]) -> list[tuple[float, float]]:
    share = np.arange(1, _CURVE_STEPS + 1)[:, None] / _CURVE_STEPS
    first, second, third, last = (np.array(corner) for corner in corners)
    rest = 1 - share
    points = rest**3 * first + 3 * rest**2 * share * second + 3 * rest * share**2 * third + share**3 * last
    return [(px, py) for px, py in points.tolist()]


def _matrix_of(one: Any) -> Matrix:
    found = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(one, found):
        return np.eye(3)
    return np.array(((found.a, found.b, 0), (found.c, found.d, 0), (found.e, found.f, 1)), dtype=np.float64)


def _clip_of(one: Any, to_mm: Matrix) -> tuple[float, float, float, float]:
    """Return the box in which all the clip paths of an object lie."""
    clip = pdfium.FPDFPageObj_GetClipPath(one)
    x0, y0, x1, y1 = _EVERYWHERE
    x, y = ctypes.c_float(), ctypes.c_float()
    for path in range(pdfium.FPDFClipPath_CountPaths(clip) if clip else 0):
        corners = []
        for index in range(pdfium.FPDFClipPath_CountPathSegments(clip, path)):
            pdfium.FPDFPathSegment_GetPoint(pdfium.FPDFClipPath_GetPathSegment(clip, path, index), x, y)
            corners.append((x.value, y.value, 1.0))
        if corners:
            placed = np.array(corners) @ to_mm
            (left, top), (right, bottom) = placed[:, :2].min(axis=0).tolist(), placed[:, :2].max(axis=0).tolist()
            x0, y0, x1, y1 = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
    return x0, y0, x1, y1


def _letters(page: pypdfium2.PdfPage, to_mm: Matrix) -> tuple[str, Float64Array, Any]:
    """Return the page's letters, the boxes around them in mm and the quarters that they are turned clockwise."""
    text_page = page.get_textpage()
    count = min(text_page.count_chars(), MOST_LETTERS)
    letters: list[str] = []
    corners = np.zeros((count, 2, 3))
    corners[:, :, 2] = 1
    angles = np.zeros(count)
    box = pdfium.FS_RECTF()
    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(text_page.raw, index)
        letters.append(chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else " ")
        if pdfium.FPDFText_GetLooseCharBox(text_page.raw, index, box):  # as wide and high as its typeface has it
            corners[index, :, :2] = (box.left, box.bottom), (box.right, box.top)
        angles[index] = max(pdfium.FPDFText_GetCharAngle(text_page.raw, index), 0.0)
    placed = (corners @ to_mm)[:, :, :2]
    boxes = np.concatenate((placed.min(axis=1), placed.max(axis=1)), axis=1)
    # PDFium's angles are clockwise on the page that is not yet turned by its own rotation
    return "".join(letters), boxes, (page.get_rotation() // 90 + quarters_of(angles)) % 4


def _rgb(bitmap: Any) -> Any:
    """Return [height, width, 3] of PDFium's bitmap, whatever its channels."""
    if bitmap.ndim == 2 or bitmap.shape[2] == 1:
        return np.repeat(bitmap.reshape(*bitmap.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(bitmap[:, :, :3])


def _json(about: dict[str, Any]) -> Any:
    return np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)


def _bound(seconds: int) -> None:
    """Bound the memory of this process and its seconds of the processor, where the system can."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


if __name__ == "__main__":
    sys.exit(main())
