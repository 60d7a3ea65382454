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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

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

RATE: Final = "heart_rate_bpm"
INTERVALS: Final = ("p_duration_ms", "pr_interval_ms", "qrs_duration_ms", "qt_interval_ms")
_GLOBAL: Final = (RATE, *INTERVALS)
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
BEAT: Final = ("r_s", "p_onset_s", "p_offset_s", "qrs_onset_s", "qrs_offset_s", "t_offset_s")
"""What is told of each beat: where R is, and where its waves begin and end."""
MOST_BEATS: Final = 48
"""Beats of a recording that are told; ten seconds at 288/min."""
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


def beat_times(measured: Measurements | Truth) -> np.ndarray:
    """Return when the waves of each beat begin and end, [MOST_BEATS, BEAT] float32 seconds; NaN where not found."""
    found = np.full((MOST_BEATS, len(BEAT)), math.nan, dtype=np.float32)
    for place, beat in zip(range(MOST_BEATS), measured.beats, strict=False):
        times = [getattr(beat, name) for name in BEAT]
        found[place] = [math.nan if value is None else value for value in times]
    return found


Facts = tuple[np.ndarray, np.ndarray]
"""What is told of one recording: `numbers` [targets] in their units, and `beat_times` [MOST_BEATS, BEAT]."""


def facts_of(measured: Measurements | Truth | None) -> Facts:
    """Return what is told of a recording by what was measured, or is true; all NaN where it could not be measured."""
    if measured is None:
        return np.full(len(TARGETS), math.nan, np.float32), np.full((MOST_BEATS, len(BEAT)), math.nan, np.float32)
    return numbers(measured), beat_times(measured)


@dataclass(frozen=True, eq=False)
class Taught:
    """What is told of rows: `numbers` [rows, targets] and `beats` [rows, MOST_BEATS, BEAT], as of one recording."""

    numbers: np.ndarray
    beats: np.ndarray

    @staticmethod
    def of(found: Sequence[Facts]) -> Taught:
        """Return what is told of each recording as what is told of all."""
        values, beats = zip(*(found or [facts_of(None)]), strict=True)
        return Taught(np.stack(values)[: len(found)], np.stack(beats)[: len(found)])


def beside_rows(rows: Path) -> Path:
    """Return where a corpus keeps the measurements of a file of rows."""
    return rows.with_suffix(".measured.npz")


def save_measured(path: Path, ids: Sequence[str], found: Sequence[Facts]) -> None:
    """Write what is told of rows by their ids."""
    _save(path, Taught.of(found), ids=np.array(ids, dtype=np.str_))


def _save(path: Path, taught: Taught, **given: Any) -> None:
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        held = {"numbers": taught.numbers, "beats": taught.beats, **given}
        np.savez_compressed(file, targets=np.array(TARGETS), beat=np.array(BEAT), **held)
    beside.replace(path)


def _held(path: Path) -> dict[str, np.ndarray]:
    """Return what a file of measurements holds, nothing where it is not there or tells of other targets."""
    if not path.exists():
        return {}
    with np.load(path) as held:
        told = {"targets": list(TARGETS), "beat": list(BEAT)}
        if any(name not in held or held[name].tolist() != wanted for name, wanted in told.items()):
            return {}
        return {name: np.array(held[name]) for name in held.files}


def measured_rows(rows: Sequence[Row], media: Media, path: Path, workers: int = 0, known: Path | None = None) -> Taught:
    """Return what is told of rows: what the file `known` has, or else measured.

    They are measured in `workers` processes unless `path` has them. Of a row whose recording cannot be read or measured
    all is NaN; whoever loads it says why.
    """
    had = {} if known is None else _held(known)
    places = {id: place for place, id in enumerate(had["ids"].tolist())} if had else {}
    if rows and all(row.id in places for row in rows):
        chosen = [places[str(row.id)] for row in rows]
        return Taught(had["numbers"][chosen], had["beats"][chosen])
    key = hashlib.sha256(json.dumps([[row.ecg for row in rows], TARGETS, str(media.ecg_root)]).encode()).hexdigest()
    if (before := _held(path)) and str(before["key"]) == key:
        return Taught(before["numbers"], before["beats"])
    one = partial(_measured, media)
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=process_context(), initializer=one_thread) as pool:
            found = list(pool.map(one, rows, chunksize=8))
    else:
        found = [one(row) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    taught = Taught.of(found)
    _save(path, taught, key=np.array(key))
    return taught


def _measured(media: Media, row: Row) -> Facts:
    try:
        return facts_of(measure(media.record(row)))
    except InputError:
        return facts_of(None)


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
