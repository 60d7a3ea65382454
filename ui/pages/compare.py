"""The Compare page: its components, where they stand, and which action each of them starts.

What the actions do is in `ui.pages.compare_actions`. The trace is the viewer of the Read page, the script of the
reading lights claims here as it does there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from annotations.recordings import RecordingStore
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings
from ui import strings
from ui import strings_compare as words
from ui import strings_page as page_words
from ui.components.case_line import case_html
from ui.components.comparison import LETTERS, columns_html
from ui.components.sessions import head_html
from ui.components.status import status_html
from ui.pages.compare_actions import LEAST, CompareActions
from ui.pages.compare_case import CompareCase
from ui.pages.compare_choices import consent_of, first_views, notes_html, view_choices
from ui.pages.compare_saving import CompareSaving
from ui.pages.kept_pages import PageFiles
from ui.pages.read import SWITCHING_DARK, WITH_REFUSED
from ui.pages.trace_box import trace_box, wire_trace
from ui.pages.updates import Update
from ui.pages.wiring import tied
from ui.quick_gradio import gr

EXAMPLES_ON_EMPTY_PAGE = 2
WITH_TOLD = "(...inputs) => [...inputs.slice(0, -1), window.ecgr1Compare.told()]"
KEEP_STATE_S = 4 * 3600


def build_compare_page(
    app: gr.Blocks,
    settings: Settings,
    examples: Sequence[EcgRecord],
    store: RecordingStore | None,
    pages: PageFiles | None,
) -> None:
    """Add the Compare page to `app`, whose route it has; `store` and `pages` are those of the Read page."""
    actions = CompareActions(settings, examples, store, pages)
    parts = _controls(actions, settings) | _work([record.name for record in examples[:EXAMPLES_ON_EMPTY_PAGE]])
    parts |= {"case": gr.State(None, time_to_live=KEEP_STATE_S), "number": gr.State(LEAST)}
    parts |= {"told": gr.Textbox(visible=False), "refused": gr.Textbox(visible=False)}
    _wire(app, parts, actions)


def _controls(actions: CompareActions, settings: Settings) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    with gr.Row(elem_id="head"):
        gr.HTML(head_html("/compare"))
        parts["dark_switch"] = gr.Button(strings.DARK, elem_id="dark-switch", size="sm")
    views, choices = first_views(settings), view_choices(settings)
    with gr.Row(elem_id="controls", elem_classes="compare-controls"):
        parts["upload"] = gr.File(
            label=strings.DROP_FILES, file_count="multiple", elem_id="upload", height=66, show_label=False, scale=3
        )
        parts["recording"] = gr.Dropdown(
            actions.choices(""), value=None, label=words.RECORDING, elem_id="recording", scale=2, min_width=220
        )
        parts["seed"] = gr.Textbox(
            "", label=words.SEED, placeholder=words.SEED_EMPTY, max_lines=1, elem_id="seed", scale=1, min_width=170
        )
        with gr.Column(elem_id="actions", scale=0, min_width=110):
            parts["compare"] = gr.Button(
                words.COMPARE, variant="primary", size="sm", interactive=False, elem_id="compare-now"
            )
            parts["cancel"] = gr.Button(strings.CANCEL, size="sm", interactive=False, elem_id="cancel")
    with gr.Row(elem_id="views"):
        for at, letter in enumerate(LETTERS):
            with gr.Column(visible=at < LEAST, elem_classes="view", min_width=240) as parts[f"column_{letter}"]:
                parts[f"view_{letter}"] = gr.Dropdown(
                    choices, value=views[at], label=words.COLUMN.format(letter=letter), elem_id=f"view-{letter}"
                )
                parts[f"stop_{letter}"] = gr.Button(
                    words.STOP_ONE.format(letter=letter), size="sm", interactive=False, elem_id=f"stop-{letter}"
                )
        with gr.Column(elem_id="view-tools", scale=0, min_width=120):
            parts["swap"] = gr.Button(words.SWAP, size="sm", elem_id="swap")
            with gr.Row(elem_id="view-count"):
                parts["fewer"] = gr.Button(words.FEWER, size="sm", interactive=False, min_width=60, elem_id="fewer")
                parts["more"] = gr.Button(words.MORE, size="sm", min_width=60, elem_id="more")
    with gr.Row(elem_id="says"):
        parts["status"] = gr.HTML(status_html("note", words.EMPTY), elem_id="status")
        parts["reader_note"] = gr.HTML(notes_html(settings, views[:LEAST]), elem_id="reader-note")
    parts["consent"] = gr.Checkbox(False, **consent_of(settings, views[:LEAST]), elem_id="consent", container=False)
    parts["case_line"] = gr.HTML(case_html(None), elem_id="case")
    with gr.Row(visible=False, elem_id="page-text") as parts["page_text"]:
        parts["page_text_says"] = gr.HTML("", elem_id="page-text-says")
        parts["page_hide"] = gr.Button(page_words.HIDE_FOUND, size="sm", min_width=60, elem_id="page-hide", scale=0)
    return parts


def _work(first_examples: list[str]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    with gr.Column(elem_id="compare-side"):
        parts |= trace_box(words.EMPTY_TRACE, first_examples)
        gr.HTML(
            f'<button type="button" id="fold" aria-expanded="true" aria-controls="trace-box" '
            f'data-hide="{words.HIDE_TRACE}" data-show="{words.SHOW_TRACE}">{words.HIDE_TRACE}</button>',
            elem_id="fold-line",
        )
        parts["comparison"] = gr.HTML(columns_html(()), elem_id="reading")
        with gr.Row(visible=False, elem_id="reading-tools") as parts["tools"]:
            parts["json"] = gr.Button(words.JSON, size="sm", min_width=60, elem_id="json")
            parts["pdf"] = gr.Button(words.PDF, size="sm", min_width=60, elem_id="pdf")
        gr.HTML(f'<div class="foot"><strong>{strings.RESEARCH_USE}</strong></div>', elem_id="footer")
    parts["download"] = gr.HTML("", elem_id="download")
    parts["too_big"] = gr.Button("too big", visible="hidden", elem_id="too-big")
    return parts


def _wire(app: gr.Blocks, parts: dict[str, Any], actions: CompareActions) -> None:
    tie = tied(parts)
    views = tuple(f"view_{letter}" for letter in LETTERS)
    opened = [
        tie(app.load, actions.begin, ("told",), js=WITH_TOLD),
        tie(parts["recording"].input, actions.open_chosen, ("recording", "told"), js=WITH_TOLD),
        tie(parts["upload"].upload, actions.open_upload, ("upload",)),
    ]
    for name, button in parts["first_examples"].items():
        opened.append(tie(button.click, _fixed(actions.open_chosen, f"example:{name}"), ("told",), js=WITH_TOLD))
    hide = tie(parts["page_hide"].click, actions.hide_text, (), cancels=opened)
    read = tie(parts["compare"].click, actions.compare, ("number", "seed", "consent", *views))
    for event in (*opened[1:], hide, read):
        tie(event.then, actions.keep, ("told",), js=WITH_TOLD)
    tie(parts["cancel"].click, actions.cancel, ())
    for at, letter in enumerate(LETTERS):
        tie(parts[f"stop_{letter}"].click, _fixed(actions.stop_one, at), ())
        tie(parts[f"view_{letter}"].input, actions.chosen, ("number", *views))
    tie(parts["swap"].click, actions.swap, ("view_A", "view_B"))
    tie(parts["more"].click, _fixed(actions.columns, True), ("number", *views))
    tie(parts["fewer"].click, _fixed(actions.columns, False), ("number", *views))
    saving = CompareSaving(actions.settings)
    tie(parts["json"].click, saving.save_json, ())
    tie(parts["pdf"].click, saving.save_pdf, ())
    tie(parts["too_big"].click, actions.refuse_too_big, ("refused",), js=WITH_REFUSED)
    wire_trace(parts)
    parts["dark_switch"].click(None, js=SWITCHING_DARK)


def _fixed(action: Callable[..., Iterator[Update]], *first: Any) -> Callable[..., Iterator[Update]]:
    """Return the action with its first inputs after the case fixed."""

    def run(case: CompareCase | None, *inputs: Any) -> Iterator[Update]:
        yield from action(case, *first, *inputs)

    return run
