"""The reading protocol: measurements in, findings out, by the rules of one file per step and the limits of one table.

`assess` judges, `interpretation` puts the findings into the six steps of ECG-R1's form. Neither looks at a signal.
"""

from __future__ import annotations

from collections.abc import Sequence

from ecgr1_core.measure.types import Measurements
from ecgr1_core.protocol import (
    step1_rhythm,
    step2_conduction,
    step3_voltage,
    step4_ischaemia,
    step5_qt,
)
from ecgr1_core.protocol.case import Case, as_shown, uncalibrated_reason, wide_qrs_qt_factor
from ecgr1_core.protocol.findings import Certainty, Finding, Findings, Status
from ecgr1_core.protocol.limits import LimitRow, Limits, limit_table, limits
from ecgr1_core.protocol.text import compose
from ecgr1_core.record import Patient

__all__ = [
    "Certainty",
    "Finding",
    "Findings",
    "LimitRow",
    "Limits",
    "Status",
    "as_shown",
    "assess",
    "compose",
    "limit_table",
    "limits",
    "wide_qrs_qt_factor",
]

_STEPS = (step1_rhythm, step2_conduction, step3_voltage, step4_ischaemia, step5_qt)


def assess(measurements: Measurements, patient: Patient, warnings: Sequence[str] = ()) -> Findings:
    """Return what the protocol finds in the measurements of one recording.

    `warnings` are those of the recording: where one says that amplitudes are not calibrated, voltage, ST level and axis
    are not judged. Each step is given the findings of the steps before it, which is how precedence is decided (no
    hypertrophy by voltage in left bundle branch block, no ischemia by secondary ST-T change).
    """
    table = limits()
    case = Case(as_shown(measurements), patient, table, uncalibrated_reason(measurements, table, warnings))
    found = Findings()
    for step in _STEPS:
        found = Findings((*found.items, *step.assess(case, found)))
    return found
