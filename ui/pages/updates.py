"""Updates that many actions of a page send, and what turns their errors into one sentence.

Bad input is its own sentence in the status line; a fault of ours becomes one too and is logged. The module knows the
names of the Read page's components and does nothing itself.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ecgr1_core.errors import InputError
from ecgr1_core.settings import Settings
from ui import strings
from ui.components.measurements import lead_table_html, measurements_html
from ui.components.status import status_html
from ui.pages.case import Case
from ui.quick_gradio import gr

Update = dict[str, Any]
"""New values or `gr.update`s by component name; components that are not named stay as they are."""

ASKED = ("sampling_rate_hz", "unit", "counts_per_mv", "speed_mm_per_s", "gain_mm_per_mv", "px_per_mm", "page_number")
"""The components that ask for what a file does not say, in the order of `case_page.Given`."""

Action = Callable[..., Iterator[Update]]

logger = logging.getLogger(__name__)


def guarding(rest: Callable[[Any], Update]) -> Callable[[Action], Action]:
    """Return what wraps a method whose first input is the open case (or None): its errors become one sentence.

    `rest` gives, for the case, the updates that let the next thing be started.
    """

    def guard(action: Action) -> Action:
        @functools.wraps(action)
        def run(self: Any, case: Any, *inputs: Any) -> Iterator[Update]:
            try:
                yield from action(self, case, *inputs)
            except Exception as error:
                yield failed(error) | rest(case)

        return run

    return guard


def joined(earlier: Update, later: Update) -> Update:
    """Return both updates as one, the later one winning.

    An action's updates are sent joined to all that came before: where two follow each other quickly, the browser may
    see only the second.
    """
    both = dict(earlier)
    for name, value in later.items():
        old = both.get(name)
        if _is_partial(value) and name in both:
            value = (old if _is_partial(old) else gr.update(value=old)) | value
        both[name] = value
    return both


def _is_partial(value: Any) -> bool:
    return isinstance(value, dict) and value.get("__type__") == "update"


def failed(error: Exception) -> Update:
    """Return the status line for an error: its own sentence for bad input, otherwise a logged internal fault."""
    if isinstance(error, InputError):
        return {"status": status_html("error", str(error))}
    logger.error("internal fault on the Read page", exc_info=error)
    return {"status": status_html("error", strings.FAULT)}


def busy(sentence: str) -> Update:
    """Return the updates that say what is being waited for, with only Cancel to press."""
    return {
        "status": status_html("busy", sentence),
        "read": gr.update(interactive=False),
        "cancel": gr.update(interactive=True),
    }


def busy_with(paths: Sequence[str]) -> Update:
    """Return the updates that say which files are being read."""
    return busy(strings.STATUS_FILES.format(files=", ".join(Path(path).name for path in paths)))


def idle(case: Case | None) -> Update:
    """Return the updates that let the next thing be started."""
    return {"read": gr.update(interactive=case is not None), "cancel": gr.update(interactive=False)}


guarded = guarding(idle)


def nothing_asked() -> Update:
    """Return the updates that take back the question for what a file did not say."""
    return {
        "ask": gr.update(visible=False),
        "pending": [],
        **{name: gr.update(value=None, visible=False) for name in ASKED},
    }


def stopped() -> Update:
    """Return the status line of what was cancelled."""
    return {"status": status_html("note", strings.STATUS_CANCELLED)}


def stopped_measuring() -> Update:
    """Return the updates that say that there are no measurements."""
    note = strings.MEASURE_STOPPED
    return {"measurements": measurements_html(None, note=note), "lead_table": lead_table_html(None, note=note)}


def too_big(told: str, settings: Settings) -> InputError:
    """Return the sentence for a file over the limit; the browser tells its name and size as JSON."""
    file = json.loads(told)
    size_mb, limit_mb = float(file["size_bytes"]) / 2**20, settings.max_upload_mb
    fault = strings.FILE_TOO_BIG.format(size_mb=size_mb, limit_mb=limit_mb)
    return InputError(Path(str(file["name"])), fault, strings.FILE_TOO_BIG_REMEDY)


def forget(files: list[Path]) -> None:
    """Delete uploads that have been read or refused: the page keeps the recording in memory, not the files."""
    for file in files:
        file.unlink(missing_ok=True)
