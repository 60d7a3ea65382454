"""What can be taken along from the Compare page: the comparison as JSON and as a PDF; and how its errors are said.

Nothing is written to a disk here; the page hands the bytes to the browser.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from typing import Any

from ecgr1_core.errors import InputError
from ecgr1_core.metrics import consistency, differences
from ecgr1_core.pseudonyms import key_from, pseudonym
from ecgr1_core.readers import get_reader
from ecgr1_core.settings import Settings
from ui import strings_compare as words
from ui.components.comparison import LETTERS, Compared
from ui.components.documents import download_html, file_stem, reading_json
from ui.components.status import status_html
from ui.pages.compare_case import CompareCase
from ui.pages.updates import Update, guarding
from ui.quick_gradio import gr

_numbers = count(1)


def idle(case: CompareCase | None) -> Update:
    """Return the updates that let the next thing be started."""
    return {
        "compare": gr.update(interactive=case is not None),
        "cancel": gr.update(interactive=False),
        **{f"stop_{letter}": gr.update(interactive=False) for letter in LETTERS},
    }


guarded = guarding(idle)


class CompareSaving:
    """The actions that take a comparison along."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @guarded
    def save_json(self, case: CompareCase | None) -> Iterator[Update]:
        """Give the comparison to the browser as JSON: the readings, and what was found of each with the first."""
        opened, found = _with_comparison(case)
        document = {
            "recording": opened.record.name,
            "readings": [
                reading_json(opened.record, one, found.checked[n], get_reader(one.reader, self.settings))
                for n, one in enumerate(opened.readings)
            ],
            "pairs": [
                {
                    "reference": LETTERS[0],
                    "compared": LETTERS[n + 1],
                    "consistency": consistency.to_json(found.consistencies[n]),
                    "differences": differences.to_json(found.differences[n]),
                }
                for n in range(len(found.consistencies))
            ],
            "findings_eder": list(found.found),
        }
        content = json.dumps(document, ensure_ascii=False, indent=2).encode()
        name = f"{file_stem(opened.record.name)}-comparison.json"
        yield _download(name, "application/json", content, opened)

    @guarded
    def save_pdf(self, case: CompareCase | None) -> Iterator[Update]:
        """Give the comparison to the browser as a PDF."""
        from ui.components.comparison_pdf import comparison_pdf

        opened, found = _with_comparison(case)
        yield {"status": status_html("busy", words.STATUS_PDF)}
        code = pseudonym(opened.record.name, key_from(self.settings.pseudonym_file))
        made_at = datetime.now().astimezone()
        content = comparison_pdf(found, opened.record, case=code, made_at=made_at)
        yield _download(f"ECG-{code}-comparison.pdf", "application/pdf", content, opened)


def _with_comparison(case: CompareCase | None) -> tuple[CompareCase, Compared]:
    if case is None or case.found is None:
        raise InputError(words.COMPARE, words.NOTHING, words.NOTHING_REMEDY)
    return case, case.found


def _download(name: str, media_type: Any, content: bytes, case: CompareCase) -> Update:
    return {
        "download": download_html(name, media_type, content, next(_numbers)),
        "status": status_html("done", words.STATUS_SAVED.format(name=case.record.name)),
    }
