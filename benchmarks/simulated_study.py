"""A whole reader study with simulated raters whose effects are known: are they found again?

    .venv/bin/python benchmarks/simulated_study.py --raters 4 --cases 100

Builds a study of three arms in a new SQLite file, lets simulated raters read it through the same functions as the pages
use (two stages, drafts, hidden duplicates, one rater drops out, differing readings are adjudicated), and prints the
planted differences between the arms beside the ones that the results find, as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from annotations import accounts, adjudication, audit, lock, migrate, ratings, studies
from annotations.accounts import user_named
from annotations.blinding import BlindOutput
from annotations.database import Database, open_database
from annotations.design import Design
from annotations.policy import Acting
from annotations.results import results
from annotations.rubric import Rubric, default_rubric
from annotations.tables import Assignment, Study
from ecgr1_core.interpretation import STEP_TITLES, Step, write
from ecgr1_core.record import LEADS, EcgRecord, Patient

NAME = "simulated"
PASSWORD = "a long enough password"
EFFECTS = {"signal-only": 0.0, "image-only": -0.4, "other": -1.0}
LABELS = ("sinus rhythm", "atrial fibrillation", "complete left bundle branch block", "first-degree AV block")


@dataclass
class World:
    """A study being simulated: its database, clock, generator, and the truth behind the answers."""

    database: Database
    rng: np.random.Generator
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 5, 8, tzinfo=UTC))
    case_effect: dict[str, float] = field(default_factory=dict)
    rater_effect: dict[str, float] = field(default_factory=dict)
    truth: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def acting(self, name: str) -> Iterator[Acting]:
        with self.database.writing() as session:
            yield Acting(session, user_named(session, name), self.now)

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def study(self, acting: Acting) -> Study:
        return studies.study_named(acting.session, NAME)


def build(
    path: Path | str,
    *,
    raters: int,
    cases: int,
    design: Design | None = None,
    practice: int = 1,
    seed: int = 7,
    rubric: Rubric | None = None,
    arms: tuple[str, ...] = tuple(EFFECTS),
    sampling_rate_hz: float = 50.0,
) -> World:
    """Make people, cases, arms and readings of a study that is not locked yet."""
    world = World(open_database(path), np.random.default_rng(seed))
    migrate.upgrade(world.database)
    with world.database.writing() as session:
        accounts.first_administrator(session, name="admin", full_name="Ada Min", password=PASSWORD, now=world.now)
    people = ["investigator", "auditor", "judge", *(f"rater{n + 1}" for n in range(raters))]
    with world.acting("admin") as acting:
        tokens = {name: accounts.invite(acting, name=name, full_name=f"Dr {name.title()}")[1] for name in people}
        chosen = design or Design(seed=seed, duplicate_gap=5, sitting_cap=None)
        study = studies.create(acting, NAME, design=chosen, rubric=rubric or default_rubric())
        accounts.set_role(acting, study, user_named(acting.session, "investigator"), "investigator")
    for name, token in tokens.items():
        with world.database.writing() as session:
            accounts.accept_invitation(session, token, f"{PASSWORD} of {name}", world.now)
    with world.acting("investigator") as acting:
        study = world.study(acting)
        accounts.set_role(acting, study, user_named(acting.session, "auditor"), "auditor")
        accounts.set_role(acting, study, user_named(acting.session, "judge"), "rater", adjudicates=True)
        for number in range(raters):
            site, user = f"site {number % 2 + 1}", user_named(acting.session, f"rater{number + 1}")
            accounts.set_role(acting, study, user, "rater", site_name=site)
            world.rater_effect[user.name] = float(world.rng.normal(0, 0.3))
        made = {name: _arm(acting, study, name) for name in arms}
        for number in range(cases + practice):
            name = f"file{number:03d}"
            world.truth[name] = LABELS[number % len(LABELS)]
            world.case_effect[name] = float(world.rng.normal(0, 0.4))
            case = studies.add_case(
                acting, study, _record(world.rng, sampling_rate_hz), name=name, patient=f"patient{number // 2}",
                practice=number >= cases, reference_labels=[world.truth[name]],
            )  # fmt: skip
            for arm_name, arm in made.items():
                studies.add_output(acting, case, arm, _reading(world, name, arm_name), {1: ["heart rate"]})
    return world


def _arm(acting: Acting, study: Study, name: str) -> Any:
    modality = {"signal-only": "signal", "image-only": "image"}.get(name, "both")
    return studies.add_arm(acting, study, name, reader=f"reader of {name}", modality=modality, version="1.0")  # type: ignore[arg-type]


def _record(rng: np.random.Generator, sampling_rate_hz: float) -> EcgRecord:
    signal = rng.normal(0, 0.1, (len(LEADS), round(10 * sampling_rate_hz))).astype(np.float32)
    return EcgRecord(signal, sampling_rate_hz, name="secret_file_name", patient=Patient(61.0, "F"))


def _reading(world: World, case: str, arm: str) -> str:
    wrong = arm == "other" and world.rng.random() < 0.5
    label = LABELS[(LABELS.index(world.truth[case]) + 1) % len(LABELS)] if wrong else world.truth[case]
    steps = [
        Step(number, title, f"The heart rate is regular in step {number} and {label} is seen.")
        for number, title in enumerate(STEP_TITLES, 1)
    ]
    return write(steps, f"In summary {label}.", [label])


def run(world: World, *, drop_out: str | None = None, drop_after: int = 0, adjudicated: bool = True) -> None:
    """Lock, let every rater read to the end (one may drop out), close, settle, unblind."""
    with world.acting("investigator") as acting:
        lock.lock(acting, world.study(acting))
    with world.acting("investigator") as acting:
        studies.start(acting, world.study(acting))
    for name in sorted(world.rater_effect):
        most = drop_after if name == drop_out else None
        read_all(world, name, most)
        if name == drop_out:
            with world.acting("investigator") as acting:
                studies.withdraw(acting, world.study(acting), user_named(acting.session, name), "moved away")
    with world.acting("investigator") as acting:
        studies.close(acting, world.study(acting), "all raters are done")
    if adjudicated:
        settle_all(world)
    with world.acting("investigator") as acting:
        studies.unblind(acting, world.study(acting), "data base closed", unsettled_ok=not adjudicated)


def read_all(world: World, name: str, most: int | None = None) -> int:
    """Let one rater read until nothing is left, or `most` readings; return how many."""
    read = 0
    while most is None or read < most:
        with world.acting(name) as acting:
            queue = ratings.queue(acting, world.study(acting))
        if queue.next_key is None and queue.not_before is not None:
            world.now = queue.not_before
            continue
        if queue.next_key is None:
            break
        read_one(world, name, queue.next_key)
        read += 1
    return read


def read_one(world: World, name: str, key: str) -> None:
    """Let one rater go through both stages of one reading, with a draft in each."""
    for stage in (1, 2):
        with world.acting(name) as acting:
            shown = ratings.open_stage(acting, key, stage)
            case, arms = behind(acting, key)
        world.pass_(float(world.rng.uniform(5, 40)))
        answer = stage_one(world, case) if stage == 1 else stage_two(world, name, case, arms, shown.outputs)
        with world.acting(name) as acting:
            ratings.save_draft(acting, key, stage, answer, 1, {"speed_mm_s": 25.0, "low_pass_hz": 150.0})
        world.pass_(float(world.rng.uniform(5, 40)))
        with world.acting(name) as acting:
            ratings.submit(acting, key, stage, answer)


def behind(acting: Acting, key: str) -> tuple[str, dict[str, str]]:
    """Return what no rater sees: the case's name and the arm under each letter."""
    assignment = acting.session.scalars(select(Assignment).where(Assignment.key == key)).one()
    return assignment.case.name, {one.letter: one.output.arm.name for one in assignment.shown}


def stage_one(world: World, case: str) -> dict[str, Any]:
    right = world.rng.random() < 0.9
    return {
        "labels": [world.truth[case] if right else "sinus bradycardia"],
        "confidence": int(world.rng.integers(2, 6)),
    }


def stage_two(
    world: World, name: str, case: str, arms: dict[str, str], shown: tuple[BlindOutput, ...]
) -> dict[str, Any]:
    """Return ratings drawn around the planted effects, on the scales of the default rubric."""
    rubric = default_rubric()
    latent = {
        letter: 4.0 + EFFECTS[arm] + world.case_effect[case] + world.rater_effect[name] for letter, arm in arms.items()
    }
    outputs = {}
    for output in shown:
        mean = latent[output.letter]
        scales: dict[str, Any] = {}
        for scale in rubric.scales:
            if scale.choices is None:
                scales[scale.key] = int(np.clip(np.rint(mean + world.rng.normal(0, 0.5)), 1, 5))
        right = output.answer == (world.truth[case],)
        scales["diagnosis_correct"] = "correct" if right else "wrong"
        scales["would_sign"] = "yes" if right and mean > 3.3 else "no"
        outputs[output.letter] = {
            "steps": {str(step.number): scales["reliability"] for step in output.steps},
            "scales": scales,
            "phrases": [
                {"step": 1, "text": "heart rate", "verdict": "accepted"},
                {"step": 2, "text": "regular", "verdict": "rejected"},
                {"step": 6, "text": "narrow QRS", "verdict": "added"},
            ],
            "labels": _correction(world, case, right),
        }
    letters = sorted(arms)
    pairs = [(left, right) for index, left in enumerate(letters) for right in letters[index + 1 :]]
    preferences = []
    for left, right in pairs:
        gap = latent[left] - latent[right] + world.rng.normal(0, 0.6)
        verdict = "tie" if abs(gap) < 0.2 else "left" if gap > 0 else "right"
        preferences.append({"left": left, "right": right, "verdict": verdict})
    return {"outputs": outputs, "preferences": preferences, "seen_before": False}


def _correction(world: World, case: str, right: bool) -> list[str] | None:
    """Return the labels that a rater puts in place of a reading's; some correct what was right, a few wrongly."""
    drawn = world.rng.random() if right else 0.95
    if drawn < 0.95:
        return None
    return [world.truth[case] if drawn < 0.98 else "sinus bradycardia"]


def settle_all(world: World) -> int:
    """Let the adjudicator settle whatever waits, with the true label; return how many."""
    with world.acting("judge") as acting:
        keys = adjudication.disputes(acting, world.study(acting))
    for key in keys:
        with world.acting("judge") as acting:
            dispute = adjudication.open_dispute(acting, world.study(acting), key)
            assert dispute.because
            label = next((one.labels[0] for one in dispute.ratings if one.labels), dispute.output.answer[0])
            content = {"labels": [label], "phrases": {"1": ["heart rate"]}}
            adjudication.adjudicate(acting, world.study(acting), key, content)
    return len(keys)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raters", type=int, default=4, help="raters (default 4); the last one drops out half-way")
    parser.add_argument("--cases", type=int, default=100, help="cases (default 100)")
    parser.add_argument("--seed", type=int, default=7, help="seed of everything (default 7)")
    parser.add_argument("--criterion", default="reliability", help="criterion to compare (default reliability)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        design = Design(seed=arguments.seed, sitting_cap=25)
        world = build(
            Path(folder) / "study.sqlite",
            raters=arguments.raters,
            cases=arguments.cases,
            design=design,
            seed=arguments.seed,
        )
        last = f"rater{arguments.raters}"
        run(world, drop_out=last, drop_after=arguments.cases // 2)
        read = time.perf_counter()
        with world.acting("investigator") as acting:
            found = results(acting, world.study(acting), criteria=[arguments.criterion])
        done = time.perf_counter()
        with world.database.reading() as session:
            trail = audit.verify(session)
    rows = []
    for pair in found["differences"][arguments.criterion]:
        planted = EFFECTS[pair["first"]] - EFFECTS[pair["second"]]
        for estimate in pair["estimates"]:
            held = estimate["low"] is not None and estimate["low"] <= planted <= estimate["high"]
            rows.append({"pair": f"{pair['first']} - {pair['second']}", "planted": planted, **estimate, "held": held})
    told = {
        "n": found["n"],
        "trail_intact": trail.intact,
        "events": trail.events,
        "seconds_build_and_read": round(read - begun, 1),
        "seconds_results": round(done - read, 1),
        "differences": rows,
        "preferences": found["preferences"],
        "agreement": found["agreement"][arguments.criterion],
        "intra_rater": found["intra_rater"][arguments.criterion],
        "own_diagnosis": found["own_diagnosis"],
    }
    print(json.dumps(told, indent=1))
    return 0 if trail.intact and sum(one["held"] for one in rows) >= len(rows) - 2 else 1


if __name__ == "__main__":
    sys.exit(main())
