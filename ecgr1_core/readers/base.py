"""`Reader`: what every reader offers, whether it computes here or asks a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from ecgr1_core.modality import Modality, ModalityView


@runtime_checkable
class Reader(Protocol):
    """A reader of ECGs.

    `name` is used on the command line, `title` on the page; `modalities` are those it can look at; `embedded` says that
    it needs no weights and no network; `privacy` is one sentence on where the recording goes.
    """

    @property
    def name(self) -> str:
        """Short name, as given on the command line."""

    @property
    def title(self) -> str:
        """Name for people."""

    @property
    def version(self) -> str:
        """Version of the rules or the weights that read."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that it can look at."""

    @property
    def embedded(self) -> bool:
        """Whether it comes with the program."""

    @property
    def privacy(self) -> str:
        """Where the recording goes, in one sentence."""

    def read(self, view: ModalityView) -> Iterator[str]:
        """Yield the reading in pieces; together they are one text in ECG-R1's output form.

        Raises UnsupportedModalityError before the first piece where the modality is not among `modalities`.
        """
