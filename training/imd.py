"""Interleaved modality dropout: in which of the four environments a row is seen in an epoch, and what follows from it.

The environments are the signal alone, the page alone, both, and both in swapped order (ECG-R1, arXiv 2602.04279). What
is drawn depends on seed, epoch and row alone, so that a run that is resumed sees what it would have seen. It knows
nothing of rows, models or losses other than the numbers it is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import numpy as np
from pydantic import AfterValidator, BeforeValidator

from ecgr1_core.modality import MODALITIES, Modality

Distribution = Mapping[Modality, float]


def dropout(p_drop: float, p_swap: float) -> dict[Modality, float]:
    """Return q of the scheme as released, for rows with both modalities.

    With `p_drop` one of the two is dropped, chosen evenly; then with `p_swap` the order of the tags is swapped, which
    tells only where both are left; nothing is ever left without both, so nothing is restored.
    """
    kept = 1.0 - p_drop
    return {"signal": p_drop / 2, "image": p_drop / 2, "both": kept * (1.0 - p_swap), "swapped": kept * p_swap}


RELEASED: Final = dropout(0.5, 0.1)
"""As released: signal 0.25, image 0.25, both 0.45, swapped 0.05."""
PRESETS: Final[dict[str, dict[Modality, float]]] = {
    "released": RELEASED,
    "even": {"signal": 0.25, "image": 0.25, "both": 0.25, "swapped": 0.25},
    "none": {"signal": 0.0, "image": 0.0, "both": 1.0, "swapped": 0.0},
}


def _named(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in PRESETS:
        raise ValueError(f"{value!r} is none of {', '.join(PRESETS)}")
    return PRESETS[value]


def _checked(q: dict[Modality, float]) -> dict[Modality, float]:
    full: dict[Modality, float] = {one: float(q.get(one, 0.0)) for one in MODALITIES}
    if min(full.values()) < 0 or abs(sum(full.values()) - 1.0) > 1e-6:
        raise ValueError(f"the probabilities must be at least 0 and sum to 1, they sum to {sum(full.values()):g}")
    return full


Environments = Annotated[dict[Modality, float], BeforeValidator(_named), AfterValidator(_checked)]
"""A field of a configuration: q, or the name of a preset; environments that are not named have probability 0."""


def draw(q: Distribution, has_signal: bool, has_image: bool, seed: int, epoch: int, index: int) -> Modality:
    """Return the environment of row `index` in `epoch`; a row with one modality keeps it whatever `q` says.

    Raises ValueError for a row that has neither.
    """
    if not (has_signal or has_image):
        raise ValueError("a row without signal and page has no environment")
    if not (has_signal and has_image):
        return "signal" if has_signal else "image"
    at = np.random.default_rng([seed, epoch, index]).random()
    limits = np.cumsum([q[one] for one in MODALITIES])
    chosen = int(np.searchsorted(limits, at, side="right"))
    return MODALITIES[chosen] if chosen < len(MODALITIES) else max(MODALITIES, key=lambda one: q[one])


def frequencies(drawn: Iterable[Modality]) -> dict[Modality, float]:
    """Return the empirical q of what was drawn; all 0 where nothing was."""
    counts = Counter(drawn)
    total = max(1, sum(counts.values()))
    return {one: counts[one] / total for one in MODALITIES}


def risks(losses: Mapping[Modality, float], q: Distribution) -> dict[str, float | None]:
    """Return mixed risk R_q, worst risk R_max, alpha and the bound R_q / alpha from the mean loss of each environment.

    The bound of the paper: where every environment has q >= alpha, R_max <= R_q / alpha, because alpha R_max is at most
    one term of R_q. Environments of q 0 take no part in R_q; `bound` is None where alpha is 0, and all are None where
    the loss of an environment of q > 0, or of every environment, is not known.
    """
    if not losses or any(q[one] > 0 and one not in losses for one in MODALITIES):
        return {"mixed": None, "worst": None, "alpha": None, "bound": None}
    mixed = sum(q[one] * loss for one, loss in losses.items())
    alpha = min(q[one] for one in MODALITIES)
    return {"mixed": mixed, "worst": max(losses.values()), "alpha": alpha, "bound": mixed / alpha if alpha else None}
