"""From a file's channels to the twelve leads: names, signs, derivation, and warnings about what the samples show.

Here the patient's identity is left behind. It knows no file format.
Nothing is filtered, filled or clipped: unknown samples stay NaN and are named.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ecgr1_core.errors import InputError, UnsuitableRecordingError
from ecgr1_core.formats.identity import (
    Identity,
    grouped_age,
    names_patient,
    pseudonym_of,
    shifted,
    without_identity,
)
from ecgr1_core.formats.leads import (
    Float64Array,
    derive_limb_leads,
    is_flat,
    match_channels,
    parse_lead_name,
)
from ecgr1_core.formats.limb_equations import (
    SCALED_LEAD_BY_LEAD,
    TOLERANCE,
    WRONG,
    is_scaled_lead_by_lead,
    limb_lead_error,
)
from ecgr1_core.formats.options import ReadOptions
from ecgr1_core.formats.raw import RawRecording
from ecgr1_core.pseudonyms import key_from, pseudonym
from ecgr1_core.record import LEADS, EcgRecord

_RAIL_RUN_S = 0.010
_LONG_RAIL_RUN_S = 0.2
_RAIL_MIN_MV = 0.4
_LEAST_PULSED = 3  # leads that show the same pulse
_LEAST_PULSE_S = 0.1
_LEAST_PULSE_MV = 0.4
_SAME_MV = 0.03  # so much do filters make the same pulse differ between leads
_PLAUSIBLE_PEAK_TO_PEAK_MV = (0.05, 20.0)


def assemble(raw: RawRecording, options: ReadOptions) -> EcgRecord:
    """Return the `EcgRecord` of a file's channels, without the identity of the patient.

    Raises `DamagedFileError` for a lead that is there twice and `UnsuitableRecordingError` where, after the limb leads
    that follow from others were derived, fewer than `options.min_leads` are available.
    """
    raw = _deidentified(raw, options)
    names = list(raw.channels_mv)
    matched, _ = match_channels(names, raw.subject)
    rows: dict[str, Float64Array] = {}
    for lead, index in matched.items():
        samples = np.asarray(raw.channels_mv[names[index]], dtype=np.float64)
        samples = np.where(np.abs(samples) < np.finfo(np.float32).max, samples, np.nan)
        parsed = parse_lead_name(names[index])
        if not np.isnan(samples).all():
            rows[lead] = -samples if parsed is not None and parsed.inverted else samples
    rows, pulse = _without_pulse(rows, raw.sampling_rate_hz)
    warnings = [*raw.warnings, *pulse, *_partly_unknown(rows), *_saturated(rows, raw.sampling_rate_hz)]
    warnings += _limb_lead_warnings(rows, {lead: names[index] for lead, index in matched.items()}, raw)

    derived = derive_limb_leads(rows)
    available = [lead for lead in LEADS if lead in rows or lead in derived]
    if len(available) < options.min_leads:
        found = ", ".join(lead for lead in LEADS if lead in rows) or "none"
        raise UnsuitableRecordingError(
            raw.subject,
            f"only {len(available)} of the 12 leads are there or follow from others (found: {found})",
            f"use a recording with at least {options.min_leads} of I, II, III, aVR, aVL, aVF, V1 to V6",
        )
    rows.update(derived)
    flat = tuple(lead for lead in available if is_flat(rows[lead]))
    if raw.left_out:
        warnings.append(f"channels left out: {', '.join(raw.left_out)}")
    warnings += _implausible_scale(rows)

    unknown = np.full(len(next(iter(rows.values()))), np.nan)
    return EcgRecord(
        signal_mv=np.stack([rows.get(lead, unknown) for lead in LEADS]).astype(np.float32),
        sampling_rate_hz=raw.sampling_rate_hz,
        name=raw.name,
        source_format=raw.source_format,
        patient=raw.patient,
        missing_leads=tuple(lead for lead in LEADS if lead not in rows),
        flat_leads=flat,
        derived_leads=tuple(lead for lead in LEADS if lead in derived),
        warnings=tuple(warnings),
        device=raw.device,
    )


def _deidentified(raw: RawRecording, options: ReadOptions) -> RawRecording:
    """Return the recording with a pseudonym and a shifted date, and without its patient's name in any of its texts."""
    identity = raw.identity
    key = _key(options.pseudonym_key) if identity.key is not None else None
    patient = replace(
        raw.patient,
        age_years=grouped_age(raw.patient.age_years),
        pseudonym=None if key is None else pseudonym_of(identity, key),
        recorded_at=None if key is None else shifted(identity, key),
    )
    device = raw.device
    if device is not None:
        device = replace(device, statements=tuple(without_identity(text, identity) for text in device.statements))
    name = raw.name
    if names_patient(name, identity):
        name = "recording" if key is None else pseudonym(name, key)
    return replace(raw, name=name, patient=patient, device=device, identity=Identity())


def _key(key: bytes | Path | None) -> bytes | None:
    """Return the key of the pseudonyms, None where there is none and none can be made."""
    if not isinstance(key, Path):
        return key
    try:
        return key_from(key)
    except InputError:
        if key.exists():
            raise
        return None


def is_saturated(samples: Float64Array, sampling_rate_hz: float) -> bool:
    """Whether a lead was clipped: it stays at its own highest or lowest value, again and again or for long.

    `samples` is [samples] in mV. A run counts from 10 ms on and only where the trace runs into it steeply (a step of
    more than three quanta at one end), which tells a clipped wave from the rounded top of a natural one; two such runs
    or one of 200 ms, at least 0.4 mV from the median, make a lead saturated. Own rule, checked on the recordings of
    PTB-XL, LUDB and the PhysioNet Challenge 2021.
    """
    known = samples[~np.isnan(samples)]
    if known.size < 3 or known.min() == known.max():
        return False
    steps = np.abs(np.diff(known))
    quantum = steps[steps > 0].min()
    middle = np.median(known)
    needed = max(3, int(np.ceil(_RAIL_RUN_S * sampling_rate_hz)))
    for rail in (known.min(), known.max()):
        if abs(rail - middle) < _RAIL_MIN_MV:
            continue
        edges = np.flatnonzero(np.diff(np.concatenate(([0], (known == rail).view(np.int8), [0]))))
        lengths = edges[1::2] - edges[::2]
        clipped = 0
        for start, length in zip(edges[::2], lengths, strict=True):
            before = abs(known[start - 1] - rail) if start else 0.0
            after = abs(known[start + length] - rail) if start + length < known.size else 0.0
            steep = max(before, after) > 3 * quantum
            if steep and length >= _LONG_RAIL_RUN_S * sampling_rate_hz:
                return True
            clipped += bool(steep and length >= needed)
        if clipped >= 2:
            return True
    return False


def _without_pulse(rows: dict[str, Float64Array], sampling_rate_hz: float) -> tuple[dict[str, Float64Array], list[str]]:
    """Return the leads without a calibration pulse recorded before or after them, and a warning that it was there.

    Carts write one into all leads at once: no stretch of an ECG is the same in every lead. Own rule.
    """
    if len(rows) < _LEAST_PULSED:
        return rows, []
    every = np.stack(list(rows.values()))
    different = np.flatnonzero(~(np.ptp(every, axis=0) < _SAME_MV))
    if not different.size:
        return rows, []
    first, last = int(different[0]), int(different[-1]) + 1
    least = _LEAST_PULSE_S * sampling_rate_hz
    begin = first if first >= least and np.ptp(every[0, :first]) >= _LEAST_PULSE_MV else 0
    tail = every[0, last:]
    end = last if tail.size >= least and np.ptp(tail) >= _LEAST_PULSE_MV else every.shape[1]
    if (begin, end) == (0, every.shape[1]):
        return rows, []
    pulse_mv = max(float(np.ptp(part)) for part in (every[0, :begin], every[0, end:]) if part.size)
    warning = f"a calibration pulse of {pulse_mv:.2g} mV, the same in all leads, was left out"
    return {lead: samples[begin:end] for lead, samples in rows.items()}, [warning]


def _limb_lead_warnings(rows: dict[str, Float64Array], names: dict[str, str], raw: RawRecording) -> list[str]:
    """Return what to say where limb leads do not follow from one another; `names` are the file's own by lead."""
    if SCALED_LEAD_BY_LEAD in raw.warnings:
        return []
    error = limb_lead_error({lead: samples for lead, samples in rows.items() if not is_flat(samples)})
    if error is None or error <= TOLERANCE:
        return []  # as in most files: nothing needs to be found in the counts
    sizes = raw.millivolts_per_count
    if all(names[lead] in sizes for lead in rows):
        counts = {lead: samples / sizes[names[lead]] for lead, samples in rows.items()}
        if is_scaled_lead_by_lead(counts, rows):
            return [SCALED_LEAD_BY_LEAD]
    if error <= WRONG:
        return []
    return ["the limb leads do not follow from one another (II is not I + III): check the names and gains of the leads"]


def _saturated(rows: dict[str, Float64Array], sampling_rate_hz: float) -> list[str]:
    leads = [lead for lead in LEADS if lead in rows and is_saturated(rows[lead], sampling_rate_hz)]
    return [f"saturated (clipped) leads: {', '.join(leads)}; their amplitudes are cut off"] if leads else []


def _partly_unknown(rows: dict[str, Float64Array]) -> list[str]:
    warnings = []
    for lead in LEADS:
        share = float(np.isnan(rows[lead]).mean()) if lead in rows else 0.0
        if share > 0:
            percent = f"{100 * share:.1f} %" if share >= 0.001 else "less than 0.1 %"
            warnings.append(f"lead {lead}: {percent} of the samples are unknown")
    return warnings


def _implausible_scale(rows: dict[str, Float64Array]) -> list[str]:
    sizes = [float(np.nanmax(row) - np.nanmin(row)) for row in rows.values() if not is_flat(row)]
    low, high = _PLAUSIBLE_PEAK_TO_PEAK_MV
    typical = float(np.median(sizes)) if sizes else low
    if low <= typical <= high:
        return []
    return [
        f"the leads span {typical:.3g} mV from lowest to highest (median), as no ECG does: check unit and calibration"
    ]
