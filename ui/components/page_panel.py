"""The panel that shows a page beside the recording that was read off it: picture, what was found on it, corrections.

What is drawn over the picture and how it is corrected is decided in the browser by `ui/page_panel.js`. Data travels as
text in an element that nobody sees.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ecgr1_core.digitize import Asked, DigitizeReport, PieceReport
from ecgr1_core.digitize.corrections import LEAD_NAMES, UPSIDE_DOWN_AVR
from ecgr1_core.digitize.pieces import BoxPx
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, LAYOUTS, SPEEDS_MM_PER_S
from ecgr1_core.render.page_truth import mapped
from ui import strings
from ui import strings_page as words

FOLDER = Path(__file__).parents[1]
STYLES = FOLDER / "page_panel.css"
LONGEST_SHOWN_PX = 2400  # of the picture in the browser
JPEG_QUALITY = 85
GRID_MARGIN_MM = 5.0  # the grid is drawn so far around the traces
GRID_STEP_MM = 5.0
MINUS = "\N{MINUS SIGN}"


def panel_script() -> str:
    """Return the script of the panel with its words."""
    told = {"words": words.PANEL, "corners": words.CORNER_NAMES}
    data = json.dumps(told, ensure_ascii=True).replace("</", "<\\/")
    scripts = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in ("page_hiding.js", "page_panel.js"))
    return f"window.ecgr1PageWords = {data};\n{scripts}"


def page_panel_html() -> str:
    """Return the panel without a page: controls, stage, corrections; it is hidden until there is data for it."""
    toggles = "".join(_toggle(name, *words.TOGGLES[name], on=name != "corners") for name in words.TOGGLES)
    corners = "".join(
        f'<button type="button" class="corner" data-corner="{at}" aria-describedby="p-corner-help" '
        f'aria-label="{escape(name)}" hidden></button>'
        for at, name in enumerate(words.CORNER_NAMES)
    )
    return f"""
<section id="page-panel" aria-label="{escape(words.TITLE)}">
<div class="tools"><h2>{escape(words.TITLE)}</h2>
<span class="together" role="group" aria-label="{escape(words.DRAWN)}">{toggles}</span>
<span class="together">{_button("zoom-out", MINUS, words.ZOOM_OUT)}{_button("zoom-in", "+", words.ZOOM_IN)}
{_button("fit", words.FIT, words.FIT_HELP)}</span>
{_toggle("beside", words.BESIDE, words.BESIDE_HELP, on=False)}</div>
{_hiding_html()}
<p id="p-caption"></p><p id="p-key">{escape(words.KEY)}</p>
<p id="p-corner-help" hidden>{escape(words.CORNER_HELP)}</p>
<div id="p-scroll" tabindex="0" role="group" aria-label="{escape(words.PICTURE)}"><div id="p-stage">
<img alt="{escape(words.PICTURE)}"><svg aria-hidden="true"><g class="grid"></g><g class="traces"></g>
<g class="boxes"></g><g class="places"></g><g class="sheet"></g></svg>{corners}<div id="p-places"></div></div></div>
<div class="below">
<form id="p-form"><h3>{escape(words.CORRECT)}</h3><div class="fields">
{_select("number", words.NUMBER)}{_select("speed", words.SPEED)}{_select("gain", words.GAIN)}
<label>{escape(words.SCALE)} <input id="p-px_per_mm" type="number" min="1" max="100" step="any"></label></div>
<fieldset><legend>{escape(words.LEADS_TITLE)}</legend><div id="p-leads"></div></fieldset>
<p id="p-twice" role="status"></p>
<span class="together"><button type="submit" id="p-again">{escape(words.AGAIN)}</button>
<button type="button" id="p-as-found">{escape(words.AS_FOUND)}</button></span></form>
<div class="unsure"><h3>{escape(words.UNSURE_TITLE)}</h3><ul id="p-unsure"></ul></div></div>
</section>"""


def _hiding_html() -> str:
    """Return what is said of text on the page, and what hides it."""
    return f"""<div id="p-hiding" role="group" aria-label="{escape(words.HIDING)}"><p id="p-text" role="status"></p>
<span class="together"><button type="button" id="p-hide">{escape(words.HIDE_FOUND)}</button>
{_toggle("draw", words.DRAW_BOX, words.DRAW_BOX_HELP, on=False)}{_button("add", words.ADD_BOX, words.ADD_BOX_HELP)}
{_button("around", words.MARK_AROUND, words.MARK_AROUND_HELP)}{_button("clear", words.NO_BOXES, words.NO_BOXES_HELP)}
</span><p id="p-box-help" hidden>{escape(words.BOX_HELP)}</p></div>"""


def shown_of(
    report: DigitizeReport,
    asked: Asked,
    size_px: tuple[int, int],
    *,
    text: Sequence[BoxPx] = (),
    around: Sequence[BoxPx] = (),
) -> dict[str, Any]:
    """Return what the panel shows of a page that was read, as plain data; `size_px` is that of its picture.

    `text` are the boxes of text that was found on it, `around` those of all but the traces.
    """
    left_out = [
        {"row": row, "column": column, "lead": None, "used": False, "confidence": 0.0, "box": None, "trace": ""}
        for (row, column), lead in asked.leads.items()
        if lead is None
    ]
    return {
        "size": list(size_px),
        "caption": _caption(report),
        "view": view_of(report),
        "speed": report.speed_mm_per_s,
        "gain": report.gain_mm_per_mv,
        "grid": _grid_lines(report),
        "pieces": sorted(
            [_piece(piece) for piece in report.pieces] + left_out, key=lambda piece: (piece["row"], piece["column"])
        ),
        "unsure": list(dict.fromkeys(_sentence(sentence) for sentence in report.unsure)),
        "text": [list(box) for box in text],
        "around": [list(box) for box in around],
        "hidden": 0,
    }


def view_of(report: DigitizeReport) -> dict[str, Any]:
    """Return how the viewer shows the recording as the page does, as far as it can."""
    layout = report.layout if report.layout in LAYOUTS and report.columns == "consecutive" else "12x1"
    view: dict[str, Any] = {"layout": layout, "order": report.order}
    if report.speed_mm_per_s in SPEEDS_MM_PER_S:
        view["speed"] = report.speed_mm_per_s
    if report.gain_mm_per_mv in GAINS_MM_PER_MV:
        view["gain"] = report.gain_mm_per_mv
    return view


def page_data_html(
    shown: Mapping[str, Any],
    picture: Image.Image,
    asked: Mapping[str, Any],
    *,
    number: int,
    pages: int,
    notes: Sequence[str] = (),
) -> str:
    """Return a page as inert data for the panel, with its picture; `notes` go before what is unsure."""
    data = {
        **shown,
        "unsure": [*notes, *shown["unsure"]] or [words.UNSURE_NONE],
        "asked": dict(asked),
        "number": number,
        "pages": pages,
        "said": words.text_sentence(None if shown.get("text") is None else len(shown["text"]), shown.get("hidden", 0)),
        "choices": {
            "speed": _scales(SPEEDS_MM_PER_S, strings.SPEED_UNIT, shown["speed"], asked["speed"]),
            "gain": _scales(GAINS_MM_PER_MV, strings.GAIN_UNIT, shown["gain"], asked["gain"]),
            "leads": [[name, name.replace("-", MINUS)] for name in LEAD_NAMES],
        },
    }
    text = escape(json.dumps(data, separators=(",", ":")), quote=False)
    return f'<div class="data">{text}</div><img class="data" alt="" src="{_data_address(picture)}">'


def _scales(known: Sequence[float], unit: str, read: float, asked: float | None) -> list[list[str]]:
    """Return what can be chosen of a scale: first that it is as read off the page, with what was read if it was."""
    first = words.AS_READ if asked is not None else f"{words.AS_READ}: {unit.format(value=read)}"
    values = sorted({*known, *([] if asked is None else [asked])})
    return [["", first], *([f"{value:g}", unit.format(value=value)] for value in values)]


def _data_address(picture: Image.Image) -> str:
    small = picture.convert("RGB")
    small.thumbnail((LONGEST_SHOWN_PX, LONGEST_SHOWN_PX), reducing_gap=2.0)
    content = io.BytesIO()
    small.save(content, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"


def _caption(report: DigitizeReport) -> str:
    layout = words.NO_LAYOUT if report.layout is None else strings.LAYOUT_NAMES.get(report.layout, report.layout)
    px_per_mm = None if report.mm_per_px is None else 2 / sum(report.mm_per_px)
    sentence = words.CAPTION.format(
        layout=layout,
        order=words.CABRERA if report.order == "cabrera" else "",
        speed=words.SPEED_FACT.format(value=report.speed_mm_per_s, source=words.SCALE_SOURCES[report.speed_source]),
        gain=words.GAIN_FACT.format(value=report.gain_mm_per_mv, source=words.SCALE_SOURCES[report.gain_source]),
        scale="" if px_per_mm is None else words.SCALE_FACT.format(value=px_per_mm),
        turned=words.TURNED_FACT.format(degrees=report.turned_deg) if report.turned_deg else "",
    )
    return sentence + (words.FROM_VECTORS if report.source == "vector" else "")


def _sentence(text: str) -> str:
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith(".") else f"{whole}."


def _piece(piece: PieceReport) -> dict[str, Any]:
    lead = UPSIDE_DOWN_AVR if piece.lead == "aVR" and piece.inverted else piece.lead
    return {
        "row": piece.row,
        "column": piece.column,
        "lead": lead,
        "used": piece.used,
        "confidence": round(piece.confidence, 2),
        "box": [round(side, 1) for side in piece.box_px],
        "trace": "" if piece.trace_px is None else path_of(piece.trace_px),
    }


def path_of(points: Any) -> str:
    """Return points [n, 2] as the path of an SVG, to a tenth of a pixel; a gap (NaN) begins anew."""
    rounded = np.rint(np.asarray(points, dtype=np.float64) * 10) / 10
    parts, drawing = [], False
    for x, y in rounded.tolist():
        if x != x or y != y:
            drawing = False
            continue
        parts.append(f"{'L' if drawing else 'M'}{x:g} {y:g}")
        drawing = True
    return "".join(parts)


def _grid_lines(report: DigitizeReport) -> str:
    """Return the found grid around the traces, each 5 mm, as the path of an SVG; "" without a grid."""
    if report.grid_to_px is None or not report.pieces:
        return ""
    to_px: npt.NDArray[np.float64] = np.asarray(report.grid_to_px, dtype=np.float64)
    boxes = np.array([piece.box_px for piece in report.pieces])
    corners = np.concatenate([boxes[:, [0, 1]], boxes[:, [2, 1]], boxes[:, [2, 3]], boxes[:, [0, 3]]])
    to_mm: npt.NDArray[np.float64] = np.linalg.inv(to_px).astype(np.float64)
    mm = mapped(corners, to_mm)
    low = np.floor((mm.min(axis=0) - GRID_MARGIN_MM) / GRID_STEP_MM) * GRID_STEP_MM
    high = np.ceil((mm.max(axis=0) + GRID_MARGIN_MM) / GRID_STEP_MM) * GRID_STEP_MM
    lines = [((x, low[1]), (x, high[1])) for x in np.arange(low[0], high[0] + 0.1, GRID_STEP_MM)]
    lines += [((low[0], y), (high[0], y)) for y in np.arange(low[1], high[1] + 0.1, GRID_STEP_MM)]
    ends = mapped(np.array(lines).reshape(-1, 2), to_px).reshape(-1, 2, 2)
    return "".join(path_of(line) for line in ends)


def _select(name: str, label: str) -> str:
    return f'<label>{escape(label)} <select id="p-{name}"></select></label>'


def _button(name: str, label: str, help_text: str) -> str:
    named = "" if label[0].isalpha() else f' aria-label="{escape(help_text)}"'
    return f'<button type="button" id="p-{name}" title="{escape(help_text)}"{named}>{escape(label)}</button>'


def _toggle(name: str, label: str, help_text: str, *, on: bool) -> str:
    return (
        f'<button type="button" id="p-{name}" aria-pressed="{str(on).lower()}" title="{escape(help_text)}">'
        f"{escape(label)}</button>"
    )
