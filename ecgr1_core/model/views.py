"""From a `ModalityView` to what the model is fed: the messages of the prompt, and batches of several views.

The four modalities are the four environments of the ECG-R1 paper: signal, image, both, and both in swapped order. A
modality that a view does not show leaves no trace in the prompt. It knows nothing of the model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from transformers import BatchFeature

from ecgr1_core.errors import InputError
from ecgr1_core.modality import ECG_TAG, IMAGE_TAG, Modality, ModalityView
from ecgr1_core.model.processing import (
    DEFAULT_QUESTION,
    SYSTEM_PROMPT,
    EcgR1Processor,
    prepare_signal,
)

_CONTROL_TOKEN: Final = re.compile(r"<\|\w+\|>")
_TAGS: Final[dict[Modality, str]] = {
    "signal": ECG_TAG,
    "image": IMAGE_TAG,
    "both": ECG_TAG + IMAGE_TAG,
    "swapped": IMAGE_TAG + ECG_TAG,
}


def messages_for(view: ModalityView, question: str | None = None, system: str | None = None) -> list[dict[str, str]]:
    """Return the turns of the prompt: system, and a user turn that begins with the tags of what the view shows.

    `question` and `system` default to `DEFAULT_QUESTION` and `SYSTEM_PROMPT`; an empty `system` leaves the turn out.
    Tags inside a given question are taken out of it: where the ECG and the page stand is said by the view alone. Raises
    InputError for a question or system prompt that holds a control token such as `<|im_end|>`.
    """
    system = SYSTEM_PROMPT if system is None else system
    question = DEFAULT_QUESTION if question is None else question
    for tag in (ECG_TAG, IMAGE_TAG):
        question, system = question.replace(tag, ""), system.replace(tag, "")
    for name, text in (("question", question), ("system prompt", system)):
        if control := _CONTROL_TOKEN.search(text):
            raise InputError(name, f"holds the control token {control[0]}", "write it without")
    turns = [{"role": "system", "content": system}] if system else []
    return [*turns, {"role": "user", "content": _TAGS[view.modality] + question}]


def inputs_for(
    processor: EcgR1Processor,
    views: Sequence[ModalityView],
    question: str | None = None,
    system: str | None = None,
) -> BatchFeature:
    """Return one left-padded batch of prompts that end where the model begins to write; modalities may be mixed.

    One row for each view, as `EcgR1Processor.__call__` says. Raises ValueError without views, and InputError for a
    recording or page that cannot be prepared.
    """
    if not views:
        raise ValueError("there is no view to make a batch of")
    texts = [
        processor.apply_chat_template(messages_for(view, question, system), add_generation_prompt=True)
        for view in views
    ]
    return processor(
        texts,
        ecgs=[view.record if view.sees_signal else None for view in views],
        images=[view.page if view.sees_image else None for view in views],
    )


def notes_for(view: ModalityView) -> list[str]:
    """Return what was done to the recording before the model saw it, and where the page came from, for the reader."""
    notes: list[str] = []
    if view.sees_signal and view.record is not None:
        notes += prepare_signal(view.record)[1]
    if view.sees_image and view.page_origin == "rendered":
        notes.append("the page image was drawn from the signal")
    return notes
