"""One millivolt in a file of any format is one millivolt in the record and ten millimetres on the page."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from clinical_kit import CARTS

from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.formats.writing import WRITERS
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.render.paper import render_page

RATE_HZ = 500
PX_PER_MM = 10
DARK = 100  # what is darker in every colour is trace; the grid is not


def step_of_a_millivolt() -> np.ndarray:
    """[12, 2500] counts of 5 µV: 1 mV in every lead from 2 s to 3 s, and 0 elsewhere."""
    counts = np.zeros((12, 5 * RATE_HZ), dtype=np.int64)
    counts[:, 2 * RATE_HZ : 3 * RATE_HZ] = 200
    return counts


def file_of(name: str, folder: Path) -> tuple[Path, ReadOptions]:
    counts = step_of_a_millivolt()
    path = folder / "file"
    if name in CARTS:
        path.write_bytes(CARTS[name](counts, LEADS))
    elif name == "NumPy":
        content = io.BytesIO()
        np.save(content, counts * 5)
        path.write_bytes(content.getvalue())
        return path, ReadOptions(sampling_rate_hz=RATE_HZ, unit="uV")
    else:
        path = WRITERS[name](EcgRecord((counts * 0.005).astype(np.float32), RATE_HZ), folder, "file")[0]
    return path, ReadOptions()


@pytest.mark.parametrize("name", [*CARTS, *WRITERS, "NumPy"])
def test_a_millivolt_is_ten_millimetres_on_the_page(name: str, tmp_path: Path) -> None:
    record = read(*file_of(name, tmp_path))
    np.testing.assert_allclose(record.signal_mv, step_of_a_millivolt() * 0.005, atol=1e-6)
    picture = np.asarray(render_page(record, layout="12x1", dpi=254, antialias=False).convert("RGB"))
    dark = (picture < DARK).all(axis=2)[: -25 * PX_PER_MM]  # without the words at the foot
    tall = np.flatnonzero(dark.sum(axis=0) > 12 * 9 * PX_PER_MM)  # of the calibration pulses first, then of the step
    fall = tall[-1]
    rise = tall[tall < fall - 10 * PX_PER_MM][-1]
    assert fall - rise == pytest.approx(25 * PX_PER_MM, abs=2)
    before, during = (np.flatnonzero(dark[:, column]) for column in (rise - 10 * PX_PER_MM, rise + 10 * PX_PER_MM))
    np.testing.assert_array_equal(before - during, 10 * PX_PER_MM)
