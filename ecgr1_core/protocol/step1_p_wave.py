"""Step 1, the P wave: signs of right and left atrial abnormality, in sinus rhythm only.

Notches of P are not measured.
"""

from __future__ import annotations

from ecgr1_core import vocabulary
from ecgr1_core.protocol import words
from ecgr1_core.protocol.case import Case
from ecgr1_core.protocol.findings import Finding


def assess(case: Case) -> list[Finding]:
    """Return the findings on the P wave."""
    limits, duration = case.limits, case.measurements.p_duration_ms
    two, v1 = case.lead("II"), case.lead("V1")
    height = two.p_amplitude_mv if two is not None and case.uncalibrated is None else None
    terminal = v1.p_negative_amplitude_mv if v1 is not None and case.uncalibrated is None else None
    found = []
    if height is not None and height > limits.p_height_ii_mv:
        found.append(
            Finding(
                id="p_wave.right_atrial",
                step=1,
                statement=f"P is tall in II, {words.mv(height)} (limit {words.mv(limits.p_height_ii_mv)}): "
                "right atrial abnormality.",
                status="abnormal",
                certainty="probable",
                label=vocabulary.label("right atrial abnormality"),
                leads=("II",),
                numbers={"II.p_amplitude_mv": height},
                rule=f"P in II > {limits.p_height_ii_mv} mV",
                phrase="right atrial abnormality",
            )
        )
    force = v1.p_terminal_force_mv_ms if v1 is not None and case.uncalibrated is None else None
    deep = terminal is not None and -terminal >= limits.p_terminal_v1_mv
    deep = deep and (force is None or force >= limits.p_terminal_force_v1_mv_ms)
    # P is measured over all leads and so is longer than in II: alone only a longer one counts.
    limit = limits.p_duration_ms if deep else limits.p_duration_all_leads_ms
    long = duration is not None and duration >= limit
    numbers = {} if duration is None else {"p_duration_ms": duration}
    if terminal is not None:
        numbers["V1.p_negative_amplitude_mv"] = terminal
    if force is not None:
        numbers["V1.p_terminal_force_mv_ms"] = force
    if long or deep:
        signs = [f"P lasts {words.ms(duration)}"] if long and duration is not None else []
        if deep and terminal is not None:
            signs.append(f"the terminal part of P in V1 is {words.mv(terminal)}{_force(force)}")
        both = long and deep
        found.append(
            Finding(
                id="p_wave.left_atrial",
                step=1,
                statement=f"{words.capital(words.join(signs))}: {'' if both else 'possible '}left atrial abnormality.",
                status="abnormal",
                certainty="probable" if both else "possible",
                label=vocabulary.label("left atrial abnormality"),
                leads=("II", "V1"),
                numbers=numbers,
                rule=f"P >= {limits.p_duration_ms:.0f} ms, terminal P in V1 >= {limits.p_terminal_v1_mv} mV deep "
                f"with a force >= {limits.p_terminal_force_v1_mv_ms} mV·ms",
                phrase=f"{'' if both else 'possible '}left atrial abnormality",
            )
        )
    if found:
        return found
    parts = [f"lasts {words.ms(duration)}"] if duration is not None else []
    parts += [f"is {words.mv(height)} high in II"] if height is not None else []
    if not parts:
        return []
    return [
        Finding(
            id="p_wave.normal",
            step=1,
            statement=f"P {words.join(parts)}: no sign of atrial enlargement.",
            status="normal",
            leads=("II", "V1"),
            numbers=numbers | ({"II.p_amplitude_mv": height} if height is not None else {}),
            rule=f"P < {limits.p_duration_ms:.0f} ms and <= {limits.p_height_ii_mv} mV",
        )
    ]


def _force(force: float | None) -> str:
    """Return the terminal force in words, in mV·ms and in the usual mm·s (10 mm/mV): 4 mV·ms are 0.04 mm·s."""
    return "" if force is None else f" with a terminal force of {force:.1f} mV·ms ({force / 100:.3f} mm·s)"
