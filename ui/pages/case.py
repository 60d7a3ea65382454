"""What the Read page keeps for one visitor between two actions."""

from __future__ import annotations

from dataclasses import dataclass, field

from annotations.recordings import KeptReading, recording_digest
from ecgr1_core.measure.types import Measurements
from ecgr1_core.record import EcgRecord
from ui.components.checked import Comparison
from ui.pages.case_page import CasePage


@dataclass(eq=False)
class Turn:
    """One reading that is being written: whether it is to stop, and whether the page has gone on to something else."""

    stopped: bool = False
    left: bool = False


@dataclass(frozen=True, eq=False)
class Case:
    """The open recording, its measurements and its last reading once they are there, and what is being written of it.

    A reading is stopped through its case, because the actions of a page know of each other by nothing else. `unwanted`
    is not empty when the visitor has removed the recording from those that are kept: it is then not kept again. `page`
    is the page that the recording was read off, None where it came as samples.
    """

    record: EcgRecord
    measurements: Measurements | None = None
    reading: KeptReading | None = None
    comparison: Comparison | None = None
    turns: list[Turn] = field(default_factory=list)
    unwanted: list[bool] = field(default_factory=list)
    page: CasePage | None = None

    @property
    def key(self) -> str:
        """What stands for the recording where recordings are kept."""
        return recording_digest(self.record)

    def begin_reading(self) -> Turn:
        """Stop and leave what was being written, and return the turn of a new reading."""
        self.leave()
        turn = Turn()
        self.turns.append(turn)
        return turn

    def end_reading(self, turn: Turn) -> None:
        """Forget a reading that has ended."""
        if turn in self.turns:
            self.turns.remove(turn)

    def stop(self) -> bool:
        """Ask what is being written to stop and to say so on the page; return whether there is any."""
        for turn in self.turns:
            turn.stopped = True
        return bool(self.turns)

    def leave(self) -> None:
        """Ask what is being written to stop and to leave the page alone, which now shows something else."""
        for turn in self.turns:
            turn.stopped = turn.left = True
        self.turns.clear()
