"""What the page shows of a reading that has ended, whether it was just written or was kept: panels, footer, tools.

It reads nothing and keeps nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from annotations.recordings import KeptReading
from ecgr1_core.interpretation import Interpretation, parse
from ecgr1_core.modality import Modality
from ecgr1_core.readers import Reader, ReadingDetails
from ecgr1_core.readers.base import SendsAway
from ecgr1_core.readers.protocol_reader import ProtocolReader
from ecgr1_core.settings import Settings
from ui import strings
from ui.components.checked import NOTHING_CHECKED, Checked, compared, why_unchecked
from ui.components.reading import footer_html
from ui.components.status import status_html
from ui.pages.case import Case
from ui.quick_gradio import gr


def ended(
    reader: Reader, modality: Modality, reading: Interpretation, checked: Checked, details: ReadingDetails,
    *, seconds: float, stopped: bool, page_origin: str | None,
) -> KeptReading:  # fmt: skip
    """Return a reading that has just ended as it is to be kept."""
    return KeptReading(
        reader=reader.name,
        title=reader.title,
        version=details.version or reader.version,
        modality=modality,
        raw=reading.raw,
        seconds=seconds,
        made_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        page_origin=page_origin,
        stopped=stopped,
        details=details,
        claims=checked.claims,
    )


def checked_again(case: Case) -> Checked:
    """Return what is known of the reading of a case: its claims as they were found, its phrases matched now."""
    kept = case.reading
    if kept is None:
        return NOTHING_CHECKED
    note = "" if kept.claims is not None else why_unchecked(case.record, None)
    details = kept.details
    known = Checked(kept.claims, note, case.measurements, details.evidence or (), details.certainties or {})
    return compared(known, parse(kept.raw), case.comparison)


def kept_footer(kept: KeptReading) -> str:
    """Return the footer of a reading that has ended."""
    sentence = strings.FOOTER_STOPPED if kept.stopped else strings.FOOTER_DONE
    return footer_of(sentence, kept, kept.modality, kept.details, seconds=kept.seconds)


def footer_of(
    sentence: str, reader: Reader | KeptReading, modality: Modality, details: ReadingDetails, *, seconds: float = 0.0
) -> str:
    """Return the footer that names the reader of the reading on the page, and what it was given."""
    version, seen = details.version or reader.version, strings.SEES[modality]
    words = sentence.format(reader=reader.title, version=version, modality=seen, seconds=seconds)
    if details.seconds_to_first_token is not None and details.tokens_per_s is not None:
        words = strings.FOOTER_RATE.format(
            sentence=words, first_s=details.seconds_to_first_token, rate=details.tokens_per_s
        )
    if details.cost is not None:
        words = strings.FOOTER_COST.format(sentence=words, cost=details.cost, currency=details.currency)
    elif details.currency is not None:
        words = strings.FOOTER_COST_UNKNOWN.format(sentence=words)
    notes = strings.SEES_SEPARATOR.join(details.notes)
    return footer_html(words, strings.FOOTER_NOTES.format(reader=reader.title, notes=notes) if notes else "")


def finished_html(reader: Reader, reading: Interpretation, details: ReadingDetails, settings: Settings) -> str:
    """Return the status line of a reading that has ended: whole, or what it lacks and which limit it reached."""
    if reading.complete:
        return status_html("done", strings.STATUS_READ)
    limit = strings.STATUS_LIMIT_THERE if isinstance(reader, SendsAway) else strings.STATUS_LIMIT
    sentence = limit.get(details.stop_reason or "", strings.STATUS_INCOMPLETE)
    limits = {"tokens": settings.model_max_new_tokens, "seconds": settings.model_max_seconds}
    parts = [part for part in reading.missing if part not in strings.MISSING_TAGS]
    parts = parts or [strings.MISSING_TAGS[tag] for tag in reading.missing]
    return status_html("error", sentence.format(missing=", ".join(parts), **limits))


def tools_of(case: Case | None) -> dict[str, Any]:
    """Return the updates that offer what can be done with the reading of a case, or take it away."""
    has_reading = case is not None and case.reading is not None
    comparing = has_reading and case is not None and case.comparison is not None
    mode = case.comparison.mode if case is not None and case.comparison is not None else "strict"
    return {
        "reading_tools": gr.update(visible=has_reading),
        "compare_protocol": gr.update(visible=_offers_protocol(case)),
        "compare_mode": gr.update(visible=comparing, value=mode),
        "compare_off": gr.update(visible=comparing),
    }


def _offers_protocol(case: Case | None) -> bool:
    """Whether the findings of the protocol may be a reference: the reading is another reader's, and was measured."""
    if case is None or case.reading is None or case.measurements is None:
        return False
    return case.reading.reader != ProtocolReader.name
