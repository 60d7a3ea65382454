"""A recipe carried out: the recording drawn or read, its page, its measurements and findings, in one `Case`.

What runs here runs in a process of its own for each of a few recordings at a time, so everything it takes and gives can
be pickled. Authors and checks come after it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from ecgr1_core import formats, vocabulary
from ecgr1_core.errors import InputError
from ecgr1_core.measure import Beat, Measurements, measure
from ecgr1_core.protocol import Findings, assess
from ecgr1_core.record import EcgRecord, Patient
from training.corpus.config import Pages
from training.corpus.sources import Recipe
from training.media import Looks, drawn_sheet
from training.page_traces import traces_of, traces_path
from training.wfdb_files import write_wfdb

if TYPE_CHECKING:
    from training.typical_beat import TypicalBeat

_ANEW = 0.5  # how often the parts of a real beat that comes into a synthetic recording are changed each by itself


@dataclass(frozen=True)
class Case:
    """One recording as authors and checks see it.

    `ecg` and `image` are paths relative to the folder of the corpus. `known` are names of the vocabulary that are known
    of the recording without reading it, None where nothing is.
    """

    id: str
    patient: str
    kind: str
    ecg: str
    image: str | None
    who: Patient
    warnings: tuple[str, ...]
    measurements: Measurements
    findings: Findings
    known: tuple[str, ...] | None


def prepare(out: Path, seed: int, pages: Pages, recipe: Recipe, page_pixels: int | None = None) -> Case | InputError:
    """Return the case of a recipe with its files written below `out`, or what is wrong with the recording.

    A page of more than `page_pixels` is shrunk before it is written.
    """
    try:
        known: tuple[str, ...] | None
        if recipe.synthetic is not None:
            path, record, known = _drawn(out, seed, recipe)
        elif recipe.version:
            path, record, known = _changed(out, seed, recipe)
        else:
            path, record, known = _read(out, recipe)
        told = recipe.told
        record = replace(
            record,
            patient=Patient(
                record.patient.age_years if told.age_years is None else told.age_years, told.sex or record.patient.sex
            ),
        )
        measurements = measure(record)
        shown = path.with_suffix("") if path.suffix == ".hea" else path
        return Case(
            recipe.id,
            recipe.patient,
            recipe.kind,
            relative(shown, out),
            None if pages == "none" else _page(out, seed, pages, recipe, record, page_pixels),
            record.patient,
            record.warnings,
            measurements,
            assess(measurements, record.patient, record.warnings),
            known,
        )
    except InputError as error:
        return error
    except OSError as error:
        return InputError(
            out, f"it cannot be written to ({error.strerror or error})", "make room, or give another folder"
        )


def relative(path: Path, folder: Path) -> str:
    """Return a path as it stands in the rows of a folder: relative to it, with slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _drawn(out: Path, seed: int, recipe: Recipe) -> tuple[Path, EcgRecord, tuple[str, ...] | None]:
    """Return the header of a synthetic recording, the recording as its files hold it, and what is known of it.

    That is nothing where a real recording's beat was put into it, as often as not with its parts changed each by
    itself; with it comes that recording's noise, half to full size.
    """
    from training.augment import EXCHANGED, NOISE_GAIN, with_noise
    from training.reshaped_beat import drawn_reshaping, reshaped
    from training.synthesis.drawing import Disturbance
    from training.typical_beat import typical_beat, with_beat_of

    source = recipe.synthetic
    assert source is not None
    rng = np.random.default_rng([seed, *recipe.id.encode()])
    disturbance = Disturbance(source.wander_mv, source.muscle_mv, source.devices)
    record, truth = disturbance.drawn(recipe.kind, recipe.id, rng)
    if (other := _mate(recipe)) is not None:
        with suppress(InputError):  # not in this rhythm, or too few beats of one shape
            own = typical_beat(record, has_p=truth.pr_interval_ms is not None)
            heart = reshaped(other, drawn_reshaping(rng)) if rng.random() < _ANEW else other
            mixed = with_beat_of(record, own, heart, float(rng.uniform(*EXCHANGED)))
            for noise in _noise(recipe):
                mixed = with_noise(mixed, (), noise, float(rng.uniform(*NOISE_GAIN))).record
            told = ("synthetic ECG with the beats of another recording", f"kind: {recipe.kind}")
            path, record = write_wfdb(out / "ecg", mixed, told)
            return path, record, None
    comments = ("synthetic ECG, not a patient", f"kind: {recipe.kind}", f"labels: {', '.join(truth.labels)}")
    path, record = write_wfdb(out / "ecg", record, comments)
    path.with_suffix(".truth.json").write_text(
        json.dumps(truth.to_json(), ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )
    labels = (vocabulary.lookup(code) for code in truth.labels)
    return path, record, tuple(dict.fromkeys(label.name for label in labels if label is not None))


def _read(out: Path, recipe: Recipe) -> tuple[Path, EcgRecord, tuple[str, ...] | None]:
    """Return file, recording and labels of a recording that is read.

    One read in another way than its file says is written anew, so that whoever opens the file later reads the same.
    """
    assert recipe.path is not None
    record = formats.read(recipe.path, recipe.options)
    if recipe.options == formats.ReadOptions():
        return recipe.path, record, recipe.known
    path, held = write_wfdb(out / "ecg", replace(record, name=recipe.id), (f"{record.name}, its gain corrected",))
    return path, held, recipe.known


def _changed(out: Path, seed: int, recipe: Recipe) -> tuple[Path, EcgRecord, tuple[str, ...] | None]:
    """Return the header of a changed recording, the recording as its files hold it, and its labels.

    They are None where a change may have made one of them untrue: the others would not be complete.
    """
    from training.augment import augmented

    assert recipe.path is not None
    record, beats = _beats(recipe.path, recipe.options)
    noises, own, other = _noise(recipe), _typical(recipe.path, recipe.options), _mate(recipe)
    exchange = None if own is None or other is None else (own, other)
    rng = np.random.default_rng([seed, *recipe.id.encode()])
    made = augmented(record, recipe.known or (), rng, noises, beats, exchange)
    while made.record is record:  # by chance nothing was changed
        made = augmented(record, recipe.known or (), rng, noises, beats, exchange)
    comments = (f"version {recipe.version} of {record.name}, its beats, time, size, position and noise changed",)
    path, held = write_wfdb(out / "ecg", replace(made.record, name=recipe.id), comments)
    return path, held, None if recipe.known is None or made.dropped else made.labels


def _noise(recipe: Recipe) -> list[npt.NDArray[np.float64]]:
    """Return the noise of the recording that a recipe names for it, or nothing."""
    noise = recipe.noise
    return [] if noise is None or noise.path is None else _noises(noise.path, noise.options)


def _mate(recipe: Recipe) -> TypicalBeat | None:
    """Return the typical beat of the recording that a recipe names for it, None without one."""
    mate = recipe.mate
    return None if mate is None or mate.path is None else _typical(mate.path, mate.options)


@lru_cache(maxsize=64)
def _beats(path: Path, options: formats.ReadOptions) -> tuple[EcgRecord, Sequence[Beat]]:
    """Return a recording and its beats, which all its versions are made of."""
    record = formats.read(path, options)
    return record, measure(record).beats


@lru_cache(maxsize=256)
def _noises(path: Path, options: formats.ReadOptions) -> list[npt.NDArray[np.float64]]:
    """Return the noise of a recording, or nothing where none can be taken from it."""
    from training.typical_beat import noise_of

    try:
        return [noise_of(formats.read(path, options))]
    except InputError:
        return []


@lru_cache(maxsize=256)
def _typical(path: Path, options: formats.ReadOptions) -> TypicalBeat | None:
    """Return the typical beat of a recording, None where it has none."""
    from training.typical_beat import typical_beat

    try:
        return typical_beat(_beats(path, options)[0])
    except InputError:
        return None


def _page(out: Path, seed: int, looks: Looks, recipe: Recipe, record: EcgRecord, most_pixels: int | None) -> str:
    path = out / "images" / f"{recipe.id}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    sheet = drawn_sheet(record, looks, np.random.default_rng([seed, 1, *recipe.id.encode()]))
    traces_of(sheet.truth).save(traces_path(path))
    page = sheet.image
    if most_pixels is not None and page.width * page.height > most_pixels:
        factor = (most_pixels / (page.width * page.height)) ** 0.5
        page = page.resize((int(page.width * factor), int(page.height * factor)), Image.Resampling.BICUBIC)
    page.save(beside, "PNG", compress_level=1)
    beside.replace(path)
    return relative(path, out)
