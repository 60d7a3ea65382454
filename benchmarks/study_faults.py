"""Does a study lose anything when its process is killed, or when fifty raters work at once?

    .venv/bin/python benchmarks/study_faults.py [--kills 50] [--raters 50] [--seconds 180] [--pause 2]

Kills: a process rates through the functions that the pages use and writes down each draft and rating after the database
has acknowledged it; it is killed with SIGKILL at a random moment, again and again. Afterwards every acknowledged rating
must be there once, the audit trail whole, and each draft at least as new as the last one that was acknowledged.
Load: raters in threads draft every two seconds and submit after three drafts, far faster than anybody reads; nothing
may be lost or doubled, and the percentiles of one call are printed. Only the domain is measured here, no web server.
Exit code 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from simulated_study import NAME, World, build, stage_one, stage_two
from sqlalchemy import func, select

from annotations import audit, lock, ratings, studies
from annotations.database import Database, open_database
from annotations.design import Design
from annotations.tables import Assignment, Draft, Revision


def prepared(path: Path, raters: int, cases: int, sampling_rate_hz: float = 50.0) -> World:
    """Make a study that runs."""
    design = Design(sitting_cap=None, duplicate_share=0, stages=2)
    world = build(path, raters=raters, cases=cases, practice=0, design=design, sampling_rate_hz=sampling_rate_hz)
    with world.acting("investigator") as acting:
        lock.lock(acting, world.study(acting))
    with world.acting("investigator") as acting:
        studies.start(acting, world.study(acting))
    return world


def again(database: Database, seed: int) -> World:
    """Return the study of `prepared` for another process or thread, with a truth of its own for the answers."""
    world = World(database, np.random.default_rng(seed))
    with world.database.reading() as session:
        study = studies.study_named(session, NAME)
        rows = session.scalars(select(Assignment).where(Assignment.study_id == study.id))
        for one in rows:
            world.truth[one.case.name] = "sinus rhythm"
            world.case_effect[one.case.name] = 0.0
            world.rater_effect[one.membership.user.name] = 0.0
    return world


def rate_and_tell(
    world: World, name: str, tell: Any, stop: threading.Event | None = None, pause_s: float = 0.0
) -> None:
    """Rate until nothing is left, telling (kind, key, stage, number) after each acknowledged write."""
    while stop is None or not stop.is_set():
        with world.acting(name) as acting:
            key = ratings.queue(acting, world.study(acting)).next_key
        if key is None:
            return
        with world.acting(name) as acting:
            assignment = acting.session.scalars(select(Assignment).where(Assignment.key == key)).one()
            case = assignment.case.name
            arms = {one.letter: one.output.arm.name for one in assignment.shown}
            kinds = set(acting.session.scalars(select(Revision.kind).where(Revision.assignment_id == assignment.id)))
        for stage in (2,) if "stage_one" in kinds else (1, 2):
            with world.acting(name) as acting:
                shown = ratings.open_stage(acting, key, stage)
            answer = stage_one(world, case) if stage == 1 else stage_two(world, name, case, arms, shown.outputs)
            for number in range(shown.draft_number + 1, shown.draft_number + 4):
                time.sleep(pause_s * float(world.rng.uniform(0.5, 1.5)))
                begun = time.perf_counter()
                with world.acting(name) as acting:
                    ratings.save_draft(acting, key, stage, answer, number)
                tell("draft", key, stage, number, time.perf_counter() - begun)
            begun = time.perf_counter()
            with world.acting(name) as acting:
                made = ratings.submit(acting, key, stage, answer).key
            tell("rating", key, stage, made, time.perf_counter() - begun)


def child(path: Path, name: str, log: Path, seed: int) -> int:
    """Rate and write down what was acknowledged, until killed."""
    with log.open("a", encoding="utf-8") as file:

        def tell(*what: object) -> None:
            file.write(json.dumps(what[:4]) + "\n")
            file.flush()

        rate_and_tell(again(open_database(path), seed), name, tell)
    return 0


def kills(path: Path, number: int, rng: np.random.Generator) -> dict[str, Any]:
    """Kill a rating process again and again, and compare what it was told with what is there."""
    log, killed, faults = path.with_suffix(".log"), 0, list[str]()
    log.touch()
    for turn in range(number):
        process = subprocess.Popen(
            [sys.executable, __file__, "--child", str(path), "rater1", str(log), str(turn)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        size = log.stat().st_size
        while process.poll() is None and log.stat().st_size == size:  # until it works
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0, 0.6)))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
        faults += lost(path, log)
    told = [json.loads(line) for line in log.read_text().splitlines()]
    return {"killed": killed, "acknowledged": len(told), "faults": faults}


def lost(path: Path, log: Path) -> list[str]:
    """Return what was acknowledged and is not there, or is there twice, or does not verify."""
    told = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("]")]
    database = open_database(path)
    with database.reading() as session:
        trail = audit.verify(session)
        drafts = {
            (key, stage): number
            for key, stage, number in session.execute(
                select(Assignment.key, Draft.stage, Draft.number).join(Draft, Draft.assignment_id == Assignment.id)
            )
        }
        submitted = {
            (key, 1 if kind == "stage_one" else 2)
            for key, kind in session.execute(
                select(Assignment.key, Revision.kind).join(Revision, Revision.assignment_id == Assignment.id)
            )
        }
        doubled = session.execute(
            select(Revision.assignment_id, Revision.kind)
            .group_by(Revision.assignment_id, Revision.kind)
            .having(func.count() > 1)
        ).all()
    database.close()
    faults = [] if trail.intact else [str(trail.fault)]
    faults += [f"rating {at} is lost" for kind, *at, _ in told if kind == "rating" and tuple(at) not in submitted]
    faults += [f"assignment {one[0]} has {one[1]} twice" for one in doubled]
    newest: dict[tuple[str, int], int] = {}
    for kind, key, stage, number in told:
        if kind == "draft":
            newest[key, stage] = max(newest.get((key, stage), 0), number)
    for at, number in newest.items():
        if at not in submitted and drafts.get(at, 0) < number:
            faults.append(f"draft {at} is at {drafts.get(at)}, acknowledged was {number}")
    return faults


def load(path: Path, raters: int, seconds: float, pause_s: float) -> dict[str, Any]:
    """Let all raters work at once for a while."""
    database, stop, gate = open_database(path), threading.Event(), threading.Lock()
    times: dict[str, list[float]] = {"draft": [], "rating": []}
    made, errors = list[str](), list[str]()

    def work(number: int) -> None:
        def tell(kind: str, _key: str, _stage: int, what: Any, took: float) -> None:
            with gate:
                times[kind].append(took)
                if kind == "rating":
                    made.append(what)

        try:
            rate_and_tell(again(database, number), f"rater{number + 1}", tell, stop, pause_s)
        except Exception as error:  # told at the end: a thread must not die in silence
            with gate:
                errors.append(f"rater{number + 1}: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(raters)]
    begun = time.perf_counter()
    for one in threads:
        one.start()
    while time.perf_counter() - begun < seconds and any(one.is_alive() for one in threads):
        time.sleep(0.2)
    stop.set()
    for one in threads:
        one.join()
    took = time.perf_counter() - begun
    log = path.with_suffix(".log")
    log.write_text("")
    with database.reading() as session:
        there = session.scalars(select(Revision.key)).all()
    database.close()
    faults = [*errors, *lost(path, log)]
    faults += [] if sorted(there) == sorted(made) else ["ratings acknowledged and ratings kept differ"]
    quantiles = {
        kind: {f"p{q}_ms": round(1000 * float(np.quantile(found, q / 100)), 1) for q in (50, 95, 99)}
        for kind, found in times.items()
        if found
    }
    return {"raters": raters, "seconds": round(took, 1), "ratings": len(made), "calls": quantiles, "faults": faults}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="how often to kill (default 50; 0 leaves it out)")
    parser.add_argument("--raters", type=int, default=50, help="raters at once (default 50; 0 leaves it out)")
    parser.add_argument("--seconds", type=float, default=180, help="length of the load (default 180)")
    parser.add_argument("--pause", type=float, default=2.0, help="mean pause of a rater between drafts, s (default 2)")
    parser.add_argument("--child", nargs=4, metavar="ARG", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        path, name, log, seed = arguments.child
        return child(Path(path), name, Path(log), int(seed))
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if arguments.kills:
            prepared(Path(folder) / "kills.sqlite", 1, 4 * arguments.kills).database.close()
            told["kills"] = kills(Path(folder) / "kills.sqlite", arguments.kills, np.random.default_rng(1))
        if arguments.raters:
            prepared(Path(folder) / "load.sqlite", arguments.raters, 40).database.close()
            told["load"] = load(Path(folder) / "load.sqlite", arguments.raters, arguments.seconds, arguments.pause)
    print(json.dumps(told, indent=1))
    return 1 if any(one["faults"] for one in told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
