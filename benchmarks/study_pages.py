"""A whole reader study through the real pages: are planted effects recovered, and is the trail intact?

    .venv/bin/python benchmarks/study_pages.py --raters 4 --cases 100

People, cases and readings are made as in `simulated_study`; then everything goes through the pages, over HTTP in this
process: lock, start, every rater's two stages with drafts, hidden duplicates, one rater who drops out, close, the
adjudicator, unblind. Results come from the command line, as JSON, and the planted differences stand beside those found.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import simulated_study
from simulated_study import EFFECTS, NAME, PASSWORD, World
from web_kit import Person, study_app

import app as program
from annotations import audit
from annotations.accounts import user_named
from annotations.blinding import blind_output
from annotations.design import Design
from annotations.ratings import own_reading
from annotations.studies import study_named


def logged_in(server: Any, name: str) -> Person:
    person = Person(server)
    answer = person.log_in(name, f"{PASSWORD} of {name}")
    assert answer.status_code == 200, answer.text
    return person


def read_queue(world: World, person: Person, name: str, queue: str, most: int | None) -> int:
    """Let one rater read to the end of the queue, or `most` readings; return how many."""
    done, word = 0, person.csrf
    headers = {"accept": "application/json", "x-ecgr1-csrf": word}
    while most is None or done < most:
        found = re.search(r'id="continue" href="/rate/reading/([\w-]+)"', person.get(queue).text)
        if found is None:
            return done
        key = found.group(1)
        with world.acting(name) as acting:
            case, arms = simulated_study.behind(acting, key)
            assignment, _ = own_reading(acting, key)
            shown = tuple(blind_output(one.letter, one.output) for one in assignment.shown)
        for stage in (1, 2):
            page = person.get(f"/rate/reading/{key}")
            assert page.status_code == 200, page.text
            if stage == 1:
                answer = simulated_study.stage_one(world, case)
            else:
                answer = simulated_study.stage_two(world, name, case, arms, shown)
            call = {"key": key, "stage": stage, "content": answer, "display": {"speed_mm_s": 25.0}}
            for path, sent in (("/rate/draft", call | {"number": 1}), ("/rate/submit", call)):
                told = person.client.post(path, json=sent, headers=headers)
                assert told.status_code == 200, told.text
        done += 1
    return done


def settle(world: World, judge: Person, key: str) -> int:
    """Let the adjudicator settle whatever waits; return how many."""
    settled = 0
    found = re.search(rf'href="(/adjudicate/{key}/[\w-]+)"', judge.get(f"/adjudicate/{key}").text)
    path = found.group(1) if found else f"/adjudicate/{key}"
    while path != f"/adjudicate/{key}":
        page = judge.get(path).text
        corrected = re.search(r"<section class=\"step\"><h3>Rater 1</h3>\s*<p>([^<]+)</p>", page)
        labels = json.loads(re.search(r'id="reading-data">(.*?)</script>', page).group(1))["labels"]  # type: ignore[union-attr]
        if corrected and corrected.group(1) != "The labels are right":
            labels = corrected.group(1).split("; ")
        answer = judge.send(path, labels=labels, **{"phrases-1": "heart rate"})
        assert answer.status_code == 200, answer.text
        path, settled = answer.json()["go"], settled + 1
    return settled


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raters", type=int, default=4, help="raters (default 4); the last one drops out half-way")
    parser.add_argument("--cases", type=int, default=100, help="cases (default 100)")
    parser.add_argument("--seed", type=int, default=7, help="seed of everything (default 7)")
    parser.add_argument("--criterion", default="reliability", help="criterion to compare (default reliability)")
    parser.add_argument(
        "--export", type=Path, metavar="FOLDER", help="new folder for the export and results.json (see study_peers.py)"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, begun = Path(place), time.perf_counter()
        database = folder / "study.sqlite"
        design = Design(seed=arguments.seed, sitting_cap=None, washout_days=0)
        world = simulated_study.build(
            database, raters=arguments.raters, cases=arguments.cases, design=design, seed=arguments.seed
        )
        server = study_app(database, folder)
        with world.database.reading() as session:
            key = study_named(session, NAME).key
        investigator = logged_in(server, "investigator")

        def move(act: str, **fields: str) -> None:
            answer = investigator.send(f"/studies/{key}/move", act=act, name=NAME, **fields)
            assert answer.status_code == 200, answer.text

        move("lock")
        move("start")
        last, read = f"rater{arguments.raters}", {}
        for number in range(arguments.raters):
            name = f"rater{number + 1}"
            most = arguments.cases // 2 if name == last else None
            read[name] = read_queue(world, logged_in(server, name), name, f"/rate/study/{key}", most)
        with world.acting("investigator") as acting:
            user = user_named(acting.session, last).key
        assert investigator.send(f"/studies/{key}/withdraw", user=user, reason="moved away").status_code == 200
        move("close", reason="all raters are done")
        settled = settle(world, logged_in(server, "judge"), key)
        move("unblind", reason="data base closed")
        finished = time.perf_counter()
        word = folder / "word.txt"
        word.write_text(f"{PASSWORD} of investigator")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = program.main(
                ["study", "results", NAME, "--database", str(database), "--as", "investigator", "--password-file",
                 str(word), "--criterion", arguments.criterion]
            )  # fmt: skip
        assert code == 0
        found = json.loads(printed.getvalue())
        if arguments.export:
            with contextlib.redirect_stdout(io.StringIO()):
                code = program.main(
                ["study", "export", NAME, "--database", str(database), "--as", "investigator", "--password-file",
                 str(word), "--out", str(arguments.export)]
            )  # fmt: skip
            assert code == 0
            (arguments.export / "results.json").write_text(printed.getvalue())
        with world.database.reading() as session:
            trail = audit.verify(session)
        done = time.perf_counter()
        server.state.site.close()
    rows = []
    for pair in found["differences"][arguments.criterion]:
        planted = EFFECTS[pair["first"]] - EFFECTS[pair["second"]]
        for estimate in pair["estimates"]:
            held = estimate["low"] is not None and estimate["low"] <= planted <= estimate["high"]
            rows.append({"pair": f"{pair['first']} - {pair['second']}", "planted": planted, **estimate, "held": held})
    told = {
        "n": found["n"], "read": read, "settled": settled, "trail_intact": trail.intact, "events": trail.events,
        "seconds_build_and_read": round(finished - begun, 1), "seconds_results": round(done - finished, 1),
        "differences": rows, "preferences": found["preferences"],
        "intra_rater": found["intra_rater"][arguments.criterion],
    }  # fmt: skip
    print(json.dumps(told, indent=1))
    return 0 if trail.intact and sum(one["held"] for one in rows) >= len(rows) - 2 else 1


if __name__ == "__main__":
    sys.exit(main())
