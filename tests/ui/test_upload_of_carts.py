"""What a cart's file says of its patient and its calibration, on the Read and the Compare page."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "ecgr1_core" / "formats"))

from clinical_kit import aecg_xml, muse_xml
from test_read_actions import whole
from upload_kit import heart

from annotations.recordings import RecordingStore
from ecgr1_core.record import LEADS
from ecgr1_core.settings import Settings
from ui.pages.compare_actions import CompareActions
from ui.pages.read_actions import ReadActions
from ui.pages.updates import ASKED

COUNTS = np.round(heart().signal_mv * 200).astype(np.int64)  # of 5 µV


def uploaded(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def test_a_patient_is_shown_by_a_pseudonym_and_nowhere_by_name(
    actions: ReadActions, settings: Settings, tmp_path: Path
) -> None:
    content = muse_xml(COUNTS, LEADS).replace(b">59<", b">93<")
    opened = whole(actions.open_upload(None, [uploaded(tmp_path, "Doe.xml", content)]))
    record = opened["case"].record
    line = opened["case_line"]
    assert f"patient {record.patient.pseudonym} · over 89 y · F" in line
    assert record.name.startswith("R-")
    assert "Doe" not in line
    assert "4711" not in repr(record)
    store = RecordingStore(tmp_path / "recordings.sqlite", 30.0)
    again = CompareActions(settings, [], store).open_upload(None, [uploaded(tmp_path, "other.xml", content)])
    assert whole(again)["case"].record.patient == record.patient
    store.close()


def test_stored_counts_are_asked_for_and_the_files_are_kept_until_then(actions: ReadActions, tmp_path: Path) -> None:
    scaled = aecg_xml(COUNTS, LEADS)
    for row in COUNTS:
        scaled = scaled.replace(b'<scale value="5"', f'<scale value="{1000 / np.ptp(row):.6f}"'.encode(), 1)
    path = uploaded(tmp_path, "scaled.xml", scaled)
    opened = whole(actions.open_upload(None, [path]))
    assert "scales each lead by itself" in opened["case_line"]
    assert opened["case"].measurements is not None, "it is shown and measured as the file has it meanwhile"
    assert opened["ask"]["visible"] is True
    assert opened["counts_per_mv"]["visible"] is True
    assert opened["pending"] == [path]
    given = [200 if name == "counts_per_mv" else None for name in ASKED]
    again = whole(actions.open_again(opened["case"], [path], *given))
    np.testing.assert_allclose(again["case"].record.signal_mv, COUNTS * 0.005, atol=1e-6)
    assert "scales each lead by itself" not in again["case_line"]
    assert again["ask"]["visible"] is False
    assert not Path(path).exists()
