"""What the components of the page make of the domain's objects."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

from ecgr1_core.interpretation import parse
from ecgr1_core.measure.types import Beat, LeadMeasurements, LeadQuality, Measurements, Quality
from ecgr1_core.protocol.limits import limits
from ecgr1_core.protocol.normal_ranges import normal_range, number_text
from ecgr1_core.record import DeviceReading, EcgRecord, Patient
from ecgr1_core.render.screen import screen_marks, screen_recording
from ui.components.case_line import case_facts, case_html, duration_text
from ui.components.measurements import ROWS, lead_table_html, measurements_html
from ui.components.reading import reading_html
from ui.components.status import status_html
from ui.components.viewer import marks_html, recording_html, viewer_html, viewer_script

HOSTILE = "<img src=x onerror=alert(1)> ${1+1} {{a}} & \"quoted\" 'text'"


class Texts(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def record(**changes: object) -> EcgRecord:
    return EcgRecord(np.zeros((12, 5000), dtype=np.float32), 500.0, **changes)  # type: ignore[arg-type]


def test_text_from_files_and_readers_stays_text() -> None:
    reading = parse(f"<think>\n**Step 1: A**\n{HOSTILE}\n</think>\n\n{HOSTILE}\n\n<answer>{HOSTILE}</answer> {HOSTILE}")
    shown = [
        case_html(record(name=HOSTILE, warnings=(HOSTILE,), source_format=HOSTILE)),
        reading_html(reading),
        status_html("error", HOSTILE),
        measurements_html(Measurements(reasons={"pr_interval_ms": HOSTILE}, quality=Quality(notes=(HOSTILE,)))),
        lead_table_html(Measurements(quality=Quality(leads={"I": LeadQuality("noisy", (HOSTILE,))}))),
    ]
    for page in shown:
        texts = Texts(page)
        assert "img" not in texts.tags
        assert HOSTILE in texts.text
        assert unescape(page).count("onerror") == texts.text.count("onerror")


def test_everything_a_reader_wrote_is_shown() -> None:
    thinking = "Loose words.\n**Step 2: B**\nTwo.\n**Step 9: More**\nNine.\n"
    raw = f"Before. <think>{thinking}</think>\nSum.\n<answer>a; b</answer>\nAfter."
    text = Texts(reading_html(parse(raw))).text
    for words in ("Before.", "Loose words.", "Two.", "More", "Nine.", "Sum.", "a", "b", "After.", "not stated"):
        assert words in text


def test_values_outside_their_range_are_marked_with_the_limit_beside_them() -> None:
    page = measurements_html(Measurements(qrs_duration_ms=142.4, pr_interval_ms=160.0, qrs_axis_deg=-38.0), Patient())
    rows = {row.split("</th>")[0].rsplit(">", 1)[-1]: row for row in page.split("<tr")[1:]}
    assert 'class="out"' in rows["QRS"]
    assert "above normal" in rows["QRS"]
    assert "</span> 142</td>" in rows["QRS"]
    assert f"&lt; {limits().qrs_normal_ms:.0f}" in rows["QRS"]
    assert 'class="out"' not in rows["PR"]
    assert "below normal" in rows["QRS axis"]
    assert "\u221238" in rows["QRS axis"]


def test_what_was_not_measured_is_a_dash_with_its_reason() -> None:
    page = measurements_html(Measurements(reasons={"pr_interval_ms": "no P wave was found"}))
    assert page.count("–</td>") == len(ROWS)
    assert "no P wave was found" in page
    assert ">0<" not in page
    leads = lead_table_html(
        Measurements(leads={"V1": LeadMeasurements(r_amplitude_mv=0.104, reasons={"q_amplitude_mv": "no Q wave"})})
    )
    assert "0.10" in leads
    assert 'title="no Q wave"' in leads


@pytest.mark.parametrize(
    ("sex", "qtc_ms", "side"),
    [("M", 449.9, 0), ("M", 450.0, 1), ("F", 455.0, 0), ("F", 460.0, 1), (None, 452.0, 1), ("F", 355.0, -1)],
)
def test_qtc_is_judged_by_the_limits_of_the_protocol(sex: str | None, qtc_ms: float, side: int) -> None:
    assert normal_range("qtc_fridericia_ms", Patient(sex=sex)).side(qtc_ms) == side  # type: ignore[arg-type]


def test_adult_limits_are_not_applied_to_a_child() -> None:
    assert normal_range("qrs_duration_ms", Patient(age_years=6)).text() == ""
    assert normal_range("qrs_duration_ms", Patient(age_years=46)).text() != ""


def test_numbers_have_a_true_minus_and_no_negative_zero() -> None:
    assert number_text(-0.004, 2) == "0.00"
    assert number_text(-1.25, 1) == "\u22121.2"


@pytest.mark.parametrize(
    ("seconds", "text"), [(10.0, "10.0 s"), (119.94, "119.9 s"), (550.0, "9 min 10 s"), (86400.0, "24 h 00 min")]
)
def test_lengths_are_said_in_the_unit_a_reader_expects(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_the_case_line_says_what_is_unknown() -> None:
    assert case_facts(record())[:2] == ["age unknown", "sex unknown"]
    assert case_facts(record(patient=Patient(61, "F"), source_format="WFDB")) == [
        "61 y",
        "F",
        "WFDB",
        "12 leads",
        "500 Hz",
        "10.0 s",
    ]
    shown = case_html(record(missing_leads=("V2",), flat_leads=("I",)))
    assert "not recorded: V2" in shown
    assert "flat: I" in shown


def test_what_the_device_measured_and_said_stands_apart() -> None:
    device = DeviceReading(heart_rate_bpm=41, qrs_duration_ms=135, qrs_axis_deg=-21, statements=("Acute MI", HOSTILE))
    shown = Texts(case_html(record(device=device)))
    assert "details" in shown.tags
    assert "img" not in shown.tags
    assert "What the device measured and said" in shown.text
    assert "Heart rate 41/min · QRS 135 ms · QRS axis −21°" in shown.text
    assert "Acute MI" in shown.text
    assert HOSTILE in shown.text
    assert "Not confirmed by a physician." in shown.text
    assert "Confirmed by a physician." in case_html(record(device=replace(device, confirmed=True)))
    bare = case_html(record(device=DeviceReading(statements=(), qt_interval_ms=400)))
    assert "confirmed" not in bare
    assert "details" not in case_html(record())


def test_a_recording_and_its_marks_come_back_out_of_the_page_as_they_went_in() -> None:
    measured = Measurements(beats=(Beat(1, 0.5),), heart_rate_bpm=60.0)
    quiet = record(name=HOSTILE)
    assert json.loads(Texts(recording_html(quiet)).text) == json.loads(json.dumps(screen_recording(quiet)))
    assert json.loads(Texts(marks_html(quiet, measured)).text) == json.loads(json.dumps(screen_marks(quiet, measured)))
    assert recording_html(None) == marks_html(quiet, None) == marks_html(None, measured) == ""


def test_every_control_of_the_viewer_has_a_name_and_every_id_once() -> None:
    page = viewer_html()
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for control in re.findall(r"<button[^>]*>[^<]*</button>", page):
        label = re.sub(r"<[^>]*>", "", control)
        assert "aria-label=" in control or any(letter.isalpha() for letter in label), control
    for select in re.findall(r"<label[^>]*>[^<]*<select", page):
        assert re.search(r">\s*\w[^<]*<select", select)


def test_the_script_of_the_viewer_is_whole_and_asks_no_other_host() -> None:
    script = viewer_script()
    assert set(re.findall(r'id="v-([a-z-]+)"', viewer_html())) >= set(re.findall(r'part\("([a-z-]+)"\)', script))
    assert "</" not in script.replace("<\\/", "")
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|WebSocket|\bimport\b", script)
    stored = re.findall(r"localStorage\.setItem\((\w+)", script)
    assert set(stored) == {"SCREEN_KEY", "REACH_KEY"}
