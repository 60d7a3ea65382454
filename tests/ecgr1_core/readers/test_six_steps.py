"""The texts of foreign models in ECG-R1's form: by their own headings, piece by piece, and nothing of them lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgr1_core.interpretation import STEP_TITLES, Interpretation, parse
from ecgr1_core.readers.six_steps import SixSteps, brought

OWN = """Here is my reading.

**1. Rate and rhythm**
Sinus rhythm at 72 bpm. P upright in II.

**2. Conduction:** PR 160 ms, QRS 90 ms.
1. no step

### 3. Hypertrophy
No LVH.

S V1 + R V5 is 2.1 mV.

4. **Ischemia**: none.

**5) Electrolytes**

QTc 410 ms.

**6. Reasoning**
All is well.

More of it.

**Summary:**
A normal ECG.

**Diagnoses:**
- **Sinus rhythm**
- Normal ECG

Note: no diagnosis.
"""
ASKED = "\n\n".join(
    [*(f"**Step {number}: {title}**\nText {number}." for number, title in enumerate(STEP_TITLES, 1)), "A summary."]
)
ANSWERED = f"{ASKED}\n\n<answer>Sinus rhythm; LBBB</answer>"
FORM = "<think>\n" + ANSWERED.replace("A summary.", "</think>\n\nA summary.")
PLAIN = "\n".join(f"{number}. {title}: text {number}." for number, title in enumerate(STEP_TITLES, 1))
FREE = "Sinus rhythm.\n\n**1. Sinus rhythm**\n**2. LBBB**\n\n1. one\n2. two\n\n## Overview\nNo <answers> here, 2 < 3."
SAMPLES = (
    OWN,
    ASKED,
    ANSWERED,
    FORM,
    PLAIN,
    FREE,
    f"<think>I look at the page. **1. Rate** perhaps.</think>\n\n{ANSWERED}",
    ANSWERED.replace("<answer>", "### Final diagnosis\n\n<answer>"),
    ANSWERED.replace("A summary.", "**Summary**\n\nA summary.").replace("**Step", "### Step").replace("**\n", "\n"),
    ANSWERED.replace("A summary.\n\n<answer>", "A summary. <answer>"),
    OWN.replace("**Diagnoses:**\n- **Sinus rhythm**\n- Normal ECG", "Diagnoses:\nSinus rhythm; Normal ECG"),
    OWN[: OWN.index("**Summary")],
    f"Step 1: a\nStep 3: b\n{OWN}",
    "",
)


def texts(reading: Interpretation) -> list[str]:
    return [step.text for step in reading.steps]


def test_headings_of_its_own_become_steps() -> None:
    reading = parse(brought(OWN))
    assert reading.complete
    assert [step.number for step in reading.steps] == [1, 2, 3, 4, 5, 6]
    assert reading.steps[0].title == "Rate and rhythm"
    assert texts(reading) == [
        "Sinus rhythm at 72 bpm. P upright in II.",
        "PR 160 ms, QRS 90 ms.\n1. no step",
        "No LVH.\n\nS V1 + R V5 is 2.1 mV.",
        "none.",
        "QTc 410 ms.",
        "All is well.\n\nMore of it.",
    ]
    assert reading.summary == "A normal ECG."
    assert reading.answer == ("Sinus rhythm", "Normal ECG")
    assert (reading.preamble, reading.trailing) == ("Here is my reading.", "Note: no diagnosis.")


def test_steps_as_asked_for_get_their_tags() -> None:
    assert brought(ANSWERED) == FORM
    reading = parse(brought(SAMPLES[8]))
    assert reading.complete
    assert reading.summary == "A summary."
    assert parse(brought(SAMPLES[9])).summary == "A summary."
    assert parse(brought(SAMPLES[7])).answer == ("Sinus rhythm", "LBBB")
    assert "diagnosis" not in brought(SAMPLES[7])
    assert texts(parse(brought(PLAIN))) == [f"text {number}." for number in range(1, 7)]


def test_what_was_thought_before_is_kept_apart() -> None:
    reading = parse(brought(SAMPLES[6]))
    assert reading.complete
    assert texts(reading) == [f"Text {number}." for number in range(1, 7)]
    assert reading.introduction == "I look at the page. **1. Rate** perhaps."


def test_what_is_in_the_form_and_what_is_in_none_stays_as_it_is() -> None:
    for text in (FORM, FREE, FORM[:90], "", "no steps at all", "**Summary**\nonly this", "1. a\n\ntext\n\n2. b"):
        assert brought(text) == text
    assert parse(brought(FREE)).steps == ()


def test_nothing_is_invented() -> None:
    five = OWN[: OWN.index("**5)")]
    reading = parse(brought(five))
    assert [step.number for step in reading.steps] == [1, 2, 3, 4]
    assert (reading.summary, reading.answer) == ("", ())
    skipping = parse(brought("**1. a**\nx\n\n**3. c**\ny"))
    assert [step.number for step in skipping.steps] == [1]
    assert skipping.steps[0].text == "x\n\n**3. c**\ny"


def test_a_list_that_is_cut_off_gets_no_end() -> None:
    cut = OWN[: OWN.index("- Normal ECG") + 6]
    assert not brought(cut, cut=True).endswith("</answer>")
    assert "</answer>" in parse(brought(cut, cut=True)).missing
    assert brought(cut).endswith("</answer>")


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_whatever_was_given_stands(number: int) -> None:
    """Sign by sign, what is given after each is the beginning of what is given in the end."""
    text = SAMPLES[number]
    for cut in (False, True):
        whole, writer, so_far = brought(text, cut=cut), SixSteps(), ""
        for sign in text:
            so_far += writer.feed(sign)
            assert whole.startswith(so_far)
        assert so_far + writer.finish(cut=cut) == whole


def test_text_comes_while_it_is_written() -> None:
    writer = SixSteps()
    given = writer.feed("**Step 1: Technical, Rate & Rhythm**\nThe rhythm is a sinus rh")
    assert given.endswith("The rhythm is a sinus rh")
    assert writer.feed("ythm") == "ythm"


HEADINGS = (
    "**1. a**",
    "**2. b:** c",
    "### 3. d",
    "Step 1: e",
    "**Step 2: f**",
    "**Step 6: g**",
    "**Summary**",
    "Diagnoses:",
)
SCRAPS = (
    "<answer>",
    "</answer>",
    "<think>",
    "</think>",
    "\n",
    "\n",
    "\n\n",
    " ",
    "text",
    "- x",
    "a; b",
    "<",
    "**",
    "1.",
)
BITS = st.sampled_from([*HEADINGS, *SCRAPS])


@given(st.lists(BITS, max_size=25), st.booleans())
def test_no_word_is_lost_and_none_taken_back(bits: list[str], cut: bool) -> None:
    text = "".join(bits)
    whole, writer = brought(text, cut=cut), SixSteps()
    so_far = "".join(writer.feed(bit) for bit in bits)
    assert whole.startswith(so_far)
    assert so_far + writer.finish(cut=cut) == whole

    def words(said: str) -> list[str]:
        dropped = r"</?(?:think|answer)>|Step|Summary|Diagnoses|\d|[*#:.<>/_-]"
        return re.sub(dropped, " ", said).split()

    assert words(whole) == words(text)
