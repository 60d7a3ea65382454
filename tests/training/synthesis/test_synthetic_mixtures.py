"""Mixtures drawn by seed: the same each time, in the shares asked for, all of them drawable and plausible."""

from collections import Counter

import numpy as np
import pytest

from ecgr1_core.errors import InputError
from training.synthesis import DEFAULT_WEIGHTS, KINDS, draw_specs, synthesize


def test_number_n_of_a_seed_is_always_the_same():
    few, many, other = draw_specs(20, 5), draw_specs(60, 5), draw_specs(20, 6)
    assert few == many[:20]
    assert few != other
    assert len({spec.name for _, spec in many}) == 60


def test_kinds_come_in_the_shares_asked_for():
    weights = {"sinus": 3.0, "lbbb": 1.0, "pvc": 0.0}
    counts = Counter(kind for kind, _ in draw_specs(2000, 1, weights))
    assert set(counts) == {"sinus", "lbbb"}
    sigma = np.sqrt(2000 * 0.75 * 0.25)
    assert abs(counts["sinus"] - 1500) < 3 * sigma
    assert set(DEFAULT_WEIGHTS) == set(KINDS)


def test_every_drawing_can_be_made_and_holds_more_than_one_finding_now_and_then():
    drawn = draw_specs(250, 11)
    names = Counter()
    several = 0
    for number, (kind, spec) in enumerate(drawn):
        record, truth = synthesize(spec, np.random.default_rng([11, number]))
        assert np.isfinite(record.signal_mv).all()
        assert truth.names
        names.update(truth.names)
        several += len(truth.names) >= 4
        if kind == "sinus":
            extra = {*truth.names} - {"normal ECG", "sinus rhythm", "limb lead reversal", "precordial lead reversal"}
            assert not extra - {"left axis deviation", "right axis deviation"}
    assert several > 10
    assert len(names) > 45
    assert names["normal ECG"] > 15


def test_second_findings_are_plausible():
    """No bundle branch block of a beat that does not pass the bundle, no P of an enlarged atrium in fibrillation."""
    for number, (kind, spec) in enumerate(draw_specs(400, 3)):
        names = synthesize(spec, np.random.default_rng([3, number]))[1].names
        if spec.rhythm in ("ventricular_tachycardia", "ventricular_paced", "dual_paced", "complete_block"):
            assert not any("bundle" in name or "fascicular" in name for name in names), kind
        if spec.rhythm in ("af", "flutter", "junctional"):
            assert not any("atrial abnormality" in name for name in names), kind
        assert names.count("sinus rhythm") + names.count("atrial fibrillation") <= 1


@pytest.mark.parametrize("weights", [{"sirius": 1.0}, {}, {"sinus": 0.0}, {"sinus": -1.0}, {"sinus": float("nan")}])
def test_weights_that_cannot_be_drawn_from(weights):
    with pytest.raises(InputError):
        draw_specs(3, 0, weights)
