"""Blindness, searched for: every byte that a rater's browser can get, against everything that tells an arm apart.

The server is the real one with the Gradio app behind it. Names of arms, readers, versions and files are words that
occur nowhere else, so that any of them in a page, header, script, payload or answer is a leak.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import urllib.parse
import zlib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parents[1]))

from study_kit import ARMS, cheap_hashes, logged_in, running_study, study_key, whole_stage_two
from web_kit import HOST, Person

import simulated_study  # isort: skip
from sqlalchemy import select

from annotations.tables import Arm, Assignment, Case, Membership, Output
from ecgr1_core.settings import Settings
from ui.app import build_app, build_server

STAGE_ONE = {"labels": ["LBBB"], "confidence": 4, "comment": ""}
JSON = {"accept": "application/json"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[simulated_study.World]:
    with cheap_hashes():
        yield running_study(tmp_path_factory.mktemp("leaks") / "study.sqlite", raters=2, cases=2, duplicate_share=0.5)


@pytest.fixture(scope="module")
def app(world: simulated_study.World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    path = world.database.path
    settings = Settings(data_dir=tmp_path_factory.mktemp("var"), study_database=str(path))
    server = build_server(build_app(settings, list), settings)
    yield server
    server.state.site.close()


class Listening(Person):
    """A rater whose every answer is kept."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(app)
        self.heard: list[tuple[str, bytes]] = []
        self.client.event_hooks["response"].append(self._keep)

    def _keep(self, response: Any) -> None:
        response.read()
        head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        self.heard.append((f"{response.request.method} {response.request.url}", head.encode() + response.content))


@pytest.fixture(scope="module")
def heard(app: FastAPI, world: simulated_study.World) -> list[tuple[str, bytes]]:
    """Everything that a rater gets on the way through the whole queue, and whatever else can be asked for."""
    with cheap_hashes():
        rater = Listening(app)
        rater.log_in("rater1", f"{simulated_study.PASSWORD} of rater1")
    queue = f"/rate/study/{study_key(world)}"
    while found := re.search(r'id="continue" href="/rate/reading/([\w-]+)"', rater.get(queue).text):
        key = found.group(1)
        rater.get(f"/rate/reading/{key}")
        rater.call("/rate/draft", {"key": key, "stage": 1, "number": 1, "content": STAGE_ONE})
        rater.call("/rate/touch", {"key": key, "stage": 1})
        rater.call("/rate/submit", {"key": key, "stage": 1, "content": STAGE_ONE})
        rater.get(f"/rate/reading/{key}")
        rater.call("/rate/draft", {"key": key, "stage": 2, "number": 1, "content": whole_stage_two()})
        rater.call("/rate/flag", {"key": key, "note": "looks odd"})
        rater.call("/rate/submit", {"key": key, "stage": 2, "content": whole_stage_two()})
        rater.get(f"/rate/reading/{key}/change")
        rater.call("/rate/submit", {"key": key, "stage": 1, "content": STAGE_ONE | {"confidence": 1}})
    key = study_key(world)
    paths = (
        "/", "/compare", "/config", "/gradio_api/info", "/gradio_api/startup-events", "/theme.css", "/rate", "/account",
        "/studies", "/results", "/people", f"/studies/{key}", f"/results/{key}", f"/adjudicate/{key}", "/rate/word",
        "/rate/vocabulary",
    )  # fmt: skip
    for path in paths:
        rater.get(path)
    linked = {link for _, body in list(rater.heard) for link in re.findall(rb'(?:src|href)="(/own/[^"]+)"', body)}
    for link in sorted(linked):
        rater.get(link.decode())
    return rater.heard


def readable(body: bytes) -> str:
    """A body as text, with what is escaped, encoded or packed in it beside it."""
    text = body.decode("utf-8", "replace")
    forms = [text, unescape(text), urllib.parse.unquote(text)]
    for block in re.findall(r"[A-Za-z0-9+/]{64,}={0,2}", text):
        try:
            raw = base64.b64decode(block + "=" * (-len(block) % 4))
        except ValueError:
            continue
        forms.append(raw.decode("latin-1"))
        try:
            forms.append(zlib.decompress(raw).decode("latin-1"))
        except zlib.error:
            continue
    return "\n".join(forms).casefold()


def secrets_of(world: simulated_study.World) -> dict[str, str]:
    """What tells readings, files, patients and other raters apart, by what it is."""
    found: dict[str, str] = {}
    with world.database.reading() as session:
        for arm in session.scalars(select(Arm)):
            found |= {f"arm {arm.name}": arm.name, f"reader of {arm.name}": arm.reader, f"key of {arm.name}": arm.key}
        for case in session.scalars(select(Case)):
            found |= {f"file {case.name}": case.name, f"patient of {case.name}": case.patient}
            found |= {f"key of {case.name}": case.key, f"hash of {case.name}": case.trace_sha256}
        for output in session.scalars(select(Output)):
            found[f"output {output.id}"] = output.key
        for member in session.scalars(select(Membership)):
            if member.user.name != "rater1":
                found |= {
                    f"name of {member.user.name}": member.user.full_name,
                    f"key {member.user.name}": member.user.key,
                }
        for one in session.scalars(select(Assignment)):
            if one.membership.user.name != "rater1":
                found[f"reading {one.id} of another"] = one.key
    return found


def test_nothing_that_reaches_a_rater_tells_what_wrote_a_reading(
    heard: list[tuple[str, bytes]], world: simulated_study.World
) -> None:
    secrets = secrets_of(world)
    assert len(heard) > 60
    leaks = [
        (where, what)
        for where, body in heard
        for text in [readable(body)]
        for what, word in secrets.items()
        if word.casefold() in text
    ]
    assert leaks == []


def test_the_search_would_find_a_leak(world: simulated_study.World) -> None:
    arm = ARMS[0]
    hidden = base64.b64encode(zlib.compress(f"{list(range(80))} {arm}".encode())).decode()
    for text in (arm.upper(), f"&#{ord(arm[0])};{arm[1:]}", f'{{"data": "{hidden}"}}'):
        assert arm in readable(text.encode())
    assert len(secrets_of(world)) > 20


def test_pages_of_a_reading_differ_only_in_what_was_written(heard: list[tuple[str, bytes]]) -> None:
    """Apart from the text of the readings, samples, keys and numbers, the pages of stage two are the same bytes."""
    shapes = set()
    for where, body in heard:
        if not re.search(r"GET .*/rate/reading/[\w-]+$", where) or b'class="card output"' not in body:
            continue
        text = body.decode()
        text = re.sub(r'<div class="data">.*?</div>', "", text)
        text = re.sub(r'<script type="application/json" id="reading-data">.*?</script>', "", text)
        text = re.sub(r'<p class="text">.*?</p>', "", text, flags=re.S)
        text = re.sub(r'<ul class="chips plain">.*?</ul>', "", text, flags=re.S)
        text = re.sub(r"Reading \d+ of|content-length: \d+|Practice: this reading is in no analysis\.", "", text)
        text = re.sub(r'<span class="practice">\s*</span>\n?', "", text)
        text = re.sub(r"date: .*|set-cookie: .*", "", text)
        shapes.add(text)
    assert len(shapes) == 1


def test_the_trace_of_a_duplicate_has_another_name(heard: list[tuple[str, bytes]]) -> None:
    ids = []
    for where, body in heard:
        found = re.search(rb'<div class="data">(.*?)</div>', body)
        if found and re.search(r"/rate/reading/[\w-]+$", where) and b"stage-1" in body:
            ids.append(json.loads(unescape(found.group(1).decode()))["id"])
    assert len(ids) == len(set(ids)) >= 4


@pytest.mark.parametrize("path", ["/config", "/gradio_api/info"])
def test_gradio_knows_no_study(app: FastAPI, world: simulated_study.World, path: str) -> None:
    with cheap_hashes():
        text = logged_in(app, "rater1").get(path).text
    assert "simulated" not in text
    assert "stage" not in json.dumps(json.loads(text).get("named_endpoints", {}))


def test_with_a_log_in_for_all_raters_cannot_read_by_themselves(world: simulated_study.World, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, study_database=str(world.database.path), require_login=True)
    server = build_server(build_app(settings, list), settings)
    nobody = Person(server)
    assert nobody.get("/").headers["location"] == "/login?next=/"
    assert nobody.get("/compare").headers["location"] == "/login?next=/compare"
    assert nobody.get("/config").status_code == 401
    with cheap_hashes():
        rater = logged_in(server, "rater1")
        for path in ("/", "/compare"):
            assert (rater.get(path).status_code, "stay blind" in rater.get(path).text) == (403, True)
        assert rater.get("/config").status_code == 401
        reader = logged_in(server, "investigator")
    assert (reader.get("/").status_code, reader.get("/compare").status_code) == (200, 200)
    assert reader.client.get(f"{HOST}/config").status_code == 200
    server.state.site.close()
