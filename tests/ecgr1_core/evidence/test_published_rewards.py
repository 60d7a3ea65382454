"""The released rewards on hand-made completions; every value is worked out by hand from docs/evidence.md."""

from __future__ import annotations

import pytest

from ecgr1_core.evidence import (
    accuracy_reward,
    evidence_reward,
    format_reward,
    match,
    published_steps,
    reference_from_text,
)

KEYS = {
    1: "step_1_technical_rate_rhythm",
    2: "step_2_conduction_axis_intervals",
    3: "step_3_chamber_hypertrophy_voltage",
    4: "step_4_ischemia_infarction_mimics",
    5: "step_5_electrolytes_qt",
    6: "step_6_final_medical_reasoning",
}


def row(*steps: tuple[int, str], close: str = "/", answer: str = "") -> str:
    inside = "\n".join(f"{KEYS[number]}: {phrases}" for number, phrases in steps)
    return f"<|key_diagnostic_evidence|>{inside}<|{close}key_diagnostic_evidence|>{answer}"


def think(*parts: str) -> str:
    return "<think>\n" + "\n\n".join(parts) + "\n</think>\n\nSummary.\n\n<answer>normal ECG</answer>"


S1 = "**Step 1: Technical, Rate & Rhythm**\nSinus rhythm at 72 bpm."
S2 = "**Step 2: Conduction, Axis & Intervals**\nPR 160 ms, QRS 98 ms, normal axis."
TWO = row((1, "sinus rhythm; 72 bpm"), (2, "PR 160 ms; QRS 120 ms"))  # with S1 and S2: 2/2 and 1/2
SR = row((1, "sinus rhythm"))

# (what, completion, solution, reward)
EVIDENCE = [
    ("all phrases of one step", think(S1), row((1, "sinus rhythm; 72 bpm")), 1.0),
    ("mean of two steps: (2/2 + 1/2) / 2", think(S1, S2), TWO, 0.75),
    ("case does not count", think(S1.upper()), SR, 1.0),
    ("a step missing from the reading counts 0: (2/2 + 0) / 2", think(S1), TWO, 0.5),
    ("a step missing from the reference is left out", think(S1, S2), row((2, "PR 160 ms")), 1.0),
    ("three phrases, one hit", think(S1), row((1, "sinus rhythm; flutter; paced")), 1 / 3),
    ("a phrase of another step is no hit", think(S1, S2), row((1, "normal axis")), 0.0),
    ("denial does not count", think("**Step 4: Ischemia**\nNo ST elevation."), row((4, "ST elevation")), 1.0),
    ("no word boundaries", think("**Step 4: Ischemia**\nMild changes."), row((4, "MI")), 1.0),
    ("white space inside a phrase counts", think("**Step 1: R**\nsinus  rhythm"), SR, 0.0),
    # closing tags of the reference
    ("closing tag with a backslash", think(S1), row((1, "sinus rhythm"), close="\\"), 1.0),
    ("tags in capitals", think(S1), SR.upper(), 1.0),
    ("no closing tag: the whole string, which glues the answer to the last phrase: 1/2", think(S1),
     f"<|key_diagnostic_evidence|>{KEYS[1]}: sinus rhythm; 72 bpm<|answer|>x<|/answer|>", 0.5),
    ("closing tag without any slash is none, and is glued on too", think(S1), row((1, "sinus rhythm"), close=""), 0.0),
    ("no tags at all", think(S1), f"{KEYS[1]}: sinus rhythm", 1.0),
    ("the first pair of tags counts", think(S1, S2), SR + row((2, "flutter")), 1.0),
    # the reference's list
    ("a phrase twice is two phrases: 2/3", think(S1), row((1, "sinus rhythm; sinus rhythm; paced")), 2 / 3),
    ("empty phrases are none", think(S1), row((1, "; sinus rhythm;; ;")), 1.0),
    ("a step with an empty list is left out", think(S1), row((1, "sinus rhythm"), (2, "")), 1.0),
    ("all lists empty", think(S1), row((1, ""), (2, " ; ")), 0.0),
    ("nothing between the tags", think(S1), row(), 0.0),
    ("of two equal keys the later counts", think(S1), row((1, "sinus rhythm"), (1, "flutter")), 0.0),
    ("also when the later is empty: nothing is left", think(S1), row((1, "sinus rhythm"), (1, "")), 0.0),
    ("keys on one line", think(S1, S2), f"{KEYS[1]}: sinus rhythm {KEYS[2]}: normal axis; PR", 1.0),
    ("keys in capitals", think(S1), f"{KEYS[1].upper()}: sinus rhythm", 1.0),
    ("an unknown key is not looked at", think(S1), f"step_1_rhythm: flutter\n{KEYS[1]}: sinus rhythm", 1.0),
    ("a blank before the colon is no key", think(S1), f"{KEYS[1]} : sinus rhythm\n{KEYS[2]}: paced", 0.0),
    ("step_2 inside a phrase ends the list", think(S1), row((1, "sinus rhythm; step_2 axis; flutter")), 1.0),
    ("signs of patterns are plain", think("**Step 5: QT**\nQTc (B) 0.44 s+*."), row((5, "(B) 0.44 s+*")), 1.0),
    ("a dot is no wildcard", think("**Step 5: QT**\nQTc 0x44 s"), row((5, "0.44 s")), 0.0),
    # headings of the completion
    ("the title belongs to the text", think("**Step 1: Rate & Rhythm**\nPaced."), row((1, "rate & rhythm")), 1.0),
    ("without a colon the title does not", think("**Step 1 Rate & Rhythm**\nPaced."), row((1, "rate & rhythm")), 0.0),
    ("heading in lower case", think("**step 1: rate**\nSinus rhythm"), SR, 1.0),
    ("heading without a title", think("**Step 1**\nSinus rhythm"), SR, 1.0),
    ("bold ends before the colon", think("**Step 1** : sinus rhythm"), SR, 1.0),
    ("number with a zero", think("**Step 01: Rate**\nSinus rhythm"), SR, 1.0),
    ("number on the next line", think("**Step\n1: Rate**\nSinus rhythm"), SR, 1.0),
    ("no blank before the number: no heading", think("**Step1: Rate**\nSinus rhythm"), SR, 0.0),
    ("heading with # is none", think("### Step 1: Rate\nSinus rhythm"), SR, 0.0),
    ("plain heading is none", think("Step 1: Rate\nSinus rhythm"), SR, 0.0),
    ("underlined heading is none", think("__Step 1: Rate__\nSinus rhythm"), SR, 0.0),
    ("step 7 counts for nothing", think("**Step 7: More**\nSinus rhythm"), SR, 0.0),
    ("steps in another order", think(S2, S1), TWO, 0.75),
    ("a step twice: the later counts", think(S1, "**Step 1: Again**\nPaced."), SR, 0.0),
    ("unless the later is empty", think(S1, "**Step 1:"), SR, 1.0),
    ("bold mention of a step cuts the text and takes its place", think(S1 + " As **Step 2** says, paced."),
     row((1, "paced"), (2, "paced")), 0.5),
    ("**Step without a number ends the text", think("**Step 1: R**\nPaced. **Steps** sinus rhythm"), SR, 0.0),
    ("text before the first heading is in no step", think("Sinus rhythm.", "**Step 1: R**\nPaced."), SR, 0.0),
    # thinking tags
    ("no thinking", S1, SR, 0.0),
    ("thinking not closed", "<think>" + S1, SR, 0.0),
    ("thinking closed only", S1 + "</think>", SR, 0.0),
    ("tags in capitals", f"<THINK>{S1}</Think>", SR, 1.0),
    ("nested tags: to the first closing one", f"<think><think>{S1}</think>{S2}</think>", TWO, 0.5),
    ("only the first thinking", f"<think>{S2}</think><think>{S1}</think>", SR, 0.0),
    ("steps behind the thinking", f"<think>{S2}</think>\n{S1}", SR, 0.0),
    ("empty thinking", "<think> </think>", SR, 0.0),
    ("empty completion", "", SR, 0.0),
    # unicode
    ("Greek and signs", think("**Step 5: QT**\nΔQT ≥ 20 ms, 37 °C"), row((5, "δqt ≥ 20 ms; 37 °c")), 1.0),
    ("another dash is another character", think("**Step 4: I**\nV1–V4"), row((4, "V1-V4; V1–V4")), 0.5),
    ("digits of another script", think("**Step ٣: Voltage**\nLVH"), row((3, "LVH")), 1.0),
    ("ß is not ss", think("**Step 3: V**\ngroß"), row((3, "gross")), 0.0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("completion", "solution", "reward"), [case[1:] for case in EVIDENCE], ids=[c[0] for c in EVIDENCE]
)
def test_evidence_reward(completion: str, solution: str, reward: float) -> None:
    assert evidence_reward([completion], [solution]) == [pytest.approx(reward, abs=1e-12)]


def test_weight_and_batches() -> None:
    other_columns = {"messages": [], "step": 3}
    assert evidence_reward([think(S1, S2), ""], [TWO, TWO], weight=0.5, **other_columns) == [0.375, 0.0]
    with pytest.raises(ValueError, match="zip"):
        evidence_reward([""], [TWO, TWO])


def test_spans_are_places_in_the_step_and_start_is_the_step_in_the_completion() -> None:
    completion = think(S1, S2.replace("PR 160", "PR 160, pr 160"))
    (first, second) = match(completion, reference_from_text(row((1, "rhythm"), (2, "pr 160")))).steps
    assert [first.text[a:b] for a, b in first.phrases[0].spans] == ["Rhythm", "rhythm"]  # title and text
    assert [second.text[a:b] for a, b in second.phrases[0].spans] == ["PR 160", "pr 160"]
    for step in (first, second):
        assert step.start is not None
        assert completion[step.start : step.start + len(step.text)] == step.text


def test_title_is_part_of_the_published_text() -> None:
    steps = published_steps(think(S1, S2))
    assert {number: step.text for number, step in steps.items()} == {
        1: "Technical, Rate & Rhythm**\nSinus rhythm at 72 bpm.",
        2: "Conduction, Axis & Intervals**\nPR 160 ms, QRS 98 ms, normal axis.",
    }


def test_number_too_long_to_read_is_no_step() -> None:
    assert published_steps(f"<think>**Step {'1' * 5000}: x\ny **Step 1: z</think>").keys() == {1}


ACCURACY = [
    ("same labels, another order and case", "<answer>lvh; Sinus Rhythm</answer>", "sinus rhythm; LVH", 1.0),
    ("1 of 3", "<answer>sinus rhythm; LVH</answer>", "sinus rhythm; LBBB", 1 / 3),
    ("one label against two: 1/2", "<answer>LVH</answer>", "LVH; LBBB", 1 / 2),
    ("a synonym is another label", "<answer>LBBB</answer>", "left bundle branch block", 0.0),
    ("a comma separates nothing", "<answer>LVH, LBBB</answer>", "LVH; LBBB", 0.0),
    ("a label twice counts once", "<answer>LVH; LVH</answer>", "LVH", 1.0),
    ("both empty", "<answer> </answer>", " ", 1.0),
    ("both only semicolons", "<answer>;</answer>", ";;", 1.0),
    ("answer empty", "<answer></answer>", "LVH", 0.0),
    ("reference empty", "<answer>LVH</answer>", "", 0.0),
    ("no answer", "LVH", "LVH", 0.0),
    ("answer not closed", "<answer>LVH", "LVH", 0.0),
    ("answer in capitals is none", "<ANSWER>LVH</ANSWER>", "LVH", 0.0),
    ("the first answer", "<answer>LVH</answer><answer>LBBB</answer>", "LVH", 1.0),
    ("lines are not separated", "<answer>LVH\nLBBB</answer>", "LVH;LBBB", 0.0),
]


@pytest.mark.parametrize("close", ["/", "\\"])
@pytest.mark.parametrize(
    ("completion", "labels", "reward"), [case[1:] for case in ACCURACY], ids=[c[0] for c in ACCURACY]
)
def test_accuracy_reward(completion: str, labels: str, reward: float, close: str) -> None:
    solution = row((1, "x"), answer=f"<|answer|>{labels}<|{close}answer|>")
    assert accuracy_reward([completion], [solution]) == [pytest.approx(reward, abs=1e-12)]


def test_accuracy_without_a_reference_answer() -> None:
    assert accuracy_reward(["<answer></answer>"], [row((1, "x"))]) == [0.0]
    assert accuracy_reward(["<answer>a</answer>"], [row((1, "x"), answer="<|answer|>a<|answer|>")]) == [0.0]


def test_strict_accuracy_knows_synonyms() -> None:
    solution = row((1, "x"), answer="<|answer|>left bundle branch block; zebra<|/answer|>")
    completion = think(S1).replace("normal ECG", "LBBB; Zebra; complete LBBB")
    assert accuracy_reward([completion], [solution], mode="strict") == [1.0]
    assert accuracy_reward([completion], [solution]) == [pytest.approx(1 / 4)]


@pytest.mark.parametrize(
    ("completion", "reward"),
    [("<think>x</think>", 1.0), ("<think> \n</think>", 0.0), ("<think></think>x<think>y</think>", 0.0),
     ("<THINK>x</THINK>", 0.0), ("<think>x", 0.0), ("x</think>", 0.0), ("", 0.0),
     ("<answer>y</answer><think>x</think>", 1.0)],
)  # fmt: skip
def test_format_reward(completion: str, reward: float) -> None:
    assert format_reward([completion]) == [reward]


def test_strict_format_wants_the_whole_form() -> None:
    whole = think(*(f"**Step {n}: T**\nText." for n in range(1, 7)))
    assert format_reward([whole, think(S1)], mode="strict") == [1.0, 0.0]
