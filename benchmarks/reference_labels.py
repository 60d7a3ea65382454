"""What was stated of the records of PTB-XL, LUDB and the Challenge set, in one list of labels; recordings met twice.

A label of a record is True, False or None (stated as doubtful, or in words that do not decide it: left out of both
classes). A label that a set does not have is not in the mapping at all. Nothing here looks at what a reader says.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ecgr1_core.formats import ReadOptions, read
from ecgr1_core.record import EcgRecord, Patient

# PTB-XL: the statements that make up a label
PTBXL_GROUPS: dict[str, frozenset[str]] = {
    "AFIB": frozenset({"AFIB"}),
    "AFLT": frozenset({"AFLT"}),
    "SBRAD": frozenset({"SBRAD"}),
    "STACH": frozenset({"STACH"}),
    "PACE": frozenset({"PACE"}),
    "1AVB": frozenset({"1AVB"}),
    "CLBBB": frozenset({"CLBBB"}),
    "CRBBB": frozenset({"CRBBB"}),
    "IRBBB": frozenset({"IRBBB"}),
    "LAFB": frozenset({"LAFB"}),
    "LVH": frozenset({"LVH", "VCLVH"}),
    "inferior MI": frozenset({"IMI", "ILMI", "IPMI", "IPLMI"}),
    "anterior MI": frozenset({"ASMI", "AMI", "ALMI"}),
    "PVC": frozenset({"PVC"}),
    "PAC": frozenset({"PAC"}),
    "STD_": frozenset({"STD_"}),
}
LABELS = (*PTBXL_GROUPS, "pure NORM")
# PTB-XL's codes leave out, or contradict, what their own report says: with †, a record whose report says the label in
# words (German, Swedish, English) and whose codes do not is left out for that label
IN_WORDS: dict[str, str] = {
    "SBRAD": r"sinus ?brady[kc]",
    "STACH": r"sinus ?tachy[kc]",
    "CLBBB": r"(?<!incomplete )left bundle branch block|(?<!unvollst.ndiger )linksschenkelblock"
    r"|(?<!inkomplett )v.nstersidigt sk.nkelblock",
    "CRBBB": r"(?<!incomplete )right bundle branch block|(?<!unvollst.ndiger )rechtsschenkelblock"
    r"|(?<!inkomplett )h.gersidigt sk.nkelblock",
    "PAC": r"supraventrikul.r(?:e|\(a\)) extrasyst|premature atrial|atrial premature|supraventricular ectopic",
}
ADDED = (  # beside the seventeen, not in the macro-F1
    *(f"{label}†" for label in IN_WORDS),
    "1AVB or LPR",
    "CLBBB or CRBBB",
    "STEMI",
    "left axis",
    "right axis",
)
_ADDED_GROUPS = {"1AVB or LPR": frozenset({"1AVB", "LPR"}), "CLBBB or CRBBB": frozenset({"CLBBB", "CRBBB"})}
_INFARCTIONS = PTBXL_GROUPS["inferior MI"] | PTBXL_GROUPS["anterior MI"] | {"LMI", "PMI"}

CHALLENGE: dict[str, tuple[frozenset[str], frozenset[str]]] = {  # abbreviations that state it, that leave it open
    "AFIB": (frozenset({"AF"}), frozenset()),
    "AFLT": (frozenset({"AFL"}), frozenset()),
    "SBRAD": (frozenset({"SB"}), frozenset({"Brady"})),
    "STACH": (frozenset({"STach"}), frozenset({"ATach", "AVRT"})),
    "PACE": (frozenset({"PR"}), frozenset()),
    "1AVB": (frozenset({"IAVB"}), frozenset({"AVB"})),
    "CLBBB": (frozenset({"LBBB", "CLBBB"}), frozenset()),
    "CRBBB": (frozenset({"RBBB", "CRBBB"}), frozenset()),
    "IRBBB": (frozenset({"IRBBB"}), frozenset()),
    "LVH": (frozenset({"LVH", "LVHV"}), frozenset()),
    "PVC": (frozenset({"PVC", "VEB", "VPB"}), frozenset({"PVT", "FB"})),
    "PAC": (frozenset({"PAC", "BPAC"}), frozenset()),
    "STD_": (frozenset({"STD"}), frozenset({"STC", "STIAb", "NSSTTA", "AnMIs", "MIs", "LIs", "CMI"})),
}


@dataclass(frozen=True)
class Labelled:
    """One recording and what was stated of it; `patient` tells people apart within its set, `words` is the original."""

    set_name: str
    name: str
    path: Path
    patient: str
    person: Patient
    stated: Mapping[str, bool | None]
    words: str

    def record(self) -> EcgRecord:
        """Read the recording; LUDB's gain is replaced by 1000 counts a mV, see its README."""
        return read(self.path, ReadOptions(counts_per_mv=1000) if self.set_name == "LUDB" else ReadOptions())

    @property
    def development_half(self) -> bool:
        """Whether the patient falls into the development half: the first byte of SHA-256 of its id is even."""
        return hashlib.sha256(self.patient.encode()).digest()[0] % 2 == 0


def _stated(likelihoods: Mapping[str, float], group: Iterable[str]) -> bool | None:
    found = [likelihoods[code] for code in group if code in likelihoods]
    if any(value >= 50.0 or value == 0.0 for value in found):
        return True
    return None if found else False


def _pure_norm(likelihoods: Mapping[str, float]) -> bool | None:
    """True for NORM with nothing beside it but sinus rhythm; None for NORM with something, or doubtful."""
    if "NORM" not in likelihoods:
        return False
    return True if likelihoods["NORM"] >= 50.0 and set(likelihoods) <= {"NORM", "SR"} else None


def _person(age: float, sex: str) -> Patient:
    known = {"M": "M", "F": "F", "Male": "M", "Female": "F"}.get(sex)
    years = None if np.isnan(age) else min(float(age), 90.0)  # PTB-XL writes 300 for older than 89
    return Patient(years, known)  # type: ignore[arg-type]


def ptbxl(folder: Path) -> list[Labelled]:
    """Return the records of PTB-XL, a recording met twice only once (the one of the lower number)."""
    rows = []
    for row in pd.read_csv(folder / "labels.csv", dtype={"patient_id": str}).itertuples():
        codes: dict[str, float] = ast.literal_eval(row.scp_codes)
        stated = {label: _stated(codes, group) for label, group in (PTBXL_GROUPS | _ADDED_GROUPS).items()}
        for label, words in IN_WORDS.items():
            said = re.search(words, row.report, re.IGNORECASE) is not None
            stated[f"{label}†"] = None if said and stated[label] is False else stated[label]
        stated["pure NORM"] = _pure_norm(codes)
        acute = "Stadium I" in (row.infarction_stadium1, row.infarction_stadium2)
        stated["STEMI"] = acute and _stated(codes, _INFARCTIONS) is not False
        path = folder / f"{row.record}.hea"
        words = f"{', '.join(f'{code} {value:.0f}' for code, value in codes.items())}; {row.report}"
        rows.append(Labelled("PTB-XL", str(row.ecg_id), path, row.patient_id, _person(row.age, row.sex), stated, words))
    doubled = {later for _, later, likeness in repeats(rows) if likeness > _SAME}
    return [row for row in rows if row.name not in doubled]


_SAME = 0.95  # correlation over all leads above which two recordings of one patient are one


def repeats(rows: Iterable[Labelled]) -> list[tuple[str, str, float]]:
    """Return (earlier, later, likeness) of every two recordings of one patient, most alike first.

    The likeness is the largest correlation over all leads while one is moved against the other by up to 2 s, over the
    part that they then share.
    """
    by_patient: dict[str, list[Labelled]] = {}
    for row in rows:
        by_patient.setdefault(row.patient, []).append(row)
    found = [
        (first.name, second.name, _likeness(first.record(), second.record()))
        for same in by_patient.values()
        for first, second in itertools.combinations(same, 2)
    ]
    return sorted(found, key=lambda pair: -pair[2])


def _likeness(first: EcgRecord, second: EcgRecord) -> float:
    a, b = (np.nan_to_num(r.signal_mv - np.nanmedian(r.signal_mv, axis=1, keepdims=True)) for r in (first, second))
    width = min(a.shape[1], b.shape[1])
    a, b = a[:, :width:5], b[:, :width:5]  # 100 Hz will do
    best = 0.0
    for shift in range(-200, 201):
        one = a[:, max(0, shift) : a.shape[1] + min(0, shift)]
        other = b[:, max(0, -shift) : b.shape[1] + min(0, -shift)]
        size = float(np.sqrt(np.sum(one * one) * np.sum(other * other)))
        best = max(best, float(np.sum(one * other)) / size if size else 0.0)
    return best


def ludb(folder: Path) -> list[Labelled]:
    """Return the records of LUDB; scars and STEMI by their wall, "undefined ischemia/scar" leaves infarction open."""
    rows = []
    for row in pd.read_csv(folder / "labels.csv").fillna({"pacing": ""}).fillna("").itertuples():
        rhythm, conduction = str(row.rhythm), str(row.conduction)
        walls = [item.partition(": ") for item in str(row.ischemia).split("; ") if item]
        certain = {wall for kind, _, wall in walls if kind in ("STEMI", "Scar formation")}
        open_ = {wall for kind, _, wall in walls if kind.startswith("Undefined")}
        stated: dict[str, bool | None] = {
            "AFIB": "Atrial fibrillation" in rhythm,
            "AFLT": "Atrial flutter" in rhythm,
            "SBRAD": "Sinus bradycardia" in rhythm,
            "STACH": "Sinus tachycardia" in rhythm,
            "PACE": bool(row.pacing),
            "1AVB": conduction.startswith("I degree AV") or "; I degree AV" in conduction,
            "CLBBB": "Complete left bundle" in conduction,
            "CRBBB": "Complete right bundle" in conduction,
            "IRBBB": "Incomplete right bundle" in conduction,
            "LAFB": "Left anterior hemiblock" in conduction,
            "LVH": "Left ventricular hypertrophy" in str(row.hypertrophy),
            "inferior MI": _wall(certain, open_, {"inferior wall"}),
            "anterior MI": _wall(certain, open_, {"anterior wall", "septal", "apical"}),
            "PVC": "Ventricular extrasystole" in str(row.extrasystole),
            "PAC": "Atrial extrasystole" in str(row.extrasystole),
            "STEMI": any(kind == "STEMI" for kind, _, _ in walls),
            "left axis": row.axis == "left axis deviation",
            "right axis": row.axis == "right axis deviation",
        }
        stated["CLBBB or CRBBB"] = bool(stated["CLBBB"] or stated["CRBBB"])
        name, path = str(row.record), folder / "data" / f"{row.record}.hea"
        age = pd.to_numeric(str(row.age).removeprefix(">"), errors="coerce")
        words = "; ".join(
            str(value)
            for value in (row.rhythm, row.axis, conduction, row.extrasystole, row.hypertrophy, row.pacing, row.ischemia)
            if value
        )
        rows.append(Labelled("LUDB", name, path, name, _person(float(age), str(row.sex)), stated, words))
    return rows


def _wall(certain: set[str], open_: set[str], walls: set[str]) -> bool | None:
    if certain & walls:
        return True
    return None if open_ & walls else False


def challenge(folder: Path) -> list[Labelled]:
    """Return the Challenge records that are not from PTB-XL; a label that is not among a record's counts as absent."""
    rows = []
    for row in pd.read_csv(folder / "labels.csv").itertuples():
        if row.source == "PTB-XL":
            continue
        given = set(str(row.dx_abbr).split(","))
        stated: dict[str, bool | None] = {
            label: True if given & sure else None if given & unsure else False
            for label, (sure, unsure) in CHALLENGE.items()
        }
        stated["CLBBB or CRBBB"] = bool(stated["CLBBB"] or stated["CRBBB"])
        path = folder / "records" / f"{row.record}.hea"
        person = _person(float(row.age), str(row.sex))
        rows.append(Labelled("Challenge", str(row.record), path, str(row.record), person, stated, str(row.dx_names)))
    return rows
