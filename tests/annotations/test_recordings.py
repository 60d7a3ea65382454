"""The store of recordings on a real SQLite file: what comes back, who may see it, and what is left after deletion."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from annotations.plain import from_plain, to_plain
from annotations.recordings import KeptReading, RecordingStore, packed_signal, recording_digest, unpacked_signal
from ecgr1_core.errors import DamagedFileError, InputError
from ecgr1_core.measure.types import Beat, LeadMeasurements, LeadQuality, Measurements, Quality, RhythmMeasurements
from ecgr1_core.protocol.text import SentenceEvidence
from ecgr1_core.readers.base import ReadingDetails
from ecgr1_core.record import DeviceReading, EcgRecord, Patient
from ecgr1_core.verify import Claim

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ANNA, BORIS = "a" * 32, "b" * 32

MEASURED = Measurements(
    heart_rate_bpm=74.123456789,
    qrs_duration_ms=None,
    transition_zone="V3-V4",
    delta_wave=False,
    by_beat={"pr_interval_ms": 161.0, "qt_interval_ms": None},
    rhythm=RhythmMeasurements(beat_count=2, p_times_s=(0.1, 0.9), p_wave_present=True),
    quality=Quality("acceptable", ("V1", "V2"), ("noise in V4",), {"V4": LeadQuality("noisy", ("mains",), 0.05)}),
    leads={"V1": LeadMeasurements(morphology="rS", st_slope="upsloping", reasons={"q_amplitude_mv": "no Q wave"})},
    beats=(Beat(1, 0.5), Beat(2, 1.3, 800.0, kind="ventricular_ectopic")),
    reasons={"qrs_duration_ms": "too noisy"},
)
VALUES = {"qrs_duration_ms": 142.0, "x": None, "y": True, "z": "-"}
CLAIM = Claim(2, 4, 10, "narrow", "qrs.narrow", "contradicted", VALUES,
              "below 120 ms", ("V1",), False, True, "measured 142 ms; narrow means below 120 ms")  # fmt: skip
READING = KeptReading(
    reader="protocol",
    title="Protocol",
    version="1.2",
    modality="signal",
    raw="<think>…</think>",
    seconds=1.25,
    made_at=NOW.isoformat(),
    details=ReadingDetails(
        phase="done",
        notes=("padded",),
        evidence=(
            SentenceEvidence("1", 0, 9, ("rate",), ("II",), (2,), {"heart_rate_bpm": 74.0}, (), "definite", "normal"),
        ),
        certainties={"sinus rhythm": "definite"},
    ),
    claims=(CLAIM, replace(CLAIM, step="answer", status="supported")),
)


def record(name: str = "case 1", seed: int = 0) -> EcgRecord:
    signal = np.random.default_rng(seed).normal(0, 0.3, (12, 1500)).astype(np.float32)
    signal[3, 100:200] = np.nan
    return EcgRecord(signal, 250.0, name, "WFDB", Patient(61.0, "F"), ("V3",), ("I",), ("aVF",), ("a warning",))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordingStore]:
    made = RecordingStore(tmp_path / "recordings.sqlite", keep_days=30)
    yield made
    made.close()


def test_a_recording_comes_back_as_it_was_also_after_a_restart(store: RecordingStore) -> None:
    kept = replace(record(), device=DeviceReading(heart_rate_bpm=61.0, statements=("Normal ECG",), confirmed=True))
    key = store.keep(ANNA, kept, now=NOW, measurements=MEASURED, reading=READING, view={"gain": 20})
    store.close()
    again = RecordingStore(store.path, keep_days=30).open(ANNA, key)
    np.testing.assert_array_equal(again.record.signal_mv, kept.signal_mv)
    names = ("sampling_rate_hz", "name", "source_format", "patient", "missing_leads", "flat_leads", "derived_leads",
             "device")  # fmt: skip
    assert [getattr(again.record, name) for name in names] == [getattr(kept, name) for name in names]
    assert again.record.warnings == ("a warning",)
    assert again.measurements == MEASURED
    assert again.reading == READING
    assert again.view == {"gain": 20}
    assert again.lost == ()


def test_the_list_tells_what_was_done_with_each_recording_newest_first(store: RecordingStore) -> None:
    store.keep(ANNA, record("old"), now=NOW)
    store.keep(ANNA, record("new"), now=NOW + timedelta(minutes=5), measurements=MEASURED, reading=READING)
    new, old = store.entries(ANNA)
    assert (new.name, new.measured, new.read_by, new.contradicted) == ("new", True, "Protocol", 1)
    assert (old.name, old.measured, old.read_by, old.contradicted) == ("old", False, None, None)
    assert new.opened_at == NOW + timedelta(minutes=5)
    assert new.patient == Patient(61.0, "F")
    store.keep(ANNA, record("old"), now=NOW + timedelta(minutes=9))
    assert [entry.name for entry in store.entries(ANNA)] == ["old", "new"]


def test_what_is_not_told_again_stays_and_the_last_reading_counts(store: RecordingStore) -> None:
    key = store.keep(ANNA, record(), now=NOW, measurements=MEASURED, reading=READING, view={"gain": 5})
    later = replace(READING, made_at=(NOW + timedelta(hours=1)).isoformat(), raw="second", claims=None)
    store.keep(ANNA, record(), now=NOW, reading=later)
    kept = store.open(ANNA, key)
    assert kept.measurements == MEASURED
    assert kept.view == {"gain": 5}
    assert kept.reading == later
    assert store.entries(ANNA)[0].contradicted is None
    other = replace(READING, reader="ecg-r1", title="ECG-R1", made_at=(NOW + timedelta(minutes=1)).isoformat())
    store.keep(ANNA, record(), now=NOW, reading=other)
    assert store.open(ANNA, key).reading == later, "an earlier reading of another reader does not replace the last"


def test_nobody_sees_opens_or_removes_what_another_has_opened(store: RecordingStore) -> None:
    key = store.keep(ANNA, record(), now=NOW)
    assert store.entries(BORIS) == ()
    with pytest.raises(InputError, match="no longer kept here"):
        store.open(BORIS, key)
    store.remove(BORIS, key)
    store.remove_all(BORIS)
    assert store.open(ANNA, key).record.name == "case 1"
    assert store.keep(BORIS, record(), now=NOW) == key, "the same samples may be kept by both"
    store.remove_all(ANNA)
    assert store.entries(ANNA) == ()
    assert len(store.entries(BORIS)) == 1


@pytest.mark.parametrize("owner", ["", "x" * 201])
def test_an_owner_is_named(store: RecordingStore, owner: str) -> None:
    with pytest.raises(ValueError, match="an owner is named by"):
        store.entries(owner)


def test_the_secret_of_an_owner_is_not_in_the_file(store: RecordingStore) -> None:
    store.keep(ANNA, record(), now=NOW)
    store.close()
    assert ANNA.encode() not in b"".join(path.read_bytes() for path in store.path.parent.iterdir())


def test_what_is_removed_is_gone_from_the_disk(store: RecordingStore) -> None:
    name = "Beispiel, Anna 1965"
    first = store.keep(ANNA, record(name), now=NOW, reading=replace(READING, raw="a finding of hers"))
    store.keep(ANNA, record("other", 1), now=NOW)
    words = (name.encode(), b"a finding of hers", packed_signal(record().signal_mv)[:40])

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in store.path.parent.iterdir())

    assert all(word in on_disk() for word in words)
    store.remove(ANNA, first)
    assert not any(word in on_disk() for word in words)
    assert [entry.name for entry in store.entries(ANNA)] == ["other"]


def test_what_nobody_opened_for_long_expires(store: RecordingStore) -> None:
    store.keep(ANNA, record("old"), now=NOW - timedelta(days=31))
    store.keep(ANNA, record("young"), now=NOW - timedelta(days=29), reading=READING)
    assert store.expire(NOW) == 1
    assert [entry.name for entry in store.entries(ANNA)] == ["young"]
    assert store.expire(NOW + timedelta(days=2)) == 1


def test_readings_go_with_their_recording_and_the_file_is_set_up(store: RecordingStore) -> None:
    key = store.keep(ANNA, record(), now=NOW, reading=READING)
    store.remove(ANNA, key)
    with store._engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM reading")).scalar_one() == 0
        values = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "secure_delete")
        }
    assert values == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 5000, "secure_delete": 1}
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_two_threads_may_keep_at_once(store: RecordingStore) -> None:
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            for step in range(5):
                store.keep(ANNA, record(f"{number} {step}", number), now=NOW)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(store.entries(ANNA)) == 20


def test_what_another_version_kept_is_said_to_be_lost(store: RecordingStore) -> None:
    key = store.keep(ANNA, record(), now=NOW, measurements=MEASURED, reading=READING)
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE recording SET measurements = '{\"heart_rate\": 74}'"))
    kept = store.open(ANNA, key)
    assert kept.measurements is None
    assert kept.lost == ("measurements",)
    assert kept.reading == READING


def test_a_file_that_is_none_or_of_a_later_version_is_refused_in_one_sentence(tmp_path: Path) -> None:
    letter = tmp_path / "letter.sqlite"
    letter.write_text("Dear colleague, " * 100)
    with pytest.raises(DamagedFileError, match=r"letter\.sqlite: it is no SQLite database; move it away"):
        RecordingStore(letter, 30)
    later = RecordingStore(tmp_path / "later.sqlite", 30)
    with later._engine.begin() as connection:
        connection.execute(text("PRAGMA user_version = 99"))
    with pytest.raises(InputError, match="later version"):
        RecordingStore(later.path, 30)


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(InputError, match=r"recordings\.sqlite: it cannot be made .*ECGR1_KEEP_RECORDINGS=false"):
        RecordingStore(tmp_path / "data" / "recordings.sqlite", 30)


def test_the_signal_is_packed_without_loss() -> None:
    signal = record().signal_mv
    assert unpacked_signal(packed_signal(signal)).tobytes() == signal.tobytes()
    counts = np.round(signal / 0.005).astype(np.float32) * np.float32(0.005)
    assert len(packed_signal(counts)) < 0.75 * counts.nbytes


def test_the_same_samples_and_name_are_the_same_recording() -> None:
    assert recording_digest(record()) == recording_digest(record())
    assert len({recording_digest(one) for one in (record(), record("b"), record(seed=1))}) == 3


@pytest.mark.parametrize(
    "data",
    [
        {"number": "1", "r_s": 0.5},
        {"r_s": 0.5},
        {"number": 1, "r_s": 0.5, "more": 1},
        {"number": 1, "r_s": 1, "kind": "x"},
        [],
    ],
)
def test_data_that_does_not_fit_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_plain(Beat, data)


def test_plain_data_is_what_json_knows() -> None:
    moment = datetime(2020, 2, 29, 9, 30)
    plain = to_plain(Patient(61, "F", "P-1", moment))
    assert plain == {"age_years": 61, "sex": "F", "pseudonym": "P-1", "recorded_at": "2020-02-29T09:30:00"}
    assert from_plain(Patient, plain) == Patient(61, "F", "P-1", moment)
    assert from_plain(Patient, {"age_years": 61.0, "sex": None}) == Patient(61)
    with pytest.raises(ValueError, match="'yesterday' is none of"):
        from_plain(Patient, plain | {"recorded_at": "yesterday"})
    assert from_plain(Patient, {"age_years": 61, "sex": None}) == Patient(61.0, None)
