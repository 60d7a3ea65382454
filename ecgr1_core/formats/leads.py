"""Names and arithmetic of leads: every spelling to the canonical name, and limb leads from two others.

It knows nothing of files. A name that is not certainly one of the twelve leads (MCL1, V4R, Frank X, "ECG") is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgr1_core.errors import DamagedFileError
from ecgr1_core.formats.units import millivolts_per
from ecgr1_core.record import LEADS, LIMB_LEADS

Float64Array = npt.NDArray[np.float64]

_ROMAN = {"I": ("i", "1"), "II": ("ii", "2"), "III": ("iii", "3")}
_SPELLINGS: dict[str, str] = {
    **{lead.casefold(): lead for lead in LEADS},
    **{f"d{numeral}": lead for lead, numerals in _ROMAN.items() for numeral in numerals},
    **{f"ml{numeral}": lead for lead, numerals in _ROMAN.items() for numeral in numerals},
    **{f"c{number}": f"V{number}" for number in range(1, 7)},  # IEC 60601-2-25 names of the chest electrodes
}
_UNIT_AT_END = re.compile(r"^(?P<name>.*?)(?:\s*[\[(]\s*(?P<bracketed>[^\])]*?)\s*[\])]|[\s_/]+(?P<bare>\w+))$")
_PREFIX = re.compile(
    r"^(?:ecg|ekg|mdc[ _]ecg)?[ _\-:.]*(?:leads?|channel|ableitung|abl)?[ _\-:.]*(?=\S)", re.IGNORECASE
)
_AUTHOR = re.compile(r"\s*\((?:einthoven|goldberger|wilson)\)$", re.IGNORECASE)  # as DICOM's code meanings have it

# Every limb lead as a mixture of I and II (Einthoven 1913, Goldberger 1942): III = II - I, aVR = -(I + II)/2,
# aVL = I - II/2, aVF = II - I/2. Any two of the rows are independent, so any two limb leads give the other four.
LIMB_FROM_I_II: dict[str, tuple[float, float]] = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}


# Lead numbers of SCP-ECG (EN 1064, table of leads), which MDC, and so DICOM (PS3.16 CID 3001), has as "2:n".
LEAD_NUMBERS: dict[int, str] = {
    1: "I", 2: "II", 3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF",
}  # fmt: skip


@dataclass(frozen=True)
class LeadName:
    """A channel name that was understood: the canonical `lead`, whether it is inverted, the `unit` written with it."""

    lead: str
    inverted: bool = False
    unit: str | None = None


def parse_lead_name(text: str) -> LeadName | None:
    """Return what a channel name says ("MLII", "-aVR", "I (mV)", "Lead V1"), or None where it is none of the twelve."""
    name, unit = split_unit(text)
    name = name.strip().replace("\u2212", "-")
    inverted = bool(re.match(r"^(?:-|minus\s)", name, re.IGNORECASE))
    name = re.sub(r"^(?:-|minus\s)\s*", "", name, flags=re.IGNORECASE)
    prefix = _PREFIX.match(name)
    bare = name[prefix.end() :] if prefix else name
    if prefix and re.search(r"\s-\s*$", prefix[0]):  # "Lead -aVR", unlike "ECG-I"
        inverted = True
    for candidate in (name, bare, _AUTHOR.sub("", bare)):
        lead = _SPELLINGS.get(re.sub(r"[\s_\-]", "", candidate).casefold())
        if lead is not None:
            return LeadName(lead, inverted, unit)
    return None


def split_unit(text: str) -> tuple[str, str | None]:
    """Split "I (mV)", "I [uV]", "I_mV" or "I/mV" into name and unit; the unit is None where none is recognised."""
    match = _UNIT_AT_END.match(text.strip())
    if match:
        unit = match["bracketed"] if match["bracketed"] is not None else match["bare"]
        if millivolts_per(unit) is not None and match["name"]:
            return match["name"], unit
    return text.strip(), None


def match_channels(names: Sequence[str], subject: str) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the index of the channel that gives each lead, and the names of the channels that give none.

    Raises `DamagedFileError` where two channels claim the same lead.
    """
    found: dict[str, int] = {}
    others: list[str] = []
    for index, name in enumerate(names):
        parsed = parse_lead_name(name)
        if parsed is None:
            others.append(_shown(name) or f"channel {index + 1}")
        elif parsed.lead in found:
            raise DamagedFileError(
                subject,
                f"lead {parsed.lead} is there twice (channels {names[found[parsed.lead]]!r} and {name!r})",
                "rename or remove one of the two",
            )
        else:
            found[parsed.lead] = index
    return found, tuple(others)


def derive_limb_leads(rows: Mapping[str, Float64Array]) -> dict[str, Float64Array]:
    """Return the limb leads that `rows` lacks, from the first two limb leads in it that are not flat.

    `rows` maps lead names to [samples] in mV; NaN in a source is NaN in what is derived. Empty where fewer than two
    limb leads carry a signal. Equations: Einthoven 1913 and Goldberger 1942, as in `LIMB_FROM_I_II`.
    """
    sources = [lead for lead in LIMB_LEADS if lead in rows and not is_flat(rows[lead])][:2]
    absent = [lead for lead in LIMB_LEADS if lead not in rows]
    if len(sources) < 2 or not absent:
        return {}
    to_i_and_ii = np.linalg.inv(np.array([LIMB_FROM_I_II[lead] for lead in sources]))
    derived: dict[str, Float64Array] = {}
    for lead in absent:
        first, second = np.array(LIMB_FROM_I_II[lead]) @ to_i_and_ii
        derived[lead] = first * rows[sources[0]] + second * rows[sources[1]]
    return derived


def is_flat(samples: Float64Array) -> bool:
    """Whether all known samples have one and the same value; [samples], False where none is known."""
    known = samples[~np.isnan(samples)]
    return bool(known.size and known.min() == known.max())


def _shown(name: str) -> str:
    """Return a channel name as it can stand in a message: printable, one line, at most 40 characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in name).split())[:40]
