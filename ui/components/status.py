"""The status line: one sentence that says what is happening, what was done or what is wrong.

The kind is told by a sign and by words, not by colour alone. It knows nothing of what is being done.
"""

from __future__ import annotations

from html import escape
from typing import Literal

Kind = Literal["note", "busy", "done", "error"]
_SIGNS: dict[Kind, str] = {"note": "–", "busy": "…", "done": "✓", "error": "✕"}


def status_html(kind: Kind, sentence: str) -> str:
    """Return the status line as HTML; an error interrupts a screen reader, the others wait for a pause."""
    role = "alert" if kind == "error" else "status"
    sign = f'<span class="sign" aria-hidden="true">{_SIGNS[kind]}</span>'
    return f'<div class="status {kind}" role="{role}">{sign}{escape(sentence)}</div>'
