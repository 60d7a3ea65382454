"""Scores of readings by a judge, a language model on a server: seven criteria, failures counted and shown.

A reading that the judge could not be brought to grade has no score and is in the count of failures; it is neither left
out in silence nor taken for 0.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ecgr1_core.errors import InputError
from training.chat import Chat, NoAnswerError, all_done
from training.evaluate.cases import Case
from training.evaluate.config import JudgeConfig
from training.evaluate.criteria import AVERAGE, CRITERIA, judge_messages, read_scores, with_average
from training.evaluate.lines import write_lines
from training.evaluate.scores import groups, mean
from training.problems import Problems

COLUMNS: Final = (*(one.renamed for one in CRITERIA), AVERAGE)
_EVERY: Final = 50

logger = logging.getLogger(__name__)


def judge(
    config: JudgeConfig,
    cases: Sequence[Case],
    predictions: Sequence[Mapping[str, Any]],
    folder: Path,
    seed: int,
    problems: Problems,
) -> dict[str, Any]:
    """Ask the judge about every reading that has a reference; return its table, usage and failures as plain JSON data.

    `folder` keeps the answers (`answers/`, by content) and a line for each reading (`judged.jsonl`). Readings without a
    reference and failures are noted in `problems`, "no reference" and "judge failed".
    """
    reports = {case.id: case for case in cases}
    asked = []
    for row in predictions:
        case = reports[row["id"]]
        if not case.report:
            problems.note("no reference", InputError(case.row.source, "has nothing to judge by", "give labels"))
        else:
            asked.append(row)
    results: list[dict[str, Any]] = [{name: row[name] for name in ("id", "reader", "modality")} for row in asked]
    chat = Chat(config, _key(config.key_file), folder / "answers", steadfast=True)
    done = failed = 0

    async def grade(row: Mapping[str, Any], told: dict[str, Any]) -> None:
        nonlocal done, failed
        try:
            answer = await chat.ask(judge_messages(row["text"], reports[row["id"]].report), 0.0, read_scores)
            told["scores"] = {name: round(value, 4) for name, value in with_average(read_scores(answer.text)).items()}
        except NoAnswerError as error:
            problems.note("judge failed", InputError(f"{row['id']}, {error.subject}", error.fault, error.remedy))
            told["failed"] = error.fault
            failed += 1
        done += 1
        if done % _EVERY == 0 or done == len(asked):
            logger.info("judge: %d of %d readings, %d failed", done, len(asked), failed)

    async def grade_all() -> None:
        async with chat:
            await all_done(map(grade, asked, results))

    asyncio.run(grade_all())
    write_lines(folder / "judged.jsonl", results)
    return {"model": config.model, "usage": chat.usage.to_json(config), "table": judge_table(results, seed)}


def judge_table(results: Sequence[Mapping[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Return one line for each reader and modality: the mean of each criterion, and how many readings failed."""
    lines = []
    for (reader, modality), rows in groups(results).items():
        graded = [row["scores"] for row in rows if "scores" in row]
        line: dict[str, Any] = {"reader": reader, "modality": modality, "readings": len(rows)}
        line["failed"] = len(rows) - len(graded)
        for column in COLUMNS:
            line[column] = mean((row[column] for row in graded), seed)
        lines.append(line)
    return lines


def _key(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "the key cannot be read", "write it into that file, or leave key_file out") from error
