"""The labels of a synthetic ECG: what was asked for, and what its truth says by the usual limits.

Names are those of the vocabulary. Limits are the usual ones with a margin where a patient drawn from a kind could fall
on either side; nothing here looks at a signal, and the reading protocol is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ecgr1_core import vocabulary
from ecgr1_core.record import LIMB_LEADS, PRECORDIAL_LEADS
from training.synthesis.morphology import ATRIA, VENTRICULAR
from training.synthesis.spec import Exchange, Rhythm, SyntheticSpec
from training.synthesis.truth import Truth

_LONG_QTC_MS = 480.0
_SHORT_QTC_MS = 350.0
_LONG_PR_MS, _SHORT_PR_MS = 200.0, 120.0
_WIDE_QRS_MS = 120.0
_LEFT_DEG, _RIGHT_DEG, _EXTREME_DEG = -30.0, 100.0, -90.0
_LOW_LIMB_MV, _LOW_PRECORDIAL_MV = 0.5, 1.0
_ARRHYTHMIA_SD_MS = 60.0

_OF_RHYTHM: Mapping[Rhythm, tuple[str, ...]] = {
    "sinus": (),
    "af": ("atrial fibrillation",),
    "flutter": ("atrial flutter",),
    "mobitz_1": ("sinus rhythm", "second-degree AV block, Mobitz I"),
    "mobitz_2": ("sinus rhythm", "second-degree AV block, Mobitz II"),
    "complete_block": ("third-degree AV block", "ventricular escape rhythm"),
    "complete_block_junctional": ("third-degree AV block", "junctional rhythm"),
    "junctional": ("junctional rhythm",),
    "pac": ("premature atrial complex",),
    "pvc": ("premature ventricular complex",),
    "atrial_paced": ("atrial paced rhythm",),
    "ventricular_paced": ("ventricular paced rhythm",),
    "dual_paced": ("dual-chamber paced rhythm",),
    "supraventricular_tachycardia": ("supraventricular tachycardia",),
    "ventricular_tachycardia": ("ventricular tachycardia",),
}
_OF_ECTOPY: Mapping[int, str] = {2: "ventricular bigeminy", 3: "ventricular trigeminy"}
_OF_EXCHANGE: Mapping[Exchange, str] = {
    "RA-LA": "limb lead reversal",
    "RA-LL": "limb lead reversal",
    "LA-LL": "limb lead reversal",
}


def names_of(spec: SyntheticSpec, truth: Truth, morphology_names: Iterable[str]) -> tuple[str, ...]:
    """Return the names: rhythm, conduction, morphology, electrodes; "normal ECG" for nothing but sinus rhythm."""
    names: list[str] = []
    own_sinus = spec.rhythm in ("sinus", "pac", "pvc")
    if own_sinus:
        rate = spec.heart_rate_bpm
        names.append("sinus bradycardia" if rate < 60 else "sinus tachycardia" if rate > 100 else "sinus rhythm")
        if spec.rhythm == "sinus" and spec.rr_variability_ms >= _ARRHYTHMIA_SD_MS:
            names = ["sinus arrhythmia"]
    names += _OF_RHYTHM[spec.rhythm]
    if spec.rhythm == "mobitz_2" and spec.mobitz_cycle == 2:
        names[-1] = "2:1 AV block"
    if spec.rhythm == "pvc" and spec.ectopic_every in _OF_ECTOPY:
        names.append(_OF_ECTOPY[spec.ectopic_every])
    if truth.pr_interval_ms is not None and (own_sinus or spec.rhythm == "atrial_paced"):
        if truth.pr_interval_ms > _LONG_PR_MS:
            names.append("first-degree AV block")
        elif truth.pr_interval_ms < _SHORT_PR_MS:
            names.append("short PR interval")
    if truth.p_duration_ms is not None:
        names += ATRIA[spec.atria].labels
    names += morphology_names
    names += [*_of_axis(truth), *_of_voltage_and_qt(spec, truth)] if _supraventricular(spec) else []
    if spec.exchanged is not None or spec.noise.arm_leads_swapped:
        names.append(_OF_EXCHANGE.get(spec.exchanged or "RA-LA", "precordial lead reversal"))
    if names == ["sinus rhythm"]:
        names.insert(0, "normal ECG")
    return tuple(dict.fromkeys(names))


def codes_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the SCP-ECG codes of labels, each once; what has none is left out."""
    codes = (vocabulary.label(name).scp for name in names)
    return tuple(dict.fromkeys(code for code in codes if code is not None))


def _supraventricular(spec: SyntheticSpec) -> bool:
    """Whether the usual beats come through the bundle of His, so that axis, voltage and QT are those of the kind."""
    ventricular = spec.rhythm in ("complete_block", "ventricular_paced", "dual_paced", "ventricular_tachycardia")
    return not ventricular and spec.morphology not in VENTRICULAR


def _of_axis(truth: Truth) -> list[str]:
    axis = truth.qrs_axis_deg
    if axis is None:
        return []
    if axis < _EXTREME_DEG:
        return ["extreme axis deviation"]
    if axis < _LEFT_DEG:
        return ["left axis deviation"]
    return ["right axis deviation"] if axis > _RIGHT_DEG else []


def _of_voltage_and_qt(spec: SyntheticSpec, truth: Truth) -> list[str]:
    """Return low voltage (limb < 0.5, precordial < 1 mV, AHA/ACCF/HRS part V), long and short QT (Fridericia)."""
    size = {lead: told.qrs_peak_to_peak_mv or 0.0 for lead, told in truth.leads.items()}
    low_limb = all(size[lead] < _LOW_LIMB_MV for lead in LIMB_LEADS)
    low = low_limb and all(size[lead] < _LOW_PRECORDIAL_MV for lead in PRECORDIAL_LEADS)
    found = ["low QRS voltage"] if low else []
    qt, narrow = truth.qt_interval_ms, (truth.qrs_duration_ms or 0.0) < _WIDE_QRS_MS
    if qt is not None and narrow and spec.rhythm == "sinus":
        qtc = qt / spec.ventricular_cycle_s ** (1 / 3)
        found += ["prolonged QT interval"] if qtc > _LONG_QTC_MS else []
        found += ["short QT interval"] if qtc < _SHORT_QTC_MS else []
    return found
