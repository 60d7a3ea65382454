"""How an event of a page runs an action: components are named, and every update is sent joined to all before it.

An action takes the open case and the values of named components, and gives updates by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ui.pages.updates import Action, Update, joined
from ui.quick_gradio import gr

Tie = Callable[..., Any]


def tied(parts: dict[str, Any]) -> Tie:
    """Return what lets an event of a page run an action on its open case, `parts["case"]`, and named components."""
    components = {name: part for name, part in parts.items() if not isinstance(part, dict)}

    # Of an event that sends nothing at all, or an empty dict, Gradio would empty or fail every component.
    nothing = {parts["status"]: gr.skip()}

    def tie(listen: Callable[..., Any], action: Action, names: Sequence[str], **options: Any) -> Any:
        """Let an event run an action on the open case and the named components."""

        def run(*values: Any) -> Iterator[dict[Any, Any]]:
            so_far: Update = {}
            for updates in action(*values):
                so_far = joined(so_far, updates)
                yield {components[name]: value for name, value in so_far.items()} or nothing
            if not so_far:
                yield nothing

        return listen(
            run,
            inputs=[parts["case"], *(parts[name] for name in names)],
            outputs=list(components.values()),
            show_progress="hidden",
            api_visibility="private",
            **options,
        )

    return tie
