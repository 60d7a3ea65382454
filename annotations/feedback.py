"""What a study gives back: human scores for evaluation, rows for reinforcement learning, and preference pairs.

Only settled readings of an unblinded study leave it (locked, rated, agreed or adjudicated), never practice, never a
patient of the list that is given. RL rows are in the layout of the published ones: `solution` carries the evidence
phrases of each step between `<|key_diagnostic_evidence|>` tags and the labels between `<|answer|>` tags.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sqlalchemy import select

from annotations.adjudication import Settled, settled
from annotations.export import finish
from annotations.export_files import ExportFolder
from annotations.policy import THIS_STUDY, Acting, StudyPolicy, require
from annotations.rows import PreferenceRow, RatingRow, Rows, rows_of
from annotations.studies import design_of, rubric_of, trace
from annotations.tables import Case, Output, Study
from ecgr1_core.errors import InputError
from ecgr1_core.record import LEADS, EcgRecord

STEP_KEYS: Mapping[int, str] = {
    1: "step_1_technical_rate_rhythm",
    2: "step_2_conduction_axis_intervals",
    3: "step_3_chamber_hypertrophy_voltage",
    4: "step_4_ischemia_infarction_mimics",
    5: "step_5_electrolytes_qt",
    6: "step_6_final_medical_reasoning",
}
PHRASES_PER_STEP = 3
Rule = Literal["contradicted", "disagreeing", "low_rated", "other"]
RULES: tuple[Rule, ...] = ("contradicted", "disagreeing", "low_rated", "other")


@dataclass(frozen=True)
class Selection:
    """Which cases become RL rows: by rule, the first that applies, with the most of each (None: all).

    contradicted: raters rejected or corrected a phrase; disagreeing: a reading of it had to be adjudicated; low_rated:
    the mean of `criterion` over its readings is `low` or less; other: none of these.
    """

    criterion: str = "reliability"
    low: float = 3.0
    quotas: Mapping[Rule, int | None] = field(default_factory=lambda: dict.fromkeys(RULES))


def export_evaluation(
    acting: Acting,
    study: Study,
    folder: Path,
    *,
    without: frozenset[str] = frozenset(),
    automatic: Mapping[str, Mapping[tuple[str, str], float]] | None = None,
) -> dict[str, Any]:
    """Write evaluation.jsonl: one row for each settled reading with its human scores, automatic ones beside them."""
    rows, done = _settled_rows(acting, study)
    by_output: dict[str, list[RatingRow]] = {}
    for one in rows.ratings:
        if not one.info.practice and one.info.duplicate_of is None:
            by_output.setdefault(one.output, []).append(one)
    written, left_out = [], Counter[str]()
    for output_id in sorted(done, key=lambda each: acting.session.get_one(Output, each).key):
        output = acting.session.get_one(Output, output_id)
        if output.case.patient in without:
            left_out["patient in the list"] += 1
            continue
        own, arm = by_output[output.key], output.arm
        keys = sorted({key for one in own for key in one.values})
        scores = {key: [one.values[key] for one in own if key in one.values] for key in keys}
        written.append(
            {
                "id": output.key,
                "case": output.case.name,
                "patient": output.case.patient,
                "arm": arm.name,
                "reader": arm.reader,
                "version": arm.version,
                "modality": arm.modality,
                "precision": arm.precision,
                "prompt_sha256": arm.prompt_sha256,
                "prediction": output.written,
                "labels": list(done[output_id].labels),
                "settled": done[output_id].how,
                "raters": done[output_id].raters,
                "human": {key: float(np.mean(values)) for key, values in scores.items()},
                "human_by_rater": scores,
                "automatic": {
                    name: given.get((output.case.name, arm.name)) for name, given in (automatic or {}).items()
                },
            }
        )
    return _write(acting, study, folder, "evaluation", written, left_out, {})


def export_rl(
    acting: Acting,
    study: Study,
    folder: Path,
    *,
    selection: Selection | None = None,
    without: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Write rl.jsonl in the published layout, with the ECGs as WFDB records and pages as PNG beside it.

    One row for each case whose rated readings are all settled on the same labels. Which cases a quota keeps is drawn
    with the seed of the design.
    """
    rows, done = _settled_rows(acting, study)
    selection = selection or Selection()
    rubric_of(study).scale(selection.criterion)
    groups: dict[Rule, list[tuple[Case, list[Settled]]]] = {rule: [] for rule in RULES}
    left_out = Counter[str]()
    for case, outputs in _rated_cases(acting, study, rows):
        outcomes = [done[one.id] for one in outputs if one.id in done]
        if case.patient in without:
            left_out["patient in the list"] += 1
        elif len(outcomes) < len(outputs):
            left_out["not settled"] += 1
        elif len({frozenset(one.labels) for one in outcomes}) > 1:
            left_out["readings settled on different labels"] += 1
        elif not any(_evidence(outcomes).values()):
            left_out["no evidence phrase"] += 1
        else:
            groups[_rule(case, outcomes, rows, selection)].append((case, outcomes))
    rng = np.random.default_rng([design_of(study).seed, 20_260_102])
    chosen: list[tuple[Rule, Case, list[Settled]]] = []
    for rule, found in groups.items():
        most = selection.quotas.get(rule)
        kept = sorted(rng.permutation(len(found))[:most].tolist())
        chosen += [(rule, *found[index]) for index in kept]
        left_out[f"over the quota of {rule}"] += len(found) - len(kept)
    out = ExportFolder(folder)
    written = []
    for rule, case, outcomes in chosen:
        record = trace(acting.session, case, case.key)
        paths = _write_ecg(out, case.key, record)
        written.append(
            {
                "id": case.key,
                "patient": case.patient,
                "selected_by": rule,
                "messages": prompt_messages(),
                "images": [paths[1]],
                "objects": {"ecg": [paths[0]]},
                "solution": solution(_evidence(outcomes), outcomes[0].labels),
            }
        )
    counts = {rule: sum(one[0] == rule for one in chosen) for rule in RULES}
    return _write(acting, study, out, "rl", written, left_out, {"selected": counts})


def export_preferences(
    acting: Acting, study: Study, folder: Path, *, without: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Write preferences.jsonl: pairs of readings of one case of which more than half of the raters prefer the same one.

    The layout is that of ms-swift: `messages` end with the chosen reading, `rejected_response` is the other.
    """
    rows, done = _settled_rows(acting, study)
    keys = {acting.session.get_one(Output, one).key: acting.session.get_one(Output, one) for one in done}
    votes: dict[tuple[str, str], list[str]] = {}
    for one in rows.preferences:
        if not one.info.practice and one.info.duplicate_of is None:
            pair, winner = _vote(one)
            votes.setdefault(pair, []).append(winner)
    out, written, left_out = ExportFolder(folder), [], Counter[str]()
    for (first, second), given in sorted(votes.items()):
        winner, number = Counter(given).most_common(1)[0]
        if first not in keys or second not in keys:
            left_out["not settled"] += 1
        elif keys[first].case.patient in without:
            left_out["patient in the list"] += 1
        elif winner == "" or number * 2 <= len(given):
            left_out["no majority"] += 1
        elif keys[first].written == keys[second].written:
            left_out["the same text"] += 1
        else:
            chosen, rejected = keys[winner], keys[second if winner == first else first]
            paths = _write_ecg(out, chosen.case.key, trace(acting.session, chosen.case, chosen.case.key))
            written.append(
                {
                    "id": f"{chosen.key}>{rejected.key}",
                    "patient": chosen.case.patient,
                    "votes": number,
                    "raters": len(given),
                    "messages": [*prompt_messages(), {"role": "assistant", "content": chosen.written}],
                    "rejected_response": rejected.written,
                    "images": [paths[1]],
                    "objects": {"ecg": [paths[0]]},
                }
            )
    return _write(acting, study, out, "preferences", written, left_out, {})


def solution(evidence: Mapping[int, Sequence[str]], labels: Sequence[str]) -> str:
    """Return the text that the rewards of the published training read: phrases by step, and the labels.

    >>> solution({1: ["heart rate", "regular"], 6: ["AF"]}, ["atrial fibrillation"]).splitlines()[1]
    'step_1_technical_rate_rhythm: heart rate; regular'
    """
    steps = "\n".join(f"{STEP_KEYS[step]}: {'; '.join(evidence[step])}" for step in sorted(evidence) if evidence[step])
    return (
        f"<|key_diagnostic_evidence|>\n{steps}\n<|/key_diagnostic_evidence|>\n<|answer|>{'; '.join(labels)}<|/answer|>"
    )


def prompt_messages() -> list[dict[str, str]]:
    """Return the system and user turns with which the program itself asks, both modalities in the usual order."""
    from ecgr1_core.model.processing import DEFAULT_QUESTION, SYSTEM_PROMPT

    return [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": f"<ecg><image>{DEFAULT_QUESTION}"},
    ]


def read_patients(path: Path) -> frozenset[str]:
    """Read the pseudonyms of patients that must not be exported, one a line; `InputError` for a file that is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "it cannot be read as text", "give a file with one pseudonym a line") from error
    return frozenset(line.strip() for line in lines if line.strip())


def _settled_rows(acting: Acting, study: Study) -> tuple[Rows, dict[int, Settled]]:
    require(StudyPolicy.see_results(acting, study), THIS_STUDY)
    return rows_of(acting.session, study), settled(acting.session, study)


def _rated_cases(acting: Acting, study: Study, rows: Rows) -> list[tuple[Case, list[Output]]]:
    rated = {one.output for one in rows.ratings if not one.info.practice and one.info.duplicate_of is None}
    outputs = acting.session.scalars(select(Output).where(Output.study_id == study.id).order_by(Output.key))
    found: dict[int, tuple[Case, list[Output]]] = {}
    for output in outputs:
        if output.key in rated:
            found.setdefault(output.case_id, (output.case, []))[1].append(output)
    return sorted(found.values(), key=lambda one: one[0].name)


def _evidence(outcomes: Sequence[Settled]) -> dict[int, list[str]]:
    """Return up to three phrases of each step, those of most readings first."""
    votes: dict[int, Counter[str]] = {step: Counter() for step in STEP_KEYS}
    spelled: dict[str, str] = {}
    for outcome in outcomes:
        for step, phrases in outcome.phrases.items():
            for phrase in phrases:
                votes[step][phrase.casefold()] += 1
                spelled.setdefault(phrase.casefold(), phrase)
    ranked = {step: sorted(found, key=lambda text: (-found[text], text)) for step, found in votes.items()}
    return {step: [spelled[text] for text in texts[:PHRASES_PER_STEP]] for step, texts in ranked.items()}


def _rule(case: Case, outcomes: Sequence[Settled], rows: Rows, selection: Selection) -> Rule:
    own = [
        one for one in rows.ratings
        if one.info.case == case.name and not one.info.practice and one.info.duplicate_of is None
    ]  # fmt: skip
    if any(phrase.verdict in ("rejected", "corrected") for one in own for phrase in one.rating.phrases):
        return "contradicted"
    if any(one.how == "adjudicated" for one in outcomes):
        return "disagreeing"
    values = [one.values[selection.criterion] for one in own if selection.criterion in one.values]
    return "low_rated" if values and float(np.mean(values)) <= selection.low else "other"


def _vote(one: PreferenceRow) -> tuple[tuple[str, str], str]:
    """Return the pair of outputs in a fixed order and the preferred one, "" for neither."""
    winner = {"left": one.first_output, "right": one.second_output}.get(one.verdict, "")
    first, second = sorted((one.first_output, one.second_output))
    return (first, second), winner


def _write_ecg(out: ExportFolder, key: str, record: EcgRecord) -> tuple[str, str]:
    """Write ecg/KEY.hea and .dat (1 µV a count) and images/KEY.png, and return both names; once for each key."""
    import wfdb

    from ecgr1_core.render.paper import render_page

    image = out.place(f"images/{key}.png")
    if not image.exists():
        counts = np.rint(np.nan_to_num(record.signal_mv.T, nan=0.0) * np.float32(1000)).clip(-32767, 32767)
        wfdb.wrsamp(
            record_name="r",
            fs=record.sampling_rate_hz,
            units=["mV"] * len(LEADS),
            sig_name=list(LEADS),
            d_signal=np.where(np.isnan(record.signal_mv.T), -32768, counts).astype(np.int64),
            fmt=["16"] * len(LEADS),
            adc_gain=[1000] * len(LEADS),
            baseline=[0] * len(LEADS),
            write_dir=str(out.place(f"ecg/{key}/r").parent),
        )
        render_page(record).save(image)
    return f"ecg/{key}/r", f"images/{key}.png"


def _write(
    acting: Acting,
    study: Study,
    where: Path | ExportFolder,
    kind: str,
    rows: Sequence[Mapping[str, Any]],
    left_out: Counter[str],
    told: Mapping[str, Any],
) -> dict[str, Any]:
    out = where if isinstance(where, ExportFolder) else ExportFolder(where)
    out.json_lines(f"{kind}.jsonl", rows)
    counts = {reason: number for reason, number in sorted(left_out.items()) if number}
    return finish(acting, study, out, kind, {"rows": len(rows), "left_out": counts, **json.loads(json.dumps(told))})
