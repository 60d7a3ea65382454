"""Does a study hold up over HTTP: fifty raters at once, a server that is killed, a locked database, a full disk?

    .venv/bin/python benchmarks/study_web.py [--raters 50] [--seconds 180] [--pause 2] [--kills 50]

Every part starts `ecgr1 serve` on a study that runs and rates through its pages as a browser does: queue, reading,
drafts, submission. Load: all raters come within fifteen seconds and then act every two seconds on average, far faster
than anybody reads; the percentiles of each call are printed, and every acknowledged rating must be there once. Kills:
the server is killed with SIGKILL at a random moment, started again, and what it had acknowledged is looked for. Locked,
full: another program holds the write lock, or the disk (a small tmpfs, which needs root) has no room left; the answer
must be 503 with one sentence, pages must still be shown, the draft acknowledged last must be kept, and the same call
must be taken once the trouble is over. Exit code 1 otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from simulated_study import PASSWORD, World, behind, stage_one, stage_two
from sqlalchemy import select
from study_faults import again, lost, prepared

from annotations.accounts import user_named
from annotations.blinding import blind_output
from annotations.database import Database, open_database
from annotations.policy import Acting
from annotations.tables import Assignment, Draft, Revision
from ui.web.visits import utc_now

ARRIVE_S = 15.0

Tell = Callable[[str, str, int, int, float], None]
"""Told after each acknowledged call: kind, key of the reading, stage, number of the draft, seconds."""


class Server:
    """`ecgr1 serve` on a study database."""

    def __init__(self, database: Path, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **os.environ, "ECGR1_STUDY_DATABASE": str(database), "ECGR1_DATA_DIR": str(folder), "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        self._log = folder / "server.log"
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(Path(sys.executable).parent / "ecgr1"), "serve", "--port", str(self.port), "--no-browser"]
        with self._log.open("a") as log:
            self.process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.address}/login").status_code == 200:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"the server did not start: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self.process.wait()


class Rater:
    """One rater with a browser of their own; the answers are drawn as in `simulated_study`."""

    def __init__(self, address: str, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.client = httpx.Client(base_url=address, timeout=60)
        login = {"name": name, "password": f"{PASSWORD} of {name}"}
        self.client.post("/login", data=login, headers={"accept": "application/json"}).raise_for_status()
        found = re.search(r'data-csrf="([0-9a-f]{64})"', self.client.get("/account").text)
        assert found
        self.headers = {"accept": "application/json", "x-ecgr1-csrf": found.group(1)}
        found = re.search(r'href="(/rate/study/[\w-]+)"', self.client.get("/rate").text)
        assert found
        self.queue = found.group(1)

    def call(self, path: str, sent: dict[str, Any]) -> httpx.Response:
        """Send what the script of the page sends."""
        return self.client.post(path, json=sent, headers=self.headers)

    def answers(self, key: str) -> dict[int, dict[str, Any]]:
        """Return what this rater answers in each stage; what no rater sees is looked up beside the server."""
        with self.world.database.reading() as session:
            acting = Acting(session, user_named(session, self.name), utc_now())
            case, arms = behind(acting, key)
            assignment = session.scalars(select(Assignment).where(Assignment.key == key)).one()
            outputs = tuple(blind_output(one.letter, one.output) for one in assignment.shown)
            done = session.scalars(select(Revision.kind).where(Revision.assignment_id == assignment.id)).all()
        stages = {2: stage_two(self.world, self.name, case, arms, outputs)}
        return stages if "stage_one" in done else {1: stage_one(self.world, case), **stages}

    def next_key(self) -> str | None:
        """Return the reading that the queue offers, None at its end."""
        page = self.client.get(self.queue)
        assert page.status_code == 200, page.text
        found = re.search(r'id="continue" href="/rate/reading/([\w-]+)"', page.text)
        return found.group(1) if found else None

    def rate(self, tell: Tell, stop: threading.Event, pause_s: float = 0.0, arrive_s: float = 0.0) -> None:
        """Come within `arrive_s`, and rate until the queue is empty or `stop` is set; a stage begun is finished."""
        stop.wait(arrive_s * float(self.world.rng.uniform()))
        while not stop.is_set():
            begun = time.perf_counter()
            key = self.next_key()
            if key is None:
                return
            tell("queue", key, 0, 0, time.perf_counter() - begun)
            for stage, answer in self.answers(key).items():
                begun = time.perf_counter()
                page = self.client.get(f"/rate/reading/{key}")
                assert page.status_code == 200, page.text
                tell("page", key, stage, 0, time.perf_counter() - begun)
                found = re.search(r'id="reading-data">(.*?)</script>', page.text)
                assert found
                first = int(json.loads(found.group(1))["number"]) + 1
                sent = {"key": key, "stage": stage, "content": answer, "display": {"speed_mm_s": 25.0}}
                for number in range(first, first + 3):
                    self._pause(pause_s)
                    self._send("draft", "/rate/draft", sent | {"number": number}, number, tell)
                self._pause(pause_s)
                self._send("rating", "/rate/submit", sent, 0, tell)

    def _send(self, kind: str, path: str, sent: dict[str, Any], number: int, tell: Tell) -> None:
        begun = time.perf_counter()
        answer = self.call(path, sent)
        took = time.perf_counter() - begun
        assert answer.status_code == 200, answer.text
        tell(kind, sent["key"], sent["stage"], number, took)

    def _pause(self, pause_s: float) -> None:
        time.sleep(pause_s * float(self.world.rng.uniform(0.5, 1.5)))


def logged(log: Path) -> Tell:
    """Write acknowledged drafts and ratings into `log`, for `lost`."""
    gate = threading.Lock()

    def tell(kind: str, key: str, stage: int, number: int, _took: float) -> None:
        if kind in ("draft", "rating"):
            with gate, log.open("a", encoding="utf-8") as file:
                file.write(json.dumps([kind, key, stage, number]) + "\n")

    return tell


def load(folder: Path, raters: int, seconds: float, pause_s: float) -> dict[str, Any]:
    """Let all raters work at once for a while."""
    path, log = folder / "load.sqlite", folder / "load.log"
    prepared(path, raters, 40, 500.0).database.close()
    server, database, stop, gate = Server(path, folder), open_database(path), threading.Event(), threading.Lock()
    log.touch()
    write, times, errors = logged(log), dict[str, list[float]](), list[str]()

    def work(number: int) -> None:
        def tell(kind: str, key: str, stage: int, draft: int, took: float) -> None:
            write(kind, key, stage, draft, took)
            with gate:
                times.setdefault(kind, []).append(took)

        name = f"rater{number + 1}"
        try:
            people[number].rate(tell, stop, pause_s, ARRIVE_S)
        except Exception as error:  # told at the end: a thread must not die in silence
            with gate:
                errors.append(f"{name}: {type(error).__name__}: {error}")

    try:
        truth = again(database, 0)
        worlds = [
            World(database, np.random.default_rng(n), case_effect=truth.case_effect,
                  rater_effect=truth.rater_effect, truth=truth.truth)
            for n in range(raters)
        ]  # fmt: skip
        people = [Rater(server.address, worlds[number], f"rater{number + 1}") for number in range(raters)]
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
    finally:
        server.kill()
    faults = [*errors, *lost(path, log), *unasked(database, log)]
    database.close()
    calls = {
        kind: {
            "calls": len(found),
            **{f"p{q}_ms": round(1000 * float(np.quantile(found, q / 100)), 1) for q in (50, 95, 99)},
        }
        for kind, found in times.items()
    }
    return {"raters": raters, "seconds": round(took, 1), "calls": calls, "faults": faults}


def unasked(database: Database, log: Path) -> list[str]:
    """Return ratings that are in the database though no call that made them was acknowledged."""
    told = {tuple(at) for kind, *at, _ in map(json.loads, log.read_text().splitlines()) if kind == "rating"}
    with database.reading() as session:
        rows = session.execute(
            select(Assignment.key, Revision.kind).join(Revision, Revision.assignment_id == Assignment.id)
        )
        there = {(key, 1 if kind == "stage_one" else 2) for key, kind in rows}
    return [f"rating {at} was not acknowledged" for at in sorted(there - told)]


def kills(folder: Path, number: int, rng: np.random.Generator) -> dict[str, Any]:
    """Kill the server again and again while somebody rates, and compare what was acknowledged with what is there."""
    path, log, faults = folder / "kills.sqlite", folder / "kills.log", list[str]()
    prepared(path, 1, max(20, 2 * number), 500.0).database.close()
    log.touch()
    server, database = Server(path, folder), open_database(path)
    rater, stop, tell = Rater(server.address, again(database, 1), "rater1"), threading.Event(), logged(log)

    def work() -> None:
        with contextlib.suppress(httpx.TransportError):  # the server is gone
            rater.rate(tell, stop)

    for turn in range(number):
        thread = threading.Thread(target=work)
        size = log.stat().st_size
        thread.start()
        while thread.is_alive() and log.stat().st_size == size:  # until it works
            time.sleep(0.005)
        time.sleep(float(rng.uniform(0, 0.6)))
        if not thread.is_alive():
            faults.append(f"turn {turn}: the rater stopped before the server was killed")
        server.kill()
        thread.join()
        faults += lost(path, log)
        if turn + 1 < number:
            server.start()
    database.close()
    return {"killed": number, "acknowledged": len(log.read_text().splitlines()), "faults": sorted(set(faults))}


def in_trouble(
    path: Path, folder: Path, trouble: contextlib.AbstractContextManager[None], words: str
) -> dict[str, Any]:
    """Send a draft before, during and after a trouble of the database, and look at what is told and kept."""
    prepared(path, 1, 2, 500.0).database.close()
    server, database = Server(path, folder), open_database(path)
    try:
        rater = Rater(server.address, again(database, 1), "rater1")
        key = rater.next_key()
        assert key is not None
        rater.client.get(f"/rate/reading/{key}").raise_for_status()
        sent = {"key": key, "stage": 1, "content": rater.answers(key)[1], "display": {}}

        def kept() -> int | None:
            with database.reading() as session:
                return session.scalar(select(Draft.number))

        before = rater.call("/rate/draft", sent | {"number": 1})
        with trouble:
            begun = time.perf_counter()
            refused = {
                path: rater.call(path, sent | {"number": 2}) for path in ("/rate/draft", "/rate/submit")
            }  # fmt: skip
            took = time.perf_counter() - begun
            page = rater.client.get(rater.queue)
            during = kept()
        after = rater.call("/rate/draft", sent | {"number": 2})
        faults = [] if before.status_code == 200 else [f"before: {before.text}"]
        for asked, answer in refused.items():
            if answer.status_code != 503 or words not in answer.json()["error"]:
                faults.append(f"{asked}: {answer.status_code} {answer.text}")
        faults += [] if during == 1 else [f"draft {during} was kept, acknowledged was 1"]
        faults += [] if page.status_code == 200 else [f"queue: {page.status_code} {page.text}"]
        faults += [] if (after.status_code, kept()) == (200, 2) else [f"after: {after.status_code} {after.text}"]
        said = refused["/rate/draft"].json()["error"]
    finally:
        server.kill()
        database.close()
    return {"said": said, "seconds_until_told": round(took / len(refused), 1), "faults": faults}


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock of the database, as another program may."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """Leave no room on the disk of `folder`."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        ballast.unlink()


def on_full_disk(folder: Path) -> dict[str, Any]:
    """Run `in_trouble` on a small file system of its own."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        return {"skipped": f"a small disk could not be mounted: {mounted.stderr.strip()}", "faults": []}
    try:
        return in_trouble(disk / "study.sqlite", folder, full(disk), "the disk is full")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raters", type=int, default=50, help="raters at once (default 50; 0 leaves it out)")
    parser.add_argument("--seconds", type=float, default=180, help="length of the load (default 180)")
    parser.add_argument("--pause", type=float, default=2.0, help="mean pause of a rater between acts, s (default 2)")
    parser.add_argument("--kills", type=int, default=50, help="how often to kill (default 50; 0 leaves it out)")
    arguments = parser.parse_args()
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "locked.sqlite"
        told["locked"] = in_trouble(path, folder, locked(path), "another program is writing to it")
        told["full"] = on_full_disk(folder)
        if arguments.raters:
            told["load"] = load(folder, arguments.raters, arguments.seconds, arguments.pause)
        if arguments.kills:
            told["kills"] = kills(folder, arguments.kills, np.random.default_rng(1))
    print(json.dumps(told, indent=1))
    return 1 if any(one["faults"] for one in told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
