"""Recordings that are kept already when the page opens, with readings of every kind of claim, for one visitor."""

from __future__ import annotations

import secrets
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from page_recordings import ptbxl_pair
from playwright.sync_api import Page

from annotations.recordings import FILE_NAME, KeptReading, RecordingStore
from ecgr1_core.digitize import Asked
from ecgr1_core.formats import read
from ecgr1_core.interpretation import STEP_TITLES, Step, parse, write
from ecgr1_core.measure import Measurements, measure
from ecgr1_core.readers.base import ReadingDetails
from ecgr1_core.record import EcgRecord
from ecgr1_core.verify import Claim, verify
from ui.pages.case_page import CasePage, read_off
from ui.pages.kept_pages import PAGES_FILE, PageFiles

VISITOR = "0123456789abcdef" * 2
LONG_NAME = "Übertragung_Notaufnahme_Zimmer_12_Bett_3_2026-11-22T14-05-33.117"
RIGHT_TO_LEFT_NAME = "תרשים אק״ג 7"
TEXTS = (
    "Ventricular rate is 150 bpm and the rhythm is regular. P waves precede each QRS. Sinus rhythm.",
    "The QRS is wide at 180 ms with left bundle branch block. PR interval is about 160 ms.",
    "There is no low voltage. R in V5 is 9.1 mV. Septal hypertrophy cannot be excluded.",
    "There is marked ST elevation in V2 and V3. No pathological Q waves in II, III and aVF. T waves upright in V4–V6.",
    "QTc is 410 ms. Hypokalemia is possible.",
    "Taken together, " + "a long sentence that goes on and on without saying anything that could be measured, " * 6
    + "sinus rhythm with left bundle branch block.",
)  # fmt: skip
SUMMARY = "Sinus rhythm, left bundle branch block; Supercalifragilisticexpialidocious" + "x" * 60 + "."
ANSWER = ("sinus rhythm", "left bundle branch block", *(f"unheard-of label number {number}" for number in range(1, 39)))


def made_reading(record: EcgRecord) -> tuple[KeptReading, tuple[Claim, ...]]:
    """Return a reading with supported, contradicted and undecidable claims, long texts and 40 labels."""
    steps = [
        Step(number, title, text) for number, (title, text) in enumerate(zip(STEP_TITLES, TEXTS, strict=True), start=1)
    ]
    raw = write(steps, SUMMARY, ANSWER)
    claims = verify(parse(raw), measure(record), record.patient, record.warnings)
    details = ReadingDetails(
        version="8B-RL int4", notes=("padded",), certainties={"sinus rhythm": "definite"}, precision="int4"
    )
    made_at = datetime.now(UTC).isoformat()
    return KeptReading(
        "ecg-r1", "ECG-R1", "8B-RL int4", "signal", raw, 12.5, made_at, None, False, details, claims
    ), claims


def kept_claims(shared_data: Path) -> tuple[Claim, ...]:
    """Return the claims of the reading that `keep_recordings` keeps."""
    return made_reading(read(ptbxl_pair(shared_data, 3)))[1]


def keep_recordings(data_dir: Path, shared_data: Path, visitor: str = VISITOR) -> None:
    """Keep three recordings of the visitor, the last opened one with a reading."""
    records = [read(ptbxl_pair(shared_data, number)) for number in (0, 1, 3)]
    names = (LONG_NAME, RIGHT_TO_LEFT_NAME, "read one")
    named = [
        EcgRecord(record.signal_mv, record.sampling_rate_hz, name, record.source_format, record.patient)
        for record, name in zip(records, names, strict=True)
    ]
    reading, _ = made_reading(named[2])
    view = {"layout": "6x2", "speed": 50, "gain": 5}
    with closing(RecordingStore(data_dir / FILE_NAME, keep_days=30)) as store:
        for record in named[:2]:
            store.keep(visitor, record, now=datetime.now(UTC))
        store.keep(visitor, named[2], now=datetime.now(UTC), measurements=measure(named[2]), reading=reading, view=view)


class PageRead(NamedTuple):
    """What was read off a file of a page."""

    record: EcgRecord
    page: CasePage
    measurements: Measurements


def read_page_file(file: Path) -> PageRead:
    """Read a page that says its scales."""
    record, page = read_off(file.name, file.read_bytes(), Asked())
    return PageRead(record, page, measure(record))


def keep_page(data_dir: Path, read: PageRead) -> str:
    """Keep what was read off a page for a visitor who has nothing else, and return who it is."""
    visitor, now = secrets.token_hex(16), datetime.now(UTC)
    with closing(RecordingStore(data_dir / FILE_NAME, keep_days=30)) as store:
        key = store.keep(visitor, read.record, now=now, measurements=read.measurements)
    with closing(PageFiles(data_dir / PAGES_FILE)) as files:
        files.keep(visitor, key, read.page, now)
    return visitor


def know(page: Page, visitor: str = VISITOR) -> None:
    """Let the page be that of a visitor who has been there before."""
    page.add_init_script(f"localStorage.setItem('ecgr1-visitor', '{visitor}')")


def come_as(page: Page, address: str, visitor: str = VISITOR) -> None:
    """Open the page as a visitor who has been there before."""
    know(page, visitor)
    page.goto(address)
    page.locator("#reader-note p").wait_for()


def reopen(page: Page, name: str) -> None:
    """Open a kept recording from the list."""
    page.locator("#recordings-switch").click()
    page.locator("#recordings button.open", has_text=name).click()
    page.locator("#status .done", has_text="as you left it").wait_for(timeout=30_000)
    page.wait_for_function("window.ecgr1Viewer.state().draws > 0")
