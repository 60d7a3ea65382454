"""What the sub-commands of `ecgr1 study` do: log in, call one function of the domain, print JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotations.cli_session import acting_as, in_study, password_from, study_database, utc_now, where_it_is
from ecgr1_core.cli.common import BAD_INPUT, print_json
from ecgr1_core.errors import InputError
from ecgr1_core.settings import Settings

if TYPE_CHECKING:
    from annotations.tables import Study

Arguments = argparse.Namespace


def user(arguments: Arguments) -> int:
    """Invite somebody, or make the first administrator; the invitation is printed once and kept nowhere."""
    from annotations import accounts, migrate

    if arguments.first:
        from annotations.database import open_database

        secret = password_from(arguments.password_file, "New password: ")
        database = open_database(where_it_is(arguments))
        migrate.upgrade(database)
        with database.writing() as session:
            made = accounts.first_administrator(
                session,
                name=arguments.name,
                full_name=arguments.full_name or "",
                password=secret,
                now=utc_now(),
            )
        print_json({"user": made.name, "administrator": True}, one_line=False)
        return 0
    with acting_as(arguments) as acting:
        if arguments.deactivate is not None:
            accounts.deactivate(acting, accounts.user_named(acting.session, arguments.name), arguments.deactivate)
            told: dict[str, Any] = {"user": arguments.name, "active": False}
        elif arguments.again:
            token = accounts.invite_again(acting, accounts.user_named(acting.session, arguments.name))
            told = {"user": arguments.name, "invitation": token}
        else:
            full_name = arguments.full_name or ""
            made, token = accounts.invite(
                acting, name=arguments.name, full_name=full_name, administrator=arguments.administrator
            )
            told = {"user": made.name, "invitation": token}
    print_json(told, one_line=False)
    return 0


def accept(arguments: Arguments) -> int:
    """Set the password of an invited account."""
    from annotations import accounts

    token = password_from(arguments.token_file, "Invitation: ")
    with study_database(arguments).writing() as session:
        made = accounts.accept_invitation(
            session, token, password_from(arguments.password_file, "New password: "), utc_now()
        )
    print_json({"user": made.name}, one_line=False)
    return 0


def password(arguments: Arguments) -> int:
    """Change one's own password."""
    from annotations import accounts

    old = password_from(arguments.password_file, "Password: ")
    new = password_from(arguments.new_password_file, "New password: ")
    with acting_as(arguments, old, expired_ok=True) as acting:
        accounts.change_password(acting, old, new)
    print_json({"user": arguments.actor}, one_line=False)
    return 0


def create(arguments: Arguments) -> int:
    """Make a study and name its investigator."""
    from annotations import accounts, studies

    with acting_as(arguments) as acting:
        study = studies.create(acting, arguments.study, title=arguments.title)
        accounts.set_role(acting, study, accounts.user_named(acting.session, arguments.investigator), "investigator")
    print_json({"study": study.name, "state": study.state}, one_line=False)
    return 0


def role(arguments: Arguments) -> int:
    """Give somebody a role."""
    from annotations import accounts

    with in_study(arguments) as (acting, study):
        member = accounts.user_named(acting.session, arguments.name)
        accounts.set_role(
            acting, study, member, arguments.role, site_name=arguments.site, adjudicates=arguments.adjudicates
        )
    print_json({"study": study.name, "user": member.name, "role": arguments.role}, one_line=False)
    return 0


def cases(arguments: Arguments) -> int:
    """Put recordings into a study, all or none."""
    from annotations import cli_files, studies

    rows = cli_files.case_rows(arguments.paths, arguments.table, practice=arguments.practice)
    read = cli_files.read_cases(rows, Settings().pseudonym_file)
    with in_study(arguments) as (acting, study):
        cli_files.add_cases(acting, study, read)
        told = studies.count(acting.session, study)
    print_json({"study": study.name, **told}, one_line=False)
    return 0


def arm(arguments: Arguments) -> int:
    """Add an arm."""
    from annotations import studies

    with in_study(arguments) as (acting, study):
        studies.add_arm(
            acting,
            study,
            arguments.name,
            reader=arguments.reader,
            modality=arguments.modality,
            version=arguments.version,
            precision=arguments.precision,
            prompt_sha256=arguments.prompt_sha256,
        )
    print_json({"study": study.name, "arm": arguments.name}, one_line=False)
    return 0


def outputs(arguments: Arguments) -> int:
    """Import readings or have the arms read; one JSON line for each."""
    from annotations import cli_files, studies

    if (arguments.file is None) == (not arguments.generate):
        raise InputError("outputs", "give either --file or --generate", "say where the readings come from")
    if arguments.file is not None:
        rows = cli_files.output_rows(arguments.file, arguments.arm)
        with in_study(arguments) as (acting, study):
            for row in rows:
                case, way = cli_files.case_and_arm(acting.session, study, row)
                made = studies.add_output(acting, case, way, row.text, row.phrases)
                print_json({"case": case.name, "arm": way.name, "screening": made.screening}, one_line=True)
        return 0
    from annotations.generation import generate
    from ecgr1_core.readers import get_reader, known_readers
    from ecgr1_core.readers.base import consent_needed

    secret = password_from(arguments.password_file, "Password: ")
    settings = Settings()
    for reader in known_readers(settings):
        if (sentence := consent_needed(reader)) is not None:
            print(f"ecgr1: arms with the reader {reader.name!r}: {sentence}", file=sys.stderr)
    made_by = generate(lambda: acting_as(arguments, secret), arguments.study, lambda name: get_reader(name, settings))
    for name, by, screening in made_by:
        print_json({"case": name, "arm": by, "screening": screening}, one_line=True)
    return 0


def screen(arguments: Arguments) -> int:
    """List the undecided readings, or decide about one or all of them."""
    import json

    from sqlalchemy import select

    from annotations import studies
    from annotations.policy import THIS_STUDY, NotPermittedError, StudyPolicy, require
    from annotations.tables import Output

    if arguments.mask and arguments.accept:
        raise InputError("screen", "--mask and --accept exclude each other", "give one of them")
    which = arguments.mask or arguments.accept
    with in_study(arguments) as (acting, study):
        require(StudyPolicy.design(acting, study), THIS_STUDY)
        query = select(Output).where(Output.study_id == study.id, Output.screening == "flagged")
        found = [one for one in acting.session.scalars(query) if which in (None, "all", one.key)]
        if which not in (None, "all") and not found:
            raise NotPermittedError(which)
        for one in found:
            if which is not None:
                studies.decide(acting, one, masked=bool(arguments.mask), reason=arguments.reason)
            told = {"key": one.key, "case": one.case.name, "arm": one.arm.name, "screening": one.screening}
            words = sorted({each["text"] for each in json.loads(one.findings)})
            print_json({**told, "words": words}, one_line=True)
    return 0


def design(arguments: Arguments) -> int:
    """Set design and rubric, and show the plan that the lock would draw."""
    import numpy as np

    from annotations import allocation, lock, power, studies
    from annotations.design import read_design
    from annotations.rubric import read_rubric

    with in_study(arguments) as (acting, study):
        if arguments.design is not None:
            studies.set_design(acting, study, read_design(arguments.design))
        if arguments.rubric is not None:
            studies.set_rubric(acting, study, read_rubric(arguments.rubric))
        plan = lock.dry_run(acting, study)
        found, sizes = studies.design_of(study), studies.count(acting.session, study)
        told = {"study": study.name, **sizes, "design": found.to_json(), "balance": allocation.balance(plan)}
        if arguments.power_difference is not None:
            told["power"] = power.power(
                raters=sizes["raters"],
                cases=sizes["cases"],
                rng=np.random.default_rng(found.seed),
                assumed=power.Assumptions(difference=arguments.power_difference),
            )
    print_json(told, one_line=False)
    return 0


def lock_study(arguments: Arguments) -> int:
    """Draw the plan, freeze the study, print the hash."""
    from annotations import lock

    with in_study(arguments) as (acting, study):
        sha256 = lock.lock(acting, study)
    print_json({"study": study.name, "state": study.state, "sha256": sha256}, one_line=False)
    return 0


def rubric(arguments: Arguments) -> int:
    """Print the default rubric."""
    from importlib.resources import files

    from annotations.rubric import DEFAULT_RUBRIC

    print((files("annotations") / "rubrics" / f"{DEFAULT_RUBRIC}.yaml").read_text(encoding="utf-8"), end="")
    return 0


def start(arguments: Arguments) -> int:
    """Let raters begin."""
    from annotations import studies

    with in_study(arguments) as (acting, study):
        studies.start(acting, study)
    return _told_state(study)


def close(arguments: Arguments) -> int:
    """End the reading."""
    from annotations import studies

    with in_study(arguments) as (acting, study):
        studies.close(acting, study, arguments.reason)
    return _told_state(study)


def unblind(arguments: Arguments) -> int:
    """Show which arm wrote what."""
    from annotations import studies

    with in_study(arguments) as (acting, study):
        studies.unblind(acting, study, arguments.reason, unsettled_ok=arguments.unsettled_ok)
    return _told_state(study)


def withdraw(arguments: Arguments) -> int:
    """Take somebody out of a study."""
    from annotations import accounts, studies

    with in_study(arguments) as (acting, study):
        studies.withdraw(acting, study, accounts.user_named(acting.session, arguments.name), arguments.reason)
    return _told_state(study)


def status(arguments: Arguments) -> int:
    """Print state, sizes, progress, and the head of the audit trail, to be kept elsewhere."""
    from annotations import audit, studies
    from annotations.results import progress

    with in_study(arguments) as (acting, study):
        rows = progress(acting, study)
        head = audit.head(acting.session)
        told: dict[str, Any] = {"study": study.name, "state": study.state, "lock_sha256": study.lock_sha256}
        told |= {"head": f"{head.sequence}:{head.sha256}", **studies.count(acting.session, study), "progress": rows}
    print_json(told, one_line=False)
    return 0


def sign_study(arguments: Arguments) -> int:
    """Sign with the password."""
    from annotations.signatures import sign

    secret = password_from(arguments.password_file, "Password: ")
    with in_study(arguments, secret) as (acting, study):
        made = sign(acting, study, arguments.meaning, secret)
    told = {"study": study.name, "meaning": made.meaning, "name": made.printed_name, "at": made.signed_at.isoformat()}
    print_json({**told, "content_sha256": made.content_sha256}, one_line=False)
    return 0


def results_of(arguments: Arguments) -> int:
    """Print all results, and draw the figures where a folder is given."""
    from annotations import cli_files, results

    automatic = None if arguments.automatic is None else cli_files.automatic_scores(arguments.automatic)
    if arguments.repeats < 100:
        raise InputError("--repeats", f"{arguments.repeats} draws give no interval", "give 100 or more")
    with in_study(arguments) as (acting, study):
        criteria = results.criteria_of(study, arguments.criterion)
        results.seen(acting, study)
    with study_database(arguments).reading() as session:
        found = results.computed(session, study, criteria, automatic=automatic, repeats=arguments.repeats)
    if arguments.figures is not None:
        from annotations import plots

        folder: Path = arguments.figures
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in plots.FIGURES:
                (folder / f"{name}.svg").write_bytes(plots.draw(name, found, results.criterion_titles(study)))
        except OSError as error:
            raise InputError(folder, f"it cannot be written ({error.strerror})", "choose another --figures") from error
    print_json(found, one_line=False)
    return 0


def export(arguments: Arguments) -> int:
    """Write an export and print its manifest."""
    from annotations import cli_files, feedback
    from annotations import export as exports

    criteria = arguments.criterion or ["reliability"]
    automatic = None if arguments.automatic is None else cli_files.automatic_scores(arguments.automatic)
    barred = arguments.without_patients
    without = frozenset[str]() if barred is None else feedback.read_patients(barred)
    with in_study(arguments) as (acting, study):
        if arguments.to == "everything":
            manifest = exports.export_study(acting, study, arguments.out)
        elif arguments.to == "imrmc":
            if arguments.truth is None:
                raise InputError("--truth", "iMRMC needs a truth for every case", "give a label of the references")
            manifest = exports.export_imrmc(acting, study, arguments.out, truth=arguments.truth, criteria=criteria)
        elif arguments.to == "evaluation":
            manifest = feedback.export_evaluation(acting, study, arguments.out, without=without, automatic=automatic)
        elif arguments.to == "rl":
            quotas = cli_files.quotas(arguments.quota)
            selection = feedback.Selection(criteria[0], arguments.low, quotas)
            manifest = feedback.export_rl(acting, study, arguments.out, selection=selection, without=without)
        else:
            manifest = feedback.export_preferences(acting, study, arguments.out, without=without)
    print_json(manifest, one_line=False)
    return 0


def verify(arguments: Arguments) -> int:
    """Check the audit trail and every lock; exit code 2 and the first broken link where something is wrong."""
    from sqlalchemy import select

    from annotations import audit, cli_files
    from annotations.lock import lock_fault
    from annotations.tables import Study

    known = None if arguments.head is None else cli_files.head(arguments.head)
    with study_database(arguments).reading() as session:
        found = audit.verify(session, known)
        faults = [fault for one in session.scalars(select(Study)) if (fault := lock_fault(session, one))]
    fault = found.fault or (faults[0] if faults else None)
    told = {"intact": fault is None, "events": found.events, "revisions": found.revisions}
    print_json({**told, "head": f"{found.head.sequence}:{found.head.sha256}", "fault": fault}, one_line=False)
    if fault is not None:
        print(f"ecgr1: the audit trail is broken: {fault}", file=sys.stderr)
    return 0 if fault is None else BAD_INPUT


def backup_to(arguments: Arguments) -> int:
    """Write a verified copy."""
    from annotations.backup import backup

    print_json(backup(study_database(arguments), arguments.to), one_line=False)
    return 0


def restore_from(arguments: Arguments) -> int:
    """Make a database from a backup."""
    from annotations.backup import restore

    print_json(restore(arguments.backup, Path(where_it_is(arguments))), one_line=False)
    return 0


def upgrade(arguments: Arguments) -> int:
    """Bring a database to this version's tables."""
    from annotations import migrate
    from annotations.database import open_database

    database = open_database(where_it_is(arguments))
    before = migrate.current(database)
    migrate.upgrade(database)
    print_json({"before": before, "now": migrate.current(database)}, one_line=False)
    return 0


def _told_state(study: Study) -> int:
    print_json({"study": study.name, "state": study.state}, one_line=False)
    return 0
