"""How a recording is looked at, as the browser tells it: which settings of the viewer are taken, and nothing else."""

from __future__ import annotations

import json
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
