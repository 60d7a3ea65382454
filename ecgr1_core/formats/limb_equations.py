"""Whether the limb leads of a recording follow from one another, in millivolts and in the counts that are stored.

Six leads come of two voltages (Einthoven 1913, Goldberger 1942): where the equations hold in the stored counts and not
in millivolts, the file's calibration scales every lead by itself; where they hold in neither, a lead is not what its
name says, or was filtered by itself. Own rules.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ecgr1_core.formats.leads import LIMB_FROM_I_II, Float64Array

TOLERANCE = 0.02  # relative to the leads; rounding leaves less
WRONG = 0.25  # so much only where leads are not what they are called: real recordings have up to 0.05
SCALED_LEAD_BY_LEAD = (
    "the file's calibration scales each lead by itself: the limb-lead equations hold in the stored counts but "
    "not after it; amplitudes are not millivolts unless it is said how many stored counts are one (--counts-per-mv on "
    "the command line)"
)


def limb_lead_error(rows: Mapping[str, Float64Array]) -> float | None:
    """Return the largest relative error of the limb-lead equations whose leads are all there, None for none.

    `rows` are [samples] of equal length by lead, in whatever unit. Levels are left out of the comparison; the error is
    the standard deviation of what is left over, relative to the root of the summed variances of the three leads.
    """
    errors = []
    for lead in ("III", "aVR", "aVL", "aVF"):
        if not {"I", "II", lead} <= set(rows):
            continue
        first, second = LIMB_FROM_I_II[lead]
        leads = np.stack([first * rows["I"], second * rows["II"], -rows[lead]])
        unknown = np.isnan(leads).any(axis=0)
        leads = leads[:, ~unknown] if unknown.any() else leads
        size = np.sqrt(np.var(leads, axis=1).sum()) if leads.shape[1] else 0.0
        if size > 0:
            errors.append(float(np.std(leads.sum(axis=0)) / size))
    return max(errors, default=None)


def is_scaled_lead_by_lead(counts: Mapping[str, Float64Array], millivolts: Mapping[str, Float64Array]) -> bool:
    """Whether the equations hold in the stored counts and some do not in millivolts; both [samples] by lead."""
    if len({len(samples) for samples in counts.values()}) > 1:
        return False
    calibrated = limb_lead_error(millivolts)
    if calibrated is None or calibrated <= TOLERANCE:
        return False  # as in most files: nothing needs to be found in the counts
    stored = limb_lead_error(counts)
    return stored is not None and stored < TOLERANCE
