"""What is known for certain about a drawn page: the pixels of every sample, lead name, pulse and grid line.

Positions are x and y in pixels as real numbers, from the upper left corner of the image: the pixel in column c and row
r covers c to c + 1 and r to r + 1, its centre is at + 0.5. Whatever moves a page (rotation, perspective, crop) is a
homography, and `PageTruth.moved` carries everything along exactly. The module draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ecgr1_core.render.page_style import PageStyle, style_from_json, style_to_json

Points = npt.NDArray[np.float64]  # [n, 2], x and y in pixels
_DECIMALS = 2  # of a pixel, in JSON


@dataclass(frozen=True, eq=False)
class LeadTruth:
    """One lead in one row: `trace_px` is [samples, 2], NaN where a sample is unknown, and empty without a signal.

    The first point is sample `first_sample` of the recording. `box_px` are the four corners around the trace's ink,
    `label_px` those around its printed name (None: not printed), `baseline_px` the two ends of its 0 mV (the median).
    """

    lead: str
    row: int
    column: int
    inverted: bool
    first_sample: int
    trace_px: Points
    box_px: Points | None
    label_px: Points | None
    baseline_px: Points


@dataclass(frozen=True, eq=False)
class TextTruth:
    """Printed words and the four corners around them."""

    words: str
    box_px: Points


@dataclass(frozen=True, eq=False)
class PageTruth:
    """The truth of one page.

    `px_per_mm` is the grid's pitch on the page as drawn, `page_to_image` the 3 × 3 homography from there to this image
    (the unit matrix until something moves the page). `grid_px` are the four corners of the gridded area, beyond which
    no trace is drawn; `origin_px` is a crossing of 5 mm lines. `degradation`: the fields of what was last done to it.
    """

    width_px: int
    height_px: int
    px_per_mm: float
    sampling_rate_hz: float
    style: PageStyle
    seed: int | None
    leads: tuple[LeadTruth, ...]
    pulses_px: tuple[Points, ...]
    texts: tuple[TextTruth, ...]
    grid_px: Points
    origin_px: Points
    page_to_image: npt.NDArray[np.float64]
    degradation: dict[str, Any] | None = None

    def grid_pitch_px(self, x: float | None = None, y: float | None = None) -> tuple[float, float]:
        """Return the pixels of one mm along and across the paper, at a place of the image (None: the grid's middle)."""
        centre = np.asarray(self.grid_px.mean(axis=0), dtype=np.float64)
        place = np.array([[centre[0] if x is None else x, centre[1] if y is None else y]], dtype=np.float64)
        on_page = mapped(place, np.asarray(np.linalg.inv(self.page_to_image), dtype=np.float64))
        half = self.px_per_mm / 2
        ends = on_page + np.array([[-half, 0], [half, 0], [0, -half], [0, half]])
        left, right, top, bottom = mapped(ends, self.page_to_image)
        return float(np.hypot(*(right - left))), float(np.hypot(*(bottom - top)))

    def moved(self, matrix: npt.NDArray[np.float64], width_px: int, height_px: int) -> PageTruth:
        """Return the truth after the homography `matrix`, in an image of a new size."""

        def all_of(points: Points) -> Points:
            return mapped(points, matrix)

        def maybe(points: Points | None) -> Points | None:
            return None if points is None else mapped(points, matrix)

        return replace(
            self,
            width_px=width_px,
            height_px=height_px,
            leads=tuple(
                replace(
                    lead,
                    trace_px=all_of(lead.trace_px),
                    box_px=maybe(lead.box_px),
                    label_px=maybe(lead.label_px),
                    baseline_px=all_of(lead.baseline_px),
                )
                for lead in self.leads
            ),
            pulses_px=tuple(all_of(pulse) for pulse in self.pulses_px),
            texts=tuple(replace(text, box_px=all_of(text.box_px)) for text in self.texts),
            grid_px=all_of(self.grid_px),
            origin_px=all_of(self.origin_px),
            page_to_image=matrix @ self.page_to_image,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the truth as JSON has it: positions as [x, y] to a hundredth of a pixel, unknown samples as null."""
        return {
            "width_px": self.width_px,
            "height_px": self.height_px,
            "px_per_mm": self.px_per_mm,
            "grid_pitch_px": self.grid_pitch_px(),
            "sampling_rate_hz": self.sampling_rate_hz,
            "seed": self.seed,
            "leads": [
                {
                    "lead": lead.lead,
                    "row": lead.row,
                    "column": lead.column,
                    "inverted": lead.inverted,
                    "first_sample": lead.first_sample,
                    "box_px": _listed(lead.box_px),
                    "label_px": _listed(lead.label_px),
                    "baseline_px": _listed(lead.baseline_px),
                    "trace_px": _listed(lead.trace_px),
                }
                for lead in self.leads
            ],
            "pulses_px": [_listed(pulse) for pulse in self.pulses_px],
            "texts": [{"words": text.words, "box_px": _listed(text.box_px)} for text in self.texts],
            "grid_px": _listed(self.grid_px),
            "origin_px": _listed(self.origin_px),
            "page_to_image": self.page_to_image.tolist(),
            "style": style_to_json(self.style),
            "degradation": self.degradation,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PageTruth:
        """Return the truth that `to_json` wrote."""
        return cls(
            width_px=data["width_px"],
            height_px=data["height_px"],
            px_per_mm=data["px_per_mm"],
            sampling_rate_hz=data["sampling_rate_hz"],
            style=style_from_json(data["style"]),
            seed=data["seed"],
            leads=tuple(
                LeadTruth(
                    lead=lead["lead"],
                    row=lead["row"],
                    column=lead["column"],
                    inverted=lead["inverted"],
                    first_sample=lead["first_sample"],
                    trace_px=_points(lead["trace_px"]),
                    box_px=None if lead["box_px"] is None else _points(lead["box_px"]),
                    label_px=None if lead["label_px"] is None else _points(lead["label_px"]),
                    baseline_px=_points(lead["baseline_px"]),
                )
                for lead in data["leads"]
            ),
            pulses_px=tuple(_points(pulse) for pulse in data["pulses_px"]),
            texts=tuple(TextTruth(text["words"], _points(text["box_px"])) for text in data["texts"]),
            grid_px=_points(data["grid_px"]),
            origin_px=_points(data["origin_px"]),
            page_to_image=np.array(data["page_to_image"], dtype=np.float64),
            degradation=data["degradation"],
        )


def mapped(points: Points, matrix: npt.NDArray[np.float64]) -> Points:
    """Return [n, 2] points after a 3 × 3 homography; NaN stay NaN."""
    flat = np.column_stack((points, np.ones(len(points)))) @ matrix.T
    return np.asarray(flat[:, :2] / flat[:, 2:])


def corners(left: float, top: float, right: float, bottom: float) -> Points:
    """Return the four corners of a box, clockwise from the upper left."""
    return np.array(((left, top), (right, top), (right, bottom), (left, bottom)), dtype=np.float64)


def _listed(points: Points | None) -> list[list[float | None]] | None:
    if points is None:
        return None
    rounded = np.round(points, _DECIMALS).tolist()
    return [point if point[0] == point[0] and point[1] == point[1] else [None, None] for point in rounded]


def _points(listed: list[list[float | None]]) -> Points:
    return np.array(listed, dtype=np.float64).reshape(-1, 2)
