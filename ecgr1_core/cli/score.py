"""`ecgr1 score`: the evidence phrases of a reference that a reading has, denies or misses, with scores, as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgr1_core.cli.common import print_json
from ecgr1_core.errors import InputError

if TYPE_CHECKING:
    from ecgr1_core.evidence import Mode, Reference

_COMPLETION_KEYS = ("completion", "raw", "response")
_REFERENCE_KEYS = ("reference", "solution")
_FORMS = 'give the text, {"completion": …} or the output of ecgr1 interpret'


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser("score", help="score readings against evidence phrases", description=__doc__)
    parser.add_argument(
        "--completion",
        type=Path,
        required=True,
        metavar="FILE",
        help="the reading: its text, or JSON; a .jsonl file holds one a line",
    )
    reference = parser.add_mutually_exclusive_group()
    reference.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="the phrases: a published row's string, a trace in steps, JSON, or YAML by step; .jsonl as above "
        "(default: --completion holds it too)",
    )
    reference.add_argument(
        "--reference-findings",
        type=Path,
        metavar="RECORDING",
        help="compare with what the protocol finds in this recording",
    )
    parser.add_argument(
        "--mode",
        choices=("published", "strict"),
        default="published",
        help="count as the released reward does, or whole words that are not denied (default: published)",
    )
    parser.add_argument("--json", action="store_true", help="print each result on one line, a single one too")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score every pair and print the results in the order given; several give JSON lines.

    Nothing is printed unless every pair can be read, so that a half file is never taken for a whole one.
    """
    if arguments.reference_findings is not None:
        found = _found(arguments.reference_findings)
        pairs = [(_completion(row, subject), found) for subject, row in _rows(arguments.completion)]
    else:
        pairs = list(_pairs(arguments.completion, arguments.reference))
    for completion, reference in pairs:
        result = _scored(completion, reference, arguments.mode)
        print_json(result, one_line=arguments.json or arguments.completion.suffix.lower() == ".jsonl")
    return 0


def _scored(completion: str, reference: Reference, mode: Mode) -> dict[str, Any]:
    """Return the match and the rewards; a reward is None where the reference lacks what it compares with."""
    from ecgr1_core import evidence

    has_phrases, has_answer = bool(reference.phrases), reference.answer is not None
    return {
        **evidence.to_json(evidence.match(completion, reference, mode)),
        "rewards": {
            "evidence": evidence.evidence_reward([completion], [reference], mode=mode)[0] if has_phrases else None,
            "accuracy": evidence.accuracy_reward([completion], [reference], mode=mode)[0] if has_answer else None,
            "format": evidence.format_reward([completion], mode=mode)[0],
        },
        "ignored_keys": list(reference.ignored),
    }


def _found(path: Path) -> Reference:
    """Return what the protocol finds in a recording as a reference; InputError for a file that cannot be read."""
    from ecgr1_core import formats
    from ecgr1_core.measure import measure
    from ecgr1_core.protocol import assess
    from ecgr1_core.protocol.evidence_phrases import reference_of
    from ecgr1_core.settings import Settings

    record = formats.read(path, formats.ReadOptions(max_duration_s=Settings().max_duration_s))
    return reference_of(assess(measure(record), record.patient, record.warnings))


def _pairs(completions: Path, references: Path | None) -> Iterator[tuple[str, Reference]]:
    """Yield each completion with its reference; InputError for what is missing, unreadable or does not pair."""
    from ecgr1_core.evidence import reference_from_value

    rows = _rows(completions)
    if references is None:
        for subject, row in rows:
            key = next((key for key in _REFERENCE_KEYS if isinstance(row, dict) and key in row), None)
            if key is None:
                raise InputError(subject, "it holds no reference", 'give --reference, or add "reference" to it')
            yield _completion(row, subject), reference_from_value(row[key], subject)
        return
    wanted = _rows(references)
    if len(rows) != len(wanted):
        raise InputError(
            references,
            f"it has {len(wanted)} references, and {completions.name} has {len(rows)} completions",
            "give as many of one as of the other, in the same order",
        )
    for (subject, row), (reference_subject, reference) in zip(rows, wanted, strict=True):
        if isinstance(reference, dict) and "reference" in reference:
            reference = reference["reference"]
        yield _completion(row, subject), reference_from_value(reference, reference_subject)


def _completion(row: Any, subject: str) -> str:
    if isinstance(row, str):
        return row
    key = next((key for key in _COMPLETION_KEYS if isinstance(row, dict) and key in row), None)
    if key is None:
        raise InputError(subject, f"it has none of {', '.join(_COMPLETION_KEYS)}", _FORMS)
    if not isinstance(row[key], str):
        raise InputError(subject, f'"{key}" is not a string', _FORMS)
    return str(row[key])


def _rows(path: Path) -> list[tuple[str, Any]]:
    """Return (name for errors, content) of each row: of every line of a .jsonl file, else of the file as a whole.

    A file that is named .yaml or .yml is YAML; one that is named .json or begins with a brace is JSON; any other is
    text, and is itself the content.
    """
    from ecgr1_core.evidence import YAML_ENDINGS, read_yaml

    text = _text(path)
    if path.suffix.lower() == ".jsonl":
        lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        if lines:
            return [
                (f"{path.name}, line {number}", _json(line, f"{path.name}, line {number}")) for number, line in lines
            ]
    if not text.strip():
        raise InputError(path, "it is empty", "give a file with a reading or a reference in it")
    if path.name.lower().endswith(YAML_ENDINGS):
        return [(path.name, read_yaml(text, path.name))]
    is_json = path.suffix.lower() == ".json" or text.lstrip().startswith("{")
    return [(path.name, _json(text, path.name) if is_json else text)]


def _json(text: str, subject: str) -> Any:
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError as error:
        raise InputError(subject, "it has half of a surrogate pair", "write its characters in UTF-8") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(subject, f"it is not JSON ({error.msg} at {place})", "write it as JSON again") from error
    except RecursionError as error:
        raise InputError(subject, "its JSON is nested too deeply", "write it as JSON again") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", "check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(path, "it is not text in UTF-8", "save it as UTF-8") from error
    except OSError as error:
        raise InputError(
            path, f"it cannot be read ({error.strerror or error})", "check the path and its rights"
        ) from error
