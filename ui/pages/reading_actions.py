"""What can be done with a finished reading: compare it with a reference, take it along as text, JSON or PDF.

As in `ui.pages.read_actions` every action is load → domain function → view, and bad input becomes one sentence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path

from ecgr1_core.errors import DamagedFileError, InputError
from ecgr1_core.evidence import MODES, Reference, reference_from_file
from ecgr1_core.interpretation import parse
from ecgr1_core.protocol import assess
from ecgr1_core.protocol.evidence_phrases import reference_of
from ecgr1_core.pseudonyms import key_from, pseudonym
from ecgr1_core.readers import get_reader
from ecgr1_core.settings import Settings
from ui import strings
from ui.components.checked import Comparison
from ui.components.documents import download_html, file_stem, plain_text, reading_json, report_bytes
from ui.components.reading import reading_html
from ui.components.status import status_html
from ui.pages.case import Case
from ui.pages.finished import checked_again, tools_of
from ui.pages.kept_view import view_of
from ui.pages.updates import Update, busy, forget, guarded, idle

LARGEST_REFERENCE_BYTES = 2**20
_numbers = count(1)


class ReadingActions:
    """The actions on a finished reading."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @guarded
    def compare(self, case: Case | None, path: str | None, mode: str) -> Iterator[Update]:
        """Compare the reading with the evidence phrases of a reference file, which is read and deleted."""
        if path is None:
            return
        file = Path(path)
        try:
            reference = read_reference(file)
        finally:
            forget([file])
        opened = _with_reading(case)
        comparison = Comparison(file.name, reference, "published" if mode == "published" else "strict")
        yield _compared(replace(opened, comparison=comparison)) | {
            "compare": None,
            "status": status_html("done", strings.STATUS_COMPARED.format(name=file.name)),
        }

    @guarded
    def compare_protocol(self, case: Case | None, mode: str) -> Iterator[Update]:
        """Compare a reading by another reader with what the protocol finds in the recording."""
        opened = _with_reading(case)
        if opened.measurements is None:
            raise InputError(opened.record.name, strings.NO_FINDINGS, strings.NO_REPORT_REMEDY)
        record = opened.record
        reference = reference_of(assess(opened.measurements, record.patient, record.warnings))
        name = strings.COMPARE_PROTOCOL
        comparison = Comparison(name, reference, "published" if mode == "published" else "strict")
        yield _compared(replace(opened, comparison=comparison)) | {
            "status": status_html("done", strings.STATUS_COMPARED.format(name=name)),
        }

    @guarded
    def compare_again(self, case: Case | None, mode: str) -> Iterator[Update]:
        """Match the same phrases in the other way."""
        if case is not None and case.comparison is not None and mode in MODES:
            yield _compared(replace(case, comparison=replace(case.comparison, mode=mode)))

    @guarded
    def compare_off(self, case: Case | None) -> Iterator[Update]:
        """Take the reference away."""
        if case is not None:
            yield _compared(replace(case, comparison=None))

    @guarded
    def copy(self, case: Case | None) -> Iterator[Update]:
        """Give the reading to the browser as plain text, which puts it on the clipboard."""
        opened = _with_reading(case)
        assert opened.reading is not None
        text = plain_text(opened.record, opened.reading, checked_again(opened))
        name = f"{file_stem(opened.record.name)}.txt"
        yield {
            "download": download_html(name, "text/plain", text.encode(), next(_numbers)),
            "status": status_html("done", strings.STATUS_COPIED.format(name=opened.record.name)),
        }

    @guarded
    def save_json(self, case: Case | None) -> Iterator[Update]:
        """Give the reading to the browser as JSON in the form of `ecgr1 interpret`."""
        opened = _with_reading(case)
        assert opened.reading is not None
        reader = get_reader(opened.reading.reader, self.settings)
        document = reading_json(opened.record, opened.reading, checked_again(opened), reader)
        content = json.dumps(document, ensure_ascii=False, indent=2).encode()
        name = f"{file_stem(opened.record.name)}-{opened.reading.reader}.json"
        yield {
            "download": download_html(name, "application/json", content, next(_numbers)),
            "status": status_html("done", strings.STATUS_JSON_DONE.format(name=opened.record.name)),
        }

    @guarded
    def save_pdf(self, case: Case | None, view: str) -> Iterator[Update]:
        """Make the report of the reading and give it to the browser; it names the recording by a pseudonym."""
        opened = _with_reading(case)
        assert opened.reading is not None
        name = opened.record.name
        if opened.measurements is None:
            raise InputError(name, strings.NO_REPORT, strings.NO_REPORT_REMEDY)
        yield busy(strings.STATUS_PDF.format(name=name))
        code = pseudonym(name, key_from(self.settings.pseudonym_file))
        content = report_bytes(
            opened.record,
            opened.measurements,
            opened.reading,
            opened.reading.claims,
            get_reader(opened.reading.reader, self.settings),
            case=code,
            made_at=datetime.now().astimezone(),
            view=view_of(view),
        )
        yield {
            "download": download_html(f"ECG-{code}.pdf", "application/pdf", content, next(_numbers)),
            "status": status_html("done", strings.STATUS_PDF_DONE.format(name=name)),
        } | idle(opened)


def read_reference(file: Path) -> Reference:
    """Return the reference that a file holds: published string, trace, JSON or YAML; `InputError` for anything else."""
    if file.stat().st_size > LARGEST_REFERENCE_BYTES:
        raise InputError(file, strings.REFERENCE_TOO_BIG, strings.REFERENCE_REMEDY)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DamagedFileError(file, strings.REFERENCE_NO_TEXT, strings.REFERENCE_REMEDY) from error
    return reference_from_file(text, file.name)


def _with_reading(case: Case | None) -> Case:
    if case is None or case.reading is None:
        raise InputError(strings.READING, strings.NO_READING, strings.NO_READING_REMEDY)
    return case


def _compared(case: Case) -> Update:
    if case.reading is None:
        return {"case": case} | tools_of(case)
    return {"case": case, "reading": reading_html(parse(case.reading.raw), checked_again(case))} | tools_of(case)
