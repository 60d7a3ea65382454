"""`ecgr1 study`: a whole study from the shell, and every error as one line."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulated_study
import wfdb
from simulated_study import World

import annotations.cli
from annotations.database import open_database
from ecgr1_core.errors import InputError
from ecgr1_core.interpretation import STEP_TITLES, Step, write
from ecgr1_core.record import LEADS


class Shell:
    """Runs `ecgr1 study …` as the program does, with a database and the passwords in files."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.database = folder / "study.sqlite"
        parser = argparse.ArgumentParser(prog="ecgr1")
        annotations.cli.register(parser.add_subparsers(required=True))
        self.parser = parser

    def __call__(self, act: str, *rest: object, by: str | None = None) -> Any:
        given = ["study", act, "--database", str(self.database), *map(str, rest)]
        if by is not None:
            given += ["--as", by, "--password-file", str(self.password(by))]
        arguments = self.parser.parse_args(given)
        self.capsys.readouterr()
        self.code = arguments.run(arguments)
        out = self.capsys.readouterr().out
        try:
            return json.loads(out)
        except json.JSONDecodeError:
            return [json.loads(line) for line in out.splitlines()]

    def password(self, name: str) -> Path:
        path = self.folder / f"{name}.password"
        if not path.exists():
            path.write_text(f"the password of {name}\n")
        return path

    def invite(self, name: str) -> None:
        told = self("user", name, "--full-name", f"Dr {name.title()}", by="ada")
        token = self.folder / f"{name}.token"
        token.write_text(told["invitation"])
        self("accept", "--token-file", token, "--password-file", self.password(name))


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    made = Shell(tmp_path, capsys)
    arguments = ["ada", "--first", "--full-name", "Ada Min", "--as", "ada"]
    made("user", *arguments, "--password-file", made.password("ada"))
    return made


def _recording(folder: Path, name: str) -> Path:
    signal = np.random.default_rng(len(name)).integers(-300, 300, (500, 12))
    wfdb.wrsamp(
        name, fs=100, units=["mV"] * 12, sig_name=list(LEADS), d_signal=signal, fmt=["16"] * 12, adc_gain=[1000] * 12,
        baseline=[0] * 12, write_dir=str(folder),
    )  # fmt: skip
    return folder / f"{name}.hea"


def test_a_study_from_the_shell(shell: Shell, tmp_path: Path) -> None:
    for name in ("ina", "rita", "raul", "aud"):
        shell.invite(name)
    assert shell("create", "first", "--investigator", "ina", by="ada") == {"study": "first", "state": "draft"}
    shell("role", "first", "rita", "rater", "--site", "North", by="ina")
    shell("role", "first", "raul", "rater", "--site", "South", by="ina")
    shell("role", "first", "aud", "auditor", by="ina")
    names = [_recording(tmp_path, f"ecg{number}").name for number in range(4)]
    table = tmp_path / "cases.csv"
    rows = [f"{name},patient{index},{'yes' if index == 3 else ''},AF" for index, name in enumerate(names)]
    table.write_text("\n".join(["path,patient,practice,labels", *rows]))
    told = shell("cases", "first", "--table", table, by="ina")
    assert (told["cases"], told["practice_cases"]) == (3, 1)
    shell("arm", "first", "rules", "--reader", "protocol", "--modality", "signal", by="ina")
    shell("arm", "first", "import", "--reader", "elsewhere", "--modality", "image", by="ina")
    reading = write([Step(n, title, "The image shows AF.") for n, title in enumerate(STEP_TITLES, 1)], "AF.", ["AF"])
    lines = [json.dumps({"path": f"x/ecg{number}.hea", "raw": reading}) for number in range(4)]
    (tmp_path / "readings.jsonl").write_text("\n".join(lines))
    imported = shell("outputs", "first", "--file", tmp_path / "readings.jsonl", "--arm", "import", by="ina")
    assert {row["screening"] for row in imported} == {"masked"}
    generated = shell("outputs", "first", "--generate", by="ina")
    assert sorted(row["case"] for row in generated) == ["ecg0", "ecg1", "ecg2", "ecg3"]
    if any(row["screening"] == "flagged" for row in generated):
        shell("screen", "first", by="ina")
        shell("screen", "first", "--accept", "all", "--reason", "both arms may say it", by="ina")
    design = tmp_path / "design.yaml"
    design.write_text("seed: 4\nduplicate_share: 0\nstages: 1\n")
    dry = shell("design", "first", "--design", design, "--power-difference", 0.5, by="ina")
    assert dry["design"]["stages"] == 1
    assert [row["readings"] for row in dry["balance"]] == [4, 4]
    assert 0 <= dry["power"]["power"] <= 1
    locked = shell("lock", "first", by="ina")
    assert len(locked["sha256"]) == 64
    signed = shell("sign", "first", "design approved", by="ina")
    assert signed["name"] == "Dr Ina"
    assert shell("start", "first", by="ina")["state"] == "running"
    status = shell("status", "first", by="aud")
    assert (status["state"], [row["rated"] for row in status["progress"]]) == ("running", [0, 0])
    head = status["head"]
    assert shell("verify", "--head", head)["intact"]
    shell("withdraw", "first", "raul", "--reason", "ill", by="ina")
    backup = tmp_path / "backup" / "one"
    assert shell("backup", backup)["events"] > 20
    shell.database = tmp_path / "restored.sqlite"
    shell("restore", backup)
    assert shell("verify", "--head", head)["intact"]
    shell("close", "first", "--reason", "trial only", by="ina")
    shell("unblind", "first", "--reason", "trial only", by="ina")
    assert shell("results", "first", "--criterion", "reliability", "--repeats", 100, by="ina")["n"]["ratings"] == 0
    assert shell("export", "first", "--out", tmp_path / "out", by="ina")["rows"]["ratings"] == 0


def test_results_and_exports_of_a_finished_study(
    finished: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(tmp_path, capsys)
    assert finished.database.path is not None
    shell.database = finished.database.path
    shell.password("investigator").write_text(f"{simulated_study.PASSWORD} of investigator")
    scores = tmp_path / "scores.csv"
    lines = [f"{case},{arm},{value}" for case in finished.truth for arm, value in simulated_study.EFFECTS.items()]
    scores.write_text("\n".join(["case,arm,eder", *lines]))
    name, by = simulated_study.NAME, "investigator"
    told = shell("results", name, "--criterion", "would_sign", "--repeats", 100, "--automatic", scores, by=by)
    assert told["automatic"]["eder"]["would_sign"]["spearman"] > 0
    for kind, more in (
        ("imrmc", ["--truth", "AF", "--criterion", "reliability"]),
        ("evaluation", ["--automatic", scores]),
        ("rl", ["--quota", "contradicted=3"]),
    ):
        manifest = shell("export", name, "--to", kind, "--out", tmp_path / kind, *more, by=by)
        assert manifest["kind"] == kind
        assert len(manifest["content_sha256"]) == 64
    assert shell("verify")["intact"]


def test_verify_names_the_broken_link_and_exits_with_two(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    made = open_database(shell.database)
    with made.writing() as session:
        session.connection().exec_driver_sql("DROP TRIGGER events_no_update")
        session.connection().exec_driver_sql("UPDATE events SET subject = 'eve' WHERE sequence = 1")
    told = shell("verify")
    assert shell.code == 2
    assert not told["intact"]
    assert told["fault"].startswith("event 1 (account.made")


@pytest.mark.parametrize(
    ("act", "rest", "by", "fault"),
    [
        ("status", ["nothing"], "ada", "nothing: it does not exist, or you may not do this"),
        ("create", ["x", "--investigator", "nobody"], "ada", "nobody: it does not exist"),
        ("status", ["x"], "eve", "name and password do not go together"),
        ("restore", ["missing.backup"], None, "the file exists already"),
        ("verify", ["--head", "nonsense"], None, "'nonsense' is no head"),
        ("user", ["a b", "--full-name", "X"], "ada", "a log-in name has 2 to 80"),
        ("user", ["bea"], "ada", "the full name is missing"),
    ],
)
def test_errors_are_one_sentence(shell: Shell, act: str, rest: list[str], by: str | None, fault: str) -> None:
    with pytest.raises(InputError) as told:
        shell(act, *rest, by=by)
    assert fault in str(told.value)
    assert "\n" not in str(told.value)


def test_a_wrong_password_is_counted(shell: Shell) -> None:
    shell.password("ada").write_text("wrong")
    for _ in range(5):
        with pytest.raises(InputError, match="do not go together"):
            shell("status", "x", by="ada")
    with pytest.raises(InputError, match="too many wrong passwords"):
        shell("status", "x", by="ada")


def test_a_missing_database_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"study.sqlite: there is no such database; make one"):
        Shell(tmp_path, capsys)("verify")
    assert not (tmp_path / "study.sqlite").exists()


def test_the_default_rubric_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    annotations.cli.register(parser.add_subparsers())
    arguments = parser.parse_args(["study", "rubric"])
    assert arguments.run(arguments) == 0
    assert capsys.readouterr().out.startswith("# What raters are asked")


def test_every_option_of_every_act_has_help() -> None:
    parser = argparse.ArgumentParser()
    annotations.cli.register(parser.add_subparsers())
    (study,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    (acts,) = (one for one in study.choices["study"]._actions if isinstance(one, argparse._SubParsersAction))
    assert len(acts.choices) >= 20
    for name, act in acts.choices.items():
        assert [one.dest for one in act._actions if not one.help] == [], name
    text = (Path(__file__).parents[2] / "docs" / "study.md").read_text()
    assert [name for name in acts.choices if f"ecgr1 study {name}" not in text] == []
