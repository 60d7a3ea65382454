"""What happens with the recordings that are kept for a visitor: keep, list, reopen, remove.

A visitor is known by a random secret that the browser keeps and sends with each of these events; without one nothing is
kept. Everything is asked of the store in the name of that secret, so that nobody reaches what another has opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from annotations.recordings import KeptRecording, RecordingStore, recording_digest
from ecgr1_core.errors import InputError
from ecgr1_core.interpretation import parse
from ecgr1_core.measure import measure
from ecgr1_core.readers import known_readers
from ecgr1_core.settings import Settings
from ui import strings
from ui.components.case_line import case_html
from ui.components.consent import consent_choice
from ui.components.measurements import lead_table_html, measurements_html
from ui.components.reading import footer_html, reading_html
from ui.components.sessions import sessions_html
from ui.components.status import status_html
from ui.components.viewer import marks_html, recording_html
from ui.pages.case import Case
from ui.pages.case_page import panel_data_html
from ui.pages.finished import checked_again, kept_footer, tools_of
from ui.pages.kept_pages import PageFiles
from ui.pages.kept_view import view_html, view_of
from ui.pages.read_actions import modality_choice, reader_note_html
from ui.pages.updates import Update, busy, guarded, idle, nothing_asked
from ui.quick_gradio import gr


class KeptActions:
    """The actions of the side bar; `store`, and `pages` of the files of pages, are None where nothing is kept."""

    def __init__(self, settings: Settings, store: RecordingStore | None, pages: PageFiles | None = None) -> None:
        self.settings = settings
        self.store = store
        self.pages = pages

    @guarded
    def show(self, case: Case | None, visitor: str) -> Iterator[Update]:
        """List what is kept of the visitor; what nobody has opened for long is deleted before."""
        if self.store is not None:
            self.store.expire(_now())
        if self.pages is not None:
            self.pages.expire(_now(), self.settings.keep_recordings_days)
        yield self._list(case, visitor)

    @guarded
    def keep(self, case: Case | None, visitor: str) -> Iterator[Update]:
        """Keep the open recording as far as it has come, unless the visitor has removed it."""
        if self.store is None or not visitor or case is None or case.unwanted:
            return
        try:
            self.store.keep(visitor, case.record, now=_now(), measurements=case.measurements, reading=case.reading)
            self._keep_page(case, visitor)
        except InputError as error:
            fault = strings.STATUS_NOT_KEPT.format(name=case.record.name, fault=str(error))
            yield {"status": status_html("error", fault)}
            return
        yield self._list(case, visitor)

    def _keep_page(self, case: Case, visitor: str) -> None:
        """Keep the page of a recording; what was read off it before it was corrected is no longer kept."""
        if self.pages is None or case.page is None:
            return
        self.pages.keep(visitor, case.key, case.page, _now())
        before = case.page.replaces
        if self.store is not None and before not in (None, case.key):
            self.store.remove(visitor, str(before))
            self.pages.remove(visitor, str(before))

    @guarded
    def keep_view(self, case: Case | None, visitor: str, view: str) -> Iterator[Update]:
        """Keep how the open recording is looked at; `view` is JSON of the viewer, of which known settings are kept."""
        settings = view_of(view)
        if self.store is not None and visitor and case is not None and settings:
            self.store.keep_view(visitor, recording_digest(case.record), settings)
        yield {}

    @guarded
    def reopen(self, case: Case | None, visitor: str, key: str) -> Iterator[Update]:
        """Show a kept recording as it was left; what another version of the program kept is measured anew."""
        if self.store is None or not visitor:
            return
        kept = self.store.open(visitor, key)
        if case is not None:
            case.leave()
        yield busy(strings.STATUS_FILES.format(files=kept.record.name)) | nothing_asked() | {"example": None}
        page = None if self.pages is None else self.pages.open(visitor, key)
        opened = Case(kept.record, kept.measurements, kept.reading, page=page)
        if kept.measurements is None and (kept.lost or kept.reading is not None):
            opened = replace(opened, measurements=measure(kept.record))
        self.store.keep(visitor, kept.record, now=_now())
        self._keep_page(opened, visitor)
        yield (
            reopened(opened, kept)
            | self._chosen(opened, kept)
            | self._list(opened, visitor)
            | idle(opened)
            | tools_of(opened)
        )

    @guarded
    def remove(self, case: Case | None, visitor: str, key: str) -> Iterator[Update]:
        """Delete one kept recording; the page stays as it is, and the recording is not kept again while it is open."""
        if self.store is None or not visitor:
            return
        self.store.remove(visitor, key)
        if self.pages is not None:
            self.pages.remove(visitor, key)
        if case is not None and recording_digest(case.record) == key:
            case.unwanted.append(True)
        yield {"status": status_html("done", strings.STATUS_REMOVED)} | self._list(case, visitor)

    @guarded
    def remove_all(self, case: Case | None, visitor: str) -> Iterator[Update]:
        """Delete all that is kept of the visitor; the page stays as it is."""
        if self.store is None or not visitor:
            return
        self.store.remove_all(visitor)
        if self.pages is not None:
            self.pages.remove_all(visitor)
        if case is not None:
            case.unwanted.append(True)
        yield {"status": status_html("done", strings.STATUS_REMOVED)} | self._list(case, visitor)

    def _chosen(self, case: Case, kept: KeptRecording) -> Update:
        """Choose the reader and modality of the reading that is shown, or say that this reader cannot be had now."""
        if case.reading is None:
            return {}
        reader = next((one for one in known_readers(self.settings) if one.name == case.reading.reader), None)
        if reader is None or reader.unavailable is not None or case.reading.modality not in reader.modalities:
            sentence = strings.STATUS_READER_GONE.format(reopened=reopened_sentence(kept), reader=case.reading.title)
            return {"status": status_html("done", sentence)}
        choice = modality_choice(reader) | {"value": case.reading.modality}
        return {
            "reader": reader.name,
            "modality": gr.update(**choice),
            "reader_note": reader_note_html(reader),
            "consent": gr.update(**consent_choice(reader)),
        }

    def _list(self, case: Case | None, visitor: str) -> Update:
        entries = None if self.store is None else self.store.entries(visitor) if visitor else ()
        key = None if case is None else recording_digest(case.record)
        now = datetime.now().astimezone()
        return {"kept": sessions_html(entries, keep_days=self.settings.keep_recordings_days, now=now, open_key=key)}


def reopened(case: Case, kept: KeptRecording) -> Update:
    """Return the updates that show a recording as it was left."""
    record, measured, reading = case.record, case.measurements, case.reading
    note = {} if measured is not None else {"note": strings.MEASURE_STOPPED}
    return {
        "case": case,
        "case_line": case_html(record, None if case.page is None else case.page.name),
        "page_data": panel_data_html(case.page, keeping=True),
        "trace": recording_html(record, whole=False),
        "trace_marks": marks_html(record, measured),
        "measurements": measurements_html(measured, record.patient, **note),
        "lead_table": lead_table_html(measured, **note),
        "reading": reading_html(None if reading is None else parse(reading.raw), checked_again(case)),
        "footer": footer_html() if reading is None else kept_footer(reading),
        "view_kept": view_html(kept.view),
        "status": status_html("done", reopened_sentence(kept)),
    }


def reopened_sentence(kept: KeptRecording) -> str:
    """Return that a recording is open as it was left, or what of it could not be read any more."""
    lost = " and ".join(strings.LOST[name] for name in kept.lost)
    sentence = strings.STATUS_REOPENED_LOST if lost else strings.STATUS_REOPENED
    return sentence.format(name=kept.record.name, lost=lost)


def _now() -> datetime:
    return datetime.now(UTC)
