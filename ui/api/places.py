"""How many readings are made at once, and how many may wait; who comes when all places are taken is sent away.

A model reads one recording at a time. Who waits is served in the order of coming.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """Places to read in and to wait in."""

    def __init__(self, reading: int, waiting: int) -> None:
        self._gate = asyncio.Semaphore(reading)
        self._most_waiting = waiting
        self.reading = 0
        self.waiting = 0

    @property
    def full(self) -> bool:
        """Whether nobody else may wait now."""
        return self._gate.locked() and self.waiting >= self._most_waiting

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold a place to read in, after waiting for one."""
        self.waiting += 1
        try:
            await self._gate.acquire()
        finally:
            self.waiting -= 1
        self.reading += 1
        try:
            yield
        finally:
            self.reading -= 1
            self._gate.release()
