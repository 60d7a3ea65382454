"""Recordings, readings and claims for reports, and a way to look at the PDF that comes out."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pypdf
import pypdfium2
import pytest

from ecgr1_core.interpretation import STEP_TITLES, Interpretation, Step
from ecgr1_core.measure.types import Measurements
from ecgr1_core.record import LEADS, EcgRecord, Patient
from ecgr1_core.report import ReportOptions, report_pdf

RATE_HZ = 500.0
MADE_AT = datetime(2026, 11, 22, 22, 40, tzinfo=UTC)
PULSE_S = 0.2


@dataclass(frozen=True)
class MadeClaim:
    step: int | str
    start: int
    end: int
    text: str
    status: str
    why: str


@dataclass(frozen=True)
class Pdf:
    """A report as it lies in the file."""

    data: bytes

    @property
    def pages(self) -> list[pypdf.PageObject]:
        return list(pypdf.PdfReader(io.BytesIO(self.data)).pages)

    @cached_property
    def texts(self) -> list[str]:
        """The text of each page, as a viewer copies it."""
        pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(self.data)]
        return [text.replace("\r\n", "\n") for text in pages]

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    @property
    def letters(self) -> str:
        """The text without white space, so that it does not matter where lines break."""
        return re.sub(r"\s", "", self.text)

    def content(self, number: int = 0) -> str:
        contents = self.pages[number].get_contents()
        assert contents is not None
        return contents.get_data().decode("latin-1")

    def grid_mm(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the grid, from the upper left corner of the page."""
        found = re.search(r"n ([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re W\*", self.content())
        assert found is not None
        left, top, width, height = map(float, found.groups())
        return left, top, width, height

    def size_mm(self, number: int = 0) -> tuple[float, float]:
        box = self.pages[number].mediabox
        return float(box.width) * 25.4 / 72, float(box.height) * 25.4 / 72

    def grey(self, dpi: int) -> npt.NDArray[np.uint8]:
        """The green channel of the first page: grid lines and trace are both darker than the paper."""
        image = pypdfium2.PdfDocument(self.data)[0].render(scale=dpi / 72).to_numpy()
        return np.asarray(image[:, :, 1])


@pytest.fixture
def pulses() -> EcgRecord:
    """Ten seconds of twelve equal leads with pulses of 1 mV and 200 ms, one at every full second."""
    times_s = np.arange(round(10 * RATE_HZ)) / RATE_HZ
    signal = np.where((times_s % 1 < PULSE_S) & (times_s >= 1), 1.0, 0.0)
    return EcgRecord(np.tile(signal, (12, 1)).astype(np.float32), RATE_HZ, name="DOE JANE 1961", source_format="WFDB")


@pytest.fixture
def noise() -> Callable[..., EcgRecord]:
    def make(duration_s: float = 10.0, missing: tuple[str, ...] = (), height_mv: float = 0.2) -> EcgRecord:
        generator = np.random.default_rng(5)
        signal = generator.normal(0, height_mv, (12, round(duration_s * RATE_HZ)))
        for lead in missing:
            signal[LEADS.index(lead)] = np.nan
        return EcgRecord(
            signal.astype(np.float32),
            RATE_HZ,
            name="noise",
            patient=Patient(61.0, "F"),
            missing_leads=missing,
        )

    return make


@pytest.fixture
def reading() -> Interpretation:
    texts = (
        "Sinus rhythm at 74 bpm.",
        "The QRS is narrow.",
        "No hypertrophy.",
        "No ST elevation.",
        "QTc normal.",
        "Fine.",
    )
    steps = tuple(
        Step(number, title, text) for number, (title, text) in enumerate(zip(STEP_TITLES, texts, strict=True), 1)
    )
    return Interpretation(steps, "Normal.", ("sinus rhythm", "first-degree AV block"))


@pytest.fixture
def measured() -> Measurements:
    return Measurements(
        heart_rate_bpm=74.0,
        pr_interval_ms=162.0,
        qrs_duration_ms=142.0,
        qrs_axis_deg=-38.0,
        reasons={"qt_interval_ms": "the end of T was not found"},
    )


@pytest.fixture
def report() -> Callable[..., Pdf]:
    def make(record: EcgRecord, measurements=None, interpretation=None, claims=None, details=None, **options) -> Pdf:
        chosen = ReportOptions(**{"made_at": MADE_AT, **options})
        return Pdf(report_pdf(record, measurements or Measurements(), interpretation, claims, details, chosen))

    return make


@pytest.fixture
def claim(reading: Interpretation) -> Callable[..., MadeClaim]:
    """Make a claim about words of the reading, or of another one."""

    def make(step: int | str, words: str, status: str, why: str = "", of: Interpretation | None = None) -> MadeClaim:
        about = of or reading
        texts = {one.number: one.text for one in about.steps}
        text = {**texts, "summary": about.summary, "answer": "; ".join(about.answer)}[step]
        start = text.index(words)
        return MadeClaim(step, start, start + len(words), words, status, why)

    return make
