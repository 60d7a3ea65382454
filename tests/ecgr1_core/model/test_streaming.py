"""Tokens to text: whole characters only, the tag that ends a reading, and the tokens of each label."""

from __future__ import annotations

import math
import random

import pytest
from tiny import build_tokenizer

from ecgr1_core.interpretation import parse
from ecgr1_core.model.streaming import TextStream, TokenBytes, TokenScore, label_confidences

TEXT = "QT 410 ms – Übergang in V₃, 心電図 😀\n<answer>sinus rhythm; „Hemiblock“</answer>"


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


@pytest.fixture(scope="module")
def token_bytes(tokenizer) -> TokenBytes:
    return TokenBytes(tokenizer)


def streamed(token_bytes: TokenBytes, ids: list[int], **options: bool) -> tuple[TextStream, list[str]]:
    stream = TextStream(token_bytes, **options)
    return stream, [stream.push(token) for token in ids]


def test_pieces_are_whole_characters_and_make_the_text(tokenizer, token_bytes: TokenBytes) -> None:
    ids = tokenizer.encode(TEXT)
    assert len(ids) > len(TEXT.split())
    stream, pieces = streamed(token_bytes, ids)
    assert "".join(pieces) == stream.text == TEXT
    assert not any("\ufffd" in piece for piece in pieces)
    assert sum(piece == "" for piece in pieces) >= 6, "bytes of one character are held back until it is whole"


def test_any_tokens_give_the_text_that_decoding_them_at_once_gives(tokenizer, token_bytes: TokenBytes) -> None:
    plain = range(len(tokenizer) - len(tokenizer.get_added_vocab()))
    for seed in range(20):
        ids = random.Random(seed).choices(plain, k=60)
        stream, pieces = streamed(token_bytes, ids, stop_after_answer=False)
        assert "".join(pieces) == stream.text
        whole = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        assert whole.rstrip("\ufffd").startswith(stream.text.rstrip("\ufffd"))
        assert len(whole) - len(stream.text) <= 1, "only a last character that is not whole may be missing"


def test_control_tokens_write_nothing_and_tags_are_text(tokenizer, token_bytes: TokenBytes) -> None:
    ids = tokenizer.convert_tokens_to_ids(["<think>", "<|image_pad|>", "</think>", "<|im_end|>"])
    assert streamed(token_bytes, ids)[0].text == "<think></think>"
    assert token_bytes(10**6) == b"", "rows of the embedding without a token write nothing"


def test_a_vocabulary_that_is_not_byte_level_is_refused() -> None:
    class Other:
        def get_added_vocab(self) -> dict[str, int]:
            return {}

        def convert_ids_to_tokens(self, token_id: int) -> str:
            return "\u2581word"

    with pytest.raises(ValueError, match="not of a byte-level vocabulary"):
        TokenBytes(Other())(1)


@pytest.mark.parametrize("end", ["</answer>", "</ answer >", "</ANSWER>"])
def test_the_text_ends_with_the_tag(tokenizer, token_bytes: TokenBytes, end: str) -> None:
    ids = tokenizer.encode(f"<answer>sinus rhythm{end} and then some more")
    stream = TextStream(token_bytes)
    pieces = []
    for token in ids:
        pieces.append(stream.push(token))
        if stream.answered:
            break
    assert "".join(pieces) == stream.text == f"<answer>sinus rhythm{end}"
    kept, _ = streamed(token_bytes, ids, stop_after_answer=False)
    assert kept.text.endswith("some more")
    assert not kept.answered


def test_labels_get_the_probabilities_of_their_own_tokens(tokenizer, token_bytes: TokenBytes) -> None:
    text = "<think>x</think>\n<answer> sinus rhythm;  Hemiblock é ;\nAV block</answer>"
    ids = tokenizer.encode(text)
    stream = TextStream(token_bytes)
    scores = []
    for number, token in enumerate(ids):
        stream.push(token)
        scores.append(TokenScore(token, *stream.span, math.log(1 / (number + 2)), 0.0))
    assert stream.text == text
    found = label_confidences(text, scores)
    assert tuple(one.label for one in found) == parse(text).answer == ("sinus rhythm", "Hemiblock é", "AV block")
    for one in found:
        start = text.index(one.label)
        own = [
            math.exp(score.log_probability)
            for score in scores
            if any(start <= place < start + len(one.label) for place in range(score.start, score.end))
        ]
        assert one.tokens == len(own) >= 2
        assert one.mean_probability == pytest.approx(sum(own) / len(own))
        assert one.min_probability == min(own)
    assert label_confidences("no answer", scores) == ()
    assert label_confidences("<answer>cut off", [TokenScore(1, 8, 15, -0.5, 0.1)])[0].tokens == 1
