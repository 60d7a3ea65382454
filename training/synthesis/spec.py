"""`SyntheticSpec`: everything that can be asked of a synthetic ECG, with units and sensible defaults.

It says what is wanted, not how it is drawn. None means "as the morphology or the rate gives it".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS

Rhythm = Literal[
    "sinus",
    "af",
    "flutter",
    "mobitz_1",
    "mobitz_2",
    "complete_block",
    "complete_block_junctional",
    "junctional",
    "pac",
    "pvc",
    "atrial_paced",
    "ventricular_paced",
    "dual_paced",
    "supraventricular_tachycardia",
    "ventricular_tachycardia",
]
RHYTHMS: tuple[Rhythm, ...] = get_args(Rhythm)
Exchange = Literal["RA-LA", "RA-LL", "LA-LL", "V1-V2", "V1-V3", "V2-V3", "V2-V5"]
EXCHANGES: tuple[Exchange, ...] = get_args(Exchange)


@dataclass(frozen=True)
class NoiseSpec:
    """What disturbs the recording; all 0 or empty by default, and never part of the truth.

    Noise arises at the electrodes, so that it too obeys Einthoven's law; amplitudes are those in lead I.
    """

    baseline_wander_mv: float = 0.0
    """Amplitude of the respiratory wander (sum of slow sines below 0.7 Hz), root mean square in mV."""
    muscle_rms_mv: float = 0.0
    """Muscle noise, 20 to 150 Hz (or 45 % of the sampling rate), root mean square in mV."""
    mains_mv: float = 0.0
    """Mains interference, peak amplitude in mV."""
    mains_hz: float = 50.0
    """Frequency of the mains in Hz."""
    leads_off: tuple[str, ...] = ()
    """Leads that show a flat line."""
    arm_leads_swapped: bool = False
    """Right and left arm electrodes exchanged: I inverted, II with III and aVR with aVL exchanged."""


@dataclass(frozen=True)
class SyntheticSpec:
    """One synthetic ECG; `InputError` where a value is out of range or two contradict each other."""

    rhythm: Rhythm = "sinus"
    morphology: str = "normal"
    """A name of `MORPHOLOGIES`: the ventricular complex of beats that come through the bundle of His."""
    repolarization: str | None = None
    """A name of `MORPHOLOGIES` whose ST, T, U and PR segment take the place of the morphology's own."""
    atria: str = "normal"
    """A name of `ATRIA`: the P wave."""
    name: str = "synthetic"
    duration_s: float = 10.0
    sampling_rate_hz: float = 500.0

    heart_rate_bpm: float = 72.0
    """Mean ventricular rate; in "pac" and "pvc" the rate of the sinus node."""
    rr_variability_ms: float = 15.0
    """Standard deviation of the sinus cycle, mostly respiratory; in "af" ignored (see `af_rr_variation`)."""
    respiratory_rate_per_min: float = 14.0
    af_rr_variation: float = 0.2
    """Standard deviation of RR over its mean in atrial fibrillation."""
    atrial_rate_bpm: float | None = None
    """In complete block and "ventricular_tachycardia" (default 84/min), and in "flutter" (default ventricular rate
    times mean conduction ratio)."""
    flutter_conduction: tuple[int, ...] = (4,)
    """Flutter waves per QRS, repeated in turn."""
    mobitz_cycle: int = 4
    """In "mobitz_1" and "mobitz_2": P waves per cycle, the last one dropped; 2 is 2:1 block."""
    ectopic_every: int = 5
    """In "pac" and "pvc": every n-th beat is ectopic; 2 is bigeminy."""
    ectopic_coupling: float = 0.62
    """Coupling interval of the ectopic beat as a fraction of the sinus cycle."""

    p_duration_ms: float = 104.0
    pr_interval_ms: float = 160.0
    qrs_duration_ms: float | None = None
    qt_interval_ms: float | None = None
    qtc_fridericia_ms: float = 405.0
    """QT at 60/min where `qt_interval_ms` is not given, for a narrow QRS; a wide one adds its excess over 100 ms."""

    p_axis_deg: float | None = None
    qrs_axis_deg: float | None = None
    t_axis_deg: float | None = None
    p_gain: float = 1.0
    """Factor on the amplitudes of the P, flutter and fibrillatory waves."""
    qrs_gain: float = 1.0
    st_gain: float = 1.0
    t_gain: float = 1.0
    frontal_turn_deg: float = 0.0
    """Position of the heart: turned clockwise in the frontal plane, which moves all axes by as much."""
    rotation_deg: float = 0.0
    """Position of the heart: turned about its long way from head to feet, which moves the transition in V1 to V6."""
    electrode_shift_sd: float = 0.0
    """Misplacement of the precordial electrodes, standard deviation in electrode spacings (see `leads`)."""
    exchanged: Exchange | None = None
    """Two electrodes exchanged; the truth tells of the heart, not of the leads so recorded."""
    noise: NoiseSpec = field(default_factory=NoiseSpec)

    def __post_init__(self) -> None:
        for key, low, high in _RANGES:
            value = getattr(self, key)
            if value is not None and not low <= value <= high:
                raise InputError("synthetic ECG", f"{key} is {value:g}", f"give {low:g} to {high:g}")
        if self.rhythm not in RHYTHMS:
            raise InputError(
                "synthetic ECG", f"there is no rhythm {self.rhythm!r}", f"give one of {', '.join(RHYTHMS)}"
            )
        if self.exchanged is not None and self.exchanged not in EXCHANGES:
            choices = ", ".join(EXCHANGES)
            raise InputError("synthetic ECG", f"there is no exchange {self.exchanged!r}", f"give one of {choices}")
        if not self.flutter_conduction or min(self.flutter_conduction) < 1:
            raise InputError("synthetic ECG", "flutter_conduction is empty or below 1", "give ratios such as 2 or 4")
        flutter_rate_bpm = 60 / self.ventricular_cycle_s * self._mean_conduction
        if self.rhythm == "flutter" and not 180 <= flutter_rate_bpm <= 450:
            raise InputError(
                "synthetic ECG",
                f"a flutter of {flutter_rate_bpm:.0f}/min is outside 180 to 450/min",
                "give another heart_rate_bpm or flutter_conduction",
            )
        unknown = [lead for lead in self.noise.leads_off if lead not in LEADS]
        if unknown:
            raise InputError("synthetic ECG", f"there is no lead {unknown[0]!r}", f"give one of {', '.join(LEADS)}")
        for key in ("baseline_wander_mv", "muscle_rms_mv", "mains_mv"):
            amplitude_mv = getattr(self.noise, key)
            if not 0 <= amplitude_mv <= 5:
                raise InputError("synthetic ECG", f"{key} is {amplitude_mv:g}", "give 0 to 5 mV")
        if not self.noise.mains_hz > 0:
            raise InputError("synthetic ECG", f"mains_hz is {self.noise.mains_hz:g}", "give 50 or 60")
        if self.noise.mains_mv > 0 and self.noise.mains_hz >= self.sampling_rate_hz / 2:
            raise InputError(
                "synthetic ECG",
                f"mains of {self.noise.mains_hz:g} Hz cannot be sampled at {self.sampling_rate_hz:g} Hz",
                "give a sampling rate above twice the mains frequency",
            )

    @property
    def ventricular_cycle_s(self) -> float:
        """Mean RR in seconds that is aimed at; a flutter of given atrial rate sets it by its conduction."""
        if self.rhythm == "flutter" and self.atrial_rate_bpm is not None:
            return 60 * self._mean_conduction / self.atrial_rate_bpm
        return 60 / self.heart_rate_bpm

    @property
    def _mean_conduction(self) -> float:
        return sum(self.flutter_conduction) / len(self.flutter_conduction)


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("duration_s", 1, 600),
    ("sampling_rate_hz", 50, 5000),
    ("heart_rate_bpm", 20, 250),
    ("rr_variability_ms", 0, 300),
    ("respiratory_rate_per_min", 4, 60),
    ("af_rr_variation", 0, 0.4),
    ("atrial_rate_bpm", 30, 450),
    ("mobitz_cycle", 2, 8),
    ("ectopic_every", 2, 100),
    ("ectopic_coupling", 0.4, 0.9),
    ("p_duration_ms", 40, 200),
    ("pr_interval_ms", 60, 500),
    ("qrs_duration_ms", 40, 260),
    ("qt_interval_ms", 200, 800),
    ("qtc_fridericia_ms", 280, 650),
    ("p_axis_deg", -180, 180),
    ("qrs_axis_deg", -180, 180),
    ("t_axis_deg", -180, 180),
    ("p_gain", 0, 5),
    ("qrs_gain", 0.05, 5),
    ("st_gain", 0, 10),
    ("t_gain", 0, 10),
    ("frontal_turn_deg", -60, 60),
    ("rotation_deg", -60, 60),
    ("electrode_shift_sd", 0, 1),
)
