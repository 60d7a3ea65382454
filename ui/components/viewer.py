"""The viewer of the trace: its controls as HTML, its script, and recordings as data for it.

What is drawn, measured with calipers and compared is decided in the browser by `ui/viewer/*.js`; positions, filters and
marks come from `ecgr1_core.render.screen`. Data travels as text in elements that nobody sees. No file of this module
knows what a reader says of the recording.
"""

from __future__ import annotations

import functools
import hashlib
import json
from html import escape
from pathlib import Path
from typing import Any

from ecgr1_core.measure.types import Measurements
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.filters import BANDS_HZ, DEFAULT_BAND, NOTCHES_HZ
from ecgr1_core.render.layouts import DEFAULT_LAYOUT, GAINS_MM_PER_MV, LAYOUTS, ORDERS, SPEEDS_MM_PER_S
from ecgr1_core.render.screen import screen_marks, screen_recording, screen_segments
from ui import strings

SCRIPTS = (
    "unpack", "filters", "samples", "sheet", "median", "paint", "calipers", "overview", "rest", "pointer", "keys",
    "readouts", "viewer",
)  # fmt: skip
DEFAULT_SPEED_MM_PER_S = 25.0
DEFAULT_GAIN_MM_PER_MV = 10.0
MOST_SEGMENTS = 8  # in one answer
TEXTS_KEPT = 64  # of whole recordings, 100 to 250 kB each

_FOLDER = Path(__file__).parents[1] / "viewer"
STYLES = _FOLDER / "viewer.css"

Choices = list[tuple[str, str]]


def viewer_script() -> str:
    """Return the script of the viewer: its words, and its files as one function that leaves nothing else behind."""
    parts = [(_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    words = json.dumps(strings.VIEWER, ensure_ascii=True).replace("</", "<\\/")
    return f'window.ecgr1ViewerWords = {words};\n(() => {{\n"use strict";\n{"".join(parts)}}})();\n'


def recording_html(record: EcgRecord | None, key: str | None = None, *, whole: bool = True) -> str:
    """Return a recording as inert data for the viewer; nothing where there is none. `key` stands for it if given.

    Unless `whole`, a long recording comes with its first segment only. The page then has the button `#trace-more`,
    which the viewer presses, and puts `segments_html` of `window.ecgr1Viewer.wanted()` into `#trace-segments`.
    """
    if record is None:
        return ""
    if key is None or not whole:
        return _data(screen_recording(record, key, whole=whole))
    return _inert(f'{{"id":{json.dumps(key)},{_without_id(_Drawn(record))}')


class _Drawn:
    """A recording that is equal to every other one that is drawn alike, whatever it is called."""

    def __init__(self, record: EcgRecord) -> None:
        self.record = record
        facts = f"{record.sampling_rate_hz} {record.missing_leads}".encode()
        self._digest = hashlib.sha256(record.signal_mv.tobytes() + facts).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Drawn) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)


@functools.lru_cache(maxsize=TEXTS_KEPT)
def _without_id(drawn: _Drawn) -> str:
    """Return the data of a whole recording less its id: all raters of a study look at the same recordings."""
    data = screen_recording(drawn.record, "", whole=True)
    del data["id"]
    return _json(data).removeprefix("{")


def segments_html(record: EcgRecord | None, wanted: str) -> str:
    """Return the segments that the viewer wants (its JSON) as inert data for it.

    There are none where no recording is open, or where the text is not the viewer's.
    """
    try:
        numbers = [int(number) for number in json.loads(wanted)["numbers"]][:MOST_SEGMENTS]
    except (ValueError, TypeError, KeyError):
        numbers = []
    return _data({"id": "", "segments": []} if record is None else screen_segments(record, numbers))


def marks_html(record: EcgRecord | None, measured: Measurements | None) -> str:
    """Return the measured waves and beats as inert data for the viewer; nothing where nothing was measured."""
    return "" if record is None or measured is None else _data(screen_marks(record, measured))


def viewer_html() -> str:
    """Return the viewer without a recording: controls, stage, overview, read-outs and dialogs."""
    return f"""
<section id="viewer" aria-label="{escape(strings.TRACE)}">
<div class="tools" role="group" aria-label="{escape(strings.VIEWER_CONTROLS)}">
{_select("view", strings.VIEW, list(strings.VIEW_NAMES.items()), "page")}
{_layouts()}
{_select("order", strings.ORDER, [(order, strings.ORDER_NAMES[order]) for order in ORDERS], "standard")}
{_select("speed", strings.SPEED, _scale(SPEEDS_MM_PER_S, strings.SPEED_UNIT), f"{DEFAULT_SPEED_MM_PER_S:g}")}
{_select("gain", strings.GAIN, _scale(GAINS_MM_PER_MV, strings.GAIN_UNIT), f"{DEFAULT_GAIN_MM_PER_MV:g}")}
{_select("band", strings.FILTER, [(band, strings.BAND_NAMES[band]) for band in BANDS_HZ], DEFAULT_BAND)}
{_select("notch", strings.NOTCH, [("off", strings.NOTCH_OFF), *_scale(NOTCHES_HZ, strings.NOTCH_UNIT)], "off")}
{_toggle("caliper", strings.CALIPER)}{_toggle("march", strings.MARCH)}{_toggle("snap", strings.SNAP)}
{_toggle("marks", strings.MARKS)}
<span class="together">{_button("zoom-out", "−", strings.ZOOM_OUT)}{_button("zoom-in", "+", strings.ZOOM_IN)}
{_button("fit", strings.FIT, strings.FIT_HELP)}{_toggle("true", strings.TRUE_SIZE, strings.TRUE_SIZE_HELP)}</span>
{_button("keep", strings.KEEP_PRIOR, strings.KEEP_PRIOR_HELP)}
{_select("prior", strings.PRIOR, list(strings.PRIOR_NAMES.items()), "off", hidden=True)}
{_button("keys", "?", strings.KEYS_TITLE)}
</div>
<p id="v-no-median" class="note" hidden>{escape(strings.NO_MEDIAN)}</p>
<div id="v-scroll"><div class="spacer"><div id="v-stage" tabindex="0" role="application"
 aria-label="{escape(strings.TRACE_LABEL)}" aria-describedby="v-text">
<canvas id="trace" aria-hidden="true"></canvas><canvas aria-hidden="true"></canvas></div></div></div>
<div id="v-overview" hidden>
<canvas tabindex="0" role="slider" aria-label="{escape(strings.OVERVIEW)}" aria-valuemin="0"></canvas></div>
<div id="v-pages" hidden>{_button("back", "◀", strings.PAGE_BACK)}
<label>{escape(strings.PAGE_START)} <input id="v-start" type="number" min="0" step="1" value="0"></label>
{_button("forward", "▶", strings.PAGE_FORWARD)}</div>
<div class="readout"><span id="v-hover">{escape(strings.HOVER_NONE)}</span><span id="v-legend"></span>
<span id="v-prior-note"></span><span class="note">{escape(strings.UNFILTERED_NOTE)}</span></div>
<ol id="v-list" hidden></ol><p id="v-qtc" role="status"></p>
<p id="v-text" class="unseen"></p>
{_key_sheet()}
{_card_dialog()}
</section>"""


def _data(value: dict[str, Any]) -> str:
    return _inert(_json(value))


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _inert(text: str) -> str:
    return f'<div class="data">{escape(text, quote=False)}</div>'


def _scale(values: tuple[float, ...], unit: str) -> Choices:
    return [(f"{value:g}", unit.format(value=value)) for value in values]


def _options(choices: Choices, chosen: str) -> str:
    return "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(name)}</option>'
        for value, name in choices
    )


def _select(name: str, label: str, choices: Choices, chosen: str, *, hidden: bool = False) -> str:
    shown = " hidden" if hidden else ""
    return f'<label{shown}>{escape(label)} <select id="v-{name}">{_options(choices, chosen)}</select></label>'


def _layouts() -> str:
    pages = _options([(name, strings.LAYOUT_NAMES.get(name, name)) for name in LAYOUTS], DEFAULT_LAYOUT)
    single = _options([(lead, lead) for lead in LEADS], "")
    group = f'<optgroup label="{escape(strings.SINGLE_LEAD)}">{single}</optgroup>'
    return f'<label>{escape(strings.LAYOUT)} <select id="v-layout">{pages}{group}</select></label>'


def _button(name: str, label: str, help_text: str) -> str:
    """Return a button; where its label is a sign, the help is its name."""
    named = "" if label[0].isalpha() else f' aria-label="{escape(help_text)}"'
    return f'<button type="button" id="v-{name}" title="{escape(help_text)}"{named}>{escape(label)}</button>'


def _toggle(name: str, label: str, help_text: str = "") -> str:
    title = f' title="{escape(help_text)}"' if help_text else ""
    return f'<button type="button" id="v-{name}" aria-pressed="false"{title}>{escape(label)}</button>'


def _key_sheet() -> str:
    rows = "".join(
        f"<tr><th><kbd>{escape(key)}</kbd></th><td>{escape(what)}</td></tr>" for key, what in strings.VIEWER_KEYS
    )
    return (
        f'<dialog id="v-keys-sheet" aria-label="{escape(strings.KEYS_TITLE)}"><form method="dialog">'
        f"<h2>{escape(strings.KEYS_TITLE)}</h2><table>{rows}</table>"
        f'<label><input type="checkbox"> {escape(strings.KEYS_EVERYWHERE)}</label>'
        f"<button>{escape(strings.CLOSE)}</button></form></dialog>"
    )


def _card_dialog() -> str:
    return (
        f'<dialog id="v-card" aria-label="{escape(strings.CARD_TITLE)}"><form method="dialog">'
        f"<h2>{escape(strings.CARD_TITLE)}</h2><p>{escape(strings.CARD_HELP)}</p>"
        f'<div class="card" aria-hidden="true"></div>'
        f'<label>{escape(strings.CARD_WIDTH)} <input type="range" min="150" max="1200" step="1"></label>'
        f'<span class="together"><button value="save">{escape(strings.CARD_SAVE)}</button>'
        f'<button value="">{escape(strings.CANCEL)}</button></span></form></dialog>'
        f'<button type="button" id="v-recalibrate">{escape(strings.CARD_AGAIN)}</button>'
    )
