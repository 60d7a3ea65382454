"""The Read page: its components, where they stand, and which action each of them starts.

What the actions do is in `ui.pages.read_actions`; here they are only tied to components by name. The width of the trace
box and light or dark are known to the browser alone: `ui/page.js` puts them into the last two inputs of every event
that draws.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from ecgr1_core.readers import get_reader, known_readers
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.layouts import DEFAULT_LAYOUT, GAINS_MM_PER_MV, LAYOUTS, SPEEDS_MM_PER_S
from ecgr1_core.settings import Settings
from ui import strings
from ui.components.case_line import case_html
from ui.components.measurements import lead_table_html, measurements_html
from ui.components.reading import footer_html, reading_html
from ui.components.status import status_html
from ui.components.trace import drawing_library_figure, trace_html
from ui.pages.read_actions import (
    Action,
    ReadActions,
    Update,
    joined,
    modality_choice,
    reader_choices,
    reader_note_html,
)

DRAWING = ("layout", "speed", "gain", "page_start", "width", "dark")
ASKED = ("sampling_rate_hz", "unit")
EXAMPLES_ON_EMPTY_PAGE = 2
WITH_VIEW = "(...inputs) => window.ecgr1.view(inputs)"
WITH_REFUSED = "(...inputs) => [...inputs.slice(0, -1), window.ecgr1.refused]"
SWITCHING_DARK = "(...inputs) => window.ecgr1.switchDark(inputs)"


def build_read_page(app: gr.Blocks, settings: Settings, examples: Sequence[EcgRecord]) -> None:
    """Add the Read page to `app`, which is being built."""
    parts = _controls(settings, [record.name for record in examples])
    parts |= _work([record.name for record in examples[:EXAMPLES_ON_EMPTY_PAGE]])
    parts |= {
        "case": gr.State(None, time_to_live=4 * 3600),
        "pending": gr.State([], time_to_live=4 * 3600),
        "width": gr.Number(0, visible=False),
        "dark": gr.Checkbox(False, visible=False),
    }
    _wire(app, parts, ReadActions(settings, examples))


def _controls(settings: Settings, example_names: list[str]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    with gr.Row(elem_id="head"):
        gr.HTML(f'<h1>{strings.TITLE}</h1><span class="use">{strings.RESEARCH_USE}</span>')
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
    parts["reader_note"] = gr.HTML(reader_note_html(chosen), elem_id="reader-note")
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
        parts["open_again"] = gr.Button(strings.READ_FILE, variant="primary", size="sm", elem_id="read-file", scale=0)
    parts["status"] = gr.HTML(status_html("note", strings.STATUS_START), elem_id="status")
    parts["case_line"] = gr.HTML(case_html(None), elem_id="case")
    return parts


def _work(first_examples: list[str]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    with gr.Row(elem_id="work"):
        with gr.Column(elem_id="trace-side"):
            with gr.Row(elem_id="view-row"):
                parts["layout"] = gr.Dropdown(
                    [(strings.LAYOUT_NAMES.get(name, name), name) for name in LAYOUTS],
                    value=DEFAULT_LAYOUT,
                    label=strings.LAYOUT,
                    elem_id="layout",
                    min_width=150,
                )
                parts["speed"] = gr.Dropdown(
                    [(strings.SPEED_UNIT.format(value=value), value) for value in SPEEDS_MM_PER_S],
                    value=25.0,
                    label=strings.SPEED,
                    elem_id="speed",
                    min_width=110,
                )
                parts["gain"] = gr.Dropdown(
                    [(strings.GAIN_UNIT.format(value=value), value) for value in GAINS_MM_PER_MV],
                    value=10.0,
                    label=strings.GAIN,
                    elem_id="gain",
                    min_width=110,
                )
                parts["page_start"] = gr.Number(
                    0, label=strings.PAGE_START, minimum=0, step=10, visible=False, elem_id="page-start", min_width=110
                )
            with gr.Column(elem_id="trace-box"):
                with gr.Column(elem_id="empty"):
                    gr.HTML(f'<p class="quiet">{strings.EMPTY}</p>')
                    with gr.Row(elem_id="empty-buttons"):
                        parts["first_examples"] = {name: gr.Button(name, size="sm") for name in first_examples}
                gr.HTML(f'<div id="trace" role="img" aria-label="{strings.TRACE}"></div>', elem_id="trace-holder")
                parts["trace"] = gr.HTML(trace_html(None), elem_id="trace-data")
            gr.Plot(drawing_library_figure(), visible="hidden", show_label=False, elem_id="drawing-library")
            parts["measurements"] = gr.HTML(measurements_html(None), elem_id="measurements")
            with gr.Accordion(strings.PER_LEAD, open=False, elem_id="per-lead"):
                parts["lead_table"] = gr.HTML(lead_table_html(None), elem_id="lead-table")
        with gr.Column(elem_id="reading-side"):
            parts["reading"] = gr.HTML(reading_html(None), elem_id="reading")
            parts["footer"] = gr.HTML(footer_html(strings.FOOTER_NONE), elem_id="footer")
    parts["redraw"] = gr.Button("redraw", visible="hidden", elem_id="redraw")
    parts["too_big"] = gr.Button("too big", visible="hidden", elem_id="too-big")
    parts["refused"] = gr.Textbox(visible=False)
    return parts


def _wire(app: gr.Blocks, parts: dict[str, Any], actions: ReadActions) -> None:
    components = {name: part for name, part in parts.items() if not isinstance(part, dict)}

    def tie(listen: Callable[..., Any], action: Action, names: Sequence[str], **options: Any) -> Any:
        """Let an event run an action on the open case and the named components."""

        def run(*values: Any) -> Iterator[dict[Any, Any]]:
            so_far: Update = {}
            for updates in action(*values):
                so_far = joined(so_far, updates)
                yield {components[name]: value for name, value in so_far.items()}

        return listen(
            run,
            inputs=[parts["case"], *(parts[name] for name in names)],
            outputs=list(components.values()),
            show_progress="hidden",
            api_visibility="private",
            **options,
        )

    stoppable = [
        tie(parts["upload"].upload, actions.open_upload, ("upload", *DRAWING), js=WITH_VIEW),
        tie(parts["open_again"].click, actions.open_again, ("pending", *ASKED, *DRAWING), js=WITH_VIEW),
        tie(parts["example"].input, actions.open_example, ("example", *DRAWING), js=WITH_VIEW),
    ]
    tie(parts["read"].click, actions.read, ("reader", "modality"))
    for name, button in parts["first_examples"].items():
        open_it = functools.partial(_open_named, actions, name)
        stoppable.append(tie(button.click, open_it, DRAWING, js=WITH_VIEW))
    # A reading is not among `cancels`: it ends by itself when told to, so that its last words on the page are its own.
    tie(parts["cancel"].click, actions.cancelled, (), cancels=stoppable)
    tie(parts["reader"].input, actions.choose_reader, ("reader",))
    tie(app.load, actions.choose_reader, ("reader",))
    tie(parts["too_big"].click, actions.refuse_too_big, ("refused",), js=WITH_REFUSED)
    for name in ("layout", "speed", "gain", "page_start"):
        tie(parts[name].input, actions.redraw, DRAWING, js=WITH_VIEW, trigger_mode="always_last")
    tie(parts["redraw"].click, actions.redraw, DRAWING, js=WITH_VIEW, trigger_mode="always_last")
    tie(parts["dark_switch"].click, actions.redraw, DRAWING, js=SWITCHING_DARK, trigger_mode="always_last")


def _open_named(actions: ReadActions, name: str, case: Any, *drawing: Any) -> Iterator[Update]:
    yield from actions.open_example(case, name, *drawing)
