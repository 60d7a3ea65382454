"""The output form: written and parsed back, in every broken shape, and while it is still being written."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecgr1_core.interpretation import STEP_TITLES, Interpretation, Step, StreamParser, parse, write

STEPS = tuple(Step(n, title, f"Text of step {n}.") for n, title in enumerate(STEP_TITLES, start=1))
WHOLE = write(STEPS, "A summary.", ("sinus rhythm", "left axis deviation"))


def all_text(reading: Interpretation) -> str:
    steps = [part for step in reading.steps for part in (step.title, step.text)]
    rest = [reading.preamble, reading.introduction, reading.summary, reading.trailing, reading.cut_off]
    return "\n".join([*steps, *rest, *reading.answer])


def test_written_reading_is_parsed_back_and_complete() -> None:
    reading = parse(WHOLE)
    assert reading.steps == STEPS
    assert reading.summary == "A summary."
    assert reading.answer == ("sinus rhythm", "left axis deviation")
    assert reading.complete
    assert reading.raw == WHOLE


@pytest.mark.parametrize(
    ("steps", "summary", "answer"),
    [
        (STEPS, "s", ("a; b",)),
        (STEPS, "s", ("a\nb",)),
        (STEPS, "s </think> t", ("a",)),
        ((Step(1, STEP_TITLES[0], "x\nStep 2: y"),), "s", ("a",)),
    ],
)
def test_what_the_form_cannot_carry_is_refused(steps: tuple[Step, ...], summary: str, answer: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="contains"):
        write(steps, summary, answer)


@pytest.mark.parametrize(
    "heading",
    [
        "**Step 3: Chamber Hypertrophy & Voltage**",
        "**Step 3: Chamber Hypertrophy & Voltage:**",
        "**Step 3**: Chamber Hypertrophy & Voltage",
        "**Step 3:** Chamber Hypertrophy and Voltage",
        "**step 3 – chamber hypertrophy & voltage**",
        "__Step 3: Chamber Hypertrophy & Voltage__",
        "Step 3: Chamber Hypertrophy & Voltage",
        "Step 3:",
        "Step 3",
        "### Step 3",
        "### Step 3 Chamber Hypertrophy & Voltage",
        "### **Step 3: Chamber Hypertrophy & Voltage**",
        "## Chamber Hypertrophy & Voltage",
        "**Chamber Hypertrophy & Voltage**",
        "3. Chamber Hypertrophy & Voltage",
        "Step 3. Chamber Hypertrophy & Voltage: ",
    ],
)
def test_heading_variants(heading: str) -> None:
    reading = parse(f"<think>\n**Step 2: Conduction, Axis & Intervals**\nBefore.\n{heading}\nNo voltage.\n</think>")
    assert reading.step(3) == Step(3, "Chamber Hypertrophy & Voltage", "No voltage.")
    assert reading.step(2) == Step(2, STEP_TITLES[1], "Before.")


@pytest.mark.parametrize(
    "line",
    [
        "**Step 3: Voltage** No hypertrophy.",
        "**Step 3: Voltage** - No hypertrophy.",
        "**Step 3:** Voltage\nNo hypertrophy.",
        "### Step 3: Voltage\nNo hypertrophy.",
    ],
)
def test_other_titles_are_kept(line: str) -> None:
    assert parse(f"<think>{line}</think>").step(3) == Step(3, "Voltage", "No hypertrophy.")


def test_text_on_the_line_of_a_heading_is_text() -> None:
    reading = parse(
        "<think>Step 2: The PR interval is 162 ms and the axis normal.\nStep 5: Electrolytes & QT: fine.</think>"
    )
    assert reading.step(2) == Step(2, STEP_TITLES[1], "The PR interval is 162 ms and the axis normal.")
    assert reading.step(5) == Step(5, STEP_TITLES[4], "fine.")


def test_a_sentence_that_mentions_a_step_is_no_heading() -> None:
    text = "Rate 70.\nStep 1 showed this, as did Step 2: see there."
    assert parse(f"<think>**Step 4: ST**\n{text}</think>").step(4) == Step(4, "ST", text)


def test_heading_inside_a_line() -> None:
    reading = parse("<think>**Step 1: A** one. **Step 2: B** two.</think>s<answer>x</answer>")
    assert [(s.number, s.title, s.text) for s in reading.steps] == [(1, "A", "one."), (2, "B", "two.")]


def test_missing_reordered_and_doubled_steps() -> None:
    reading = parse("<think>**Step 4: D** four **Step 1: A** one **Step 4: D** more **Step 4: E** again</think>s")
    assert [s.number for s in reading.steps] == [1, 4]
    assert reading.step(4) == Step(4, "D", "four\n\nD\n\nmore\n\nE\n\nagain")
    assert reading.missing == ("step 2", "step 3", "step 5", "step 6", "answer", "</answer>")


def test_a_published_heading_that_is_doubled_is_not_repeated_as_text() -> None:
    heading = "**Step 4: Ischemia, Infarction & Mimics**"
    reading = parse(f"<think>{heading}\none\n{heading}\ntwo</think>")
    assert reading.step(4) == Step(4, STEP_TITLES[3], "one\n\ntwo")


def test_text_outside_of_the_form_is_kept_in_its_own_fields() -> None:
    reading = parse(f"Certainly.\n{WHOLE.replace('<think>', '<think>Let me look.')}\nThank you.")
    assert (reading.preamble, reading.introduction, reading.trailing) == ("Certainly.", "Let me look.", "Thank you.")
    assert reading.steps == STEPS
    assert reading.complete


@pytest.mark.parametrize("end", range(0, len(WHOLE), 7))
def test_truncated_output_keeps_what_there_is(end: int) -> None:
    reading = parse(WHOLE[:end])
    assert not reading.complete
    for step in reading.steps[:-1]:
        assert step == STEPS[step.number - 1]
    assert "<" not in reading.summary + "".join(step.text for step in reading.steps)


def test_truncated_inside_a_tag() -> None:
    reading = parse(WHOLE.split("</think>")[0] + "</thi")
    assert reading.cut_off == "</thi"
    assert reading.steps == STEPS
    assert reading.missing == ("summary", "answer", "</think>", "</answer>")


def test_answer_that_never_closes() -> None:
    reading = parse(WHOLE.removesuffix("axis deviation</answer>"))
    assert reading.answer == ("sinus rhythm", "left")
    assert reading.missing == ("</answer>",)


def test_no_think_at_all() -> None:
    prose = parse("Sinus rhythm, normal axis.\n\nNormal ECG.\n<answer>NORM</answer>")
    assert prose.summary == "Sinus rhythm, normal axis.\n\nNormal ECG."
    assert prose.answer == ("NORM",)
    headed = parse("Hello.\n**Step 1: A**\none\n**Step 6: F**\nsix\n\nThe summary.\n<answer>NORM</answer>")
    assert headed.preamble == "Hello."
    assert [step.text for step in headed.steps] == ["one", "six"]
    assert headed.summary == "The summary."


def test_think_that_was_opened_by_the_prompt() -> None:
    reading = parse(WHOLE.removeprefix("<think>\n"))
    assert reading.steps == STEPS
    assert reading.missing == ("<think>",)


def test_labels_are_split_at_semicolons_and_line_breaks() -> None:
    assert parse("<answer> a ;; b\nc;\n ; </answer>").answer == ("a", "b", "c")


def test_tags_of_any_case_and_less_than_signs() -> None:
    reading = parse("<THINK>Step 1: PR < 200 ms and QRS <120 ms.</Think >s<Answer>a</answer>")
    assert reading.step(1) == Step(1, STEP_TITLES[0], "PR < 200 ms and QRS <120 ms.")
    assert reading.answer == ("a",)


TAGS = ["<think>", "</think>", "<answer>", "</answer>", "<THINK>", "< /answer >"]
HEADINGS = [
    "\n**Step 1: Technical, Rate & Rhythm**\n",
    "\nStep 3:\n",
    "\n### Step 12\n",
    "**Step 4: x7x** ",
    "\nStep 2: ",
]
WORDS = ["Α.", "Βγ δ", "ζ\n\nη", ";", "\n", "<", "**", "Step 3", "<thi", "ε; θ", "<answer", "#", "Ste"]


@st.composite
def outputs(draw: st.DrawFn) -> list[str]:
    return draw(st.lists(st.sampled_from(TAGS + HEADINGS + WORDS), max_size=14))


@given(outputs())
@example(["\nStep 2: ", "ε; θ", "\nStep 2: ", "ε; θ"])
@settings(max_examples=300, deadline=None)
def test_no_text_is_ever_lost(pieces: list[str]) -> None:
    """Greek letters are in no tag and no heading, so each must be found as often as it was given."""
    raw = "".join(pieces)
    found = Counter(re.findall(r"[α-ωΑ-Ω]", all_text(parse(raw))))
    assert found == Counter(re.findall(r"[α-ωΑ-Ω]", raw))


@example("<a\n")
@given(st.text(alphabet="<>/thinkaswer \n*#Step123:;αβ", max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_is_parsed_and_nothing_is_lost(raw: str) -> None:
    assert Counter(re.findall("[αβ<>]", re.sub(r"<\s*/?\s*(think|answer)\s*>", "", raw, flags=re.I))) == Counter(
        re.findall("[αβ<>]", all_text(parse(raw)))
    )


@given(outputs(), st.lists(st.integers(1, 9), min_size=1, max_size=30))
@settings(max_examples=300, deadline=None)
def test_stream_ends_equal_to_the_whole_and_never_shows_half_a_tag(pieces: list[str], sizes: list[int]) -> None:
    raw = "".join(pieces)
    parser, start, turn, reading = StreamParser(), 0, 0, parse("")
    while start < len(raw):
        delta = raw[start : start + sizes[turn % len(sizes)]]
        start, turn = start + len(delta), turn + 1
        reading = parser.feed(delta)
    assert reading == parse(raw)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=60))
@settings(max_examples=300, deadline=None)
def test_streamed_texts_only_grow_and_hold_no_tag_and_no_heading(sizes: list[int]) -> None:
    parser, start, turn = StreamParser(), 0, 0
    while start < len(WHOLE):
        delta = WHOLE[start : start + sizes[turn % len(sizes)]]
        start, turn = start + len(delta), turn + 1
        reading = parser.feed(delta)
        for step in reading.steps:
            assert STEPS[step.number - 1].text.startswith(step.text)
        assert "A summary.".startswith(reading.summary)
        assert (reading.preamble, reading.introduction, reading.trailing) == ("", "", "")
    assert reading.complete


@given(
    st.lists(st.text(alphabet="abc .\nα", min_size=1).map(str.strip).filter(bool), min_size=6, max_size=6),
    st.text(alphabet="abc .\n", min_size=1).map(str.strip).filter(bool),
    st.lists(st.text(alphabet="abc ", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=5),
)
@settings(max_examples=300, deadline=None)
def test_round_trip(texts: list[str], summary: str, answer: list[str]) -> None:
    steps = tuple(Step(n, t, text) for n, (t, text) in enumerate(zip(STEP_TITLES, texts, strict=True), start=1))
    reading = parse(write(steps, summary, answer))
    assert (reading.steps, reading.summary, reading.answer) == (steps, summary, tuple(answer))
    assert reading.complete
