"""What happens on the Read page: open files, show, measure, read; each action yields updates by component name.

Every action is load → domain function → view. It knows the names of the page's components (`ui.pages.read`) and no
layout. Bad input becomes one sentence in the status line; a fault of ours becomes one sentence too and is logged; in
both cases nothing else on the page changes, so the last good result stays.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.formats import read as read_files
from ecgr1_core.formats.limb_equations import SCALED_LEAD_BY_LEAD
from ecgr1_core.interpretation import Interpretation, StreamParser
from ecgr1_core.measure import measure
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.readers import Reader, ReadingDetails, ReadingStream, get_reader
from ecgr1_core.readers.base import Cautioned, agreed, prepare
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings
from ui import strings
from ui import strings_page as words
from ui.components.case_line import case_html
from ui.components.checked import Checked, Checker
from ui.components.consent import check_consent, consent_choice
from ui.components.measurements import lead_table_html, measurements_html
from ui.components.reading import footer_html, reading_html, writing_now
from ui.components.status import status_html
from ui.components.viewer import marks_html, recording_html
from ui.pages.case import Case, Turn
from ui.pages.case_page import (
    CasePage,
    Given,
    corrections_of,
    look_at,
    page_among,
    panel_data_html,
    read_off,
    view_of,
)
from ui.pages.finished import ended, finished_html, footer_of, kept_footer, tools_of
from ui.pages.hidden_text import hide_marked
from ui.pages.kept_view import view_html
from ui.pages.updates import (
    Update,
    busy,
    busy_with,
    failed,
    forget,
    guarded,
    idle,
    nothing_asked,
    stopped,
    stopped_measuring,
    too_big,
)
from ui.quick_gradio import gr

SECONDS_BETWEEN_UPDATES = 0.3  # each costs a browser without a GPU a tenth of a second

logger = logging.getLogger(__name__)


class ReadActions:
    """The actions of the Read page; no state of a visitor is kept here."""

    def __init__(self, settings: Settings, examples: Sequence[EcgRecord]) -> None:
        self.settings = settings
        self.examples = {record.name: record for record in examples}

    @guarded
    def open_upload(self, case: Case | None, paths: list[str] | None) -> Iterator[Update]:
        """Open the files that were just uploaded; what they do not say of themselves is asked for."""
        if paths:
            yield {"upload": None, "example": None} | nothing_asked() | busy_with(paths)
            yield from self._open_files(case, paths, Given())

    @guarded
    def open_again(self, case: Case | None, paths: list[str], *given: Any) -> Iterator[Update]:
        """Open the files that wait for what they do not say themselves, now that it was `given` as `Given` has it."""
        if not paths:
            raise InputError(strings.READ_FILE, strings.FILES_GONE, strings.FILES_GONE_REMEDY)
        yield busy_with(paths)
        yield from self._open_files(case, paths, Given(*(one or None for one in given)))

    def _open_files(self, case: Case | None, paths: list[str], given: Given) -> Iterator[Update]:
        files, page = [Path(path) for path in paths], None
        try:
            if alone := page_among(files):
                yield busy(words.STATUS_READING.format(file=alone.name))
                record, page = read_off(alone.name, alone.read_bytes(), given.asked, given.page_number)
            else:
                record = read_files(files, given.options(self.settings))
        except MissingInformationError as error:
            asked = {"ask": gr.update(visible=True), "pending": paths, error.field: gr.update(visible=True)}
            yield failed(error) | asked | idle(case)
            return
        except Exception:
            if given == Given():  # otherwise something else that is given may still open them
                forget(files)
            raise
        asked = nothing_asked()
        if SCALED_LEAD_BY_LEAD in record.warnings:  # the visitor may know better than the file
            asked |= {"ask": gr.update(visible=True), "pending": paths, "counts_per_mv": gr.update(visible=True)}
        else:
            forget(files)
        for updates in self._show(case, record, page):
            yield asked | updates

    @guarded
    def read_page_again(self, case: Case | None, told: str) -> Iterator[Update]:
        """Read the open page again with what the visitor corrected; `told` is the panel's JSON."""
        if case is None or case.page is None:
            raise InputError(words.TITLE, words.NO_PAGE, words.NO_PAGE_REMEDY)
        asked, number = corrections_of(told, case.page)
        yield busy(words.STATUS_READING.format(file=case.page.name))
        record, page = case.page.again(asked, number, case.key)
        yield from self._show(case, record, page)

    @guarded
    def hide_text(self, case: Case | None, told: str) -> Iterator[Update]:
        """Hide on the open page what the visitor marked; `told` is the panel's JSON."""
        yield from hide_marked(case, told, self._show, keeping=self.settings.keep_recordings)

    @guarded
    def open_example(self, case: Case | None, name: str | None) -> Iterator[Update]:
        """Open one of the example recordings."""
        if name is not None:
            yield busy(strings.STATUS_FILES.format(files=name)) | nothing_asked()
            yield from self._show(case, self.examples[name])

    def _show(self, case: Case | None, record: EcgRecord, page: CasePage | None = None) -> Iterator[Update]:
        """Show the trace at once, with its `page`, then measure; what cannot be measured is open all the same.

        A reading of the case before that is still being written is stopped, and writes nothing on this one's page.
        """
        trace = recording_html(record, whole=False)
        page_data = panel_data_html(page, keeping=self.settings.keep_recordings)
        if case is not None:
            case.leave()
        opened = Case(record, page=page)
        looked_at = {} if page is None else {"view_kept": view_html(page.shown["view"])}
        yield (
            {
                "case": opened,
                "case_line": case_html(record, None if page is None else page.name),
                "trace": trace,
                "page_data": page_data,
                "trace_marks": marks_html(None, None),
                "measurements": measurements_html(None, note=strings.MEASURE_RUNNING),
                "lead_table": lead_table_html(None, note=strings.MEASURE_RUNNING),
                "reading": reading_html(None),
                "footer": footer_html(),
            }
            | looked_at
            | tools_of(opened)
            | busy(strings.STATUS_MEASURING.format(name=record.name))
        )
        try:
            measurements = measure(record)
            trace_marks = marks_html(record, measurements)
        except Exception as error:
            yield stopped_measuring() | failed(error) | idle(opened)
            return
        yield {
            "case": replace(opened, measurements=measurements),
            "trace_marks": trace_marks,
            "measurements": measurements_html(measurements, record.patient),
            "lead_table": lead_table_html(measurements),
            "status": status_html("done", strings.STATUS_OPEN.format(name=record.name)),
        } | idle(opened)

    @guarded
    def choose_reader(self, case: Case | None, name: str) -> Iterator[Update]:
        """Offer the modalities of the reader that was chosen, and say what there is to know of it."""
        reader = get_reader(name, self.settings)
        prepare(reader)
        yield {
            "modality": gr.update(**modality_choice(reader)),
            "reader_note": reader_note_html(reader),
            "consent": gr.update(**consent_choice(reader)),
        }

    @guarded
    def read(
        self, case: Case | None, reader_name: str, modality: Modality, consented: bool = False
    ) -> Iterator[Update]:
        """Let the chosen reader read the open recording and show its reading as it is written.

        One that sends the recording away reads only where the visitor has `consented`.
        """
        if case is None:
            raise InputError(strings.READ, strings.NO_RECORDING, strings.NO_RECORDING_REMEDY)
        reader = get_reader(reader_name, self.settings)
        check_consent(reader, consented)
        turn = case.begin_reading()
        try:
            looked = None
            if modality != "signal":
                sentence = strings.STATUS_PAGE if case.page is None else words.STATUS_PICTURE
                yield busy(sentence.format(reader=reader.title))
                looked = look_at(case.record, case.page)
            view = view_of(case.record, modality, looked)
            stream = reader.read(view, agreed(reader))
            with closing(stream):
                yield from self._written(case, reader, view, stream, turn)
        except Exception:
            if not turn.left:
                raise
            logger.exception("a reading that nobody waits for any more failed")
        finally:
            case.end_reading(turn)

    def _written(
        self, case: Case, reader: Reader, view: ModalityView, stream: ReadingStream, turn: Turn
    ) -> Iterator[Update]:
        """Show what is waited for, then the reading as it is written, then how it ended."""
        started, shown, modality = time.monotonic(), 0.0, view.modality
        yield busy(strings.STATUS_ASKED.format(reader=reader.title))
        reading, parser, waiting, said = Interpretation(), StreamParser(), "", ""
        checker = Checker(case.record, case.measurements)

        def footer(sentence: str, **seconds: float) -> str:
            return footer_of(sentence, reader, modality, stream.details, **seconds)

        try:
            for delta in stream:
                if turn.stopped:
                    break
                waiting += delta
                now = time.monotonic()
                if not waiting and not shown:
                    sentence = waiting_for(reader, modality, stream.details, now - started)
                    if sentence != said:
                        said = sentence
                        yield busy(sentence)
                elif now - shown >= SECONDS_BETWEEN_UPDATES:
                    shown = now
                    reading, waiting = parser.feed(waiting), ""
                    checked = checker.so_far(reading)
                    yield progress(reader, reading, checked, footer(strings.FOOTER_RUNNING), now - started)
        except Exception:
            if (shown or waiting) and not turn.left:  # with the last words that had come
                reading = parser.feed(waiting)
                yield {
                    "reading": reading_html(reading, checker.so_far(reading)),
                    "footer": footer(strings.FOOTER_STOPPED),
                }
            raise
        if turn.left:
            return
        if turn.stopped and not shown:
            yield stopped() | idle(case)
            return
        reading, details, seconds = parser.feed(waiting), stream.details, time.monotonic() - started
        checked = checker.at_last(reading, details.evidence, details.certainties, case.comparison)
        origin, stopped_early = view.page_origin, turn.stopped
        kept = ended(
            reader, modality, reading, checked, details, seconds=seconds, stopped=stopped_early, page_origin=origin
        )
        read = replace(case, reading=kept)
        said_last = stopped() if turn.stopped else {"status": finished_html(reader, reading, details, self.settings)}
        yield (
            {"case": read, "reading": reading_html(reading, checked), "footer": kept_footer(kept)}
            | said_last
            | idle(read)
            | tools_of(read)
        )

    @guarded
    def refuse_too_big(self, case: Case | None, told: str) -> Iterator[Update]:
        """Say that a file is over the limit; the browser did not send it and tells its name and size as JSON."""
        if told:
            raise too_big(told, self.settings)
        yield {}

    @guarded
    def cancelled(self, case: Case | None) -> Iterator[Update]:
        """Stop what is running and say so; a reading says it itself, when it has stopped."""
        if case is not None and case.stop():
            yield {}
            return
        update = stopped() | idle(case)
        if case is not None and case.measurements is None:
            update |= stopped_measuring()
        yield update


def warm_up(record: EcgRecord) -> None:
    """Prepare and measure one recording and forget the result, so that no visitor waits for libraries to be loaded."""
    try:
        recording_html(record, whole=False)
        marks_html(record, measure(record))
    except Exception:
        logger.exception("warming up failed; the first recording will take longer")


def waiting_for(reader: Reader, modality: Modality, details: ReadingDetails, seconds: float) -> str:
    """Return in one sentence what a reading without words yet waits for, `seconds` after it was asked for."""
    if details.phase == "waiting":
        return strings.STATUS_WAITING.format(reader=reader.title, seconds=seconds)
    if details.phase == "loading" and details.expected_load_s is not None:
        return strings.STATUS_LOADING.format(expected=details.expected_load_s, seconds=seconds)
    return strings.STATUS_LOOKING.format(reader=reader.title, modality=strings.SEES[modality], seconds=seconds)


def progress(reader: Reader, reading: Interpretation, checked: Checked, footer: str, seconds: float) -> Update:
    """Return the updates that show a reading so far."""
    sentence = strings.STATUS_WRITING.format(reader=reader.title, part=writing_now(reading), seconds=seconds)
    return {
        "reading": reading_html(reading, checked, running=True),
        "footer": footer,
        "status": status_html("busy", sentence),
    } | tools_of(None)  # they are those of a reading that has ended


def reader_choices(readers: Sequence[Reader]) -> list[tuple[str, str]]:
    """Return the choices of the list of readers; one that cannot be used here is marked so, not hidden."""
    unavailable = strings.READER_UNAVAILABLE
    return [(r.title if r.unavailable is None else unavailable.format(reader=r.title), r.name) for r in readers]


def modality_choice(reader: Reader) -> dict[str, Any]:
    """Return choices and value of the modality list: what this reader can see, and nothing else."""
    return {
        "choices": [(strings.MODALITY_NAMES[modality], modality) for modality in reader.modalities],
        "value": reader.modalities[0],
    }


def reader_note_html(reader: Reader) -> str:
    """Return one line on the chosen reader: version, what it can see, where the recording goes; or what it lacks."""
    if reader.unavailable is not None:
        title = strings.READER_UNAVAILABLE.format(reader=reader.title)
        return f'<p class="away">{escape(title)}. {escape(reader.unavailable)}</p>'
    seen = strings.SEES_SEPARATOR.join(strings.SEES[modality] for modality in reader.modalities)
    words = strings.READER_NOTE.format(reader=reader.title, version=reader.version, seen=seen)
    caution = f"{reader.caution} " if isinstance(reader, Cautioned) else ""
    return f"<p>{escape(words)} {escape(caution)}{escape(reader.privacy)}</p>"
