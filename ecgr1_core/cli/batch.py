"""Many recordings on several cores: work handed to processes, results in the order of the paths."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

_FEW = 8  # recordings: below this, starting more processes takes longer than it saves

T = TypeVar("T")


def outcomes(
    work: Callable[[Path], T], paths: Sequence[Path], jobs: int | None, prepare: Callable[[], None] | None = None
) -> Iterator[T]:
    """Yield `work(path)` for each path in order, on `jobs` processes (None: one a core), each kept to one thread.

    `prepare` loads what the work needs, before processes are started: where they are forked they share it, and
    libraries that it brings are kept to one thread too. With several processes `work` and its results must be
    picklable, and what `work` raises ends the whole.
    """
    jobs = jobs or (os.cpu_count() or 1)
    one_thread()
    if prepare is not None and paths:
        prepare()
        one_thread()
    if jobs == 1 or len(paths) < _FEW:
        yield from with_progress(map(work, paths), len(paths))
        return
    with ProcessPoolExecutor(max_workers=jobs, initializer=_begin, initargs=(work,)) as pool:
        yield from with_progress(pool.map(_done, paths), len(paths))


def one_thread() -> None:
    """Keep this process to one core: threads for products as small as ours only get in the way of other processes."""
    from threadpoolctl import threadpool_limits

    from ecgr1_core import measure  # noqa: F401  the libraries to be limited must be there

    threadpool_limits(limits=1)
    for name, limit in (("torch", "set_num_threads"), ("cv2", "setNumThreads")):
        if (library := sys.modules.get(name)) is not None:
            getattr(library, limit)(1)


_works: list[Callable[[Path], Any]] = []  # in a process of the pool: its work, given once and not with every path


def _begin(work: Callable[[Path], Any]) -> None:
    _works.append(work)
    one_thread()


def _done(path: Path) -> Any:
    return _works[-1](path)


def with_progress(results: Iterable[T], total: int) -> Iterator[T]:
    """Show a progress bar on a terminal's standard error for more than a few recordings."""
    if total < _FEW or not sys.stderr.isatty():
        yield from results
        return
    from tqdm import tqdm

    yield from tqdm(results, total=total, unit="ECG", file=sys.stderr)
