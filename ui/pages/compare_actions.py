"""What happens on the Compare page: open a recording, have it read in several ways at once, compare, take along.

As in `ui.pages.read_actions` every action is load → domain function → view, and bad input becomes one sentence.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from annotations.recordings import KeptReading, RecordingStore
from ecgr1_core.digitize import Asked
from ecgr1_core.errors import InputError, MissingInformationError
from ecgr1_core.formats import read as read_files
from ecgr1_core.measure import measure
from ecgr1_core.metrics.embedding import OFFLINE_MODEL, SentenceModel
from ecgr1_core.modality import Modality
from ecgr1_core.readers import ReadingStream, get_reader
from ecgr1_core.readers.base import agreed, prepare
from ecgr1_core.readers.local_model import LocalModel
from ecgr1_core.record import EcgRecord
from ecgr1_core.settings import Settings
from ui import strings
from ui import strings_compare as words
from ui import strings_page as page_words
from ui.components.case_line import case_html
from ui.components.checked import Checker
from ui.components.comparison import LETTERS, Column, columns_html, compare, compared_html, view_name
from ui.components.consent import check_consent
from ui.components.reading import quiet_html
from ui.components.status import status_html
from ui.components.viewer import marks_html, recording_html
from ui.pages.case_page import CasePage, Given, look_at, page_among, read_off, view_of
from ui.pages.compare_case import CompareCase, Running
from ui.pages.compare_choices import options_of, readers_of, seed_of, told_of
from ui.pages.compare_columns import column_of, kept_of
from ui.pages.compare_saving import guarded, idle
from ui.pages.hidden_text import hide_found, text_line
from ui.pages.kept_pages import PageFiles
from ui.pages.updates import Update, failed, forget, too_big
from ui.quick_gradio import gr

LEAST, MOST = 2, len(LETTERS)
LOOK_EVERY_S = 0.3

logger = logging.getLogger(__name__)


class CompareActions:
    """The actions of the Compare page; no state of a visitor is kept here."""

    def __init__(
        self,
        settings: Settings,
        examples: Sequence[EcgRecord],
        store: RecordingStore | None,
        pages: PageFiles | None = None,
    ) -> None:
        self.settings = settings
        self.pages = pages
        self.examples = {record.name: record for record in examples}
        self.store = store

    def choices(self, visitor: str) -> list[tuple[str, str]]:
        """Return what can be opened: what the visitor opened before, the last first, then the examples."""
        kept = self.store.entries(visitor) if self.store is not None and visitor else ()
        found = [(entry.name, f"kept:{entry.key}") for entry in kept]
        return found + [(name, f"example:{name}") for name in self.examples]

    @guarded
    def begin(self, case: CompareCase | None, told: str) -> Iterator[Update]:
        """List what can be opened, and open what the address of the page names; `told` is the browser's JSON."""
        asked = _told(told)
        visitor = asked.get("visitor", "")
        yield {"recording": gr.update(choices=self.choices(visitor))}
        if asked.get("recording"):
            key = f"kept:{asked['recording']}"
            yield {"recording": gr.update(value=key)}
            yield from self._open(case, *self._named(key, visitor))

    @guarded
    def open_chosen(self, case: CompareCase | None, key: str | None, told: str) -> Iterator[Update]:
        """Open what was chosen from the list."""
        if key:
            yield from self._open(case, *self._named(key, _told(told).get("visitor", "")))

    @guarded
    def open_upload(self, case: CompareCase | None, paths: list[str] | None) -> Iterator[Update]:
        """Open the files that were uploaded."""
        if not paths:
            return
        files = [Path(path) for path in paths]
        names = ", ".join(file.name for file in files)
        yield {"upload": None, "status": status_html("busy", strings.STATUS_FILES.format(files=names))}
        page = None
        try:
            if alone := page_among(files):
                yield {"status": status_html("busy", page_words.STATUS_READING.format(file=alone.name))}
                record, page = read_off(alone.name, alone.read_bytes(), Asked())
            else:
                record = read_files(files, Given().options(self.settings))
        except MissingInformationError as error:
            raise InputError(error.subject, error.fault, words.ASK_ON_READ) from error
        finally:
            forget(files)
        yield {"recording": gr.update(value=None)}
        yield from self._open(case, record, page)

    def _named(self, key: str, visitor: str) -> tuple[EcgRecord, CasePage | None]:
        kind, _, name = key.partition(":")
        if kind == "example" and name in self.examples:
            return self.examples[name], None
        if kind == "kept" and self.store is not None and visitor:
            page = None if self.pages is None else self.pages.open(visitor, name)
            return self.store.open(visitor, name).record, page
        raise InputError(words.RECORDING, words.NO_RECORDING, words.NO_RECORDING_REMEDY)

    def _open(self, case: CompareCase | None, record: EcgRecord, page: CasePage | None = None) -> Iterator[Update]:
        if case is not None:
            case.stop()
        opened = CompareCase(record, page=page)
        yield {
            "case": opened,
            "case_line": case_html(record, None if page is None else page.name),
            **text_line(page),
            "trace": recording_html(record, whole=False),
            "trace_marks": marks_html(None, None),
            "comparison": quiet_html(words.NOT_YET),
            "tools": gr.update(visible=False),
            "status": status_html("busy", strings.STATUS_MEASURING.format(name=record.name)),
        }
        try:
            measurements = measure(record)
        except Exception as error:
            yield failed(error) | idle(opened)
            return
        yield {
            "case": replace(opened, measurements=measurements),
            "trace_marks": marks_html(record, measurements),
            "status": status_html("done", strings.STATUS_OPEN.format(name=record.name)),
        } | idle(opened)

    @guarded
    def hide_text(self, case: CompareCase | None) -> Iterator[Update]:
        """Hide the text that was found on the open page."""
        yield from hide_found(case)

    @guarded
    def compare(
        self, case: CompareCase | None, number: int, seed: str, consented: bool, *views: str
    ) -> Iterator[Update]:
        """Have the recording read in the chosen ways at once, show the readings as they come, and compare them.

        A reader that sends the recording away reads only where the visitor has `consented`.
        """
        if case is None:
            raise InputError(words.COMPARE, words.NO_RECORDING, words.NO_RECORDING_REMEDY)
        case.stop()
        running = self._asked(case, list(views[:number]), seed_of(seed), consented)
        case.running[:] = running
        names = " + ".join(view_name(one.reader.title, one.modality) for one in running)
        yield {
            "status": status_html("busy", words.STATUS_ASKED.format(readings=names)),
            "compare": gr.update(interactive=False),
            "cancel": gr.update(interactive=True),
            "tools": gr.update(visible=False),
            **{f"stop_{letter}": gr.update(interactive=n < number) for n, letter in enumerate(LETTERS)},
        }
        try:
            for one in running:
                one.start()
            yield from self._watched(running)
            yield {"status": status_html("busy", words.STATUS_COMPARING)}
            yield self._finished(case, running)
        finally:
            for one in running:
                if one.ended is None:
                    one.stop()
            case.running[:] = [one for one in case.running if one not in running]

    def _asked(self, case: CompareCase, views: list[str], seed: int | None, consented: bool) -> list[Running]:
        """Return the readings that were asked for, not begun yet; those of one model are written together."""
        chosen = [(get_reader(view.split("/")[0], self.settings), view.split("/")[1]) for view in views]
        for n, one in enumerate(views):
            if one in views[:n]:
                letters = {"letter": LETTERS[views.index(one)], "other": LETTERS[n]}
                raise InputError(words.COMPARE, words.SAME.format(**letters), words.SAME_REMEDY)
        for reader, _ in chosen:
            check_consent(reader, consented)
        some_look = any(modality != "signal" for _, modality in chosen)
        looked = look_at(case.record, case.page) if some_look else None
        seen = [view_of(case.record, cast(Modality, modality), looked) for _, modality in chosen]
        streams: dict[int, ReadingStream] = {}
        for reader in dict.fromkeys(reader for reader, _ in chosen):
            own = [n for n, (other, _) in enumerate(chosen) if other is reader]
            options = agreed(reader, options_of(reader, seed))
            if isinstance(reader, LocalModel) and len(own) > 1:
                streams |= dict(zip(own, reader.read_together([seen[n] for n in own], options), strict=True))
            else:
                streams |= {n: reader.read(seen[n], options) for n in own}
        return [
            Running(reader, seen[n].modality, streams[n], Checker(case.record, case.measurements), seen[n].page_origin)
            for n, (reader, _) in enumerate(chosen)
        ]

    def _watched(self, running: list[Running]) -> Iterator[Update]:
        """Show readings as they come, until the last has ended."""
        started, said = time.monotonic(), ""
        while True:
            over = all(one.ended is not None for one in running)
            news = [one.take() for one in running]  # all of them, not the first that has any
            finished_now = sum(one.ended is not None for one in running)
            sentence = words.STATUS_WRITING.format(
                count=finished_now, total=len(running), seconds=time.monotonic() - started
            )
            if any(news) or sentence != said:
                said = sentence
                yield {
                    "comparison": columns_html([column_of(n, one) for n, one in enumerate(running)]),
                    "status": status_html("busy", sentence),
                }
            if over:
                return
            time.sleep(LOOK_EVERY_S)

    def _finished(self, case: CompareCase, running: list[Running]) -> Update:
        for one in running:
            if one.error is not None and not isinstance(one.error, InputError):
                logger.error("a reading failed", exc_info=one.error)
        whole = [one for one in running if one.reading.raw.strip() and one.error is None]
        kept = [kept_of(one) for one in whole]
        if len(kept) < LEAST:
            faults = [str(one.error) for one in running if isinstance(one.error, InputError)]
            status = status_html("error", faults[0] if faults else words.STATUS_DONE_ONE)
            columns = columns_html([column_of(n, one) for n, one in enumerate(running)])
            return {"comparison": columns, "status": status} | idle(case)
        return self._compared(case, kept) | {"status": status_html("done", words.STATUS_DONE)} | idle(case)

    def _compared(self, case: CompareCase, kept: Sequence[KeptReading]) -> Update:
        """Return the comparison of readings, the first with each other one, and the case with it."""
        model = sentence_model(self.settings.sentence_model or OFFLINE_MODEL)
        found = compare(kept, case.record, case.measurements, model)
        columns = [
            Column(
                LETTERS[n],
                view_name(one.title, one.modality),
                words.STOPPED if one.stopped else words.DONE.format(seconds=one.seconds),
                found.readings[n],
                found.checked[n],
            )
            for n, one in enumerate(kept)
        ]
        return {
            "case": CompareCase(case.record, case.measurements, found, page=case.page),
            "comparison": compared_html(columns, found),
            "tools": gr.update(visible=True),
        }

    @guarded
    def swap(self, case: CompareCase | None, first: str, second: str) -> Iterator[Update]:
        """Let A and B change places, also where they were compared already."""
        update: Update = {"view_A": second, "view_B": first, "status": status_html("note", words.STATUS_SWAPPED)}
        if case is not None and case.readings and not case.running:
            yield {"status": status_html("busy", words.STATUS_COMPARING)}
            one, other, *rest = case.readings
            update = self._compared(case, [other, one, *rest]) | update
        yield update

    @guarded
    def columns(self, case: CompareCase | None, more: bool, number: int, *views: str) -> Iterator[Update]:
        """Offer one reading more or fewer."""
        wanted = min(MOST, max(LEAST, number + (1 if more else -1)))
        update: Update = {
            f"column_{letter}": gr.update(visible=n < wanted) for n, letter in enumerate(LETTERS) if n >= LEAST
        }
        yield update | {
            "number": wanted,
            "more": gr.update(interactive=wanted < MOST),
            "fewer": gr.update(interactive=wanted > LEAST),
            **told_of(self.settings, views[:wanted]),
        }

    @guarded
    def chosen(self, case: CompareCase | None, number: int, *views: str) -> Iterator[Update]:
        """Say what there is to know of the readers that are chosen, and let them get ready."""
        for reader in readers_of(self.settings, views[:number]):
            prepare(reader)
        yield told_of(self.settings, views[:number])

    @guarded
    def refuse_too_big(self, case: CompareCase | None, told: str) -> Iterator[Update]:
        """Say that a file is over the limit, which the browser did not send."""
        if told:
            raise too_big(told, self.settings)
        yield {}

    @guarded
    def stop_one(self, case: CompareCase | None, number: int) -> Iterator[Update]:
        """Stop one reading; the others go on."""
        if case is not None and number < len(case.running):
            case.running[number].stop()
            yield {f"stop_{LETTERS[number]}": gr.update(interactive=False)}

    @guarded
    def cancel(self, case: CompareCase | None) -> Iterator[Update]:
        """Stop all readings; what was written is compared as far as it came."""
        if case is not None:
            case.stop()
        yield {"cancel": gr.update(interactive=False)}

    @guarded
    def keep(self, case: CompareCase | None, told: str) -> Iterator[Update]:
        """Keep the recording and its readings in the visitor's list, where the Read page finds them."""
        visitor = _told(told).get("visitor", "")
        if self.store is None or not visitor or case is None:
            return
        now = datetime.now(UTC)
        for reading in case.readings or (None,):
            key = self.store.keep(visitor, case.record, now=now, measurements=case.measurements, reading=reading)
            if self.pages is not None and case.page is not None:
                self.pages.keep(visitor, key, case.page, now)
        yield {"recording": gr.update(choices=self.choices(visitor))}


@functools.cache
def sentence_model(name: str) -> SentenceModel:
    """Return the sentence model of that name, one for the whole program."""
    return SentenceModel(name)


def _told(text: str) -> dict[str, str]:
    """Return what the browser tells: its visitor, and the recording that its address names."""
    try:
        data = json.loads(text or "{}")
    except ValueError:
        return {}
    return {key: value for key, value in data.items() if isinstance(value, str)} if isinstance(data, dict) else {}
