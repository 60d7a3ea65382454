"""`run_evaluate`: readings, scores, judge, benchmarks and ratings in one folder, and the report on them.

Whatever was read, asked or paid for is kept in the folder, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from ecgr1_core import __version__
from ecgr1_core.errors import InputError
from ecgr1_core.metrics.embedding import OFFLINE_MODEL, SentenceModel
from ecgr1_core.settings import Settings
from training.evaluate.answerers import Answerer, answerer_of
from training.evaluate.cases import Case, cases_of_folder, cases_of_rows, note_unknown_labels
from training.evaluate.config import BenchmarkConfig, EvaluateConfig
from training.evaluate.ecgbench import evaluate_file
from training.evaluate.judge import judge
from training.evaluate.lines import write_lines, write_whole
from training.evaluate.predictions import predict
from training.evaluate.reasoning.run import run_chains
from training.evaluate.report import write_report
from training.evaluate.scores import score, table
from training.evaluate.tables import consistency_table, human_table, read_ratings
from training.media import Media, media_beside
from training.problems import Problems

logger = logging.getLogger(__name__)


def run_evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Evaluate what is configured, write it to `config.out`, and return the summary that report.json holds.

    The folder gets config.json, predictions.jsonl, scores.jsonl, judge/, reasoning.jsonl, ecgbench.jsonl,
    problems.jsonl, report.json and report.html. Raises InputError for everything a user can mend.
    """
    out = config.out
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "problems.jsonl").unlink(missing_ok=True)
        (out / "config.json").write_text(config.model_dump_json(by_alias=True, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(out, f"cannot be written to ({error.strerror or error})", "give another folder") from error
    problems = Problems(config.on_problem, out / "problems.jsonl")
    answerers = _answerers(config) if config.rows or config.recordings or config.reasoning or config.ecgbench else []
    found: dict[str, Any] = {"version": __version__, "seed": config.seed}
    if config.rows or config.recordings:
        found |= _readings(config, answerers, problems)
    if config.reasoning is not None:
        part = config.reasoning
        root = part.ecg_root or (part.file if part.file.is_dir() else part.file.parent)
        lines = out / "reasoning.jsonl"
        found["reasoning"] = [
            run_chains(part.file, root, one, lines, config.seed, problems, part.limit) for one in answerers
        ]
    if config.ecgbench:
        found["ecgbench"] = [
            evaluate_file(part.file, one, _media(part), out / "ecgbench.jsonl", problems, part.limit)
            for part in config.ecgbench
            for one in answerers
        ]
    if config.ratings is not None:
        found["human"] = human_table(read_ratings(config.ratings, problems), config.seed)
    found["problems"] = dict(sorted(problems.counts.items()))
    logger.info("evaluation: %s", problems.sentence())
    write_whole(out / "report.json", json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    write_report(found, out / "report.html")
    return found


def _readings(config: EvaluateConfig, answerers: list[Answerer], problems: Problems) -> dict[str, Any]:
    """Return what is found of the readings of all cases."""
    cases = _cases(config, problems)
    for case in cases:
        note_unknown_labels(case, problems)
    media = _case_media(config)
    predictions = predict(cases, answerers, config.modalities, media, config.out / "predictions.jsonl", problems)
    if not predictions:
        raise InputError(
            config.rows or config.recordings or "rows",
            f"no case could be read ({problems.sentence()})",
            "mend the rows, or ask for other readers or modalities",
        )
    scored = score(cases, predictions, media, problems)
    write_lines(config.out / "scores.jsonl", scored)
    found: dict[str, Any] = {"cases": len(cases), "scores": table(scored, config.seed)}
    if config.consistency:
        model = SentenceModel(config.sentence_model or Settings().sentence_model or OFFLINE_MODEL)
        found["consistency"] = consistency_table(predictions, model, config.seed)
    if config.judge is not None:
        found["judge"] = judge(config.judge, cases, predictions, config.out / "judge", config.seed, problems)
    return found


def _cases(config: EvaluateConfig, problems: Problems) -> list[Case]:
    if config.rows is not None:
        return list(cases_of_rows(config.rows, problems))[: config.limit]
    assert config.recordings is not None
    return list(cases_of_folder(config.recordings, config.labels, problems))[: config.limit]


def _case_media(config: EvaluateConfig) -> Media:
    if config.rows is not None:
        return media_beside(config.rows, config.ecg_root, config.image_root, draw_missing=config.draw_missing)
    assert config.recordings is not None
    return Media(config.recordings, config.recordings, draw_missing=True)


def _media(part: BenchmarkConfig) -> Media:
    return media_beside(part.file, part.ecg_root, part.image_root, draw_missing=True)


def _answerers(config: EvaluateConfig) -> list[Answerer]:
    given = {"model": config.model, "model_adapter": config.adapter, "model_precision": config.precision}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings = Settings(**changes)
    folder = config.out / "answers"
    return [answerer_of(name, settings, folder, config.max_new_tokens) for name in dict.fromkeys(config.readers)]
