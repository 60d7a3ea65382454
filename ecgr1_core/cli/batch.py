"""Many recordings on several cores: work handed to processes, results in the order of the paths."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, TypeVar

_FEW = 8  # recordings: below this, starting more processes takes longer than it saves

T = TypeVar("T")


def outcomes(
    work: Callable[[Path], T], paths: Sequence[Path], jobs: int | None, libraries: Sequence[str] = ()
) -> Iterator[T]:
    """Yield `work(path)` for each path in order, on `jobs` processes (None: one a core), each kept to one thread.

    `libraries` are modules that the work will import: they are imported once for all processes, and kept to one thread.
    With several processes `work` and its results must be picklable, and what `work` raises ends the whole.
    """
    jobs = jobs or (os.cpu_count() or 1)
    if jobs == 1 or len(paths) < _FEW:
        for name in libraries:
            import_module(name)
        one_thread()
        yield from with_progress(map(work, paths), len(paths))
        return
    with ProcessPoolExecutor(jobs, mp_context=process_context(libraries), initializer=_begin, initargs=(work,)) as pool:
        yield from with_progress(pool.map(_done, paths), len(paths))


def process_context(libraries: Sequence[str] = ()) -> BaseContext:
    """Return how processes are started: by a server that has imported libraries and nothing else.

    A fork of this process would copy the locks that threads of these libraries may hold at that moment.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ecgr1_core.measure", *libraries])
    return context


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
