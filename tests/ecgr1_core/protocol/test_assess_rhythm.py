"""Rhythms and conduction that rest on single P waves, spikes and beats: measurements built by hand."""

from __future__ import annotations

from typing import Any

import pytest
from made_ecg import read

from ecgr1_core.measure import Beat
from ecgr1_core.protocol import Findings

WITHOUT_P: dict[str, Any] = {"pr_interval_ms": None, "p_duration_ms": None, "p_axis_deg": None}


def names(findings: Findings) -> list[str]:
    return [label.name for label in findings.labels]


def conducted(p_s: list[float], r_s: list[float], *, steady: bool, irregularity: float = 0.2, **more: Any) -> Findings:
    """Read an ECG with P waves and QRS complexes at these times."""
    beats = tuple(
        Beat(n + 1, time, rr_ms=None if n == 0 else 1000.0 * (time - r_s[n - 1])) for n, time in enumerate(r_s)
    )
    rhythm = {
        "p_wave_present": not steady,
        "beat_count": len(beats),
        "p_times_s": tuple(p_s),
        "p_rate_per_min": 60.0 * (len(p_s) - 1) / (p_s[-1] - p_s[0]),
        "p_train_steady": steady,
        "rr_irregularity": irregularity,
    }
    rr_ms = 1000.0 * (r_s[-1] - r_s[0]) / (len(r_s) - 1)
    values = {"beats": beats, "rr_ms": rr_ms, "heart_rate_bpm": 60_000.0 / rr_ms} | (WITHOUT_P if steady else {})
    return read(rhythm=rhythm, **(values | more))


def test_mobitz_1_is_a_pr_that_lengthens_before_the_dropped_beat() -> None:
    p = [0.2 + 0.8 * n for n in range(12)]
    delay = [0.20, 0.28, 0.32, None]
    r = [time + wait for n, time in enumerate(p) if (wait := delay[n % 4]) is not None]
    findings = conducted(p, r, steady=True)
    found = findings.get("av_block.mobitz_1")
    assert found is not None
    assert found.numbers["pr_growth_ms"] == 120
    assert found.numbers["p_not_conducted_count"] == 2  # the third is the last of the recording
    assert {"sinus rhythm", "second-degree AV block, Mobitz I"} <= set(names(findings))
    assert "atrial fibrillation" not in names(findings)


def test_mobitz_2_keeps_its_pr() -> None:
    p = [0.2 + 0.8 * n for n in range(13)]
    r = [time + 0.2 for n, time in enumerate(p) if n % 4 != 3]
    findings = conducted(p, r, steady=False)
    found = findings.get("av_block.mobitz_2")
    assert found is not None
    assert found.urgent
    assert not findings.topic("av_block")[1:]


def test_every_second_p_wave_dropped() -> None:
    p = [0.2 + 0.7 * n for n in range(14)]
    r = [time + 0.18 for n, time in enumerate(p) if n % 2 == 0]
    assert "2:1 AV block" in names(conducted(p, r, steady=False, irregularity=0.01))


def test_complete_block_is_p_and_qrs_on_their_own() -> None:
    p = [0.1 + 0.72 * n for n in range(14)]
    r = [0.5 + 1.6 * n for n in range(6)]
    findings = conducted(p, r, steady=True, irregularity=0.0, qrs_duration_ms=150.0)
    assert {"AV dissociation", "third-degree AV block"} <= set(names(findings))
    rhythm = findings.get("rhythm.complete_block")
    assert rhythm is not None
    assert "ventricular escape rhythm" in rhythm.statement
    assert findings.get("pr.none") is not None


def test_all_p_waves_conducted_is_no_block() -> None:
    p = [0.2 + 0.8 * n for n in range(12)]
    assert conducted(p, [time + 0.16 for time in p], steady=False, irregularity=0.01).topic("av_block") == ()


def test_an_early_p_wave_in_a_pause_is_blocked_and_no_av_block() -> None:
    p = [0.2, 1.0, 1.8, 2.6, 3.1, 4.1, 4.9, 5.7, 6.5]
    r = [time + 0.16 for n, time in enumerate(p) if n != 4]
    findings = conducted(p, r, steady=False, irregularity=0.02)
    assert [f.id for f in findings.topic("av_block")] == ["av_block.blocked_premature"]
    assert "second-degree AV block" not in names(findings)


@pytest.mark.parametrize(
    ("rhythm", "changes", "id"),
    [
        ({"atrial_rate_per_min": 300.0, "rr_irregularity": 0.01}, {"heart_rate_bpm": 75.0}, "rhythm.atrial_flutter"),
        ({"rr_irregularity": 0.01}, {"heart_rate_bpm": 150.0}, "rhythm.supraventricular_tachycardia"),
        ({"rr_irregularity": 0.01}, {"heart_rate_bpm": 170.0, "qrs_duration_ms": 150.0}, "rhythm.wide_tachycardia"),
        ({"rr_irregularity": 0.01}, {"heart_rate_bpm": 46.0}, "rhythm.junctional"),
        ({"rr_irregularity": 0.01}, {"heart_rate_bpm": 36.0, "qrs_duration_ms": 160.0}, "rhythm.ventricular_escape"),
        ({"rr_irregularity": 0.01}, {"heart_rate_bpm": 75.0}, "rhythm.regular_without_p"),
        ({"rr_irregularity": 0.2}, {}, "rhythm.atrial_fibrillation"),
    ],
)
def test_rhythms_without_p_waves(rhythm: dict[str, Any], changes: dict[str, Any], id: str) -> None:
    findings = read(rhythm={"p_wave_present": False} | rhythm, **(WITHOUT_P | changes))
    assert [f.id for f in findings.topic("rhythm")] == [id]
    assert findings.get("pr.none") is not None


def test_flutter_names_its_conduction() -> None:
    found = read(rhythm={"p_wave_present": False, "atrial_rate_per_min": 300.0}, heart_rate_bpm=150.0, **WITHOUT_P)
    assert "2:1 conduction" in found.topic("rhythm")[0].statement


def test_ventricular_tachycardia_by_dissociated_p_waves() -> None:
    rhythm = {"p_wave_present": False, "p_train_steady": True, "p_rate_per_min": 80.0, "rr_irregularity": 0.01}
    findings = read(rhythm=rhythm, heart_rate_bpm=165.0, qrs_duration_ms=160.0, **WITHOUT_P)
    assert "ventricular tachycardia" in names(findings)


def test_low_p_waves_with_a_short_pr_are_junctional() -> None:
    leads = {name: {"p_amplitude_mv": -0.1} for name in ("II", "III", "aVF")}
    findings = read(leads=leads, p_axis_deg=-80.0, pr_interval_ms=100.0, heart_rate_bpm=55.0)
    assert names(findings)[0] == "junctional rhythm"
    assert names(read(leads=leads, p_axis_deg=-80.0))[0] == "ectopic atrial rhythm"


def test_atrial_and_dual_pacing() -> None:
    assert names(read(rhythm={"atrial_spike_count": 12}))[0] == "atrial paced rhythm"
    paced = tuple(Beat(n, n * 0.8, rr_ms=800.0, kind="paced") for n in range(1, 13))
    both = read(beats=paced, rhythm={"atrial_spike_count": 12}, qrs_duration_ms=160.0)
    assert names(both)[0] == "dual-chamber paced rhythm"
    assert read(beats=paced, qrs_duration_ms=160.0).labels[0].scp == "PACE"


@pytest.mark.parametrize(
    ("places", "id"),
    [
        ((4, 5), "ectopy.ventricular_couplet"),
        ((4, 5, 6), "ectopy.ventricular_run"),
        ((3, 6, 9, 12), "ectopy.ventricular_trigeminy"),
        ((2, 4, 6, 8, 10, 12), "ectopy.ventricular_bigeminy"),
        ((4, 9), None),
    ],
)
def test_patterns_of_premature_beats(places: tuple[int, ...], id: str | None) -> None:
    beats = tuple(
        Beat(n, 0.8 * n, rr_ms=800.0, kind="ventricular_ectopic" if n in places else "normal") for n in range(1, 13)
    )
    assert [f.id for f in read(beats=beats).topic("ectopy")] == ([] if id is None else [id])


@pytest.mark.parametrize(
    ("rate", "label", "status"),
    [(48.0, "", "abnormal"), (50.0, "mild ", "normal"), (59.0, "mild ", "normal")],
)
def test_a_sinus_rate_between_50_and_60_is_mild_bradycardia_of_a_normal_ecg(
    rate: float, label: str, status: str
) -> None:
    findings = read(heart_rate_bpm=rate)
    assert "sinus bradycardia" in names(findings)
    rhythm = findings.get("rhythm.sinus")
    assert rhythm is not None
    assert rhythm.phrase.startswith(f"{label}sinus bradycardia at")
    found = findings.get("rate.slow")
    assert found is not None
    assert found.status == status
    assert findings.is_normal is (status == "normal")


@pytest.mark.parametrize(("pr", "label"), [(208.0, "prolonged PR interval"), (210.0, "first-degree AV block")])
def test_long_pr(pr: float, label: str) -> None:
    assert names(read(pr_interval_ms=pr)) == ["sinus rhythm", label]


def test_irregular_beats_with_a_like_wave_before_many_are_only_possibly_fibrillation() -> None:
    rhythm = {"p_wave_present": False, "rr_irregularity": 0.2}
    assert "atrial fibrillation" in names(read(rhythm=rhythm | {"p_per_qrs": 0.1}, **WITHOUT_P))
    assert "atrial fibrillation" not in names(read(rhythm=rhythm | {"p_per_qrs": 0.6}, **WITHOUT_P))


def test_in_a_tachycardia_a_wave_further_than_half_an_interval_is_no_p_wave() -> None:
    fast = {"heart_rate_bpm": 160.0, "rr_ms": 375.0, "p_axis_deg": 45.0}
    assert names(read(**fast, pr_interval_ms=230.0, qrs_duration_ms=150.0)) == ["wide complex tachycardia"]
    assert "sinus tachycardia" in names(read(**fast, pr_interval_ms=130.0))


def test_single_beats_are_named() -> None:
    kinds = {3: "ventricular_ectopic", 4: "ventricular_ectopic", 9: "supraventricular_ectopic"}
    beats = tuple(Beat(n, 0.8 * n, rr_ms=800.0, kind=kinds.get(n, "normal")) for n in range(1, 13))  # type: ignore[arg-type]
    found = {finding.id: finding.beats for finding in read(beats=beats).items if finding.beats}
    assert found == {
        "premature.ventricular_ectopic": (3, 4),
        "ectopy.ventricular_couplet": (3, 4),
        "premature.supraventricular_ectopic": (9,),
    }
