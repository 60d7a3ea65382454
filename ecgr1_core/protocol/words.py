"""How numbers, leads and lists are put into words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ecgr1_core.record import LEADS, PRECORDIAL_LEADS


def ms(value: float) -> str:
    """Return a duration in whole milliseconds."""
    return f"{value:.0f} ms"


def bpm(value: float) -> str:
    """Return a rate in whole beats per minute."""
    return f"{value:.0f} bpm"


def degrees(value: float) -> str:
    """Return an angle in whole degrees with a true minus sign."""
    return f"{value:.0f}°".replace("-0°", "0°").replace("-", "−")


def mv(value: float) -> str:
    """Return an amplitude in mV with two decimals, and in mm at 10 mm/mV; sign as given, true minus sign."""
    value = 0.0 if abs(value) < 0.005 else value
    return f"{value:.2f} mV ({10 * value:.1f} mm)".replace("-", "−")


def join(parts: Iterable[str], last: str = "and") -> str:
    """Return "a", "a and b" or "a, b and c"; "a and b, and c" where a part has an "and" of its own."""
    *head, tail = list(parts) or [""]
    comma = "," if any(f" {last} " in part for part in (*head, tail)) else ""
    return f"{', '.join(head)}{comma} {last} {tail}" if head else tail


def leads(names: Iterable[str], last: str = "and") -> str:
    """Return leads in the usual order, three and more neighbouring precordial leads as a range: "I, aVL and V4–V6"."""
    chosen = set(names)
    parts = [lead for lead in LEADS if lead in chosen and lead not in PRECORDIAL_LEADS]
    run: list[str] = []
    for lead in [*PRECORDIAL_LEADS, ""]:
        if lead in chosen:
            run.append(lead)
        elif run:
            parts += [f"{run[0]}–{run[-1]}"] if len(run) > 2 else run
            run = []
    return join(parts, last)


def lead_values(values: Sequence[tuple[str, float]]) -> str:
    """Return "II 0.15 mV (1.5 mm), aVF 0.12 mV (1.2 mm)"."""
    return ", ".join(f"{lead} {mv(value)}" for lead, value in values)


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Return "1 beat", "3 beats"; numbers to ten in words."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return f"{words[number] if number < len(words) else number} {singular if number == 1 else plural or singular + 's'}"


def capital(sentence: str) -> str:
    """Return the sentence with its first letter in upper case."""
    return sentence[:1].upper() + sentence[1:]
