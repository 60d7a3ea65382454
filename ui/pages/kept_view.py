"""How a recording is looked at: which settings of the viewer are taken from the browser, and how it gets them back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from html import escape
from typing import Any

VIEW_KEYS = ("view", "layout", "order", "speed", "gain", "band", "notch", "start", "zoom")
LONGEST_VIEW = 2000


def view_of(told: str) -> dict[str, Any]:
    """Return the settings of the viewer that are kept, {} where the browser told none or nonsense."""
    if not told or len(told) > LONGEST_VIEW:
        return {}
    try:
        view = json.loads(told)
    except ValueError:
        return {}
    if not isinstance(view, dict):
        return {}
    kinds = (str, int, float)
    return {name: view[name] for name in VIEW_KEYS if isinstance(view.get(name), kinds)}


def view_html(view: Mapping[str, Any]) -> str:
    """Return, for the viewer, how the recording that is opened now is to be looked at.

    Each has a moment of its own: the browser takes the same one once, and another that says the same is another.
    """
    return f'<div class="data">{escape(json.dumps({**view, "at": time.time_ns()}), quote=False)}</div>'
