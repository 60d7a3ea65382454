"""The report of a pipeline: what each stage did and took, how loss and reward moved, how the test file was read.

It is made of the files that the stages left behind, and is one page of HTML that needs nothing else.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from training.trends import Trend, paired, trend

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1c2330; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid #ccd3dd; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid #e3e7ee; }
th:first-child, td:first-child { text-align: left; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; } .note { color: #556; }
@media print { body { margin: 0; font-size: 11px; } }
"""
_SCORES: Final = {
    "jaccard": "labels (Jaccard)",
    "eder": "evidence (EDER)",
    "supported": "claims supported",
    "contradicted": "claims contradicted",
    "complete": "form complete",
}
_READ: Final = {"read after SFT": "read_sft", "read after DAPO": "read_dapo", "read by the protocol": "read_protocol"}


def write_report(out: Path, stages: Mapping[str, Any]) -> None:
    """Write report.html and report.json of the run in `out`; `stages` holds seconds and summary of each stage."""
    found = gather(out, stages)
    (out / "report.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (out / "report.html").write_text(_page(found, out), encoding="utf-8")


def gather(out: Path, stages: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of the report."""
    loss, rewards = _curve(_taught(out), "loss"), _reward_curves(out / "dapo")
    held_out = [line for line in _lines(_taught(out)) if "eval_loss" in line]
    before, after = (_scored(out / folder) for folder in ("read_sft", "read_dapo"))
    return {
        "seconds": {name: stage["seconds"] for name, stage in stages.items()},
        "sft_loss": _json(trend([value for _, value in loss])),
        "sft_held_out_loss": {"first": held_out[0]["eval_loss"], "last": held_out[-1]["eval_loss"]}
        if held_out
        else None,
        "rewards": {name: _json(trend([value for _, value in curve])) for name, curve in rewards.items()},
        "readings": {name: _means(_scored(out / folder)) for name, folder in _READ.items()},
        "dapo_against_sft": {
            name: paired(
                {key: row[name] for key, row in before.items()}, {key: row[name] for key, row in after.items()}, 0
            )
            for name in _SCORES
        },
    }


def _taught(out: Path) -> Path:
    """Return the folder of the supervised fine-tuning, whichever stage did it."""
    return out / "held" if (out / "held").is_dir() else out / "sft"


def _page(found: Mapping[str, Any], out: Path) -> str:
    parts = ["<h1>Corpus, SFT with IMD, DAPO with EDER: one run</h1>"]
    total = sum(found["seconds"].values())
    parts.append(f'<p class="note">{total / 60:.1f} minutes in all.</p>')
    parts.append(_table(("stage", "seconds"), [(name, f"{value:.0f}") for name, value in found["seconds"].items()]))
    parts.append("<h2>Supervised fine-tuning</h2>")
    parts.append(f"<p>{_moved('The loss of a step', found['sft_loss'])}")
    if held := found["sft_held_out_loss"]:
        parts.append(f" On held-out rows it went from {held['first']:.3f} to {held['last']:.3f}.")
    parts.append("</p>" + _chart({"loss": _curve(_taught(out), "loss")}, "step", "loss of the answer's tokens"))
    parts.append("<h2>Reinforcement</h2>")
    moved = [
        (name, f"{one['first']:.3f}", f"{one['last']:.3f}", f"{one['change']:+.3f} ± {one['change_se']:.3f}")
        for name, one in found["rewards"].items()
        if one
    ]
    head = ("reward", "first steps", "last steps", "change ± standard error")
    parts.append(_table(head, moved) + _chart(_reward_curves(out / "dapo"), "step", "mean reward"))
    parts.append(
        '<p class="note">Means over the first and the last fifth of the steps. Every step samples other rows, and that '
        "is most of the noise; the readings of the test file below are of the same rows each time.</p>"
    )
    parts.append("<h2>Readings of the test file</h2>")
    readings = [
        (name, str(means["cases"]), *(_share(means[key]) for key in _SCORES))
        for name, means in found["readings"].items()
    ]
    parts.append(_table(("", "readings", *_SCORES.values()), readings))
    changes = [
        (_SCORES[name], f"{one['mean']:+.3f}", f"{one['low']:+.3f} to {one['high']:+.3f}")
        for name, one in found["dapo_against_sft"].items()
        if one and one["low"] is not None
    ]
    parts.append("<h2>After DAPO less after SFT, case by case</h2>")
    parts.append(_table(("", "mean difference", "95 % interval (bootstrap over cases)"), changes))
    links = "".join(f'<li><a href="{folder}/report.html">{escape(name)}</a></li>' for name, folder in _READ.items())
    parts.append(
        f'<h2>More</h2><ul>{links}<li><a href="dapo/completions.html">completions sampled in DAPO</a></li></ul>'
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Training report</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _moved(what: str, one: Mapping[str, Any] | None) -> str:
    if one is None:
        return f"{what} was logged too seldom to tell how it moved."
    return (
        f"{what} went from {one['first']:.3f} to {one['last']:.3f} ({one['change']:+.3f} ± {one['change_se']:.3f}, "
        f"means of {one['points']} points each)."
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{cells}</tr>{body}</table></div>'


def _chart(curves: Mapping[str, Sequence[tuple[float, float]]], x: str, y: str) -> str:
    """Return the curves as SVG; nothing where there are no points."""
    if not any(curves.values()):
        return ""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), label=name, linewidth=1.2)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    if len(curves) > 1:
        axes.legend(frameon=False)
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()[file.getvalue().index("<svg") :]


def _lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _curve(folder: Path, name: str) -> list[tuple[float, float]]:
    return [(line["step"], line[name]) for line in _lines(folder) if line.get(name) is not None]


def _reward_curves(folder: Path) -> dict[str, list[tuple[float, float]]]:
    names = sorted(
        {name for line in _lines(folder) for name in line if name.startswith("reward/") and name.endswith("/mean")}
    )
    return {name.split("/")[1]: _curve(folder, name) for name in names}


def _scored(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the scores of each reading by case and modality."""
    path = folder / "scores.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return {f"{row['id']} {row['modality']}": row for row in rows}


def _means(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"cases": len(rows)}
    for name in _SCORES:
        known = [row[name] for row in rows.values() if row[name] is not None]
        found[name] = sum(known) / len(known) if known else None
    return found


def _json(one: Trend | None) -> dict[str, Any] | None:
    return None if one is None else one.to_json()
