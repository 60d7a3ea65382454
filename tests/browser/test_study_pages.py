"""The study pages in a real browser: a reading by mouse and by keys alone, a draft that survives, the wizard, WCAG."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import wfdb
from page_app import ROOT, served
from playwright.sync_api import Browser, Page, Route, expect

sys.path.insert(0, str(ROOT / "tests"))

from study_kit import PASSWORD, cheap_hashes, running_study, study_key
from test_page_accessibility import faults

import simulated_study  # isort: skip
from sqlalchemy import func, select

from annotations import audit
from annotations.tables import Revision
from ecgr1_core.record import LEADS
from training.cli import example_recordings


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, simulated_study.World]]:
    """A running study of two raters, served by the program."""
    folder = tmp_path_factory.mktemp("study")
    with cheap_hashes():
        world = running_study(folder / "study.sqlite", cases=3)
    with served(folder, ECGR1_STUDY_DATABASE=str(folder / "study.sqlite")) as address:
        yield address, world


def enter(page: Page, address: str, name: str, path: str = "rate") -> list[str]:
    """Log in and go to a page; return the list in which faults of the page are noted."""
    noted: list[str] = []
    page.on("pageerror", lambda error: noted.append(str(error)))
    page.goto(address + path)
    page.locator("[name=name]").fill(name)
    page.locator("[name=password]").fill(PASSWORD if name == "admin" else f"{PASSWORD} of {name}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{path}")
    return noted


def open_next(page: Page) -> None:
    page.get_by_role("link", name="Open", exact=True).click()
    page.locator("#continue").click()
    expect(page.locator("[data-labels=labels] input")).to_be_visible()


def answers(world: simulated_study.World, kind: str) -> int:
    with world.database.reading() as session:
        return session.scalar(select(func.count(Revision.id)).where(Revision.kind == kind)) or 0


def test_a_whole_reading_with_the_mouse(page: Page, site: tuple[str, simulated_study.World]) -> None:
    address, world = site
    noted = enter(page, address, "rater1")
    open_next(page)
    assert page.locator("#trace-data .data").count() == 1
    expect(page.locator("#v-marks")).to_be_hidden()
    page.locator("[data-labels=labels] input").fill("lbbb")
    page.get_by_role("option", name="complete left bundle branch block", exact=True).click()
    page.locator("[data-ask=confidence] label").nth(3).click()
    expect(page.locator("#saved")).to_contain_text("Saved at")
    page.locator("#submit").click()
    expect(page.get_by_role("heading", name="Reading A", exact=True)).to_be_visible()
    expect(page.locator(".own-shown")).to_contain_text("complete left bundle branch block")
    page.locator("#submit").click()
    expect(page.locator("#answers > .problem")).to_contain_text("answers are still missing")
    for fieldset in page.locator("fieldset[data-required]").all():
        fieldset.locator("label").nth(1).click()
    page.get_by_role("button", name="Accept: heart rate").first.click()
    page.locator('.phrases[data-letter="B"][data-step="2"] input').fill("narrow QRS")
    page.locator('.phrases[data-letter="B"][data-step="2"]').get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Correct: heart rate").last.click()
    page.keyboard.type("ventricular rate")
    page.keyboard.press("Enter")
    page.locator('[data-correct="A"]').check()
    page.locator('[data-correction="A"] [role=combobox]').fill("afib")
    expect(page.get_by_role("option", name="atrial fibrillation", exact=True)).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#missing")).to_have_text("Complete")
    page.locator("#submit").click()
    page.wait_for_url("**/rate/study/*")
    expect(page.get_by_text("1 of 5")).to_be_visible()
    assert answers(world, "stage_two") == 1
    page.get_by_role("link", name="Change…").click()
    expect(page.locator('[data-correct="A"]')).to_be_checked()
    expect(page.locator(".phrases li.corrected")).to_contain_text("should say: ventricular rate")
    page.locator("#reason").fill("the label was right")
    page.locator('[data-correct="A"]').uncheck()
    page.locator("#submit").click()
    expect(page.get_by_text("changed 1 times")).to_be_visible()
    assert noted == []


def test_a_whole_reading_with_keys_alone(page: Page, site: tuple[str, simulated_study.World]) -> None:
    address, _ = site
    noted = enter(page, address, "rater2")
    open_next(page)
    page.keyboard.press("Tab")
    page.locator("[data-labels=labels] input").focus()
    page.keyboard.type("sinus rhythm")
    page.wait_for_timeout(600)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("3")
    expect(page.locator("[data-ask=confidence] input:checked")).to_have_value("3")
    page.locator("#submit").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Reading B", exact=True)).to_be_visible()
    expect(page.locator("#missing")).to_contain_text("still missing")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("b")
    expect(page.locator("#output-B input:focus")).to_be_attached()
    page.keyboard.press("a")
    expect(page.locator("#output-A input:focus")).to_be_attached()
    for _ in range(40):
        page.keyboard.press("1")
    expect(page.locator("#missing")).to_have_text("Complete")
    page.keyboard.press("f")
    expect(page.locator("#flag")).to_be_visible()
    page.keyboard.type("V2 looks odd")
    page.get_by_role("button", name="Send the note").press("Enter")
    expect(page.locator("#flag")).to_be_hidden()
    page.locator("#submit").press("Enter")
    page.wait_for_url("**/rate/study/*")
    expect(page.get_by_text("1 of 5")).to_be_visible()
    assert noted == []


def test_axe_finds_no_fault_on_any_page(browser: Browser, site: tuple[str, simulated_study.World]) -> None:
    address, world = site
    key = study_key(world)
    found: dict[str, list[str]] = {}
    for name, paths in (
        ("rater1", ("rate", f"rate/study/{key}", "account")),
        ("investigator", ("studies", *(f"studies/{key}?step={step}" for step in (
            "cases", "arms", "outputs", "rubric", "people", "design", "lock", "overview")), f"studies/{key}/audit",
            "results")),
        ("admin", ("people", "studies")),
    ):  # fmt: skip
        context = browser.new_context(viewport={"width": 820, "height": 1180})
        page = context.new_page()
        page.goto(address + "login")
        found["log-in"] = faults(page)
        enter(page, address, name, "studies" if name != "rater1" else "rate")
        for path in paths:
            page.goto(address + path)
            found[f"{name} {path}"] = faults(page)
            page.locator("#dark-switch").click()
            found[f"{name} {path} dark"] = faults(page, colours_only=True)
            page.locator("#dark-switch").click()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than 820"
        if name == "rater1":
            page.goto(address + f"rate/study/{key}")
            page.locator("#continue").click()
            found["stage one"] = faults(page)
            page.locator("[data-labels=labels] input").fill("lbbb")
            page.locator(".options [role=option]").first.click()
            page.locator("[data-ask=confidence] label").first.click()
            page.locator("#submit").click()
            expect(page.get_by_role("heading", name="Reading A", exact=True)).to_be_visible()
            found["stage two"] = faults(page)
            page.locator("#dark-switch").click()
            found["stage two dark"] = faults(page, colours_only=True)
        context.close()
    assert {state: lines for state, lines in found.items() if lines} == {}


def test_nothing_is_lost_when_the_server_is_killed_while_a_rater_types(browser: Browser, tmp_path: Path) -> None:
    with cheap_hashes():
        world = running_study(tmp_path / "study.sqlite", cases=2, duplicate_share=0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = _serve(tmp_path, port)
    try:
        page = browser.new_page()
        enter(page, f"http://127.0.0.1:{port}/", "rater1")
        open_next(page)
        page.locator("[data-labels=labels] input").fill("lbbb")
        page.locator(".options [role=option]").first.click()
        expect(page.locator("#saved")).to_contain_text("Saved at")
        server.send_signal(signal.SIGKILL)
        server.wait(timeout=10)
        page.locator('[data-comment="comment"]').fill("typed while the server was away")
        expect(page.locator("#saved")).to_contain_text("Your answers stay here")
        server = _serve(tmp_path, port)
        expect(page.locator("#saved")).to_contain_text("Saved at", timeout=15_000)
        other = browser.new_page()
        enter(other, f"http://127.0.0.1:{port}/", "rater1")
        open_next(other)
        expect(other.locator('[data-comment="comment"]')).to_have_value("typed while the server was away")
        expect(other.locator(".chips")).to_contain_text("complete left bundle branch block")
    finally:
        server.kill()
        server.wait(timeout=10)
    with world.database.reading() as session:
        assert audit.verify(session).fault is None


def test_words_typed_before_the_script_arrives_are_kept(
    browser: Browser, site: tuple[str, simulated_study.World]
) -> None:
    context = browser.new_context()
    page = context.new_page()
    enter(page, site[0], "rater2")
    held: list[Route] = []
    page.route("**/own/rate.js", lambda route: held.append(route))
    page.get_by_role("link", name="Open", exact=True).click()
    page.locator("#continue").click(no_wait_after=True)
    page.locator('[data-comment="comment"]').fill("typed early")
    page.locator("[data-ask=confidence] label").nth(2).click()
    held[0].continue_()
    expect(page.locator("#saved")).to_contain_text("Saved at")
    expect(page.locator('[data-comment="comment"]')).to_have_value("typed early")
    page.unroute("**/own/rate.js")
    page.reload()
    expect(page.locator('[data-comment="comment"]')).to_have_value("typed early")
    expect(page.locator("[data-ask=confidence] input").nth(2)).to_be_checked()
    context.close()


def test_after_a_new_log_in_saving_goes_on(browser: Browser, site: tuple[str, simulated_study.World]) -> None:
    address, world = site
    context = browser.new_context()
    page = context.new_page()
    enter(page, address, "rater2")
    open_next(page)
    with world.database.writing() as session:
        from annotations.tables import Login

        for login in session.scalars(select(Login)):
            login.ended_at = login.last_seen_at
    page.locator('[data-comment="comment"]').fill("after the end")
    expect(page.locator("#saved")).to_contain_text("Your log-in has ended")
    with context.expect_page() as opened:
        page.locator("#saved a").click()
    other = opened.value
    other.locator("[name=name]").fill("rater2")
    other.locator("[name=password]").fill(f"{PASSWORD} of rater2")
    other.keyboard.press("Enter")
    other.wait_for_url("**/rate")
    expect(page.locator("#saved")).to_contain_text("Saved at", timeout=15_000)
    context.close()


def test_the_wizard_from_an_empty_machine_to_a_rater_s_queue(browser: Browser, tmp_path: Path) -> None:
    for number, record in enumerate(example_recordings()[:2]):
        signal_mv = np.asarray(record.signal_mv, dtype=float).T
        wfdb.wrsamp(f"r{number}", 500, ["mV"] * 12, list(LEADS), signal_mv, fmt=["16"] * 12, write_dir=str(tmp_path))
    word = "correct horse battery"
    data = tmp_path / "var"
    data.mkdir()
    with served(data) as address:
        page = browser.new_page()
        page.goto(address + "studies")
        code = re.search(r"code ([0-9a-f]{8})", (data / "serve.log").read_text())
        assert code
        for name, value in {
            "code": code.group(1),
            "name": "ada",
            "full_name": "Ada Min",
            "new": word,
            "again": word,
        }.items():
            page.locator(f"[name={name}]").fill(value)
        page.locator("main button.primary").click()
        page.wait_for_url("**/login*")
        page.locator("[name=name]").fill("ada")
        page.locator("[name=password]").fill(word)
        page.keyboard.press("Enter")
        page.wait_for_url("**/rate")
        page.goto(address + "people")
        page.locator("[name=name]").fill("rita")
        page.locator("[name=full_name]").fill("Dr Rita Two")
        page.get_by_role("button", name="Invite", exact=True).click()
        link = page.locator("#invitation input").input_value()
        rita = browser.new_context().new_page()
        rita.goto(link)
        rita.locator("[name=new]").fill(word)
        rita.locator("[name=again]").fill("something else")
        rita.locator("main button.primary").click()
        expect(rita.locator(".problem")).to_contain_text("not alike")
        rita.locator("[name=again]").fill(word)
        rita.locator("main button.primary").click()
        rita.wait_for_url("**/login*")
        page.goto(address + "studies")
        page.locator("[name=name]").fill("blind1")
        page.get_by_role("button", name="Make the study").click()
        page.wait_for_url("**/studies/*")
        base = page.url
        page.locator("[name=files]").set_input_files(sorted(tmp_path.glob("r*.*")))
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_text("10 s · 500 Hz")).to_have_count(2)
        page.goto(f"{base}?step=arms")
        page.locator("[name=name]").fill("rules")
        page.get_by_role("button", name="Add the arm").click()
        expect(page.get_by_role("cell", name="rules", exact=True)).to_be_visible()
        page.goto(f"{base}?step=outputs")
        page.get_by_role("button", name="Let the arms read").click()
        expect(page.get_by_text("2 of 2 readings are there")).to_be_visible(timeout=60_000)
        page.goto(f"{base}?step=people")
        page.locator("[name=name]").fill("rita")
        page.get_by_role("button", name="Give the role").click()
        expect(page.get_by_role("cell", name="Dr Rita Two")).to_be_visible()
        page.goto(f"{base}?step=lock")
        page.locator("form:has(.grave) [name=name]").fill("blind1")
        page.get_by_role("button", name="Lock", exact=True).click()
        page.get_by_role("button", name="Start: let raters begin").click()
        expect(page.locator(".study-head .state")).to_have_text("running")
        rita.locator("[name=name]").fill("rita")
        rita.locator("[name=password]").fill(word)
        rita.keyboard.press("Enter")
        expect(rita.get_by_text("0 of 2")).to_be_visible()


def _serve(folder: Path, port: int) -> subprocess.Popen[bytes]:
    own = {"ECGR1_DATA_DIR": str(folder), "ECGR1_STUDY_DATABASE": str(folder / "study.sqlite")}
    environment = os.environ | own | {"ECGR1_LOAD_AT_START": "false"}
    command = [sys.executable, str(ROOT / "app.py"), "serve", "--port", str(port), "--no-browser"]
    with (folder / "serve.log").open("a") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    end = time.monotonic() + 90
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=2):
                return server
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the app did not answer: {(folder / 'serve.log').read_text()}")
