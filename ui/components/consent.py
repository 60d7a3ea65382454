"""The tick without which a reader that sends the recording to another machine does not read."""

from __future__ import annotations

from typing import Any

from ecgr1_core.errors import InputError
from ecgr1_core.readers import Reader
from ecgr1_core.readers.base import SendsAway, consent_needed
from ui import strings


def consent_choice(reader: Reader) -> dict[str, Any]:
    """Return what the tick for sending the recording away says, and whether this reader needs it.

    A tick that was set stays for the visit, also while another reader is chosen.
    """
    host = reader.host if isinstance(reader, SendsAway) else None
    needed = host is not None and reader.unavailable is None
    return {"label": strings.CONSENT.format(host=host or ""), "visible": needed}


def check_consent(reader: Reader, consented: bool) -> None:
    """Raise InputError for a reader that sends the recording away where the visitor has not set the tick."""
    if consent_needed(reader) is not None and not consented:
        raise InputError(reader.title, strings.NO_CONSENT, strings.NO_CONSENT_REMEDY)
