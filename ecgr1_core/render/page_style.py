"""How an ECG sheet looks: layout, paper, grid, line widths, lead names, printed text; and a random look for training.

A style is drawn by `sheets`. The looks that `random_style` gives are those of carts' prints and of the pages of public
generators (ecg-image-kit, ecg_plot). What is printed about a patient is made up here and has nothing to do with the
recording; the module knows neither recordings nor pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, TypeAdapter, ValidationError

from ecgr1_core.record import LEADS
from ecgr1_core.render.geometry import SEPARATOR_HALF_HEIGHT_MM, TEXT_SIZE_MM, TRACE_WIDTH_MM, Columns, Pulse
from ecgr1_core.render.layouts import GAINS_MM_PER_MV, LAYOUTS, ORDERS, SPEEDS_MM_PER_S, Order
from ecgr1_core.render.paper import COLOUR, DPI_RANGE, MAJOR_LINE_MM, MINOR_LINE_MM, Ink, MinorLines, Rgb, Typeface

PAPERS_MM = {"A4": (297.0, 210.0), "Letter": (279.4, 215.9), "square": (282.0, 260.0)}

Paper = Literal["A4", "Letter", "square"]
Spacing = Literal["fitted", "even"]
LabelPlace = Literal["above", "below", "none"]
FloatArray64 = npt.NDArray[np.float64]
ScalesPlace = Literal["bottom left", "bottom centre", "bottom right", "top right", "none"]


@dataclass(frozen=True)
class PageStyle:
    """The look of a sheet; lengths in mm on paper.

    `spacing` "fitted" is the page of `paper.render_page`: A4 across or larger, rows as high as their signals. The
    fields of the second block belong to "even" sheets, the way of carts: a sheet of `paper`, rows at even distances.
    """

    layout: str = "3x4+1"
    rhythm_leads: tuple[str, ...] | None = None  # of 3x4+1 and 3x4+3; None: those of the layout
    order: Order = "standard"
    speed_mm_per_s: float = 25.0
    gain_mm_per_mv: float = 10.0
    dpi: int = 150
    ink: Ink = COLOUR
    minor_lines: MinorLines = "lines"
    minor_line_mm: float = MINOR_LINE_MM
    major_line_mm: float = MAJOR_LINE_MM  # 0: no grid lines of 5 mm
    trace_width_mm: float = TRACE_WIDTH_MM
    typeface: Typeface = "Pillow"
    label_size_mm: float = TEXT_SIZE_MM
    label_bold: bool = True
    separator_half_height_mm: float = SEPARATOR_HALF_HEIGHT_MM  # 0: no marks between columns
    filter_label: str = "unfiltered"
    spacing: Spacing = "fitted"

    paper: Paper = "A4"
    margin_mm: float = 10.0  # of white around the grid, 0: the grid runs to the edge
    empty_top_mm: float = 3.0  # of grid between what is printed at the top and the first row
    columns: Columns = "consecutive"
    pulse: Pulse = "left"
    label_place: LabelPlace = "above"
    scales_place: ScalesPlace = "bottom left"  # where speed, gain and filter are printed
    header: tuple[str, ...] = ()  # lines of a patient block, three to a column
    header_on_grid: bool = True

    __pydantic_config__ = ConfigDict(extra="forbid")

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be drawn."""
        _one_of("layout", self.layout, tuple(LAYOUTS))
        _one_of("order", self.order, ORDERS)
        _one_of("speed_mm_per_s", self.speed_mm_per_s, SPEEDS_MM_PER_S)
        _one_of("gain_mm_per_mv", self.gain_mm_per_mv, GAINS_MM_PER_MV)
        if self.rhythm_leads is not None:
            wanted = len(LAYOUTS[self.layout].rhythm_leads)
            if len(self.rhythm_leads) != wanted:
                raise ValueError(f"layout {self.layout} has {wanted} rhythm leads, got {len(self.rhythm_leads)}")
            for lead in self.rhythm_leads:
                _one_of("rhythm_leads", lead, LEADS)
        for name, low, high in (
            ("dpi", *DPI_RANGE),
            ("minor_line_mm", 0.0, 1.0),
            ("major_line_mm", 0.0, 2.0),
            ("trace_width_mm", 0.1, 2.0),
            ("label_size_mm", 1.5, 8.0),
            ("separator_half_height_mm", 0.0, 20.0),
            ("margin_mm", 0.0, 30.0),
            ("empty_top_mm", 0.0, 90.0),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie between {low} and {high}, got {getattr(self, name)}")
        if len(self.header) > 9:
            raise ValueError(f"header must have at most 9 lines, got {len(self.header)}")
        if self.spacing == "fitted":
            names = [field.name for field in fields(self)]
            for field in fields(self)[names.index("spacing") + 1 :]:
                if getattr(self, field.name) != field.default:
                    raise ValueError(f'{field.name} belongs to a sheet with spacing "even"')


def _one_of(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}, got {value!r}")


_STYLE = TypeAdapter(PageStyle)


def style_to_json(style: PageStyle) -> dict[str, object]:
    """Return the fields of a style as JSON has them."""
    return dict(_STYLE.dump_python(style, mode="json"))


def style_from_json(data: object) -> PageStyle:
    """Return the style with these fields, the others as `PageStyle()` has them; `ink` may be a name of `GRIDS`.

    Raises ValueError, in one line, for a field that there is not or a value that cannot be drawn.
    """
    ink = data.get("ink") if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(ink, str) and ink in GRIDS:
        paper, minor, major = GRIDS[ink]
        data = {**data, "ink": Ink(paper, minor, major, COLOUR.trace)}
    try:
        return _STYLE.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{place}: {reason}" if place else reason) from error


# paper, lines of 1 mm, lines of 5 mm
GRIDS: dict[str, tuple[Rgb, Rgb, Rgb]] = {
    "pink": ((255, 253, 252), (248, 218, 218), (232, 160, 163)),
    "red": ((255, 250, 246), (249, 196, 190), (226, 104, 98)),
    "orange": ((255, 252, 246), (250, 222, 192), (236, 170, 112)),
    "blue": ((252, 254, 255), (206, 222, 242), (132, 166, 214)),
    "green": ((252, 255, 250), (205, 232, 208), (126, 184, 140)),
    "grey": ((255, 255, 255), (228, 228, 228), (178, 178, 178)),
}
_GRID_SHARES = {"pink": 0.3, "red": 0.25, "orange": 0.08, "blue": 0.11, "green": 0.08, "grey": 0.13, "none": 0.05}
_LAYOUT_SHARES = {"3x4+1": 0.45, "3x4": 0.12, "3x4+3": 0.13, "6x2": 0.15, "12x1": 0.15}
_FILTERS = ("0.05-150 Hz", "0.05-40 Hz", "0.5-40 Hz", "0.15-100 Hz", "0.05-35 Hz 50 Hz", "60 Hz 0.5-100 Hz", "")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WARDS = ("Cardiology", "Emergency", "Ward 4B", "ICU 2", "Outpatients", "Internal Med.", "CCU", "Day Clinic")


def random_style(rng: np.random.Generator) -> PageStyle:
    """Draw a look at random: mostly 3×4+1, 25 mm/s and 10 mm/mV on red or pink A4 paper, now and then everything else.

    The same state of `rng` gives the same style. What no hospital prints is left out: ten seconds at 12.5 mm/s, which
    leave half the paper empty, and 20 mm/mV in many rows.
    """
    layout = _by_share(rng, _LAYOUT_SHARES)
    rhythm = LAYOUTS[layout].rhythm_leads
    if layout == "3x4+1" and rng.random() < 0.3:
        rhythm = (str(rng.choice(LEADS)),)
    elif layout == "3x4+3" and rng.random() < 0.4:
        rhythm = tuple(str(lead) for lead in rng.choice(LEADS, 3, replace=False))
    dpi = int(rng.choice((72, 96, 100, 120, 150, 200, 240, 300), p=(0.06, 0.1, 0.1, 0.14, 0.25, 0.2, 0.05, 0.1)))
    grid = _by_share(rng, _GRID_SHARES)
    minor_line_mm = float(rng.uniform(0.06, 0.16))
    header = _patient_block(rng) if rng.random() < 0.55 else ()
    many_rows = len(LAYOUTS[layout].all_rows) >= 6
    scales = _choice(rng, get_args(ScalesPlace), (0.4, 0.2, 0.15, 0.1, 0.15))
    if scales == "top right" and len(header) > 6:  # the third column of the header stands there
        scales = "bottom right"
    return PageStyle(
        layout=layout,
        rhythm_leads=rhythm,
        speed_mm_per_s=float(rng.choice(SPEEDS_MM_PER_S, p=(0.0, 0.92, 0.08))),
        gain_mm_per_mv=float(rng.choice(GAINS_MM_PER_MV, p=(0.08, 0.92, 0.0) if many_rows else (0.06, 0.88, 0.06))),
        dpi=dpi,
        ink=_random_ink(rng, grid, strength=min(1.0, max(0.35, minor_line_mm * dpi / 25.4))),
        minor_lines="none" if grid == "none" else _minor_lines(rng),
        minor_line_mm=round(minor_line_mm, 3),
        major_line_mm=0.0 if grid == "none" else round(float(rng.uniform(0.16, 0.35)), 3),
        trace_width_mm=round(float(rng.uniform(0.2, 0.42)), 3),
        typeface=_choice(rng, get_args(Typeface), (0.3, 0.4, 0.2, 0.1)),
        label_size_mm=round(float(rng.uniform(2.6, 3.4 if many_rows else 4.4)), 2),
        label_bold=bool(rng.random() < 0.4),
        separator_half_height_mm=float(rng.choice((0.0, 2.5, 4.0, 6.0), p=(0.4, 0.2, 0.25, 0.15))),
        filter_label=str(rng.choice(_FILTERS)),
        spacing="even",
        paper=_choice(rng, get_args(Paper), (0.55, 0.3, 0.15)),
        margin_mm=float(rng.choice((0.0, 4.0, 7.0, 10.0, 13.0), p=(0.3, 0.15, 0.2, 0.2, 0.15))),
        empty_top_mm=round(float(rng.uniform(2, 8) if many_rows or rng.random() < 0.7 else rng.uniform(8, 50)), 1),
        columns="simultaneous" if rng.random() < 0.1 else "consecutive",
        pulse=_choice(rng, get_args(Pulse), (0.6, 0.15, 0.25)),
        # between rows as close as twelve a name below reads as the next row's
        label_place=_choice(rng, get_args(LabelPlace), (0.92, 0.0, 0.08) if layout == "12x1" else (0.72, 0.2, 0.08)),
        scales_place=scales,
        header=header,
        header_on_grid=bool(rng.random() < 0.5),
    )


def _by_share(rng: np.random.Generator, shares: dict[str, float]) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def _choice(rng: np.random.Generator, choices: tuple[Any, ...], shares: tuple[float, ...]) -> Any:
    return choices[int(rng.choice(len(choices), p=shares))]


def _minor_lines(rng: np.random.Generator) -> MinorLines:
    return cast(MinorLines, _choice(rng, get_args(MinorLines), (0.8, 0.12, 0.08)))


def _random_ink(rng: np.random.Generator, grid: str, strength: float) -> Ink:
    """Return the colours of a grid, a little off; `strength` is how much of a minor line's pixel the line fills."""
    paper, minor, major = (np.array(colour, dtype=float) for colour in GRIDS["grey" if grid == "none" else grid])
    if rng.random() < 0.3 and grid not in ("grey", "none"):
        paper = np.array((255.0, 255.0, 255.0))
    shift = np.zeros(3) if grid == "grey" else rng.uniform(-7, 7, 3)
    depth = rng.uniform(0.8, 1.35)  # how strongly the grid is printed
    minor = paper + (minor - paper) * depth * strength + shift * strength
    major = paper + (major - paper) * depth + shift
    trace = (np.full(3, rng.uniform(0, 50)), np.array((20, 25, 85)), np.array((45, 20, 30)))[
        int(rng.choice(3, p=(0.86, 0.09, 0.05)))
    ]
    return Ink(_rgb(paper), _rgb(minor), _rgb(major), _rgb(trace))


def _rgb(colour: FloatArray64) -> Rgb:
    red, green, blue = np.clip(np.round(colour), 0, 255).astype(int).tolist()
    return red, green, blue


def _patient_block(rng: np.random.Generator) -> tuple[str, ...]:
    """Return the lines of a made-up patient block: numbers and wards, the name left empty, nothing about the heart."""
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(1, 13)), int(rng.integers(1994, 2026))
    time = f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}"
    date = (f"{day:02d}-{_MONTHS[month - 1]}-{year} {time}", f"{year}-{month:02d}-{day:02d} {time}")[
        int(rng.integers(2))
    ]
    lines = [
        f"ID: {rng.integers(100_000, 99_999_999)}",
        f"Age: {rng.integers(19, 94)} yrs",
        f"Sex: {'Male' if rng.random() < 0.5 else 'Female'}",
        "Name:",
        f"Dept: {rng.choice(_WARDS)}",
        f"Room: {rng.integers(1, 420)}",
        f"Date: {date}",
        f"Height: {rng.integers(148, 198)} cm",
        f"Weight: {rng.integers(45, 121)} kg",
    ]
    kept = sorted(rng.choice(len(lines), int(rng.integers(3, len(lines) + 1)), replace=False).tolist())
    return tuple(lines[index] for index in kept)
