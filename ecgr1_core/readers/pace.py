"""When a server may be asked: so many requests in any minute, and how long to wait before asking once more."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

WINDOW_S: Final = 60.0
LONGEST_WAIT_S: Final = 60.0
_FIRST_WAIT_S: Final = 1.0


class Pace:
    """At most `per_minute` requests in any 60 s, for all threads of this process; None is no limit."""

    def __init__(self, per_minute: int | None, window_s: float = WINDOW_S) -> None:
        self._most = per_minute
        self._window_s = window_s
        self._lock = threading.Lock()
        self._turns: deque[float] = deque()

    def reserve(self) -> float:
        """Take the next turn and return when it comes, on the clock of `time.monotonic`."""
        now = time.monotonic()
        if self._most is None:
            return now
        with self._lock:
            while self._turns and self._turns[0] <= now - self._window_s:
                self._turns.popleft()
            full = len(self._turns) >= self._most
            turn = max(now, self._turns[-self._most] + self._window_s) if full else now
            self._turns.append(turn)
            return turn

    def give_back(self, turn: float) -> None:
        """Give back a turn that was not used."""
        with self._lock:
            if turn in self._turns:
                self._turns.remove(turn)


def asked_to_wait_s(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds a server asks to be left alone (`Retry-After`, in seconds or as a date)."""
    told = headers.get("retry-after", "").strip()
    if not told:
        return None
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):  # neither seconds nor a date: as if nothing were said
        return None


def wait_s(times_asked: int, told_s: float | None) -> float:
    """Return how long to wait before asking again: what the server said, or 1, 2, 4, … s with chance, 60 s at most."""
    if told_s is None or told_s != told_s:
        told_s = _FIRST_WAIT_S * 2 ** (times_asked - 1) * random.uniform(0.75, 1.25)
    return min(told_s, LONGEST_WAIT_S)
