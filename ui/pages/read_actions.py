"""What happens on the Read page: open files, draw, measure, read; each action yields updates by component name.

Every action is load → domain function → view. It knows the names of the page's components (`ui.pages.read`) and no
layout. Bad input becomes one sentence in the status line; a fault of ours becomes one sentence too and is logged; in
both cases nothing else on the page changes, so the last good result stays.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.formats import ReadOptions
from ecgr1_core.formats import read as read_files
from ecgr1_core.interpretation import Interpretation, StreamParser
from ecgr1_core.measure import measure
from ecgr1_core.modality import Modality, ModalityView
from ecgr1_core.readers import Reader, get_reader
from ecgr1_core.record import EcgRecord
from ecgr1_core.render.paper import render_page
from ecgr1_core.settings import Settings
from ui import strings
from ui.components.case_line import case_html
from ui.components.measurements import lead_table_html, measurements_html
from ui.components.reading import footer_html, reading_html, writing_now
from ui.components.status import status_html
from ui.components.trace import Drawing, trace_html
from ui.pages.case import Case, Running

Update = dict[str, Any]
"""New values or `gr.update`s by component name; components that are not named stay as they are."""

Action = Callable[..., Iterator[Update]]
SECONDS_BETWEEN_UPDATES = 0.1

logger = logging.getLogger(__name__)


def guarded(action: Action) -> Action:
    """Wrap a method whose first input is the open case (or None): its errors become one sentence on the page."""

    @functools.wraps(action)
    def run(self: ReadActions, case: Case | None, *inputs: Any) -> Iterator[Update]:
        try:
            yield from action(self, case, *inputs)
        except Exception as error:
            yield failed(error) | idle(case)

    return run


def joined(earlier: Update, later: Update) -> Update:
    """Return both updates as one, the later one winning.

    An action's updates are sent joined to all that came before: where two follow each other quickly, the browser may
    see only the second.
    """
    both = dict(earlier)
    for name, value in later.items():
        old = both.get(name)
        if _is_partial(value) and name in both:
            value = (old if _is_partial(old) else gr.update(value=old)) | value
        both[name] = value
    return both


def _is_partial(value: Any) -> bool:
    return isinstance(value, dict) and value.get("__type__") == "update"


def failed(error: Exception) -> Update:
    """Return the status line for an error: its own sentence for bad input, otherwise a logged internal fault."""
    if isinstance(error, InputError):
        return {"status": status_html("error", str(error))}
    logger.error("internal fault on the Read page", exc_info=error)
    return {"status": status_html("error", strings.FAULT)}


def busy(sentence: str) -> Update:
    """Return the updates that say what is being waited for, with only Cancel to press."""
    return {
        "status": status_html("busy", sentence),
        "read": gr.update(interactive=False),
        "cancel": gr.update(interactive=True),
    }


def busy_with(paths: Sequence[str]) -> Update:
    """Return the updates that say which files are being read."""
    return busy(strings.STATUS_FILES.format(files=", ".join(Path(path).name for path in paths)))


def idle(case: Case | None) -> Update:
    """Return the updates that let the next thing be started."""
    return {"read": gr.update(interactive=case is not None), "cancel": gr.update(interactive=False)}


def nothing_asked() -> Update:
    """Return the updates that take back the question for what a file did not say."""
    return {
        "ask": gr.update(visible=False),
        "pending": [],
        "sampling_rate_hz": gr.update(value=None, visible=False),
        "unit": gr.update(value=None, visible=False),
    }


class ReadActions:
    """The actions of the Read page; no state of a visitor is kept here."""

    def __init__(self, settings: Settings, examples: Sequence[EcgRecord]) -> None:
        self.settings = settings
        self.examples = {record.name: record for record in examples}

    @guarded
    def open_upload(self, case: Case | None, paths: list[str] | None, *drawing: Any) -> Iterator[Update]:
        """Open the files that were just uploaded; what they do not say of themselves is asked for."""
        if paths:
            yield {"upload": None, "example": None} | nothing_asked() | busy_with(paths)
            yield from self._open_files(case, paths, None, None, Drawing(*drawing))

    @guarded
    def open_again(
        self, case: Case | None, paths: list[str], rate: float | None, unit: Any, *drawing: Any
    ) -> Iterator[Update]:
        """Open the files that wait for their sampling rate or unit, now that it was given."""
        if not paths:
            raise InputError(strings.READ_FILE, strings.FILES_GONE, strings.FILES_GONE_REMEDY)
        yield busy_with(paths)
        yield from self._open_files(case, paths, rate, unit, Drawing(*drawing))

    def _open_files(
        self, case: Case | None, paths: list[str], rate: float | None, unit: Any, drawing: Drawing
    ) -> Iterator[Update]:
        files = [Path(path) for path in paths]
        try:
            options = ReadOptions(sampling_rate_hz=rate, unit=unit or None, max_duration_s=self.settings.max_duration_s)
            record = read_files(files, options)
        except MissingInformationError as error:
            asked = {"ask": gr.update(visible=True), "pending": paths, error.field: gr.update(visible=True)}
            yield failed(error) | asked | idle(case)
            return
        except Exception:
            if rate is None and unit is None:  # otherwise another rate or unit may still open them
                forget(files)
            raise
        forget(files)
        for updates in self._show(record, drawing):
            yield nothing_asked() | updates

    @guarded
    def open_example(self, case: Case | None, name: str | None, *drawing: Any) -> Iterator[Update]:
        """Open one of the example recordings."""
        if name is not None:
            yield busy(strings.STATUS_FILES.format(files=name)) | nothing_asked()
            yield from self._show(self.examples[name], Drawing(*drawing))

    def _show(self, record: EcgRecord, drawing: Drawing) -> Iterator[Update]:
        """Show the trace at once, then measure; a recording that cannot be measured is open all the same."""
        figure = drawing.figure(record, from_start=True)
        opened = Case(record)
        yield {
            "case": opened,
            "case_line": case_html(record),
            "trace": trace_html(figure),
            "page_start": gr.update(value=0, visible=drawing.has_more_pages(record)),
            "measurements": measurements_html(None, note=strings.MEASURE_RUNNING),
            "lead_table": lead_table_html(None, note=strings.MEASURE_RUNNING),
            "reading": reading_html(None),
            "footer": footer_html(strings.FOOTER_NONE),
            "running": None,
        } | busy(strings.STATUS_MEASURING.format(name=record.name))
        try:
            measurements = measure(record)
        except Exception as error:
            yield stopped_measuring() | failed(error) | idle(opened)
            return
        yield {
            "case": Case(record, measurements),
            "measurements": measurements_html(measurements, record.patient),
            "lead_table": lead_table_html(measurements),
            "status": status_html("done", strings.STATUS_OPEN.format(name=record.name)),
        } | idle(opened)

    @guarded
    def redraw(self, case: Case | None, *drawing: Any) -> Iterator[Update]:
        """Draw the open recording again in another layout, scale, width or colours; nothing is read or measured."""
        if case is not None:
            yield {"trace": trace_html(Drawing(*drawing).figure(case.record))}

    @guarded
    def choose_reader(self, case: Case | None, name: str) -> Iterator[Update]:
        """Offer the modalities of the reader that was chosen, and say what there is to know of it."""
        reader = get_reader(name)
        yield {"modality": gr.update(**modality_choice(reader)), "reader_note": reader_note_html(reader)}

    @guarded
    def read(self, case: Case | None, reader_name: str, modality: Modality) -> Iterator[Update]:
        """Let the chosen reader read the open recording and show its reading as it is written."""
        if case is None:
            raise InputError(strings.READ, strings.NO_RECORDING, strings.NO_RECORDING_REMEDY)
        reader = get_reader(reader_name)
        started = time.monotonic()
        page = None
        if modality != "signal":
            yield busy(strings.STATUS_PAGE.format(reader=reader.title))
            page = render_page(case.record)
        view = ModalityView(modality, case.record, page, "rendered" if page else None)
        yield busy(strings.STATUS_ASKED.format(reader=reader.title))
        reading, shown = Interpretation(), 0.0
        parser = StreamParser()
        try:
            for delta in reader.read(view):
                reading = parser.feed(delta)
                if time.monotonic() - shown >= SECONDS_BETWEEN_UPDATES:
                    shown = time.monotonic()
                    yield progress(reader, modality, reading, shown - started)
        except Exception:
            if shown:
                yield {"footer": footer_of(strings.FOOTER_STOPPED, reader, modality), "running": None}
            raise
        seconds = time.monotonic() - started
        yield {
            "reading": reading_html(reading),
            "footer": footer_of(strings.FOOTER_DONE, reader, modality, seconds=seconds),
            "status": finished_html(reading),
            "running": None,
        } | idle(case)

    @guarded
    def refuse_too_big(self, case: Case | None, told: str) -> Iterator[Update]:
        """Say that a file is over the limit; the browser did not send it and tells its name and size as JSON."""
        if told:
            file = json.loads(told)
            size_mb, limit_mb = float(file["size_bytes"]) / 2**20, self.settings.max_upload_mb
            fault = strings.FILE_TOO_BIG.format(size_mb=size_mb, limit_mb=limit_mb)
            raise InputError(Path(str(file["name"])), fault, strings.FILE_TOO_BIG_REMEDY)
        yield {}

    @guarded
    def cancelled(self, case: Case | None, running: Running | None) -> Iterator[Update]:
        """Say that what was running was stopped, and mark a reading that is not whole."""
        update = {"status": status_html("note", strings.STATUS_CANCELLED), "running": None} | idle(case)
        if running is not None:
            reader = get_reader(running.reader)
            update["footer"] = footer_of(strings.FOOTER_STOPPED, reader, running.modality)
        if case is not None and case.measurements is None:
            update |= stopped_measuring()
        yield update


def warm_up(record: EcgRecord) -> None:
    """Draw and measure one recording and forget the result, so that no visitor waits for libraries to be loaded."""
    try:
        Drawing("3x4+1", 25.0, 10.0, 0.0, 0.0, False).figure(record)
        measure(record)
    except Exception:
        logger.exception("warming up failed; the first recording will take longer")


def progress(reader: Reader, modality: Modality, reading: Interpretation, seconds: float) -> Update:
    """Return the updates that show a reading so far."""
    sentence = strings.STATUS_WRITING.format(reader=reader.title, part=writing_now(reading), seconds=seconds)
    return {
        "reading": reading_html(reading, running=True),
        "footer": footer_of(strings.FOOTER_RUNNING, reader, modality),
        "status": status_html("busy", sentence),
        "running": Running(reader.name, modality),
    }


def stopped_measuring() -> Update:
    """Return the updates that say that there are no measurements."""
    note = strings.MEASURE_STOPPED
    return {"measurements": measurements_html(None, note=note), "lead_table": lead_table_html(None, note=note)}


def footer_of(sentence: str, reader: Reader, modality: Modality, *, seconds: float = 0.0) -> str:
    """Return the footer that names the reader of the reading on the page."""
    seen = strings.SEES[modality]
    words = sentence.format(reader=reader.title, version=reader.version, modality=seen, seconds=seconds)
    return footer_html(words)


def finished_html(reading: Interpretation) -> str:
    """Return the status line of a reading that has ended: whole, or what it lacks."""
    if reading.complete:
        return status_html("done", strings.STATUS_READ)
    return status_html("error", strings.STATUS_INCOMPLETE.format(missing=", ".join(reading.missing)))


def modality_choice(reader: Reader) -> dict[str, Any]:
    """Return choices and value of the modality list: what this reader can see, and nothing else."""
    return {
        "choices": [(strings.MODALITY_NAMES[modality], modality) for modality in reader.modalities],
        "value": reader.modalities[0],
    }


def reader_note_html(reader: Reader) -> str:
    """Return one line on the chosen reader: its version, what it can see, and where the recording goes."""
    seen = strings.SEES_SEPARATOR.join(strings.SEES[modality] for modality in reader.modalities)
    words = strings.READER_NOTE.format(reader=reader.title, version=reader.version, seen=seen)
    return f"<p>{escape(words)} {escape(reader.privacy)}</p>"


def forget(files: list[Path]) -> None:
    """Delete uploads that have been read or refused: the page keeps the recording in memory, not the files."""
    for file in files:
        file.unlink(missing_ok=True)
