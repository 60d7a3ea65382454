"""The case line: name, patient, format, leads, rate and length of the recording that is open, and what to beware of.

It shows what `EcgRecord` says and adds nothing; the name is shown as text, whatever characters it has. What the device
measured and said stands folded up below, apart from what is measured and read here.
"""

from __future__ import annotations

from html import escape

from ecgr1_core.record import DeviceReading, EcgRecord
from ui import strings
from ui import strings_page as words


def case_facts(record: EcgRecord, page_name: str | None = None) -> list[str]:
    """Return pseudonym, age, sex, format, leads, sampling rate and length as short texts with units, in this order.

    For a recording that was read off a page the name of its file stands for the format.
    """
    patient = record.patient
    named = () if patient.pseudonym is None else (strings.PSEUDONYM.format(pseudonym=patient.pseudonym),)
    return [
        *named,
        strings.UNKNOWN_AGE if patient.age_text is None else strings.YEARS.format(value=patient.age_text),
        strings.UNKNOWN_SEX if patient.sex is None else strings.SEXES[patient.sex],
        record.source_format if page_name is None else words.READ_OFF.format(file=page_name),
        strings.LEAD_COUNT.format(count=len(record.available_leads)),
        f"{record.sampling_rate_hz:g} Hz",
        duration_text(record.duration_s),
    ]


def duration_text(seconds: float) -> str:
    """Return a length in seconds as "10.0 s" below two minutes, as "12 min 05 s" or "24 h 00 min" above."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def case_warnings(record: EcgRecord) -> list[str]:
    """Return what to beware of in the recording: leads not recorded, flat or computed, and the reader's warnings."""
    lists = (
        (strings.MISSING, record.missing_leads),
        (strings.FLAT, record.flat_leads),
        (strings.DERIVED, record.derived_leads),
    )
    found = [text.format(leads=", ".join(leads)) for text, leads in lists if leads]
    return found + list(record.warnings)


def _device_html(device: DeviceReading | None) -> str:
    if device is None:
        return ""
    said = "".join(f"<li>{escape(statement)}</li>" for statement in device.statements)
    confirmed = strings.DEVICE_CONFIRMED if device.confirmed else strings.DEVICE_UNCONFIRMED
    measured = escape(" · ".join(device.measured)) or strings.DEVICE_NOTHING
    inner = f"<p>{measured}</p>" + (f"<ul>{said}</ul><p>{confirmed}</p>" if said else "")
    return f'<details class="device"><summary>{strings.DEVICE}</summary>{inner}</details>'


def case_html(record: EcgRecord | None, page_name: str | None = None) -> str:
    """Return the case line as HTML; an empty mark where no recording is open.

    What the page `page_name` did not show is counted: the panel of the page lists it.
    """
    if record is None:
        return '<span class="none"></span>'
    facts = " · ".join(escape(fact) for fact in case_facts(record, page_name))
    beware = case_warnings(record)
    if page_name is not None and record.warnings:
        beware[-len(record.warnings) :] = [words.CASE_UNSURE.format(count=len(record.warnings))]
    warnings = "".join(f"<li>! {escape(warning)}</li>" for warning in beware)
    listed = f"<ul>{warnings}</ul>" if warnings else ""
    name = f'<span class="name">{escape(record.name)}</span>'
    return f'{name}<span class="facts">{facts}</span>{listed}{_device_html(record.device)}'
