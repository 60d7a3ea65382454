"""Synthetic recordings that the ECG tower is shown beside the rows, told by their truth: nothing is measured."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

from ecgr1_core.model.processing import prepare_signal, recorded_samples
from training.held.examples import Example
from training.synthesis import synthesize
from training.synthesis.mixtures import draw_specs
from training.synthesis.spec import SyntheticSpec
from training.targets import Facts, Taught, facts_of, label_values

Drawn = tuple[Example, Facts, tuple[str, ...]]


def fresh_examples(count: int, seed: int, jobs: int) -> tuple[list[Example], Taught, np.ndarray]:
    """Return `count` recordings of mixed kinds, what is taught of each, and their labels [count, labels].

    A label that no truth of them names is NaN throughout: that it is absent is not known.
    """
    from ecgr1_core.cli.batch import one_thread, process_context

    one, specs = partial(_drawn, seed), [spec for _, spec in draw_specs(count, seed)]
    if jobs == 1:
        found = list(map(one, range(count), specs))
    else:
        with ProcessPoolExecutor(jobs, mp_context=process_context(), initializer=one_thread) as pool:
            found = list(pool.map(one, range(count), specs, chunksize=32))
    labels = np.stack([label_values(names) for _, _, names in found])
    labels[:, ~labels.any(axis=0)] = np.nan
    return [example for example, _, _ in found], Taught.of([facts for _, facts, _ in found]), labels


def _drawn(seed: int, place: int, spec: SyntheticSpec) -> Drawn:
    record, truth = synthesize(spec, np.random.default_rng([seed, 4, place]))
    example = Example(prepare_signal(record)[0].astype(np.float16), recorded_samples(record), {})
    return example, facts_of(truth), truth.labels
