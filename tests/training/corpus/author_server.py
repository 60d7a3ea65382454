"""What a language model would answer, made of the question alone: a reading of its statements, and phrases."""

from __future__ import annotations

import json
import re
from typing import Any

from ecgr1_core.interpretation import STEP_TITLES, Step, write


def reading_from(prompt: str) -> str:
    """A reading in the form of the statements that a question lists, and of the labels it says are known."""
    said: dict[int, list[str]] = {number: [] for number in range(1, 7)}
    for number, statement in re.findall(r"^([1-5])\. (.+?)(?: \(possible\)| \(probable\))?$", prompt, re.MULTILINE):
        said[int(number)].append(statement)
    said[6].append("Nothing contradicts these findings.")
    steps = [Step(number, STEP_TITLES[number - 1], " ".join(said[number]) or "Nothing.") for number in said]
    known = re.search(r"^KNOWN OF THIS RECORDING[^:]*: (.+)$", prompt, re.MULTILINE)
    return write(steps, "As said.", known[1].split("; ") if known else ["sinus rhythm"])


def phrases_from(prompt: str) -> str:
    """The first three words of each step, and one phrase that stands nowhere."""
    steps = re.findall(r"^Step (\d), .+\n(.+)$", prompt, re.MULTILINE)
    found = {number: [" ".join(text.split()[:3]).rstrip(".;:")] for number, text in steps}
    found["6"] = [*found["6"], "stands nowhere"]
    return f"Here it is:\n```json\n{json.dumps(found)}\n```"


def answer_to(body: dict[str, Any]) -> str:
    prompt = next(one["content"] for one in body["messages"] if one["role"] == "user")
    return phrases_from(prompt) if prompt.startswith("From each") else reading_from(prompt)
