"""Completions to look through: a JSONL file for each step, and one page that shows the last steps with their rewards.

The page is plain HTML without any script. It knows the fields of a completion's line and nothing of training.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any, Final

FOLDER: Final = "completions"
PAGE: Final = "completions.html"
STEPS_SHOWN: Final = 10

_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Completions</title><style>
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}
h2{margin:2rem 0 .5rem;border-bottom:1px solid #ccc}h3{margin:1.2rem 0 .3rem;font-size:1rem}
table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid #eee;padding:.2rem .6rem;text-align:right;
vertical-align:top;white-space:nowrap}th:last-child,td:last-child{text-align:left;white-space:normal;width:60%}
pre{white-space:pre-wrap;margin:.3rem 0;font:13px/1.4 ui-monospace,monospace}.out{color:#777}summary{cursor:pointer}
</style></head><body><h1>Completions</h1>
"""


def write_step(folder: Path, step: int, completions: Iterable[Mapping[str, Any]]) -> None:
    """Write the completions of one step, one JSON object a line; a file of the same step is replaced."""
    path = folder / FOLDER / f"step_{step:06d}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in completions), encoding="utf-8")
    part.replace(path)


def write_page(folder: Path, last_step: int) -> Path:
    """Write the page of the last steps, the newest first, and return its path."""
    steps = []
    for step in range(last_step, max(0, last_step - STEPS_SHOWN), -1):
        path = folder / FOLDER / f"step_{step:06d}.jsonl"
        if path.is_file():
            with path.open(encoding="utf-8") as file:
                steps.append(_step(step, [json.loads(line) for line in file]))
    page = folder / PAGE
    page.write_text(_HEAD + "".join(steps) + "</body></html>\n", encoding="utf-8")
    return page


def _step(step: int, completions: Sequence[Mapping[str, Any]]) -> str:
    groups = groupby(completions, key=lambda one: one["place"])
    return f"<h2>Step {step}</h2>" + "".join(_group(list(group)) for _, group in groups)


def _group(completions: Sequence[Mapping[str, Any]]) -> str:
    first = completions[0]
    names = list(first["rewards"])
    left_out = "" if first["kept"] else ' <span class="out">(left out: nothing to learn from)</span>'
    head = "".join(f"<th>{escape(name)}</th>" for name in (*names, "length", "reward", "advantage", "tokens"))
    return (
        f"<h3>{escape(first['id'])} · {escape(first['modality'])}{left_out}</h3>"
        f"<table><tr>{head}<th>completion</th></tr>{''.join(_line(one, names) for one in completions)}</table>"
    )


def _line(one: Mapping[str, Any], names: Sequence[str]) -> str:
    values = [*(one["rewards"][name] for name in names), one["penalty"], one["reward"], one["advantage"]]
    cells = "".join(f"<td>{value:.3f}</td>" for value in values)
    text, cut = escape(one["text"]), "" if one["ended"] else " (cut off)"
    words = escape(" ".join(one["text"].split())[:90]) or "(empty)"
    return (
        f"<tr>{cells}<td>{one['tokens']}{cut}</td>"
        f"<td><details><summary>{words}</summary><pre>{text}</pre></details></td></tr>"
    )
