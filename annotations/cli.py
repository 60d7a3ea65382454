"""The annotations room's part of the `ecgr1` command: `study` with its own sub-commands.

Everything that changes or shows a study is done as somebody: `--as NAME` with the password from `--password-file` or
asked for. `verify`, `backup`, `restore` and `upgrade` work on the file and need no account. Nothing heavy is imported
before a command runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from annotations import cli_run

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: Commands) -> None:
    """Add the sub-command `study`."""
    parser = commands.add_parser(
        "study",
        help="blinded reader studies",
        description="Build, run, check and evaluate blinded reader studies. docs/study.md goes through one.",
    )
    parser.set_defaults(run=lambda _: _show_help(parser))
    acts = parser.add_subparsers(help="what to do; each has its own --help", dest="act", metavar="ACT")
    _accounts(acts)
    _building(acts)
    _running(acts)
    _records(acts)


def _show_help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _add(
    acts: Commands, name: str, text: str, run: Callable[[argparse.Namespace], int], *, as_whom: bool = True
) -> argparse.ArgumentParser:
    parser = acts.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument(
        "--database", metavar="FILE|URL", help="the study database (default: study.sqlite in ECGR1_DATA_DIR)"
    )
    if as_whom:
        parser.add_argument("--as", dest="actor", required=True, metavar="NAME", help="who acts")
        parser.add_argument(
            "--password-file", type=Path, metavar="FILE", help="file with the password (default: it is asked for)"
        )
    parser.set_defaults(run=run)
    return parser


def _accounts(acts: Commands) -> None:
    add = _add(acts, "user", "invite somebody, or make the first administrator of a new database", cli_run.user)
    add.add_argument("name", help="log-in name")
    add.add_argument("--full-name", metavar="TEXT", help="name that signatures show")
    add.add_argument("--first", action="store_true", help="make the first administrator (name = --as)")
    add.add_argument("--administrator", action="store_true", help="invite an administrator")
    add.add_argument("--again", action="store_true", help="send a new invitation to an account that is there")
    add.add_argument("--deactivate", metavar="REASON", help="close the account")
    accept = _add(acts, "accept", "set the password of an invited account", cli_run.accept, as_whom=False)
    accept.add_argument("--token-file", type=Path, required=True, metavar="FILE", help="file with the invitation")
    accept.add_argument("--password-file", type=Path, metavar="FILE", help="file with the new password")
    password = _add(acts, "password", "change one's own password", cli_run.password)
    password.add_argument("--new-password-file", type=Path, metavar="FILE", help="file with the new password")


def _building(acts: Commands) -> None:
    create = _add(acts, "create", "make a study and name its investigator", cli_run.create)
    create.add_argument("study", help="name of the study")
    create.add_argument("--title", default="", metavar="TEXT", help="title")
    create.add_argument("--investigator", required=True, metavar="NAME", help="account of the investigator")
    role = _add(acts, "role", "give somebody a role in a study", cli_run.role)
    role.add_argument("study", help="name of the study")
    role.add_argument("name", help="log-in name")
    role.add_argument("role", choices=("investigator", "rater", "auditor"), help="role")
    role.add_argument("--site", metavar="TEXT", help="site of a rater")
    role.add_argument("--adjudicates", action="store_true", help="a rater who settles where others differ")
    cases = _add(acts, "cases", "put recordings into a study", cli_run.cases)
    cases.add_argument("study", help="name of the study")
    cases.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="recordings; each its own patient")
    cases.add_argument(
        "--table", type=Path, metavar="CSV", help="columns path, and optionally name, patient, practice, labels"
    )
    cases.add_argument("--practice", action="store_true", help="the PATHs are practice cases")
    arm = _add(acts, "arm", "add a way of reading to a study", cli_run.arm)
    arm.add_argument("study", help="name of the study")
    arm.add_argument("name", help="name of the arm")
    arm.add_argument("--reader", required=True, metavar="NAME", help="reader, as `ecgr1 interpret` names it")
    arm.add_argument("--modality", required=True, choices=("signal", "image", "both", "swapped"), help="what it sees")
    arm.add_argument("--version", metavar="TEXT", help="version of the reader or its weights")
    arm.add_argument("--precision", metavar="NAME", help="precision of the weights")
    arm.add_argument("--prompt-sha256", metavar="HASH", help="hash of the prompt")
    outputs = _add(acts, "outputs", "import readings, or have the arms read", cli_run.outputs)
    outputs.add_argument("study", help="name of the study")
    outputs.add_argument("--file", type=Path, metavar="JSONL", help="rows with case, arm, text; or of `interpret`")
    outputs.add_argument("--arm", metavar="NAME", help="arm of all rows of the file that name none")
    outputs.add_argument("--generate", action="store_true", help="have every arm read what it has not read")
    screen = _add(acts, "screen", "list or decide about readings with giveaway words", cli_run.screen)
    screen.add_argument("study", help="name of the study")
    screen.add_argument("--mask", metavar="KEY|all", help="mask what was found")
    screen.add_argument("--accept", metavar="KEY|all", help="leave it as it stands")
    screen.add_argument("--reason", default="", metavar="TEXT", help="why")
    design = _add(acts, "design", "set design and rubric; show the plan, its balance, and the power", cli_run.design)
    design.add_argument("study", help="name of the study")
    design.add_argument("--design", type=Path, metavar="YAML", help="design to set")
    design.add_argument("--rubric", type=Path, metavar="YAML", help="rubric to set")
    design.add_argument("--power-difference", type=float, metavar="POINTS", help="also simulate the power for this")
    lock = _add(acts, "lock", "draw the plan and freeze the study", cli_run.lock_study)
    lock.add_argument("study", help="name of the study")
    rubric = _add(acts, "rubric", "print the default rubric, to start an own one from", cli_run.rubric, as_whom=False)
    rubric.set_defaults(study=None)


def _running(acts: Commands) -> None:
    for name, text, run in (
        ("start", "let raters begin", cli_run.start),
        ("close", "end the reading", cli_run.close),
        ("unblind", "show which arm wrote what, for good", cli_run.unblind),
    ):
        parser = _add(acts, name, text, run)
        parser.add_argument("study", help="name of the study")
        if name != "start":
            parser.add_argument("--reason", required=True, metavar="TEXT", help="why now; kept in the audit trail")
        if name == "unblind":
            parser.add_argument("--unsettled-ok", action="store_true", help="readings may stay without adjudication")
    withdraw = _add(acts, "withdraw", "take somebody out of a study", cli_run.withdraw)
    withdraw.add_argument("study", help="name of the study")
    withdraw.add_argument("name", help="log-in name")
    withdraw.add_argument("--reason", required=True, metavar="TEXT", help="why")
    status = _add(acts, "status", "state, sizes, progress by rater, and the head of the audit trail", cli_run.status)
    status.add_argument("study", help="name of the study")
    sign = _add(acts, "sign", "sign, with the password", cli_run.sign_study)
    sign.add_argument("study", help="name of the study")
    sign.add_argument("meaning", help="ratings complete, design approved, results approved or audit done")
    results = _add(acts, "results", "all results of an unblinded study as JSON", cli_run.results_of)
    results.add_argument("study", help="name of the study")
    results.add_argument("--criterion", action="append", metavar="KEY", help="only this scale; may be repeated")
    results.add_argument("--repeats", type=int, default=2000, metavar="N", help="bootstrap draws (default 2000)")
    results.add_argument("--figures", type=Path, metavar="FOLDER", help="also draw the figures into this folder (SVG)")
    _add_automatic(results)
    export = _add(acts, "export", "write everything, or what the study gives back", cli_run.export)
    export.add_argument("study", help="name of the study")
    export.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="new folder to write to")
    export.add_argument(
        "--to",
        choices=("everything", "imrmc", "evaluation", "rl", "preferences"),
        default="everything",
        help="what to write (default: everything)",
    )
    export.add_argument("--truth", metavar="LABEL", help="imrmc: label that makes a case positive")
    export.add_argument("--criterion", action="append", metavar="KEY", help="imrmc: scale; rl: scale of low_rated")
    export.add_argument("--low", type=float, default=3.0, metavar="POINTS", help="rl: low_rated is this or less")
    export.add_argument("--quota", action="append", metavar="RULE=N", default=[], help="rl: most rows of a rule")
    export.add_argument("--without-patients", type=Path, metavar="FILE", help="pseudonyms that must not be exported")
    _add_automatic(export)


def _add_automatic(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--automatic", type=Path, metavar="CSV", help="automatic scores to set beside: columns case, arm, and scores"
    )


def _records(acts: Commands) -> None:
    verify = _add(acts, "verify", "check the audit trail and every lock", cli_run.verify, as_whom=False)
    verify.add_argument("--head", metavar="N:HASH", help="a head given out earlier, which must still be in the chain")
    backup = _add(acts, "backup", "write a verified copy of the database", cli_run.backup_to, as_whom=False)
    backup.add_argument("to", type=Path, metavar="FILE", help="new file")
    restore = _add(acts, "restore", "make a database from a backup, verified", cli_run.restore_from, as_whom=False)
    restore.add_argument("backup", type=Path, metavar="FILE", help="backup to restore")
    _add(acts, "upgrade", "bring a database to this version's tables", cli_run.upgrade, as_whom=False)
