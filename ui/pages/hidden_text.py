"""Text hidden on the page of the open recording: what the Read and the Compare page do with what was marked.

What was read off the page stays: only its picture, and the file behind it, are no longer what was uploaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ecgr1_core.digitize.pieces import BoxPx
from ecgr1_core.errors import InputError
from ecgr1_core.record import EcgRecord
from ui import strings_page as words
from ui.components.status import status_html
from ui.pages.case import Case
from ui.pages.case_page import CasePage, panel_data_html, places_of
from ui.pages.compare_case import CompareCase
from ui.pages.updates import Update, busy, idle
from ui.quick_gradio import gr

Show = Callable[[Case, EcgRecord, CasePage], Iterator[Update]]


def hide_marked(case: Case | None, told: str, show: Show, *, keeping: bool) -> Iterator[Update]:
    """Hide on the open page what its panel marks, `told` as JSON; a reading of it that is being written is stopped.

    Where the recording was not measured yet, `show` begins with it anew. `keeping` is whether recordings are kept.
    """
    page = _page_of(case)
    assert case is not None
    boxes = places_of(told, page)
    yield busy(words.STATUS_HIDING.format(places=words.places(len(boxes))))
    hidden = page.hiding(boxes)
    case.leave()
    done = {"status": status_html("done", words.STATUS_HIDDEN.format(places=_hidden(len(boxes))))}
    if case.measurements is None:
        yield from show(case, case.record, hidden)
        yield done
        return
    opened = replace(case, page=hidden)
    yield {"case": opened, "page_data": panel_data_html(hidden, keeping=keeping)} | done | idle(opened)


def hide_found(case: CompareCase | None) -> Iterator[Update]:
    """Hide on the page that is open on the Compare page the text that was found on it."""
    page = _page_of(case)
    assert case is not None
    if case.running:
        raise InputError(page.name, words.STILL_READING, words.STILL_READING_REMEDY)
    boxes: Sequence[BoxPx] = [(x0, y0, x1, y1) for x0, y0, x1, y1 in page.shown.get("text") or ()]
    hidden = page.hiding(boxes)
    yield {
        "case": replace(case, page=hidden),
        "status": status_html("done", words.STATUS_HIDDEN.format(places=_hidden(len(boxes)))),
    } | text_line(hidden)


def text_line(page: CasePage | None) -> Update:
    """Return the updates of the line of the Compare page that says whether text is printed on the page."""
    found = None if page is None else page.shown.get("text")
    if page is None or found is None:
        return {"page_text": gr.update(visible=False)}
    sentence = words.text_sentence(len(found), page.shown.get("hidden", 0))
    return {
        "page_text": gr.update(visible=True),
        "page_text_says": f"<p>{sentence}</p>",
        "page_hide": gr.update(visible=bool(found)),
    }


def _page_of(case: Case | CompareCase | None) -> CasePage:
    if case is None or case.page is None:
        raise InputError(words.TITLE, words.NO_PAGE, words.NO_PAGE_REMEDY)
    return case.page


def _hidden(count: int) -> str:
    return words.ONE_HIDDEN if count == 1 else words.MANY_HIDDEN.format(count=count)
