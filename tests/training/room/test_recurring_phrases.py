"""Phrases that recur become tokens of their own: shorter sequences, the same text back, none of numbers or tags."""

from __future__ import annotations

from training.start import build_tokenizer, recurring

READING = "**Step 2: Conduction**\nPR {pr} ms, axis −{pr}°. No ST elevation.\n\n**Step 3: Voltage**\nNot high.\n"
TEXTS = [
    f"<ecg><image>Read this.{READING.format(pr=pr)}<answer>sinus rhythm; AV block</answer>" for pr in range(120, 220)
]


def test_readings_are_shorter_and_come_back_as_they_were() -> None:
    plain = build_tokenizer(TEXTS, 300)
    phrased = build_tokenizer(TEXTS, 300)
    phrases = recurring(TEXTS, plain, 20)
    phrased.add_tokens(phrases)
    for text in TEXTS[::20]:
        ids = phrased(text)["input_ids"]
        assert len(ids) < len(plain(text)["input_ids"]) / 2
        assert phrased.decode(ids) == text
    assert {"\n\n**Step 3: Voltage**\n", " No ST elevation.", " ms, axis −"} <= set(phrases)


def test_numbers_tags_and_the_marks_of_the_answer_are_in_none() -> None:
    phrases = recurring(TEXTS, build_tokenizer(TEXTS, 300), 50)
    assert not [one for one in phrases if set(one) & set("0123456789<>;") and not one.lstrip().startswith("**")]
    assert {"sinus rhythm", " AV block"} <= set(phrases)
    assert "°." not in phrases  # its letters are those of two bytes in byte-level BPE


def test_none_are_asked_for_and_what_is_met_once_is_none() -> None:
    tokenizer = build_tokenizer(TEXTS, 300)
    assert recurring(TEXTS, tokenizer, 0) == []
    assert recurring(["A phrase of its own."], tokenizer, 10) == []
