"""The Read page: its components, where they stand, and which action each of them starts.

What the actions do is in `ui.pages.read_actions`; here they are only tied to components by name. How the trace is shown
is no affair of the server: the viewer gets each recording once and its measurements when they are there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from annotations.recordings import RecordingStore
from ecgr1_core.readers import get_reader, known_readers
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, SPEEDS_MM_PER_S
from ecgr1_core.settings import Settings
from ui import strings
from ui import strings_page as words
from ui.components.case_line import case_html
from ui.components.consent import consent_choice
from ui.components.measurements import lead_table_html, measurements_html
from ui.components.page_panel import page_panel_html
from ui.components.reading import footer_html, reading_html
from ui.components.sessions import head_html, recordings_head_html, sessions_html
from ui.components.status import status_html
from ui.pages.kept_actions import KeptActions
from ui.pages.kept_pages import PageFiles
from ui.pages.read_actions import ReadActions, modality_choice, reader_choices, reader_note_html
from ui.pages.reading_actions import ReadingActions
from ui.pages.trace_box import trace_box, wire_trace
from ui.pages.updates import ASKED, Update
from ui.pages.wiring import Tie, tied
from ui.quick_gradio import gr

EXAMPLES_ON_EMPTY_PAGE = 2
WITH_REFUSED = "(...inputs) => [...inputs.slice(0, -1), window.ecgr1.refused]"
WITH_CORRECTIONS = "(...inputs) => [...inputs.slice(0, -1), window.ecgr1Page.told]"
WITH_VIEW = "(...inputs) => [...inputs.slice(0, -1), window.ecgr1Reading.view()]"
WITH_VISITOR = "(...inputs) => [...inputs.slice(0, -1), window.ecgr1Kept.visitor()]"
WITH_VISITOR_AND_KEY = "(...inputs) => [...inputs.slice(0, -2), window.ecgr1Kept.visitor(), window.ecgr1Kept.key]"
WITH_VISITOR_AND_VIEW = (
    "(...inputs) => [...inputs.slice(0, -2), window.ecgr1Kept.visitor(), window.ecgr1Reading.view()]"
)
SWITCHING_DARK = "() => window.ecgr1.switchDark()"


def build_read_page(
    app: gr.Blocks,
    settings: Settings,
    examples: Sequence[EcgRecord],
    store: RecordingStore | None,
    pages: PageFiles | None,
) -> None:
    """Add the Read page to `app`, which is being built; `store` and `pages` are None where nothing is kept."""
    parts = _recordings(settings) | _controls(settings, [record.name for record in examples])
    parts |= _work([record.name for record in examples[:EXAMPLES_ON_EMPTY_PAGE]])
    parts |= {
        "case": gr.State(None, time_to_live=4 * 3600),
        "pending": gr.State([], time_to_live=4 * 3600),
    }
    kept = KeptActions(settings, store, pages)
    _wire(app, parts, ReadActions(settings, examples), kept, settings)


def _controls(settings: Settings, example_names: list[str]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    with gr.Row(elem_id="head"):
        gr.HTML(head_html())
        parts["dark_switch"] = gr.Button(strings.DARK, elem_id="dark-switch", size="sm")
    chosen = get_reader(settings.reader, settings)
    with gr.Row(elem_id="controls"):
        parts["upload"] = gr.File(
            label=strings.DROP_FILES, file_count="multiple", elem_id="upload", height=66, show_label=False, scale=3
        )
        parts["example"] = gr.Dropdown(
            example_names, value=None, label=strings.EXAMPLE, elem_id="example", scale=2, min_width=190
        )
        parts["reader"] = gr.Dropdown(
            reader_choices(known_readers(settings)),
            value=chosen.name,
            label=strings.READER,
            elem_id="reader",
            scale=2,
            min_width=190,
        )
        parts["modality"] = gr.Dropdown(
            **modality_choice(chosen), label=strings.MODALITY, elem_id="modality", scale=2, min_width=150
        )
        with gr.Column(elem_id="actions", scale=0, min_width=100):
            parts["read"] = gr.Button(strings.READ, variant="primary", size="sm", interactive=False, elem_id="read")
            parts["cancel"] = gr.Button(strings.CANCEL, size="sm", interactive=False, elem_id="cancel")
    with gr.Row(visible=False, elem_id="ask") as parts["ask"]:
        parts["sampling_rate_hz"] = gr.Number(
            None, label=strings.ASK_RATE, minimum=0, elem_id="ask-rate", visible=False, min_width=160
        )
        parts["unit"] = gr.Dropdown(
            ["mV", "uV", "V", "nV"],
            value=None,
            label=strings.ASK_UNIT,
            elem_id="ask-unit",
            visible=False,
            min_width=160,
        )
        parts["counts_per_mv"] = gr.Number(
            None, label=strings.ASK_COUNTS, minimum=0, elem_id="ask-counts", visible=False, min_width=200
        )
        parts |= _asked_of_a_page()
        parts["open_again"] = gr.Button(strings.READ_FILE, variant="primary", size="sm", elem_id="read-file", scale=0)
    with gr.Row(elem_id="says"):
        parts["status"] = gr.HTML(status_html("note", strings.STATUS_START), elem_id="status")
        parts["reader_note"] = gr.HTML(reader_note_html(chosen), elem_id="reader-note")
    parts["consent"] = gr.Checkbox(False, **consent_choice(chosen), elem_id="consent", container=False)
    parts["case_line"] = gr.HTML(case_html(None), elem_id="case")
    return parts


def _asked_of_a_page() -> dict[str, Any]:
    """Return what asks for what a page does not show."""
    scales = (
        ("speed_mm_per_s", words.ASK_SPEED, SPEEDS_MM_PER_S, "ask-speed"),
        ("gain_mm_per_mv", words.ASK_GAIN, GAINS_MM_PER_MV, "ask-gain"),
    )
    parts: dict[str, Any] = {
        name: gr.Dropdown(
            [(f"{value:g}", value) for value in values],
            value=None, label=label, elem_id=elem_id, visible=False, min_width=160,
        )
        for name, label, values, elem_id in scales
    }  # fmt: skip
    numbers = (("px_per_mm", words.ASK_SCALE, "ask-scale"), ("page_number", words.ASK_NUMBER, "ask-page"))
    for name, label, elem_id in numbers:
        whole = {"precision": 0} if name == "page_number" else {}
        parts[name] = gr.Number(None, label=label, minimum=0, elem_id=elem_id, visible=False, min_width=160, **whole)
    return parts


def _work(first_examples: list[str]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    with gr.Row(elem_id="work"):
        with gr.Column(elem_id="trace-side"):
            parts |= trace_box(strings.EMPTY, first_examples)
            gr.HTML(page_panel_html(), elem_id="page-holder")
            parts["page_data"] = gr.HTML("", elem_id="page-data")
            parts["page_again"] = gr.Button("read the page again", visible="hidden", elem_id="page-again")
            parts["page_hide"] = gr.Button("hide on the page", visible="hidden", elem_id="page-hide")
            parts["measurements"] = gr.HTML(measurements_html(None), elem_id="measurements")
            with gr.Accordion(strings.PER_LEAD, open=False, elem_id="per-lead"):
                parts["lead_table"] = gr.HTML(lead_table_html(None), elem_id="lead-table")
        with gr.Column(elem_id="reading-side"):
            parts["reading"] = gr.HTML(reading_html(None), elem_id="reading")
            parts |= _reading_tools()
            parts["footer"] = gr.HTML(footer_html(), elem_id="footer")
    parts["too_big"] = gr.Button("too big", visible="hidden", elem_id="too-big")
    parts["refused"] = gr.Textbox(visible=False)
    return parts


def _reading_tools() -> dict[str, Any]:
    """Return what can be done with a finished reading; hidden until there is one."""
    parts: dict[str, Any] = {}
    with gr.Row(visible=False, elem_id="reading-tools") as parts["reading_tools"]:
        parts["copy"] = gr.Button(strings.COPY, size="sm", min_width=60, elem_id="copy")
        parts["json"] = gr.Button(strings.JSON, size="sm", min_width=60, elem_id="json")
        parts["pdf"] = gr.Button(strings.PDF, size="sm", min_width=60, elem_id="pdf")
        parts["compare"] = gr.UploadButton(
            strings.COMPARE, size="sm", file_types=[".json", ".yaml", ".yml", ".txt"], min_width=150, elem_id="compare"
        )
        parts["compare_protocol"] = gr.Button(
            strings.COMPARE_PROTOCOL, size="sm", visible=False, min_width=150, elem_id="compare-protocol"
        )
        parts["compare_mode"] = gr.Dropdown(
            [(strings.COMPARE_MODES[mode], mode) for mode in ("strict", "published")],
            value="strict",
            label=strings.COMPARE_MODE,
            visible=False,
            min_width=140,
            elem_id="compare-mode",
        )
        parts["compare_off"] = gr.Button(
            strings.COMPARE_OFF, size="sm", visible=False, min_width=150, elem_id="compare-off"
        )
    parts["download"] = gr.HTML("", elem_id="download")
    return parts


def _recordings(settings: Settings) -> dict[str, Any]:
    """Return the list of recordings, which the page's script shows and hides, and what its buttons start."""
    parts: dict[str, Any] = {}
    with gr.Column(elem_id="recordings"):
        gr.HTML(recordings_head_html())
        none = () if settings.keep_recordings else None
        now = datetime.now().astimezone()
        parts["kept"] = gr.HTML(sessions_html(none, keep_days=settings.keep_recordings_days, now=now), elem_id="kept")
    for name in ("kept_open", "kept_remove", "kept_remove_all", "kept_view"):
        parts[name] = gr.Button(name, visible="hidden", elem_id=name.replace("_", "-"))
    parts["view_kept"] = gr.HTML("", elem_id="view-kept")
    return parts | {"visitor": gr.Textbox(visible=False), "told": gr.Textbox(visible=False)}


def _wire(app: gr.Blocks, parts: dict[str, Any], actions: ReadActions, kept: KeptActions, settings: Settings) -> None:
    tie = tied(parts)
    stoppable = [
        tie(parts["upload"].upload, actions.open_upload, ("upload",)),
        tie(parts["open_again"].click, actions.open_again, ("pending", *ASKED)),
        tie(parts["example"].input, actions.open_example, ("example",)),
    ]
    stoppable.append(tie(parts["page_again"].click, actions.read_page_again, ("told",), js=WITH_CORRECTIONS))
    hide = tie(parts["page_hide"].click, actions.hide_text, ("told",), js=WITH_CORRECTIONS, cancels=stoppable)
    others = [hide, tie(parts["read"].click, actions.read, ("reader", "modality", "consent"))]
    for name, button in parts["first_examples"].items():
        stoppable.append(tie(button.click, functools.partial(_open_named, actions, name), ()))
    # A reading is not among `cancels`: it ends by itself when told to, so that its last words on the page are its own.
    others.append(tie(parts["cancel"].click, actions.cancelled, (), cancels=stoppable))
    tie(parts["reader"].input, actions.choose_reader, ("reader",))
    tie(app.load, actions.choose_reader, ("reader",))
    tie(parts["too_big"].click, actions.refuse_too_big, ("refused",), js=WITH_REFUSED)
    wire_trace(parts)
    parts["dark_switch"].click(None, js=SWITCHING_DARK)
    _wire_reading(parts, tie, ReadingActions(settings))
    _wire_recordings(app, parts, tie, kept, (*stoppable, *others))


def _wire_reading(parts: dict[str, Any], tie: Tie, actions: ReadingActions) -> None:
    tie(parts["copy"].click, actions.copy, ())
    tie(parts["json"].click, actions.save_json, ())
    tie(parts["pdf"].click, actions.save_pdf, ("told",), js=WITH_VIEW)
    tie(parts["compare"].upload, actions.compare, ("compare", "compare_mode"))
    tie(parts["compare_protocol"].click, actions.compare_protocol, ("compare_mode",))
    tie(parts["compare_mode"].input, actions.compare_again, ("compare_mode",))
    tie(parts["compare_off"].click, actions.compare_off, ())


def _wire_recordings(
    app: gr.Blocks, parts: dict[str, Any], tie: Tie, actions: KeptActions, after: Sequence[Any]
) -> None:
    tie(app.load, actions.show, ("visitor",), js=WITH_VISITOR)
    for event in after:
        tie(event.then, actions.keep, ("visitor",), js=WITH_VISITOR)
    tie(parts["kept_open"].click, actions.reopen, ("visitor", "told"), js=WITH_VISITOR_AND_KEY)
    tie(parts["kept_remove"].click, actions.remove, ("visitor", "told"), js=WITH_VISITOR_AND_KEY)
    tie(parts["kept_remove_all"].click, actions.remove_all, ("visitor",), js=WITH_VISITOR)
    tie(parts["kept_view"].click, actions.keep_view, ("visitor", "told"), js=WITH_VISITOR_AND_VIEW)


def _open_named(actions: ReadActions, name: str, case: Any) -> Iterator[Update]:
    yield from actions.open_example(case, name)
