"""The report of an evaluation as one HTML page without scripts, for the screen and for paper.

Tables only, the paper's figures in rows of their own; every mean stands with its 95 % interval. It is made of the
summary alone, which stands beside it as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from training.evaluate.judge import COLUMNS
from training.evaluate.lines import write_whole
from training.evaluate.published import CONSISTENCY, JUDGED, REASONING_COMPLETION
from training.evaluate.reasoning.chain import KINDS

_NONE = "–"


def write_report(found: Mapping[str, Any], path: Path) -> None:
    """Write the report of a summary (`run_evaluate`); InputError where it cannot be written."""
    write_whole(path, report_html(found))


def report_html(found: Mapping[str, Any]) -> str:
    """Return the page."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"ci": interval, "pct": percent, "num": number, "words": words}
    text = (files("training.evaluate") / "report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(text).render(
        found=found,
        columns=COLUMNS,
        judged=JUDGED,
        consistency=CONSISTENCY,
        kinds=KINDS,
        reasoning_completion=REASONING_COMPLETION,
    )


def interval(mean: Mapping[str, Any] | None, digits: int = 3, scale: float = 1.0, unit: str = "") -> Markup:
    """Return a mean with its interval below it; a dash where it is not known."""
    value = None if mean is None else mean.get("mean", mean.get("value"))
    if mean is None or value is None:
        return Markup(_NONE)
    told = f"{scale * value:.{digits}f}{unit}"
    if mean["low"] is None:
        return Markup(told)
    return Markup(f"{told}<br><small>{scale * mean['low']:.{digits}f} – {scale * mean['high']:.{digits}f}</small>")


def percent(mean: Mapping[str, Any] | None) -> Markup:
    """Return a share with its interval in percent."""
    return interval(mean, 1, 100.0, " %")


def number(value: float | None, digits: int = 2) -> str:
    """Return a number, a dash where it is not known."""
    return _NONE if value is None else f"{value:.{digits}f}"


def words(name: str) -> str:
    """Return a name of the data as words: "first_degree_av_block", "LeadEvidenceValidity"."""
    spaced = "".join(
        f" {letter}" if letter.isupper() and before.islower() else letter
        for before, letter in zip(" " + name, name, strict=False)
    )
    return spaced.replace("_", " ").replace("-", " ").strip()
