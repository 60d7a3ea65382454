"""Many recordings on several cores: work handed to processes, results in the order of the paths."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

_FEW = 8  # recordings: below this, starting more processes takes longer than it saves

T = TypeVar("T")


def outcomes(work: Callable[[Path], T], paths: Sequence[Path], jobs: int | None) -> Iterator[T]:
    """Yield `work(path)` for each path in order, on `jobs` processes (None: one a core), each kept to one thread.

    With several processes `work` and its results must be picklable, and what `work` raises ends the whole.
    """
    jobs = jobs or (os.cpu_count() or 1)
    if jobs == 1 or len(paths) < _FEW:
        one_thread()
        yield from _with_progress(map(work, paths), len(paths))
        return
    with ProcessPoolExecutor(max_workers=jobs, initializer=one_thread) as pool:
        yield from _with_progress(pool.map(work, paths, chunksize=4), len(paths))


def one_thread() -> None:
    """Keep this process to one core: threads for products as small as ours only get in the way of other processes."""
    from threadpoolctl import threadpool_limits

    from ecgr1_core import measure  # noqa: F401  the libraries to be limited must be there

    threadpool_limits(limits=1)


def _with_progress(results: Iterable[T], total: int) -> Iterator[T]:
    """Show a progress bar on a terminal's standard error for more than a few recordings."""
    if total < _FEW or not sys.stderr.isatty():
        yield from results
        return
    from tqdm import tqdm

    yield from tqdm(results, total=total, unit="ECG", file=sys.stderr)
