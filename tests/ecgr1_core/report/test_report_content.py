"""What stands on a report: patient, measurements, reading, claims, and nothing that should not."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pypdf
import pytest

from ecgr1_core.errors import UnsuitableRecordingError
from ecgr1_core.interpretation import Interpretation, Step, parse
from ecgr1_core.record import DeviceReading
from ecgr1_core.report import Provenance, ReportOptions

MADE_AT = datetime(2026, 11, 22, 22, 40, tzinfo=UTC)
PROVENANCE = Provenance(
    "ECG-R1", "8B-RL int4 1a2b3c4d", "the signal", precision="int4", device="cpu", notes=("padded to ten seconds",)
)


def test_the_page_says_who_what_when_and_that_it_is_no_diagnosis(noise, reading, measured, report) -> None:
    pdf = report(noise(), measured, reading, (), PROVENANCE, case="Case R-7F3K-9QXD")
    assert len(pdf.pages) == 1
    for words in (
        "Case R-7F3K-9QXD",
        "61 years, female",
        "memory · 12 leads · 500 Hz · 10 s long",
        "25 mm/s",
        "10 mm/mV",
        "unfiltered",
        "ECG-R1",
        "version 8B-RL int4 1a2b3c4d",
        "saw the signal",
        "precision int4",
        "on cpu",
        "padded to ten seconds",
        "Report of 2026-11-22 22:40 UTC",
        "ECG-R1 Review",
        "Research use. Not a diagnosis.",
        "Signature",
        "Read by (name)",
        "Date",
        "page 1 of 1",
    ):
        assert words in pdf.text, words
    for lead in ("aVR", "V1", "V6", "III"):
        assert re.search(rf"(?<!\w){lead}(?!\w)", pdf.text)


def test_what_the_device_measured_and_said_stands_in_the_notes(noise, measured, report) -> None:
    device = DeviceReading(heart_rate_bpm=75, qrs_axis_deg=-21, statements=("Normal sinus rhythm",))
    text = " ".join(report(replace(noise(), device=device), measured).text.split())
    assert (
        "What the device measured and said, not this program: Heart rate 75/min; QRS axis −21°; Normal sinus rhythm; "
        "not confirmed by a physician." in text
    )
    assert "What the device" not in report(noise(), measured).text


def test_measurements_stand_with_their_limits_and_an_arrow_outside_them(noise, measured, report) -> None:
    text = report(noise(), measured).text
    assert "74 bpm" in text
    assert "↑ 142 ms" in text
    assert "normal < 110" in text
    assert "↓ −38°" in text
    assert "normal −30 to 90" in text
    assert "↑ 162" not in text
    assert "QT (the end of T was not found)" in " ".join(text.split())


def test_every_word_of_a_reading_is_printed(noise, report) -> None:
    raw = (
        "Before it.<think>An introduction.\n**Step 1: Technical, Rate & Rhythm**\nOne & <two>.\n- a list\n- goes on\n\n"
        "**Step 3: Something else**\nThree.</think>\nIn sum.<answer>sinus rhythm; LBBB</answer>After it.<thi"
    )
    reading = parse(raw)
    pdf = report(noise(), None, reading, (), PROVENANCE)
    for words in ("Before it.", "An introduction.", "One & <two>.", "- a list", "- goes on", "Three.", "In sum."):
        assert words in pdf.text, words
    for words in ("Something else", "sinus rhythm; LBBB", "After it.", "<thi", "It lacks: step 2, step 4"):
        assert re.sub(r"\s", "", words) in pdf.letters, words


def test_an_empty_reading_a_broken_one_and_none_are_called_so(noise, report) -> None:
    assert "The reader wrote nothing." in report(noise(), None, Interpretation(), (), PROVENANCE).text
    assert "No reading" in report(noise()).text
    cut = Provenance("ECG-R1", incomplete="it reached its limit of tokens")
    assert "Incomplete reading: it reached its limit of tokens." in report(noise(), None, parse("x"), (), cut).text


def test_a_contradicted_claim_is_marked_by_a_cross_a_wave_and_the_measured_value(noise, reading, report, claim) -> None:
    claims = (
        claim(1, "74 bpm", "supported", "measured 74 bpm"),
        claim(2, "QRS is narrow", "contradicted", "measured 142 ms; narrow means below 120 ms"),
        claim(2, "narrow", "contradicted", "measured 142 ms; narrow means below 120 ms"),
        claim(5, "QTc normal", "not_measurable", "the end of T was not found"),
        claim("answer", "first-degree AV block", "contradicted", "measured 162 ms"),
    )
    pdf, plain = report(noise(), None, reading, claims), report(noise(), None, reading, None)
    flat = " ".join(pdf.text.split())
    assert "QRS is narrow [✕ measured 142 ms; narrow means below 120 ms]." in flat
    assert flat.count("narrow means below") == 1
    assert "first-degree AV block [✕ measured 162 ms]" in flat
    assert "✓ 1 supported, ✕ 3 contradicted (wavy line), – 1 not measurable (dotted)" in flat
    assert "not checked" not in flat
    assert "claims were not checked" in " ".join(plain.text.split())
    waves = r"\.84 \.37 0 RG"
    assert len(re.findall(waves, pdf.content())) == 2
    assert not re.findall(waves, plain.content())
    dotted = re.findall(r"\[0 [\d.]+\] 0 d", pdf.content())
    assert len(dotted) == 1


def test_a_claim_that_does_not_stand_in_the_reading_is_refused(noise, reading, report, claim) -> None:
    from dataclasses import replace

    good = claim(2, "narrow", "supported")
    with pytest.raises(ValueError, match="does not stand in part 2"):
        report(noise(), None, reading, (replace(good, start=0),))
    with pytest.raises(ValueError, match="part 7"):
        report(noise(), None, reading, (replace(good, step=7),))


def test_no_name_is_printed_or_stored_unless_it_is_asked_for(pulses, reading, report) -> None:
    def all_of(pdf) -> str:
        info = pypdf.PdfReader(io.BytesIO(pdf.data)).metadata
        return pdf.text + str(dict(info)) + pdf.data.decode("latin-1")

    silent = report(pulses, None, reading, ())
    assert "DOE" not in all_of(silent)
    assert "case not named" in silent.text
    named = report(pulses, None, reading, (), case="Case 7", identity="DOE JANE")
    assert "Case 7 DOE JANE" in named.text
    assert "case not named" not in named.text
    metadata = pypdf.PdfReader(io.BytesIO(named.data)).metadata
    assert "DOE" not in str(dict(metadata))
    assert metadata.title.startswith("12-lead ECG report")


def test_equal_input_gives_equal_bytes_and_the_time_is_that_passed_in(noise, reading, measured, report) -> None:
    record = noise()
    first, again = (report(record, measured, reading, (), PROVENANCE) for _ in range(2))
    assert first.data == again.data
    later = report(
        record,
        measured,
        reading,
        (),
        PROVENANCE,
        made_at=MADE_AT.astimezone(timezone(timedelta(hours=-3, minutes=-30))),
    )
    assert later.data != first.data
    assert "Report of 2026-11-22 19:10 UTC-03:30" in later.text
    metadata = pypdf.PdfReader(io.BytesIO(later.data)).metadata
    assert metadata.creation_date == MADE_AT
    with pytest.raises(ValueError, match="time zone"):
        ReportOptions(made_at=datetime(2026, 11, 22))


def test_letters_that_cannot_be_printed_are_counted_and_others_are_embedded(noise, report) -> None:
    pdf = report(noise(), identity="Zoë Ærø Жанна 心電")
    assert "Zoë Ærø Жанна ▯▯" in pdf.text
    assert "2 characters of this report cannot be printed and stand as ▯" in " ".join(pdf.text.split())
    assert "Letters" not in report(noise(), identity="Zoë").text
    fonts = [font.get_object() for font in pdf.pages[0]["/Resources"]["/Font"].values()]
    used = [font for font in fonts if "DejaVu" in font["/BaseFont"]]
    assert len(used) >= 2
    assert all("/FontFile2" in font["/FontDescriptor"].get_object() for font in used)


def test_a_name_wider_than_the_page_is_cut_with_an_ellipsis(noise, report) -> None:
    pdf = report(noise(), identity="Wolfeschlegelsteinhausenbergerdorff " * 8)
    assert "…" in pdf.text
    assert "61 years, female" in pdf.text


def test_missing_leads_short_and_long_recordings(noise, report) -> None:
    lacking = report(noise(missing=("aVL", "V6")))
    assert "aVL not recorded" in lacking.text
    assert "not recorded: aVL, V6" in " ".join(lacking.text.split())
    assert "10 leads" in lacking.text
    assert "2.5 s long" in report(noise(2.5)).text
    long = report(noise(90.0), start_s=60.0)
    assert "60-70 s of 90 s" in long.text
    with pytest.raises(UnsuitableRecordingError, match="60 s"):
        report(noise(10.0), start_s=60.0)


def long_reading(words: int) -> Interpretation:
    text = " ".join(f"w{number:05d}" for number in range(words))
    return Interpretation((Step(1, "Technical, Rate & Rhythm", text),), "In sum.", ("sinus rhythm",))


@pytest.mark.parametrize("words", [150, 400, 900, 6000])
@pytest.mark.parametrize(("height_mv", "few"), [(0.3, 400), (0.4, 100)])
def test_a_long_reading_goes_on_over_further_pages_with_nothing_lost(noise, report, words, height_mv, few) -> None:
    pdf = report(noise(height_mv=height_mv), None, long_reading(words), (), PROVENANCE, band="off")
    found = re.findall(r"w\d{5}", pdf.text)
    assert found == [f"w{number:05d}" for number in range(words)]
    count = len(pdf.pages)
    assert (count > 1) == (words > few)
    texts = pdf.texts
    assert ["Signature" in text for text in texts] == [True] + [False] * (count - 1)
    assert all("Not a diagnosis." in text and f"page {n} of {count}" in text for n, text in enumerate(texts, 1))
    assert all(f"page {n + 1}" in text for n, text in enumerate(texts[:-1], 1))
    assert ("reasoning in full: page 2" in " ".join(texts[0].split())) == (count > 1)
    assert all("Answer" in text and "In sum." in text for text in texts[:1])
    sizes = [float(size) for n in range(count) for size in re.findall(r"/F\S+ ([\d.]+) ", pdf.content(n))]
    assert min(sizes) >= 6.5


def test_where_the_reasoning_goes_over_page_one_still_names_what_is_contradicted(noise, report, claim) -> None:
    reading = long_reading(2000)
    wrong = claim(1, "w01500", "contradicted", "measured 142 ms", of=reading)
    pdf = report(noise(), None, reading, (wrong,), PROVENANCE)
    first, second = (" ".join(pdf.texts[number].split()) for number in (0, 1))
    assert "Contradicted in 1 Technical, Rate & Rhythm w01500 [✕ measured 142 ms]" in first
    assert "w01499" not in first
    assert "Reasoning in full" in second


@pytest.mark.parametrize(("band", "notch_hz", "label"), [
    ("diagnostic", None, "0.05–150 Hz"), ("monitor", 50.0, "0.5–40 Hz, 50 Hz notch"), ("off", None, "unfiltered"),
])  # fmt: skip
def test_the_filter_of_the_trace_is_printed_and_measuring_was_not_filtered(
    noise, report, band, notch_hz, label
) -> None:
    pdf = report(noise(), band=band, notch_hz=notch_hz)
    assert label in pdf.text
    assert ("trace filtered, measured unfiltered" in " ".join(pdf.texts[0].split())) == (band != "off")


def test_the_trace_is_drawn_through_the_filter(pulses, report) -> None:
    assert report(pulses, band="monitor").content() != report(pulses, band="off").content()
    with pytest.raises(ValueError, match="notch"):
        report(pulses, notch_hz=42.0)


def test_the_cabrera_order_turns_avr(noise, report) -> None:
    assert "−aVR" in report(noise(), order="cabrera").text
    assert "−aVR" not in report(noise()).text


def test_nothing_stands_outside_the_page_or_over_the_signature(noise, report) -> None:
    pdf = report(noise(height_mv=0.5), None, long_reading(3000), (), PROVENANCE)
    for number in range(len(pdf.pages)):
        places = [(float(x), float(y)) for x, y in re.findall(r"1 0 0 1 ([\d.-]+) ([\d.-]+) Tm", pdf.content(number))]
        width, height = (length * 72 / 25.4 for length in pdf.size_mm(number))
        assert len(places) > 10
        assert all(36 <= x <= width - 36 and 14 <= y <= height - 14 for x, y in places)
        body = sorted({round(y, 1) for _, y in places})
        assert body[1] - body[0] >= 7.5  # the lowest lines of text stand clear of the footer


def test_an_endless_word_is_broken_and_not_cut(noise, report) -> None:
    reading = Interpretation((Step(1, "Technical, Rate & Rhythm", "x" * 700),), "", ())
    assert "x" * 700 in report(noise(), None, reading, ()).letters
