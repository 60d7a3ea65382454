"""The typeface of a report, DejaVu Sans, embedded so that a page looks the same everywhere, and what it can print.

It has Latin, Greek, Cyrillic, Hebrew, Arabic, Armenian and Georgian letters and the signs of the field, but no Chinese,
Japanese, Korean or Indic ones: those become a hollow box, and the page says how many. DejaVu comes with matplotlib,
which wfdb brings; its licence lets it be embedded. This module knows nothing of lines or pages.
"""

from __future__ import annotations

import functools
import importlib.metadata
import unicodedata
from collections.abc import Iterable

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from ecgr1_core.report.right_to_left import in_visual_order

REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
CONDENSED = 0.9  # DejaVu Sans Condensed is DejaVu Sans at nine tenths of its width
NOT_IN_TYPEFACE = "\u25af"
_FOLDER = "matplotlib/mpl-data/fonts/ttf"


@functools.cache
def register_fonts() -> None:
    """Make both faces known to reportlab, once in a process.

    Raises RuntimeError where matplotlib has lost its typefaces.
    """
    folder = importlib.metadata.distribution("matplotlib").locate_file(_FOLDER)
    for name in (REGULAR, BOLD):
        path = str(folder.joinpath(f"{name}.ttf"))
        try:
            pdfmetrics.registerFont(TTFont(name, path))
        except OSError as error:
            raise RuntimeError(f"the typeface {name}.ttf that comes with matplotlib is missing") from error
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)


def width_pt(text: str, size_pt: float, *, bold: bool = False) -> float:
    """Return the width of printable text in points, condensed as all text of a report is."""
    register_fonts()
    width: float = pdfmetrics.stringWidth(text, BOLD if bold else REGULAR, size_pt)
    return width * CONDENSED


def printable(text: str) -> str:
    """Return `text` as it can be printed, with the same number of characters or fewer.

    Accents are composed, white space becomes plain, control and format signs go, right-to-left runs are put into the
    order in which they are drawn, and letters that the typeface has not become U+25AF.
    """
    known = _known()
    composed = unicodedata.normalize("NFC", text)
    kept = [
        " " if sign.isspace() else sign
        for sign in composed
        if sign.isspace() or unicodedata.category(sign) not in ("Cc", "Cf", "Cs")
    ]
    return "".join(sign if ord(sign) in known else NOT_IN_TYPEFACE for sign in in_visual_order("".join(kept)))


def unprintable_count(texts: Iterable[str]) -> int:
    """Return how many characters of `texts` the typeface has not."""
    return sum(printable(text).count(NOT_IN_TYPEFACE) - text.count(NOT_IN_TYPEFACE) for text in texts)


@functools.cache
def _known() -> frozenset[int]:
    """Return the code points that both faces have."""
    register_fonts()
    regular, bold = (pdfmetrics.getFont(name).face.charToGlyph for name in (REGULAR, BOLD))
    return frozenset(code for code in regular if code in bold)
