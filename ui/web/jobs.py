"""Long work that a page starts and looks at: one thread for each name, with its progress; it can be told to stop.

What the work is, is not known here. A job outlives the request and the log-in of whoever started it, not the program.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ecgr1_core.errors import InputError
from ui import strings

logger = logging.getLogger(__name__)
Work = Callable[[], Iterator[Any]]


@dataclass
class Job:
    """One piece of work: what is done of how much, its last yield, and how it ended."""

    total: int
    done: int = 0
    result: Any = None
    error: str = ""
    stopped: bool = False
    ended: bool = False
    begun: float = field(default_factory=time.monotonic)

    @property
    def per_minute(self) -> float:
        """How much is done in a minute, on average."""
        return 60.0 * self.done / max(time.monotonic() - self.begun, 1e-3)


class Jobs:
    """The jobs of the program by name; a name has one job at a time."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Job | None:
        """Return the last job of that name."""
        return self._jobs.get(name)

    def start(self, name: str, total: int, work: Work) -> Job:
        """Begin a job unless one of that name is at work, and return it; each yield of `work` counts as one done."""
        return self._begin(name, total, work, lambda there: not there.ended)

    def start_once(self, name: str, total: int, work: Work) -> Job:
        """Begin a job unless one of that name is at work or has ended well, and return it."""
        return self._begin(name, total, work, lambda there: not there.error)

    def _begin(self, name: str, total: int, work: Work, keep: Callable[[Job], bool]) -> Job:
        with self._lock:
            there = self._jobs.get(name)
            if there is not None and keep(there):
                return there
            job = self._jobs[name] = Job(total)
        threading.Thread(target=self._run, args=(name, job, work), name=f"job {name}", daemon=True).start()
        return job

    def stop(self, name: str) -> None:
        """Ask a job to stop after what it is at."""
        job = self._jobs.get(name)
        if job is not None:
            job.stopped = True

    @staticmethod
    def _run(name: str, job: Job, work: Work) -> None:
        try:
            for result in work():
                job.done, job.result = job.done + 1, result
                if job.stopped:
                    break
        except InputError as error:
            job.error = str(error)
        except Exception:
            logger.exception("job %s failed", name)
            job.error = strings.FAULT
        finally:
            job.ended = True
