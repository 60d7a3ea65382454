"""Measures a page on its pixels alone, to be compared with its truth."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from ecgr1_core.record import EcgRecord
from ecgr1_core.render.page_truth import PageTruth, mapped

RATE_HZ = 500.0


def heart(beats: int = 11, name: str = "heart", seconds: float = 10.0) -> EcgRecord:
    """Twelve leads of smooth P, QRS and T waves, each with amplitudes of its own."""
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    waves = ((-0.16, 0.025, 0.12), (-0.02, 0.008, -0.15), (0.0, 0.010, 1.0), (0.025, 0.009, -0.3), (0.26, 0.05, 0.3))
    beat = sum(
        (
            height * np.exp(-0.5 * ((times - centre - shift) / width) ** 2)
            for centre in (np.arange(beats) + 0.4) * seconds / beats
            for shift, width, height in waves
        ),
        np.zeros_like(times),
    )
    scales = np.array((0.6, 1.0, 0.4, -0.8, 0.25, 0.7, -0.7, -1.1, 0.5, 1.3, 1.2, 0.9))
    wander = 0.03 * np.sin(2 * np.pi * (0.2 + 0.02 * np.arange(12))[:, None] * times)
    return EcgRecord((scales[:, None] * beat + wander).astype(np.float32), RATE_HZ, name=name)


def ink_found(image: Image.Image, truth: PageTruth, within_px: float, shift: tuple[float, float] = (0.0, 0.0)) -> float:
    """The share of the samples on the page that have dark ink within a distance of where the truth says they are.

    Dark is nearer to the darkest pixel around than to what is usual around. With `shift` other places are looked at.
    """
    grey = np.asarray(image.convert("L"))
    reach = max(9, round(2.5 * min(truth.grid_pitch_px())))
    usual = cv2.medianBlur(grey, 2 * min(reach, 60) + 1).astype(float)
    darkest = cv2.erode(grey, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(float)
    dark = (grey < usual - 0.45 * (usual - darkest)).astype(np.uint8)
    distance = cv2.distanceTransform(1 - dark, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    found = []
    for lead in truth.leads:
        points = on_page(lead.trace_px, truth)[::3] + shift
        columns, rows = np.floor(points).astype(int).T
        inside = (columns >= 0) & (rows >= 0) & (columns < truth.width_px) & (rows < truth.height_px)
        # a pixel reaches half its width beyond its centre
        found.append(distance[rows[inside], columns[inside]] <= within_px)
    return float(np.concatenate(found).mean())


def on_page(points: np.ndarray, truth: PageTruth) -> np.ndarray:
    """The known points that lie on the grid and in the image, not at their very edge."""
    known = points[~np.isnan(points[:, 1])]
    inverse = np.linalg.inv(truth.page_to_image)
    flat, corners = mapped(known, inverse), mapped(truth.grid_px, inverse)
    inside = ((flat > corners.min(axis=0) + 2) & (flat < corners.max(axis=0) - 2)).all(axis=1)
    inside &= ((known > 2) & (known < np.array((truth.width_px, truth.height_px)) - 2)).all(axis=1)
    return known[inside]


def flattened(image: Image.Image, truth: PageTruth) -> Image.Image:
    """The image put back as the page was before anything moved it, by the truth's homography."""
    half = np.array(((1, 0, -0.5), (0, 1, -0.5), (0, 0, 1)))
    back = half @ np.linalg.inv(truth.page_to_image) @ np.linalg.inv(half)
    corners = mapped(truth.grid_px, np.linalg.inv(truth.page_to_image))
    width, height = (int(side) for side in np.ceil(corners.max(axis=0)))
    return Image.fromarray(
        cv2.warpPerspective(np.asarray(image.convert("RGB")), back, (width, height), borderValue=(255,) * 3)
    )


def grid_pitch(image: Image.Image) -> tuple[float, float]:
    """The distance in pixels of lines of 1 mm along x and along y, found by autocorrelation without the truth."""
    grey = 255.0 - np.asarray(image.convert("L"), dtype=float)
    return _pitch(np.median(grey, axis=0)), _pitch(np.median(grey, axis=1))


def _pitch(profile: np.ndarray) -> float:
    """A fifth of the period of the strongest lines, refined over as many periods as there are."""
    profile = profile - cv2.blur(profile[None], (41, 1))[0]
    correlation = np.correlate(profile, profile, "full")[len(profile) - 1 :]
    correlation = np.convolve(correlation, (0.25, 0.5, 0.25), "same")  # periods need not be whole pixels
    inner = correlation[1:-1]
    peaks = 1 + np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:]))
    near = peaks[(peaks > 8) & (peaks < 120)]
    period = float(near[correlation[near] > 0.6 * correlation[near].max()][0])
    for count in (2, 4, 8, 16, 32):
        if round(count * period) + 4 > len(profile) * 0.9:
            break
        lags = np.arange(round(count * period - 2), round(count * period + 3))
        best = lags[np.argmax(correlation[lags])]
        before, at, after = correlation[best - 1 : best + 2]
        period = float((best + 0.5 * (before - after) / (before - 2 * at + after)) / count)
    return period / 5
