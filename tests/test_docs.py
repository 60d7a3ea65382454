"""The documentation names every command, option-bearing setting and page of docs that exists."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import app
from ecgr1_core.settings import Settings

ROOT = Path(__file__).parents[1]


def _commands() -> dict[str, argparse.ArgumentParser]:
    (choices,) = [a.choices for a in app.build_parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(choices)


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = _commands()
    assert len(commands) >= 6
    assert [name for name in commands if f"ecgr1 {name}" not in readme] == []


def test_every_option_has_help() -> None:
    for name, parser in _commands().items():
        assert [action.dest for action in parser._actions if not action.help] == [], name


def test_every_setting_is_documented_with_its_default() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert f"| `ECGR1_{name.upper()}` | `{field.default}` | {field.description} |" in text


def test_links_between_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
