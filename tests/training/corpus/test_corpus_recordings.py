"""Recordings of a corpus: WFDB files as the package reads them, synthetic patients, folders with or without a table."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
from corpus_kit import case_of, synthetic
from PIL import Image

from ecgr1_core import formats
from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS, EcgRecord, Patient
from training.corpus import CorpusConfig, run_corpus
from training.corpus.cases import prepare
from training.corpus.config import FolderSource, Part, Shares, SyntheticSource
from training.corpus.sources import Recipe, content_hash, recipes
from training.corpus.split import parts_of, versions_apart
from training.media import drawn_sheet, media_beside
from training.page_traces import load_traces
from training.problems import Problems
from training.rows import Row, read_rows
from training.synthesis import kind_spec, synthesize
from training.wfdb_files import write_wfdb


def ecg(name: str = "a", kind: str = "lbbb") -> EcgRecord:
    return synthesize(replace(kind_spec(kind), name=name), np.random.default_rng(1))[0]


def test_the_wfdb_package_reads_what_is_written_and_so_do_we(tmp_path: Path) -> None:
    record = ecg()
    gap = record.signal_mv.copy()
    gap[3, 100:110] = np.nan
    gap[4, 7] = 40.0  # more than 16 bits hold
    path, held = write_wfdb(tmp_path / "new", replace(record, signal_mv=gap), ["one: two"])
    read = wfdb.rdrecord(str(path.with_suffix("")), physical=False)
    assert tuple(read.sig_name) == LEADS
    assert (read.fs, read.comments, read.adc_gain) == (500, ["one: two"], [1000.0] * 12)
    assert [told % 65536 for told in read.checksum] == read.calc_checksum()
    assert read.init_value == list(read.d_signal[0])
    wanted = np.rint(np.nan_to_num(gap.T) * 1000).clip(-32767, 32767)
    wanted[100:110, 3] = -32768
    assert np.abs(read.d_signal - wanted).max() == 0
    assert np.array_equal(formats.read(path).signal_mv, held.signal_mv, equal_nan=True)
    assert np.isnan(held.lead("aVR")[100:110]).all()


def test_synthetic_patients_are_one_a_recording_and_the_same_each_time(tmp_path: Path) -> None:
    source = SyntheticSource(count=5, kinds=("sinus", "rbbb"))
    found, unknown = recipes([source, source], 7, Problems())
    assert [one.kind for one in found[:5]] == ["sinus", "rbbb", "sinus", "rbbb", "sinus"]
    assert len({one.id for one in found}) == len({one.patient for one in found}) == 10
    assert not unknown
    first, again = (prepare(tmp_path / name, 7, "none", found[1]) for name in ("one", "two"))
    assert not isinstance(first, InputError)
    assert first == again
    assert first.known is not None
    assert "complete right bundle branch block" in first.known
    assert (tmp_path / "one" / f"{first.ecg}.dat").read_bytes() == (tmp_path / "two" / f"{first.ecg}.dat").read_bytes()
    other = prepare(tmp_path / "other", 8, "none", found[1])
    assert not isinstance(other, InputError)
    assert other.measurements != first.measurements


def test_a_kind_that_does_not_exist() -> None:
    with pytest.raises(InputError, match="sirius"):
        recipes([SyntheticSource(count=1, kinds=("sirius",))], 0, Problems())


def folder_of(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        write_wfdb(tmp_path / "data" / "records500", ecg(name))
    lines = [
        "ecg_id,patient_id,age,sex,scp_codes,filename_hr",
        "1,11.0,300.0,1,\"{'NORM': 100.0, 'XYZ': 0.0, 'SR': 0.0}\",records500/a",
        "2,12.0,50,0,{},records500/b",
        "3,11.0,,,CLBBB; sinus rhythm,records500/c",
        "4,13.0,50,0,{},records500/gone",
        "5,,50,0,{},records500/a",
    ]
    (tmp_path / "data" / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "data"


def test_a_table_says_patient_age_sex_and_what_is_known(tmp_path: Path) -> None:
    folder, problems = folder_of(tmp_path), Problems()
    source = FolderSource(folder=folder, table=folder / "table.csv", label_column="scp_codes")
    found, unknown = recipes([source], 0, problems)
    assert [(one.id, one.patient) for one in found] == [
        ("records500_a", "11"),
        ("records500_b", "12"),
        ("records500_c", "11"),
    ]
    assert [one.told for one in found] == [Patient(90.0, "F"), Patient(50.0, "M"), Patient()]
    assert found[0].known == ("normal ECG", "sinus rhythm")
    assert found[2].known == ("complete left bundle branch block", "sinus rhythm")
    assert unknown == Counter(XYZ=1)
    assert problems.counts == Counter({"missing": 1, "no patient": 1})
    case = prepare(tmp_path / "out", 0, "none", found[0])
    assert not isinstance(case, InputError)
    assert (case.who, case.ecg) == (Patient(90.0, "F"), "../data/records500/a")


def test_a_limit_draws_by_the_seed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    chosen = {
        seed: [one.id for one in recipes([FolderSource(folder=folder, limit=2)], seed, Problems())[0]]
        for seed in range(20)
    }
    assert all(len(ids) == 2 for ids in chosen.values())
    assert len({tuple(ids) for ids in chosen.values()}) > 1


def test_versions_are_other_recordings_of_the_same_patient_and_none_is_tested_on(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    source = FolderSource(folder=folder, table=folder / "table.csv", label_column="scp_codes", versions=3)
    shares = Shares(sft=1, rl=0, test=1)
    runs = []
    for name in ("one", "two"):
        run_corpus(CorpusConfig(out=tmp_path / name, sources=(source,), shares=shares))
        runs.append({part: list(read_rows(tmp_path / name / f"{part}.jsonl")) for part in ("sft", "test")})
    rows = {part: [row for row in found if isinstance(row, Row)] for part, found in runs[0].items()}
    kept = {part: {row.id.rpartition("_v")[0] or row.id: row.patient for row in found} for part, found in rows.items()}
    assert len(rows["sft"]) == 3 * len(kept["sft"])
    assert len(rows["test"]) == len(kept["test"])
    assert set(kept["sft"].values()).isdisjoint(kept["test"].values())
    media = media_beside(tmp_path / "one" / "sft.jsonl")
    signals = {row.id: media.record(row).signal_mv for row in rows["sft"]}
    for name in kept["sft"]:
        versions = [signals[name], signals[f"{name}_v1"], signals[f"{name}_v2"]]
        assert not any(np.array_equal(one, other) for one, other in itertools.combinations(versions, 2))
    for row in rows["sft"]:
        again = media_beside(tmp_path / "two" / "sft.jsonl").record(row)
        assert np.array_equal(media.record(row).signal_mv, again.signal_mv, equal_nan=True)


def test_a_table_says_how_many_versions_are_made_of_each(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    table = folder / "table.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    wanted = [f"{line},{many}" for line, many in zip(lines, ["many", "3", "", *["1"] * len(lines)], strict=False)]
    table.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    source = FolderSource(folder=folder, table=table, versions=2, versions_column="many")
    found, _ = recipes([source], 0, Problems())
    counts = Counter(one.id.partition("_v")[0] for one in found)
    assert list(counts.values())[:2] == [3, 2]
    assert set(list(counts.values())[2:]) <= {1}
    table.write_text("\n".join([wanted[0], f"{lines[1]},few"]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2: 'few' is no number of versions"):
        recipes([source], 0, Problems())


def test_noise_of_a_version_is_of_its_own_part() -> None:
    found = [Recipe(f"{who}_{n}", who, path=Path(f"{who}_{n}")) for who in "abc" for n in range(4)]
    found += [replace(one, id=f"{one.id}_v1", version=1) for one in found]
    parts: dict[str, Part] = {"a": "sft", "b": "rl", "c": "test"}
    kept = versions_apart(found, parts, 1)
    assert [one.patient for one in kept if one.version] == [*"aaaabbbb"]
    assert all(one.noise is not None and one.noise.patient == one.patient for one in kept if one.version)
    assert len({one.noise for one in kept if one.version}) > 2
    assert all(one.mate is not None and one.mate.patient == one.patient for one in kept if one.version)


def test_a_synthetic_rhythm_gets_a_real_heart(tmp_path: Path) -> None:
    write_wfdb(tmp_path / "data", ecg("wide"))
    source = SyntheticSource(count=12, kinds=("atrial_fibrillation",), real_beats=0.5)
    found = [Recipe("wide", "w", path=tmp_path / "data" / "wide.hea"), *recipes([source], 2, Problems())[0]]
    kept = versions_apart(found, {one.patient: "sft" for one in found}, 2)
    mixed = [one for one in kept if one.mate is not None]
    assert len(kept) == len(found)
    assert 2 < len(mixed) < 10
    assert all(one.synthetic is not None and one.mate == one.noise == found[0] for one in mixed)
    for parts in ({one.patient: "test" for one in found}, {one.patient: "rl" for one in found} | {"w": "sft"}):
        assert not any(one.mate for one in versions_apart(found, parts, 2))  # type: ignore[arg-type]
    wider = []
    for one in mixed:
        plain = prepare(tmp_path / "plain", 2, "none", replace(one, mate=None, noise=None))
        case = prepare(tmp_path / "one", 2, "none", one)
        assert not isinstance(case, InputError)
        assert not isinstance(plain, InputError)
        assert plain.known is not None
        assert len(case.measurements.beats) == len(plain.measurements.beats)
        if case.known is None:
            assert case == prepare(tmp_path / "two", 2, "none", one)
            assert not (tmp_path / "one" / f"{case.ecg}.truth.json").exists()
            wider.append((case.measurements.qrs_duration_ms or 0.0) - (plain.measurements.qrs_duration_ms or 0.0))
        else:  # its beats could not be told apart any more
            assert case == plain
    assert len(wider) >= 2
    assert max(wider) > 20


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"record_column": "file"}, "table.csv: it has no column 'file'"),
        ({"label_column": "ecg_id", "patient_column": "who"}, "no column 'who'"),
        ({"table": "gone.csv"}, "gone.csv: it cannot be read as a table"),
        ({"folder": "nowhere"}, "nowhere: there is no such folder"),
        ({"folder": "empty", "table": None}, "empty: no recording was found"),
    ],
)
def test_a_source_that_cannot_be_used(tmp_path: Path, change: dict[str, str | None], said: str) -> None:
    folder = folder_of(tmp_path)
    (tmp_path / "empty").mkdir()
    given = {"folder": folder, "table": folder / "table.csv"} | {
        name: tmp_path / value if value and name in ("table", "folder") else value for name, value in change.items()
    }
    with pytest.raises(InputError, match=said):
        recipes([FolderSource(**given)], 0, Problems())  # type: ignore[arg-type]


def test_what_is_no_recording_is_counted_and_named_or_ends_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_wfdb(folder, ecg("a", "sinus"))
    write_wfdb(folder, ecg("cut", "sinus"))
    (folder / "cut.dat").write_bytes(b"")
    (folder / "README.md").write_text("Twelve leads.", encoding="utf-8")
    config = synthetic(tmp_path / "out").model_copy(update={"sources": (FolderSource(folder=folder),)})
    summary = run_corpus(config)
    assert sum(summary["rows"].values()) == 1
    assert summary["left_out"] == {"recording": 2}
    told = (tmp_path / "out" / "problems.jsonl").read_text(encoding="utf-8")
    assert "README.md" in told
    assert "cut.dat" in told
    with pytest.raises(InputError, match=r"README\.md|cut\.dat"):
        run_corpus(config.model_copy(update={"on_problem": "stop"}))


def test_one_recording_in_two_sources(tmp_path: Path) -> None:
    source = FolderSource(folder=folder_of(tmp_path), record_column="filename_hr")
    with pytest.raises(InputError, match="is in two of them"):
        recipes([source, source], 0, Problems())


def test_pages_by_seed() -> None:
    record = ecg()
    pages = {
        (look, seed): drawn_sheet(record, look, np.random.default_rng(seed)).image
        for look, seed in (("plain", 0), ("varied", 3), ("worn", 3), ("worn", 4))
    }
    assert len({page.tobytes() for page in pages.values()}) == 4
    assert drawn_sheet(record, "worn", np.random.default_rng(4)).image.tobytes() == pages["worn", 4].tobytes()


def test_known_labels_of_synthetic_recordings_are_of_the_vocabulary() -> None:
    assert case_of("av_block_1").known == ("sinus rhythm", "first-degree AV block")


def test_real_recordings_with_their_table(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "ptbxl"
    source = FolderSource(
        folder=folder, table=folder / "labels.csv", record_column="record", label_column="scp_codes", limit=3
    )
    summary = run_corpus(synthetic(tmp_path).model_copy(update={"sources": (source,)}))
    assert (summary["recordings"], summary["left_out"]) == (3, {})
    rows = [row for name in ("sft", "rl", "test") for row in read_rows(tmp_path / f"{name}.jsonl")]
    assert len(rows) + summary["rejected"] == 3
    for row in rows:
        assert isinstance(row, Row)
        assert row.patient is not None
        assert media_beside(tmp_path / "sft.jsonl").record(row).duration_s == 10


def test_a_table_says_file_gain_and_content(tmp_path: Path) -> None:
    for name, shown in (("a", 1.0), ("b", 0.1)):  # the gain of b is not to be trusted: it shows a tenth
        record = ecg(name)
        write_wfdb(tmp_path / "data", replace(record, signal_mv=record.signal_mv * np.float32(shown)))
    wanted = {name: content_hash(tmp_path / "data" / f"{name}.hea") for name in ("a", "b")}
    lines = [
        "filename_hr,patient_id,part,counts,sha256",
        f"a,ann,test,,{wanted['a']}",
        f"b,bob,rl,100,{wanted['b']}",
        f"b,eve,,,{wanted['a']}",
    ]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = FolderSource(
        folder=tmp_path / "data", table=table, part_column="part", counts_column="counts", hash_column="sha256"
    )
    problems = Problems()
    found, _ = recipes([source], 0, problems)
    assert [(one.patient, one.part) for one in found] == [("ann", "test"), ("bob", "rl")]
    assert problems.counts == Counter({"other content": 1})
    assert parts_of(found, Shares(), 0) == {"ann": "test", "bob": "rl"}
    plain, mended = (prepare(tmp_path / "out", 0, "none", one) for one in found)
    assert not isinstance(plain, InputError)
    assert not isinstance(mended, InputError)
    assert (plain.ecg, mended.ecg) == ("../data/a", "ecg/b")
    heights = [
        np.ptp(formats.read((tmp_path / "out" / one.ecg).resolve().with_suffix(".hea")).lead("V2"))
        for one in (plain, mended)
    ]
    assert heights[0] == pytest.approx(heights[1], rel=0.02)


def test_a_patient_is_told_to_go_to_one_file() -> None:
    twice = [Recipe("a", "ann", part="sft"), Recipe("b", "ann", part="test")]
    with pytest.raises(InputError, match="patient ann: is told to go to sft and to test"):
        parts_of(twice, Shares(), 0)


def test_a_table_with_a_wrong_file_or_gain(tmp_path: Path) -> None:
    write_wfdb(tmp_path, ecg("a"))
    table = tmp_path / "table.csv"
    source = FolderSource(folder=tmp_path, table=table, part_column="part", counts_column="counts")
    for line, fault in (("a,ann,training,", "there is no file 'training'"), ("a,ann,,-3", "is no number of counts")):
        table.write_text(f"filename_hr,patient_id,part,counts\n{line}\n", encoding="utf-8")
        with pytest.raises(InputError, match=fault):
            recipes([source], 0, Problems())


def test_a_page_is_shrunk_to_the_pixels_asked_for(tmp_path: Path) -> None:
    recipe = Recipe("s", "s", "sinus", SyntheticSource(count=1))
    case = prepare(tmp_path, 0, "mixed", recipe, 120_000)
    assert not isinstance(case, InputError)
    assert case.image is not None
    with Image.open(tmp_path / case.image) as page:
        assert 100_000 < page.width * page.height <= 120_000
        assert page.width / page.height == pytest.approx(1.35, abs=0.2)
    traces = load_traces(tmp_path / case.image)
    assert traces is not None
    assert len(np.unique(traces.lead)) == len(LEADS)
