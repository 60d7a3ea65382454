"""Claims in the text of a reading: pieces, signs, places, counts, and how a reading being written is checked."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgr1_core.evidence import reference_from_json
from ecgr1_core.interpretation import STEP_TITLES, Step, parse, write
from ecgr1_core.measure.types import Beat, Measurements
from ecgr1_core.protocol.text import SentenceEvidence
from ecgr1_core.record import EcgRecord
from ecgr1_core.verify import Claim, Status
from ui.components.checked import Checked, Checker, Comparison, check, compared
from ui.components.claims import (
    Marking,
    Placed,
    counts_sentence,
    groups,
    part_html,
    pieces,
    remark,
)
from ui.components.places import place_of
from ui.components.reading import codes_of, reading_html

MEASURED = Measurements(
    heart_rate_bpm=74.0,
    qrs_duration_ms=142.0,
    pr_interval_ms=160.0,
    beats=(
        Beat(1, 0.5, None, 0.3, 0.35, 0.4, 0.45, 0.46, 0.55, 0.7, 0.9),
        Beat(2, 1.3, 800.0, kind="ventricular_ectopic"),
        Beat(3, 2.1, 800.0),
    ),
)


def claim(start: int, end: int, status: Status = "supported", **changes: object) -> Claim:
    values: dict[str, object] = {
        "step": 1, "text": "x" * (end - start), "kind": "qrs.narrow", "measured": {}, "expected": "", "leads": (),
        "negated": False, "hedged": False, "why": "measured 142 ms; narrow means below 120 ms",
    }  # fmt: skip
    return Claim(start=start, end=end, status=status, **{**values, **changes})  # type: ignore[arg-type]


def record() -> EcgRecord:
    return EcgRecord(np.zeros((12, 5000), dtype=np.float32), 500.0)


class Paragraphs(HTMLParser):
    """Collects the text of paragraphs without signs, and the attributes of every element that is a button."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.buttons, self.inside, self.sign = "", [], 0, 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.inside += tag == "p"
        if self.sign or "sign" in given.get("class", "").split():
            self.sign += 1
        if given.get("role") == "button":
            self.buttons.append(given)

    def handle_endtag(self, tag: str) -> None:
        self.inside -= tag == "p"
        self.sign = max(0, self.sign - 1)

    def handle_data(self, data: str) -> None:
        if self.inside and not self.sign:
            self.text += data


TEXTS = st.text(alphabet=st.sampled_from(list("QRS <&>\"' 14ms\n–é")), max_size=40)
SPANS = st.lists(st.tuples(st.integers(0, 45), st.integers(0, 45)), max_size=8)


@given(TEXTS, SPANS, SPANS)
def test_the_pieces_joined_are_the_text(
    text: str, claimed: list[tuple[int, int]], marked: list[tuple[int, int]]
) -> None:
    statuses: tuple[Status, ...] = ("supported", "contradicted", "not_measurable")
    placed = [Placed(claim(*sorted(span), statuses[sum(span) % 3])) for span in claimed if span[0] != span[1]]
    markings = [Marking(*sorted(span), "QRS", ("hit", "negated")[span[0] % 2]) for span in marked]
    found = pieces(text, placed, markings)
    assert "".join(piece.text for piece in found) == text
    assert Paragraphs(part_html(1, text, placed, markings)).text == text
    for one in placed:
        owners = [group for group in groups(found) if one in group.claims]
        assert len(owners) == (one.claim.start < len(text)), "a claim is whole in one group"


def test_claims_that_overlap_are_one_button_with_a_reason_each() -> None:
    text = "QRS 142 ms, wide. P normal."
    placed = [
        Placed(claim(0, 10, text="QRS 142 ms")),
        Placed(claim(0, 16, "contradicted", text="QRS 142 ms, wide")),
        Placed(claim(18, 26, "not_measurable", text="P normal", why="no P wave")),
    ]
    page = part_html(2, text, placed)
    first, second = Paragraphs(page).buttons
    assert (first["class"], second["class"]) == ("claim contradicted", "claim not_measurable")
    assert first["id"] == "claim-2-0"
    assert first["tabindex"] == "0"
    assert first["aria-label"].startswith("QRS 142 ms, wide: supported: measured 142 ms")
    assert "contradicted: measured 142 ms" in first["aria-label"]
    assert page.count("<li>") == 3
    assert f'id="{first["aria-controls"]}" hidden' in page


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ([claim(0, 3, "contradicted")], "✕\u00a0measured 142 ms"),
        ([claim(0, 3, text="QRS 140 ms")], "✓\u00a0142 ms"),
        ([claim(0, 3, text="QRS 142 ms")], "✓"),
        ([claim(0, 3, text="narrow QRS")], "✓"),
        ([claim(0, 3, text="R V1 tall", why="measured V1 0.32 mV")], "✓"),
        ([claim(0, 3, "not_measurable", why="no P wave was found")], "–"),
        ([claim(0, 3, text="QRS 140 ms"), claim(0, 4, "contradicted", why="QRS 99 ms")], "✕\u00a0QRS 99 ms"),
    ],
)
def test_what_was_measured_stands_beside_what_was_claimed(claims: list[Claim], expected: str) -> None:
    assert remark([Placed(one) for one in claims]) == expected


def test_a_long_reason_is_shortened_beside_the_claim_and_whole_below() -> None:
    why = "measured " + ", ".join(f"V{number % 6 + 1} 0.1{number} mV" for number in range(12))
    placed = [Placed(claim(0, 3, "contradicted", why=why))]
    assert len(remark(placed)) < 70
    assert remark(placed).endswith("…")
    assert why in part_html(1, "QRS", placed)


def test_counts_are_said_in_words() -> None:
    claims = [claim(0, 1)] * 7 + [claim(0, 1, "contradicted")] + [claim(0, 1, "not_measurable")] * 2
    assert counts_sentence(claims) == "7 claims supported, 1 contradicted, 2 not measurable"
    assert counts_sentence(claims[6:7]).startswith("1 claim supported")
    assert "No claim" in counts_sentence([])


@pytest.mark.parametrize(
    ("kind", "leads", "wave", "named"),
    [
        ("qrs_duration", (), "qrs", ()), ("pr", (), "pr", ()), ("p_wave.upright", ("II",), "p", ("II",)),
        ("st.elevation", ("V2",), "st", ("V2",)), ("st_t.change", (), "st_t", ()), ("t_wave.inverted", (), "t", ()),
        ("qtc_bazett", (), "qt", ()), ("heart_rate", (), None, ("II",)), ("rhythm.sinus", (), None, ("II",)),
        ("overall.normal", (), None, ()), ("pause", (), "pause", ()), ("u_wave.present", (), "u", ()),
        ("atrial_rate", (), None, ("II",)), ("label", (), None, ()),
    ],
)  # fmt: skip
def test_a_claim_looks_at_its_wave(kind: str, leads: tuple[str, ...], wave: str | None, named: tuple[str, ...]) -> None:
    place = place_of(claim(0, 3, kind=kind, leads=leads), MEASURED)
    assert (place.wave, place.leads) == (wave, named)
    assert place.somewhere == bool(wave or named)


def test_every_kind_of_claim_that_is_judged_has_a_place_or_is_known_to_have_none() -> None:
    from ecgr1_core.verify.judge import _JUDGES
    from ecgr1_core.verify.judge_numbers import KINDS

    nowhere = {kind for kind in (*_JUDGES, *KINDS) if not place_of(claim(0, 3, kind=kind), MEASURED).somewhere}
    assert {kind.split(".")[0] for kind in nowhere} <= {"overall", "quality", "digitalis", "ectopy"}


def test_ectopic_beats_and_beats_of_a_sentence_are_lit_one_by_one() -> None:
    assert place_of(claim(0, 3, kind="ectopy.ventricular"), MEASURED).beats == (2,)
    evidence = [SentenceEvidence("1", 0, 9, beats=(3,)), SentenceEvidence("2", 0, 9, beats=(1,))]
    assert place_of(claim(1, 3), MEASURED, evidence).beats == (3,)
    assert place_of(claim(8, 12), MEASURED, evidence).beats == ()


STEPS = ["Heart rate 150 bpm.", "QRS 142 ms.", "Three.", "Four.", "Five.", "Six."]
RAW = write(
    [Step(number, title, text) for number, (title, text) in enumerate(zip(STEP_TITLES, STEPS, strict=True), start=1)],
    "Heart rate 74 bpm.",
    ["sinus rhythm", "left bundle branch block"],
)


def test_claims_of_finished_steps_appear_while_a_reading_is_written() -> None:
    checker = Checker(record(), MEASURED)
    seen = []
    for end in range(0, len(RAW) + 5, 5):
        checked = checker.so_far(parse(RAW[:end]))
        assert checked.claims is not None
        seen.append([one.step for one in checked.claims])
    assert seen[0] == []
    assert [1] in seen
    assert [1, 2] in seen
    assert seen.index([1]) >= RAW.index("**Step 2") // 5, "only when the next step has begun"
    whole = check(parse(RAW), record(), MEASURED)
    assert whole is not None
    assert {"summary", "answer"} <= {one.step for one in whole}
    assert len(seen[-1]) == len(whole)


def test_without_signal_or_measurements_the_text_says_that_it_was_not_checked() -> None:
    for checker, words in ((Checker(None, None), "no signal"), (Checker(record(), None), "not measured")):
        checked = checker.at_last(parse(RAW), None, None, None)
        page = reading_html(parse(RAW), checked)
        assert checked.claims is None
        assert f"Not checked: {words}" in page or words in page
        assert 'role="button"' not in page
        assert "Heart rate 150 bpm." in Paragraphs(page).text


def test_the_panel_shows_claims_certainties_and_codes() -> None:
    checked = Checker(record(), MEASURED).at_last(parse(RAW), None, {"sinus rhythm": "definite"}, None)
    page = reading_html(parse(RAW), checked)
    assert "claims supported, 1 contradicted" in page
    assert "✕\u00a0measured 74 bpm" in page
    assert '<span class="certainty">definite</span>' in page
    assert "SNOMED CT 426783006" in page
    labels = [button["id"] for button in Paragraphs(page).buttons if button["id"].startswith("claim-answer")]
    assert labels == ["claim-answer-0", "claim-answer-14"]
    assert codes_of("unheard-of") == "no code in the vocabulary"


def test_evidence_phrases_are_marked_counted_and_missed_ones_listed() -> None:
    reading = parse(write([Step(1, STEP_TITLES[0], "No atrial fibrillation. Sinus rhythm.")], "S", ["x"]))
    reference = reference_from_json({"evidence": {"1": ["sinus rhythm", "atrial fibrillation", "flutter <b>"]}})
    checked = compared(Checked(), reading, Comparison("ref.json", reference, "strict"))
    page = reading_html(reading, checked)
    assert '<mark class="hit"' in page
    assert '<mark class="negated"' in page
    assert "EDER 1/3" in page
    assert "EDER 0.33 against ref.json (strict)" in page
    assert '<li class="missed">flutter &lt;b&gt;</li>' in page
    assert '<li class="negated">atrial fibrillation</li>' in page
    published = compared(checked, reading, Comparison("ref.json", reference, "published"))
    assert "EDER 2/3" in reading_html(reading, published)
    assert "EDER" not in reading_html(reading, compared(checked, reading, None))
