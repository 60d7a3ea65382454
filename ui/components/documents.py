"""A finished reading to be taken along: as plain text, as JSON in the form of `ecgr1 interpret`, as a PDF report.

Nothing is written to a disk here; the page hands the bytes to the browser.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Literal

from annotations.recordings import KeptReading
from ecgr1_core.evidence import to_json
from ecgr1_core.interpretation import Interpretation, parse
from ecgr1_core.measure.types import Measurements
from ecgr1_core.readers import Reader
from ecgr1_core.readers.document import reading_document
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.filters import BANDS_HZ, DEFAULT_BAND, NOTCHES_HZ, notch_filter
from ecgr1_core.render.layouts import DEFAULT_LAYOUT, GAINS_MM_PER_MV, LAYOUTS, ORDERS, SPEEDS_MM_PER_S
from ecgr1_core.verify import Claim
from ui import strings
from ui.components.checked import Checked
from ui.components.claims import counts_sentence
from ui.components.reading import step_title

MediaType = Literal["application/json", "application/pdf", "text/plain"]
PAGE_ORIGINS = {"rendered": " drawn from the signal", "upload": " as uploaded"}


def plain_text(record: EcgRecord, kept: KeptReading, checked: Checked) -> str:
    """Return a reading for the clipboard: what was read by whom, the parts, the contradicted claims, the disclaimer."""
    reading = parse(kept.raw)
    sentence = strings.FOOTER_STOPPED if kept.stopped else strings.FOOTER_DONE
    by = sentence.format(
        reader=kept.title, version=kept.version, modality=strings.SEES[kept.modality], seconds=kept.seconds
    )
    blocks = [f"{record.name}\n{by}. {strings.RESEARCH_USE}"]
    blocks += [text for text in (reading.preamble, reading.introduction) if text]
    blocks += [f"{step.number} {step_title(reading, step.number)}\n{step.text}" for step in reading.steps if step.text]
    blocks += [f"{strings.SUMMARY}\n{reading.summary}"] if reading.summary else []
    blocks += [f"{strings.ANSWER}\n{_labels(reading, checked.certainties)}"] if reading.answer else []
    blocks += [text for text in (reading.trailing, reading.cut_off) if text]
    blocks.append(_checked_text(checked))
    return "\n\n".join(block for block in blocks if block) + "\n"


def reading_json(record: EcgRecord, kept: KeptReading, checked: Checked, reader: Reader) -> dict[str, Any]:
    """Return a reading as plain JSON data with the keys of `ecgr1 interpret`; `path` is the name of the recording.

    `comparison` is added where the page compares the reading with a reference.
    """
    document = reading_document(
        path=record.name,
        reader=reader,
        version=kept.version,
        modality=kept.modality,
        page_origin=kept.page_origin,
        raw=kept.raw,
        details=kept.details,
        claims=checked.claims,
        record=record,
        read_s=None,
        interpret_s=kept.seconds,
    )
    if checked.phrases is not None and checked.comparison is not None:
        document["comparison"] = {"reference": checked.comparison.name, **to_json(checked.phrases)}
    return document


def report_bytes(
    record: EcgRecord,
    measurements: Measurements,
    kept: KeptReading,
    claims: Sequence[Claim] | None,
    reader: Reader,
    *,
    case: str,
    made_at: datetime,
    view: Mapping[str, Any],
) -> bytes:
    """Return the PDF report of a reading; `case` stands for the patient, `view` is how the trace is looked at.

    The trace is drawn in layout, order, speed, gain and filters of the view, where a report knows them.
    """
    from ecgr1_core.report import Provenance, ReportOptions, report_pdf
    from ecgr1_core.report.types import NO_WEIGHTS

    details = kept.details
    provenance = Provenance(
        reader=kept.title,
        version=kept.version,
        saw=strings.SEES[kept.modality] + PAGE_ORIGINS.get(kept.page_origin or "", ""),
        precision=details.precision if reader.generative else NO_WEIGHTS,
        device=details.device,
        incomplete=strings.REPORT_STOPPED.get("cancelled" if kept.stopped else details.stop_reason or ""),
        notes=tuple(details.notes),
        certainties=dict(details.certainties or {}),
    )
    start_s = view.get("start", 0.0)
    notches = [f"{mains:g}" for mains in NOTCHES_HZ if notch_filter(mains, record.sampling_rate_hz)]
    notch = _known(view.get("notch"), notches, None)
    options = ReportOptions(
        made_at=made_at,
        case=case,
        layout=_known(view.get("layout"), (*LAYOUTS, *LEADS), DEFAULT_LAYOUT),
        order=_known(view.get("order"), ORDERS, "standard"),
        band=_known(view.get("band"), BANDS_HZ, DEFAULT_BAND),
        notch_hz=None if notch is None else float(notch),
        speed_mm_per_s=_known(view.get("speed"), SPEEDS_MM_PER_S, 25.0),
        gain_mm_per_mv=_known(view.get("gain"), GAINS_MM_PER_MV, 10.0),
        start_s=float(start_s) if isinstance(start_s, (int, float)) and 0 <= start_s < record.duration_s else 0.0,
    )
    return report_pdf(record, measurements, parse(kept.raw), claims, provenance, options)


def download_html(name: str, media_type: MediaType, content: bytes, number: int) -> str:
    """Return a file as inert data, which the browser saves or copies; `number` tells it from the one before."""
    data = {
        "name": name,
        "type": media_type,
        "base64": base64.b64encode(content).decode(),
        "number": number,
        "failed": strings.COPY_FAILED,
    }
    return f'<div class="data">{escape(json.dumps(data), quote=False)}</div>'


def file_stem(name: str) -> str:
    """Return the name of a recording as the beginning of a file name: letters, digits, and - for anything else."""
    stem = "".join(char if char.isalnum() else "-" for char in name)
    return "-".join(part for part in stem.split("-") if part)[:60] or "recording"


def _known(value: Any, choices: Any, default: Any) -> Any:
    return value if value in choices else default


def _labels(reading: Interpretation, certainties: Mapping[str, str]) -> str:
    return "; ".join(f"{label} ({certainties[label]})" if label in certainties else label for label in reading.answer)


def _checked_text(checked: Checked) -> str:
    if checked.claims is None:
        return checked.note
    wrong = [claim for claim in checked.claims if claim.status == "contradicted"]
    lines = [f"{counts_sentence(checked.claims)}."]
    lines += [f"- {strings.CLAIM_STATUS[claim.status]}: {claim.text!r}: {claim.why}" for claim in wrong]
    return "\n".join(lines)
