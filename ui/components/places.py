"""Where on the trace a claim looks: which leads, which wave of the usual beats, or which single beats.

The wave follows from the kind of the claim by the table below; `ui/reading.js` finds its times in the measured beats. A
claim that looks at nothing in particular (an answer label without a wave) has no place. Whether a claim is right is not
known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ecgr1_core.measure.types import Measurements
from ecgr1_core.protocol.text import SentenceEvidence
from ecgr1_core.verify import Claim

Wave = Literal["p", "pr", "qrs", "st", "st_t", "t", "qt", "u", "pause"]

RHYTHM_LEADS = ("II",)

_WAVE_OF: tuple[tuple[str, Wave | None], ...] = (  # the longest beginning that fits a kind counts
    ("p_", "p"), ("atrial.", "p"), ("atrial_rate", None), ("pr", "pr"), ("pr.", "pr"), ("av_block.", "pr"),
    ("preexcitation", "qrs"), ("qrs", "qrs"), ("fascicle.", "qrs"), ("axis.", "qrs"), ("hypertrophy.", "qrs"),
    ("voltage.", "qrs"), ("progression.", "qrs"), ("transition", "qrs"), ("q_", "qrs"), ("r_", "qrs"), ("s_", "qrs"),
    ("shape.", "qrs"), ("sokolow", "qrs"), ("cornell", "qrs"), ("wave", "qrs"), ("st", "st"), ("st_t.", "st_t"),
    ("mi.", "st_t"), ("ischemia.", "st_t"), ("intervals.", "qt"), ("pericarditis", "st_t"),
    ("early_repolarization", "st"), ("aneurysm", "st"),
    ("t_", "t"), ("electrolytes.", "t"), ("u_", "u"), ("qt", "qt"), ("pause", "pause"),
)  # fmt: skip
_OF_THE_RHYTHM = ("rhythm.", "regularity.", "heart_rate", "atrial_rate", "rr", "rate.")
_ECTOPIC: Mapping[str, tuple[str, ...]] = {
    "ectopy.ventricular": ("ventricular_ectopic",),
    "ectopy.supraventricular": ("supraventricular_ectopic",),
    "ectopy.": ("ventricular_ectopic", "supraventricular_ectopic"),
    "rhythm.paced": ("paced",),
}


@dataclass(frozen=True)
class Place:
    """What a claim lights on the trace: `leads` (none: all), the wave of the usual beats, or single beats by number."""

    leads: tuple[str, ...] = ()
    wave: Wave | None = None
    beats: tuple[int, ...] = ()

    @property
    def somewhere(self) -> bool:
        """Whether there is anything to light."""
        return bool(self.leads or self.wave or self.beats)


def place_of(
    claim: Claim, measurements: Measurements | None, evidence: Sequence[SentenceEvidence] | None = None
) -> Place:
    """Return where a claim looks; `evidence` of the reader names single beats, where its sentence is about such."""
    beats = _ectopic_beats(claim, measurements) or _beats_of_sentence(claim, evidence or ())
    wave = None if beats else _wave_of(claim.kind)
    leads = claim.leads
    if not leads and claim.kind.startswith(_OF_THE_RHYTHM):
        leads = RHYTHM_LEADS
    return Place(leads, wave, beats)


def _wave_of(kind: str) -> Wave | None:
    fitting = [(beginning, wave) for beginning, wave in _WAVE_OF if kind.startswith(beginning)]
    return max(fitting, key=lambda one: len(one[0]))[1] if fitting else None


def _ectopic_beats(claim: Claim, measurements: Measurements | None) -> tuple[int, ...]:
    kinds = [kinds for beginning, kinds in _ECTOPIC.items() if claim.kind.startswith(beginning)]
    if not kinds or measurements is None:
        return ()
    return tuple(beat.number for beat in measurements.beats if beat.kind in kinds[0])


def _beats_of_sentence(claim: Claim, evidence: Sequence[SentenceEvidence]) -> tuple[int, ...]:
    own = (one for one in evidence if one.step == str(claim.step) and one.start <= claim.start and claim.end <= one.end)
    return next((one.beats for one in own), ())
