"""Has the arms of a study read its cases, before the lock, one reading a transaction.

Readings that are there already are kept, so that a run that was interrupted goes on where it stopped. What the reader
says of itself (version, precision) must be what the arm says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from sqlalchemy import select

from annotations.policy import THIS_STUDY, Acting, StudyPolicy, require
from annotations.studies import add_output, study_named, trace
from annotations.tables import Arm, Case, Output
from ecgr1_core.errors import InputError
from ecgr1_core.modality import ModalityView
from ecgr1_core.readers.base import Reader, agreed, consent_needed
from ecgr1_core.record import EcgRecord

Begin = Callable[[], AbstractContextManager[Acting]]


def generate(
    begin: Begin, study_name: str, reader_of: Callable[[str], Reader], *, only: frozenset[str] | None = None
) -> Iterator[tuple[str, str, str]]:
    """Read every case that an arm has not read, and yield (case, arm, how the screening went) after each.

    `only` names the arms that read; None: all.

    `begin` opens a transaction as the investigator; it is closed while a reader reads. `InputError` where a reader
    cannot look at the arm's modality or is another version than the arm's.
    """
    with begin() as acting:
        study = study_named(acting.session, study_name)
        require(StudyPolicy.design(acting, study), THIS_STUDY)
        there = set(
            acting.session.execute(select(Output.case_id, Output.arm_id).where(Output.study_id == study.id)).tuples()
        )
        cases = list(acting.session.scalars(select(Case).where(Case.study_id == study.id).order_by(Case.name)))
        arms = list(acting.session.scalars(select(Arm).where(Arm.study_id == study.id).order_by(Arm.name)))
    for arm in arms:
        if only is not None and arm.name not in only:
            continue
        missing = [case for case in cases if (case.id, arm.id) not in there]
        reader = reader_of(arm.reader) if missing else None
        for case in missing:
            assert reader is not None  # made where anything is missing
            with begin() as acting:
                record = trace(acting.session, case, "recording")
            text = _read(reader, arm, record)
            with begin() as acting:
                output = add_output(
                    acting, acting.session.get_one(Case, case.id), acting.session.get_one(Arm, arm.id), text
                )
            yield case.name, arm.name, output.screening


def _read(reader: Reader, arm: Arm, record: EcgRecord) -> str:
    from ecgr1_core.render.paper import render_page

    if arm.modality not in reader.modalities:
        fault = f"the reader {reader.name!r} does not read the modality {arm.modality!r}"
        raise InputError(arm.name, fault, "give the arm another reader or modality")
    if arm.modality == "signal":
        view = ModalityView("signal", record)
    else:
        view = ModalityView(arm.modality, record, render_page(record), "rendered")
    if consent_needed(reader) is not None and arm.version not in (None, reader.version):
        fault = f"its version is {arm.version!r}, but its recordings would go to {reader.version!r}"
        raise InputError(arm.name, fault, "make the arm anew")
    stream = reader.read(view, agreed(reader))  # whoever added the arm was told where its recordings go
    try:
        text = "".join(stream)
    finally:
        stream.close()
    details = stream.details
    version = details.version or reader.version
    for what, said, found in (("version", arm.version, version), ("precision", arm.precision, details.precision)):
        if said is not None and said != found:
            raise InputError(arm.name, f"its {what} is {said!r}, but the reader's is {found!r}", "make the arm anew")
    return text
