"""What a tower is to tell of a recording: its measurements as numbers, its labels, and a short text.

Measurements are those of `ecgr1_core.measure`: what a corpus keeps beside its rows, or else made once and kept in a
file of the run. Angles are told as sine and cosine. It knows nothing of towers or losses.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from ecgr1_core.cli.batch import one_thread, process_context
from ecgr1_core.errors import InputError
from ecgr1_core.interpretation import parse
from ecgr1_core.measure import Measurements, measure
from ecgr1_core.record import LEADS
from ecgr1_core.vocabulary import labels, lookup, with_implied
from training.media import Media
from training.rows import Row
from training.synthesis.truth import Truth

_GLOBAL: Final = ("heart_rate_bpm", "p_duration_ms", "pr_interval_ms", "qrs_duration_ms", "qt_interval_ms")
_AXES: Final = ("p_axis_deg", "qrs_axis_deg", "t_axis_deg")
_RHYTHM: Final = ("rr_irregularity", "p_per_qrs")
_LEAD: Final = ("p_amplitude_mv", "q_amplitude_mv", "r_amplitude_mv", "s_amplitude_mv", "st_j_mv", "t_amplitude_mv")

TARGETS: Final[tuple[str, ...]] = (
    *_GLOBAL,
    *(f"{part}_{axis}" for axis in _AXES for part in ("sin", "cos")),
    *_RHYTHM,
    *(f"{lead}_{name}" for lead in LEADS for name in _LEAD),
)
"""Names of the numbers, units in them; sines and cosines have none."""
LABELS: Final[tuple[str, ...]] = tuple(one.name for one in labels())


def numbers(measured: Measurements | Truth) -> np.ndarray:
    """Return what was measured, or is true, as [targets] float32, NaN where something is not known."""
    found: list[float | None] = [getattr(measured, name) for name in _GLOBAL]
    for name in _AXES:
        angle = getattr(measured, name)
        found += [None, None] if angle is None else [math.sin(math.radians(angle)), math.cos(math.radians(angle))]
    rhythm = getattr(measured, "rhythm", None)  # a truth has none
    found += [getattr(rhythm, name, None) for name in _RHYTHM]
    for lead in LEADS:
        found += [getattr(measured.leads.get(lead), name, None) for name in _LEAD]
    return np.array([math.nan if value is None else value for value in found], dtype=np.float32)


def beside_rows(rows: Path) -> Path:
    """Return where a corpus keeps the measurements of a file of rows."""
    return rows.with_suffix(".measured.npz")


def save_measured(path: Path, ids: Sequence[str], found: Sequence[np.ndarray]) -> None:
    """Write the measurements of rows, [targets] each, by their ids."""
    beside = path.with_name(path.name + ".part")
    values = np.stack(found) if found else np.zeros((0, len(TARGETS)), dtype=np.float32)
    with beside.open("wb") as file:
        np.savez_compressed(file, targets=np.array(TARGETS), ids=np.array(ids, dtype=np.str_), numbers=values)
    beside.replace(path)


def _known(path: Path) -> dict[str, np.ndarray]:
    if not path.exists():
        return {}
    with np.load(path) as held:
        if held["targets"].tolist() != list(TARGETS):
            return {}
        return dict(zip(held["ids"].tolist(), np.array(held["numbers"]), strict=True))


def measured_rows(
    rows: Sequence[Row], media: Media, path: Path, workers: int = 0, known: Path | None = None
) -> np.ndarray:
    """Return the measurements of rows, [rows, targets] float32: those the file `known` has, or else measured.

    They are measured in `workers` processes unless `path` has them. A row whose recording cannot be read or measured is
    all NaN; whoever loads it says why.
    """
    had = {} if known is None else _known(known)
    if rows and all(row.id in had for row in rows):
        return np.stack([had[str(row.id)] for row in rows])
    key = hashlib.sha256(json.dumps([[row.ecg for row in rows], TARGETS, str(media.ecg_root)]).encode()).hexdigest()
    if path.exists():
        with np.load(path) as held:
            if str(held["key"]) == key:
                return np.array(held["numbers"])
    one = partial(_measured, media)
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=process_context(), initializer=one_thread) as pool:
            found = list(pool.map(one, rows, chunksize=8))
    else:
        found = [one(row) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part.npz")
    np.savez_compressed(beside, key=key, numbers=np.stack(found))
    beside.replace(path)
    return np.stack(found)


def _measured(media: Media, row: Row) -> np.ndarray:
    try:
        return numbers(measure(media.record(row)))
    except InputError:
        return np.full(len(TARGETS), math.nan, dtype=np.float32)


def scales(measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each number over the rows where it is known, [targets] each.

    A number that is never known, or always the same, has mean 0 (or that value) and deviation 1.
    """
    known = np.isfinite(measured)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, measured, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, (measured - mean) ** 2, 0.0).sum(axis=0) / count)
    return mean.astype(np.float32), np.where(spread > 1e-6, spread, 1.0).astype(np.float32)


def label_row(row: Row) -> np.ndarray:
    """Return [labels] float32, 1 for the labels of a row and all that follow from them; NaN where it has no labels."""
    return np.full(len(LABELS), math.nan, dtype=np.float32) if row.labels is None else label_values(row.labels)


def label_values(names_given: Iterable[str]) -> np.ndarray:
    """Return [labels] float32, 1 for the labels named and all that follow from them."""
    named = [found for label in names_given if (found := lookup(label)) is not None]
    names = {one.name for one in with_implied(named)}
    return np.array([float(name in names) for name in LABELS], dtype=np.float32)


def text_of(row: Row) -> str:
    """Return what is said of the recording in short: the summary of its answer and the answer's labels."""
    told = parse(row.answer or "")
    return " ".join(part for part in (told.summary, "; ".join(told.answer or row.labels or ())) if part)
