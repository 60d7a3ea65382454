"""Figures of the results of a study, for a paper: intervals as bars, single raters as dots, n on every figure.

They draw what `annotations.results` has computed and compute nothing. Colours are those of Okabe and Ito (2008), told
apart in grey by markers too; letters stay letters in SVG and PDF.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # a second of the start of the program, which draws none of them then
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Format = Literal["svg", "pdf", "png"]
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "D", "^", "v", "P")
METHODS = {"mixed": "mixed model", "mrmc": "MRMC analysis of variance", "bootstrap": "bootstrap of cases"}
COEFFICIENTS = {
    "gwet_ac2": "Gwet's AC2",
    "krippendorff_alpha": "Krippendorff's alpha",
    "weighted_kappa": "weighted kappa",
    "icc_2_1": "ICC(2,1)",
}
_STYLE: Any = {  # matplotlib's own type lists every key
    "svg.fonttype": "none",
    "svg.hashsalt": "ecgr1",
    "pdf.fonttype": 42,
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
}


def draw(name: str, found: Mapping[str, Any], titles: Mapping[str, str], form: Format = "svg") -> bytes:
    """Return one figure ("means", "differences", "preferences", "agreement", "time") of results as a file.

    `titles` names the criteria for people. KeyError for a figure that there is not.
    """
    from matplotlib import rc_context

    make = FIGURES[name]
    with rc_context(_STYLE):
        figure = make(found, titles)
        buffer = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {"CreationDate": None} if form == "pdf" else {}
        figure.savefig(buffer, format=form, metadata=metadata, bbox_inches="tight", dpi=150)
    return buffer.getvalue()


def _means(found: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    criteria = list(found["arms"])
    arms = sorted({arm for by_arm in found["arms"].values() for arm in by_arm})
    figure, axes = _axes(1.0 + 0.22 * len(criteria) * max(2, len(arms)))
    labels = []
    for row, key in enumerate(criteria):
        for place, arm in enumerate(arms):
            one = found["arms"][key].get(arm)
            if one is None or one["mean"] is None:
                continue
            y = row + (place - (len(arms) - 1) / 2) * 0.8 / max(len(arms), 2)
            colour, marker = COLOURS[place % 6], MARKERS[place % 6]
            _interval(axes, one["mean"], one["low"], one["high"], y, colour, marker, arm if row == 0 else None)
            values = list(one["by_rater"].values())
            axes.plot(values, [y] * len(values), linestyle="", marker=".", markersize=4, color="#555555", zorder=1)
        labels.append(titles.get(key, key))
    _rows(axes, labels)
    axes.set_xlabel(f"Mean rating with 95 % interval (cases drawn with replacement); dots: single raters. {_n(found)}")
    axes.set_title("Ratings by arm")
    _legend(axes)
    return figure


def _differences(found: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    rows = [
        (f"{titles.get(key, key)}: {pair['first']} − {pair['second']}", pair["estimates"])
        for key, pairs in found["differences"].items()
        for pair in pairs
    ]
    figure, axes = _axes(1.0 + 0.34 * max(len(rows), 1))
    named: set[str] = set()
    for row, (_, estimates) in enumerate(rows):
        for place, one in enumerate(estimates):
            if one["value"] is None:
                continue
            method = next((text for word, text in METHODS.items() if word in one["method"].lower()), one["method"])
            y = row + (place - 1) * 0.22
            label = None if method in named else method
            named.add(method)
            _interval(axes, one["value"], one["low"], one["high"], y, COLOURS[place % 6], MARKERS[place % 6], label)
    axes.axvline(0, color="#888888", linewidth=0.8, zorder=0)
    _rows(axes, [label for label, _ in rows])
    axes.set_xlabel(f"Difference of means with 95 % interval. {_n(found)}")
    axes.set_title("Differences between arms")
    _legend(axes)
    return figure


def _preferences(found: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    rows = found["preferences"]
    figure, axes = _axes(1.0 + 0.36 * max(len(rows), 1))
    labels = []
    for row, one in enumerate(rows):
        strength = one["log_strength"]
        if strength["value"] is not None:
            _interval(axes, strength["value"], strength["low"], strength["high"], row, COLOURS[0], MARKERS[0], None)
        labels.append(f"{one['arm']}  ({one['wins']} won, {one['ties']} tied, {one['losses']} lost)")
    axes.axvline(0, color="#888888", linewidth=0.8, zorder=0)
    _rows(axes, labels)
    axes.set_xlabel(f"Log strength (Bradley–Terry with ties after Davidson) with 95 % interval. {_n(found)}")
    axes.set_title("Preferences")
    return figure


def _agreement(found: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    criteria = list(found["agreement"])
    figure, axes = _axes(1.0 + 0.5 * max(len(criteria), 1))
    for row, key in enumerate(criteria):
        for place, (name, label) in enumerate(COEFFICIENTS.items()):
            one = found["agreement"][key].get(name)
            if one is None or one["value"] is None:
                continue
            y = row + (place - 1.5) * 0.2
            shown = label if row == 0 else None
            _interval(axes, one["value"], one["low"], one["high"], y, COLOURS[place], MARKERS[place], shown)
    axes.axvline(0, color="#888888", linewidth=0.8, zorder=0)
    _rows(axes, [titles.get(key, key) for key in criteria])
    axes.set_xlabel(f"Coefficient with 95 % interval. {_n(found)}")
    axes.set_title("Agreement between raters")
    _legend(axes)
    return figure


def _time(found: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    figure, axes = _axes(1.6)
    labels = []
    for row, (stage, one) in enumerate(found["time_s"].items()):
        if one["mean"]["value"] is not None:
            mean = one["mean"]
            _interval(axes, mean["value"], mean["low"], mean["high"], row, COLOURS[row], MARKERS[0], None)
            axes.plot([one["median"]], [row], marker="|", markersize=14, color="#222222", linestyle="")
        labels.append(f"{stage.replace('_', ' ')}  (n = {one['readings']} readings)")
    _rows(axes, labels)
    axes.set_xlim(left=0)
    axes.set_xlabel("Active seconds a reading: mean with 95 % interval; upright line: median")
    axes.set_title("Time")
    return figure


FIGURES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], Figure]] = {
    "means": _means,
    "differences": _differences,
    "preferences": _preferences,
    "agreement": _agreement,
    "time": _time,
}


def _axes(height_in: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, height_in))
    return figure, figure.add_subplot()


def _interval(
    axes: Axes, value: float, low: float | None, high: float | None, y: float, colour: str, marker: str,
    label: str | None,
) -> None:  # fmt: skip
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt", zorder=2)
    axes.plot([value], [y], marker=marker, markersize=5, color=colour, linestyle="", label=label, zorder=3)


def _rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _legend(axes: Axes) -> None:
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)


def _n(found: Mapping[str, Any]) -> str:
    sizes = found["n"]
    return f"n = {sizes['cases']} cases, {sizes['raters']} raters, {sizes['ratings']} ratings"
