"""Who a file says its patient is, and what is left of it: a keyed pseudonym, shifted dates, ages above 89 as one.

An `Identity` never becomes part of an `EcgRecord`: `assemble` takes it off a recording before anything else sees it.
Source: HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i), for what identifies.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ecgr1_core.pseudonyms import keyed_code, keyed_number
from ecgr1_core.record import OLDEST_YEARS

_MOST_DAYS = 3650  # a patient's recordings are moved into the past by so much at most
_LEAST_NAME = 3  # letters of a name that is looked for in texts, and
_LEAST_ID = 4  # characters of an identifier
_LEAST_INSIDE = 5  # characters of what is found inside other words of a file's name
_PLACEHOLDERS = {"x", "xx", "xxx", "na", "none", "null", "unknown", "anonymous", "anonymized", "anon", "noname", "test"}
_DATES = ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d%m%Y", "%m/%d/%Y", "%d/%m/%Y")
HIDDEN = "[…]"  # stands where a name or an identifier stood


@dataclass(frozen=True)
class Identity:
    """What a file says of who was recorded, when, and by which `staff`; empty or None where it does not."""

    patient_id: str = ""
    names: tuple[str, ...] = ()
    birth_date: date | None = None
    recorded_at: datetime | None = None
    staff: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for which in ("names", "staff"):
            people = (" ".join(each.replace("^", " ").split()) for each in getattr(self, which))
            object.__setattr__(self, which, tuple(name for name in people if not _is_placeholder(name)))
        patient_id = self.patient_id.strip()
        object.__setattr__(self, "patient_id", "" if _is_placeholder(patient_id) else patient_id)

    @property
    def key(self) -> str | None:
        """What is the same for the same patient: the identifier, else names and date of birth; None for neither."""
        if self.patient_id:
            return f"id {_folded(self.patient_id)}"
        if self.names and self.birth_date is not None:
            return f"name {_folded(' '.join(sorted(self.names)))} {self.birth_date.isoformat()}"
        return None


def pseudonym_of(identity: Identity, key: bytes) -> str | None:
    """Return what stands for the patient, "P-7F3K-9QXD"; None where the file does not say who it is."""
    return None if identity.key is None else f"P-{keyed_code(b'patient ' + identity.key.encode(), key)}"


def shifted(identity: Identity, key: bytes) -> datetime | None:
    """Return when it was recorded, 1 to 3650 days earlier than it was, as many for all recordings of a patient."""
    if identity.key is None or identity.recorded_at is None:
        return None
    days = 1 + keyed_number(b"days " + identity.key.encode(), key) % _MOST_DAYS
    try:
        return identity.recorded_at.replace(tzinfo=None) - timedelta(days=days)
    except OverflowError:
        return None


def without_identity(text: str, identity: Identity) -> str:
    """Return a text with names, identifier and date of birth replaced in any case; those of staff as a whole."""
    for word in (*_words(identity), *identity.staff):
        text = re.sub(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", HIDDEN, text, flags=re.IGNORECASE)
    return text


def names_patient(text: str, identity: Identity) -> bool:
    """Whether a file's name has a name, the identifier or the date of birth of the patient in it.

    Short ones count only as words of their own: "Ali" is not named by "validation_7".
    """
    whole, parts = _folded(text), {_folded(part) for part in re.split(r"[\W_]+", text)}
    found = {_folded(word) for word in _words(identity)}
    return any(word in (whole if len(word) >= _LEAST_INSIDE else parts) for word in found)


def grouped_age(age_years: float | None) -> float | None:
    """Return an age in years, 90 for all above 89."""
    return age_years if age_years is None or age_years <= OLDEST_YEARS else OLDEST_YEARS + 1.0


def _words(identity: Identity) -> Iterator[str]:
    parts = {part for name in identity.names for part in (name, *re.split(r"[\s,]+", name))}
    yield from sorted((part for part in parts if len(_folded(part)) >= _LEAST_NAME), key=len, reverse=True)
    number = identity.patient_id  # of plain EDF all that is known of the patient, in words
    yield from (each for each in dict.fromkeys((number, *number.split())) if len(_folded(each)) >= _LEAST_ID)
    if (born := identity.birth_date) is not None:
        yield from (born.strftime(form) for form in _DATES)


def _folded(text: str) -> str:
    """Return letters and digits alone, lower case and without marks: "Müller, J." and "MULLER_J" are the same."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(each for each in plain.casefold() if each.isalnum())


def _is_placeholder(text: str) -> bool:
    folded = _folded(text)
    return not folded or folded in _PLACEHOLDERS or set(folded) == {"0"}
