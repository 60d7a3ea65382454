"""What the protocol reader says of secondary ST-T change claims nothing that was not measured."""

from __future__ import annotations

import pytest

from ecgr1_core.interpretation import Interpretation
from ecgr1_core.measure.types import Measurements
from ecgr1_core.protocol.wording import wording_table
from ecgr1_core.record import Patient
from ecgr1_core.verify import Claim, verify

from made_ecg import changed, normal_ecg  # isort: skip


def _said(id: str, part: str) -> list[str]:
    """Return what the table says of a finding in sentences with `part`, canonically and otherwise."""
    entries = [entry for entry in wording_table()[0] if entry.ids == (id,)]
    found = [text for entry in entries for text in (*entry.says, *entry.templates) if part in text]
    assert len(found) > 2
    return found


def _claims(text: str, measured: Measurements) -> tuple[Claim, ...]:
    return verify(Interpretation(summary=text), measured, Patient(58.0, "M"))


@pytest.mark.parametrize("text", _said("qrs.rbbb", "T inversion"))
def test_bundle_branch_block_does_not_make_st_depression_that_was_not_measured(text: str) -> None:
    found = _claims(text, normal_ecg())
    assert [claim.text for claim in found if claim.kind.startswith(("st.", "t_wave."))] == []


@pytest.mark.parametrize("text", _said("t_wave.normal", "inversion"))
def test_upright_t_in_some_leads_does_not_deny_the_secondary_inversion_in_others(text: str) -> None:
    strained = {name: {"t_amplitude_mv": -0.3, "t_negative_amplitude_mv": -0.3} for name in ("I", "aVL", "V5", "V6")}
    said = text.format(upright_leads="V2 and V3", limit_mv="0.10 mV (1.0 mm)")
    found = _claims(said, changed(strained))
    assert [claim.text for claim in found if claim.status == "contradicted"] == []
    assert ("t_wave.upright", "supported") in {(claim.kind, claim.status) for claim in found}
