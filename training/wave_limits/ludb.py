"""The marks of cardiologists in the Lobachevsky University database (LUDB), and the half of it that is learned from.

Cardiologists marked every wave in every lead by itself. The global limits of a beat are the earliest onset and the
latest offset over the leads after dropping one at each end.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
OPENECG_VALIDATION = (11, 14, 33, 35, 39, 48, 56, 70, 74, 78, 92, 93, 101, 120, 135, 174, 179, 189, 194)
"""Records that the openecg delineator was not trained on; they are never learned from here."""
_REPORTED = 36
_FEWEST_LEADS = 6

Wave = tuple[str, float, float, float]
"""Kind (P, QRS, T), onset, peak, offset in samples at 500 Hz."""


@dataclass(frozen=True)
class MarkedBeat:
    """Global limits of one beat in samples; None where too few leads have the mark."""

    r: float
    qrs: tuple[float, float] | None
    p: tuple[float, float] | None
    t: tuple[float, float] | None


def halves(records: list[int]) -> tuple[list[int], list[int]]:
    """Return the records learned from and those that figures are reported on."""
    rest = [record for record in records if record not in OPENECG_VALIDATION]
    np.random.default_rng(7).shuffle(rest)
    reported = [*rest[:_REPORTED], *(record for record in OPENECG_VALIDATION if record in records)]
    return sorted(rest[_REPORTED:]), sorted(reported)


def marks(path: Path) -> list[list[Wave]]:
    """Read the waves marked in every lead of the record at `path` (without suffix)."""
    import wfdb

    leads = []
    for lead in LEADS:
        annotation = wfdb.rdann(str(path), lead)
        waves: list[Wave] = []
        onset = peak = None
        for sample, symbol in zip(annotation.sample, annotation.symbol, strict=True):
            if symbol == "(":
                onset, peak = sample, None
            elif symbol == ")":
                if peak is not None and onset is not None:
                    kind = "QRS" if peak[1] == "N" else peak[1].upper()
                    waves.append((kind, float(onset), float(peak[0]), float(sample)))
                onset = None
            else:
                peak = (sample, symbol)
        leads.append(waves)
    return leads


def marked_beats(leads: list[list[Wave]]) -> list[MarkedBeat]:
    """Put the marks of the leads together to beats with global limits."""
    complexes = sorted((wave for lead in leads for wave in lead if wave[0] == "QRS"), key=lambda wave: wave[2])
    groups: list[list[Wave]] = []
    for wave in complexes:
        if groups and wave[2] - groups[-1][-1][2] < 75 and wave[2] - groups[-1][0][2] < 100:
            groups[-1].append(wave)
        else:
            groups.append([wave])
    groups = [group for group in groups if len(group) >= _FEWEST_LEADS]
    centres = [float(np.median([wave[2] for wave in group])) for group in groups]
    beats = []
    for number, (group, centre) in enumerate(zip(groups, centres, strict=True)):
        low = centres[number - 1] if number else centre - 400
        high = centres[number + 1] if number + 1 < len(groups) else centre + 400
        p_waves, t_waves = [], []
        for lead in leads:
            p_waves += [w for w in lead if w[0] == "P" and low < w[2] < centre][-1:]
            t_waves += [w for w in lead if w[0] == "T" and centre < w[2] < high][:1]
        beats.append(MarkedBeat(centre, _ends(group), _ends(p_waves), _ends(t_waves)))
    return beats


def _ends(waves: list[Wave]) -> tuple[float, float] | None:
    if len(waves) < _FEWEST_LEADS:
        return None
    return sorted(w[1] for w in waves)[1], sorted(w[3] for w in waves)[-2]
