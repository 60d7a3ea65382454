"""From tokens to text while it is being written, and from the text of an answer back to the tokens of its labels.

A token of a byte-level vocabulary is some bytes, not some characters, and so are the byte pieces of others: a piece of
text is given out only when its last character is whole. The module knows nothing of models; it is the only one that
knows how tokens spell.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

_CONTROL: Final = re.compile(r"<\|\w+\|>")
_ANSWER: Final = re.compile(r"<\s*answer\s*>(.*?)(?:<\s*/\s*answer\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_ANSWER_END: Final = re.compile(r"<\s*/\s*answer\s*>", re.IGNORECASE)
_LONGEST_TAG: Final = 32  # characters in which a closing tag, spaces in it included, is looked for
_BYTE_PIECE: Final = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_LABEL: Final = re.compile(r"[^;\n\r]+")


@dataclass(frozen=True)
class TokenScore:
    """One written token: its place in the text, and how sure the model was.

    `start` and `end` are characters of the text; both are the same for a token that writes nothing. `log_probability`
    is the natural logarithm of the model's own probability of the token, `entropy_nats` that of the distribution it was
    chosen from; both are taken before temperature, top-p and repetition penalty.
    """

    token_id: int
    start: int
    end: int
    log_probability: float
    entropy_nats: float


@dataclass(frozen=True)
class LabelConfidence:
    """How sure the model was of one label of its answer: mean and least probability over the tokens that spell it."""

    label: str
    mean_probability: float
    min_probability: float
    tokens: int


class TokenBytes:
    """The bytes that each token of a byte-level vocabulary writes."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._added = {token_id: token for token, token_id in tokenizer.get_added_vocab().items()}
        self._byte_of = {character: byte for byte, character in _byte_alphabet().items()}

    def __call__(self, token_id: int) -> bytes:
        """Return the bytes of a token; none for control tokens such as `<|im_end|>` and for ids without a token.

        Tags such as `<think>` are text, whether or not the vocabulary has a token for them. Raises ValueError for a
        vocabulary that is not byte-level.
        """
        if token_id in self._added:
            token = self._added[token_id]
            return b"" if _CONTROL.fullmatch(token) else token.encode()
        token = self._tokenizer.convert_ids_to_tokens(token_id)
        if token is None:  # a row of the embedding that the vocabulary does not use
            return b""
        try:
            return bytes(self._byte_of[character] for character in token)
        except KeyError as error:
            raise ValueError(f"the token {token!r} is not of a byte-level vocabulary") from error


def control_tokens(tokenizer: Any) -> dict[str, int]:
    """Return the tokens that are no text, such as the ends of turns, each with its number."""
    added = {str(token): int(number) for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    named = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    return added | {str(token): int(number) for token, number in named}


class PieceBytes:
    """The bytes that each token of one text writes, for a vocabulary of pieces (SentencePiece) as Vicuna's and Gemma's.

    `▁` is a space, `<0x0A>` the byte 10. With `strip_first` the space that such a vocabulary puts before a first word
    is left out, as decoding the whole text at once does: one object for each text.
    """

    def __init__(self, tokenizer: Any, *, strip_first: bool) -> None:
        self._tokenizer = tokenizer
        self._special = frozenset(control_tokens(tokenizer).values())
        self._first = strip_first

    def __call__(self, token_id: int) -> bytes:
        """Return the bytes of the next token; none for control tokens and for ids without a token."""
        piece = None if token_id in self._special else self._tokenizer.convert_ids_to_tokens(token_id)
        if piece is None:
            return b""
        byte = _BYTE_PIECE.fullmatch(piece)
        written = bytes([int(byte[1], 16)]) if byte else piece.replace("▁", " ").encode()
        if self._first and written:
            self._first = False
            written = written.removeprefix(b" ")
        return written


class TextStream:
    """Takes tokens one by one and gives out text; every piece is whole characters, and all pieces are the text.

    Bytes that form no character become U+FFFD, as where the whole is decoded at once. With `stop_after_answer` the text
    ends with the first `</answer>`, and `answered` becomes true.
    """

    def __init__(self, token_bytes: Callable[[int], bytes], *, stop_after_answer: bool = True) -> None:
        self.text = ""
        self.answered = False
        self.span = (0, 0)
        self._token_bytes = token_bytes
        self._stop_after_answer = stop_after_answer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """Add a token and return the text that has become whole by it; `span` is then the token's place in the text."""
        written = self._token_bytes(token_id)
        start = len(self.text)
        piece = self._decoder.decode(written)
        self.text += piece
        if self._stop_after_answer and piece:
            end = _ANSWER_END.search(self.text, max(0, start - _LONGEST_TAG))
            if end is not None:
                self.answered = True
                self.text = self.text[: end.end()]
                piece = self.text[start:]
        waiting = bool(self._decoder.getstate()[0]) and not self.answered
        self.span = (start, len(self.text) + (1 if waiting and written else 0))
        return piece


def label_confidences(text: str, scores: Sequence[TokenScore]) -> tuple[LabelConfidence, ...]:
    """Return how sure the model was of each label of the answer in `text`, in order; `scores` are of its tokens.

    A token counts for a label when it writes at least one of the label's characters. Without an answer there are none.
    """
    found = []
    for answer in _ANSWER.finditer(text):
        for match in _LABEL.finditer(text, answer.start(1), answer.end(1)):
            label = match.group().strip()
            if not label:
                continue
            start = match.start() + match.group().index(label)
            end = start + len(label)
            probabilities = [math.exp(s.log_probability) for s in scores if s.start < end and s.end > start]
            if probabilities:
                mean = math.fsum(probabilities) / len(probabilities)
                found.append(LabelConfidence(label, mean, min(probabilities), len(probabilities)))
    return tuple(found)


def _byte_alphabet() -> dict[int, str]:
    """Return the character that byte-level vocabularies write for each byte.

    Bytes that print as themselves in Latin-1 do so; the others take the characters from U+0100 on, in order.
    """
    printing = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printing)]
    return {byte: chr(byte) for byte in printing} | {byte: chr(0x100 + n) for n, byte in enumerate(others)}
