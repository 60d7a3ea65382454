"""Lead groups: which leads look at which wall, and which lie beside each other."""

from __future__ import annotations

from collections.abc import Collection

INFERIOR: tuple[str, ...] = ("II", "III", "aVF")
LATERAL: tuple[str, ...] = ("I", "aVL", "V5", "V6")
ANTERIOR: tuple[str, ...] = ("V1", "V2", "V3", "V4")
SEPTAL: tuple[str, ...] = ("V1", "V2", "V3")
TERRITORIES: dict[str, tuple[str, ...]] = {"inferior": INFERIOR, "anterior": ANTERIOR, "lateral": LATERAL}
OPPOSITE: dict[str, tuple[str, ...]] = {
    "inferior": ("I", "aVL"),
    "anterior": INFERIOR,
    "lateral": ("III", "aVF", "V1"),
}
# Neighbours in the Cabrera order (aVL, I, -aVR, II, aVF, III) and from V1 to V6; I and V6 both face the lateral wall.
NEIGHBOURS: tuple[tuple[str, str], ...] = (
    ("aVL", "I"),
    ("II", "aVF"),
    ("aVF", "III"),
    ("II", "III"),
    ("V1", "V2"),
    ("V2", "V3"),
    ("V3", "V4"),
    ("V4", "V5"),
    ("V5", "V6"),
    ("I", "V6"),
)


def contiguous(leads: Collection[str]) -> tuple[str, ...]:
    """Return those of the leads that have a neighbour among them, in the order given."""
    paired = {lead for pair in NEIGHBOURS if pair[0] in leads and pair[1] in leads for lead in pair}
    return tuple(lead for lead in leads if lead in paired)


def territory(leads: Collection[str]) -> str:
    """Return the name of the wall that the leads look at: "anteroseptal", "inferolateral", …; "" for none.

    Septal V1 to V3, anterior V2 to V4, lateral I, aVL, V5, V6, inferior II, III, aVF; two neighbouring walls join.
    """
    inferior = bool(contiguous([lead for lead in leads if lead in INFERIOR]))
    lateral = bool(contiguous([lead for lead in leads if lead in LATERAL]))
    front = [lead for lead in leads if lead in ANTERIOR]
    anterior = bool(contiguous(front)) or ("V4" in front and "V5" in leads)
    if anterior and (lateral or "V5" in leads):
        return "anterolateral"
    if anterior:
        return "anteroseptal" if set(front) <= set(SEPTAL) else "anterior"
    if inferior and lateral:
        return "inferolateral"
    return "inferior" if inferior else "lateral" if lateral else ""
