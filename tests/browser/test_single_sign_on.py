"""Single sign-on in a real browser, with a provider on another site: cookies, policies and links as they are there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from page_app import ROOT, served
from playwright.sync_api import Page, expect
from sqlalchemy import select

sys.path.insert(0, str(ROOT / "tests"))

from oidc_kit import CLIENT, SECRET, Provider, provider
from study_kit import World, cheap_hashes, running_study, study_key
from test_page_accessibility import faults

from annotations import accounts
from annotations.policy import Acting
from annotations.tables import Event


@dataclass
class Place:
    """The site, its provider, its study, and the invitation of the investigator, who has no password."""

    address: str
    at: Provider
    world: World
    invitation: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    tmp_path = tmp_path_factory.mktemp("clinic")
    with cheap_hashes():
        world = running_study(tmp_path / "study.sqlite", raters=1, cases=1, duplicate_share=0)
        with world.database.writing() as session:
            acting = Acting(session, accounts.user_named(session, "admin"), datetime.now(UTC))
            token = accounts.invite_again(acting, accounts.user_named(session, "investigator"))
    with provider("localhost") as at:
        at.asks, at.person = True, {"sub": "ina"}
        settings = {
            "ECGR1_STUDY_DATABASE": str(tmp_path / "study.sqlite"),
            "ECGR1_OIDC_ISSUER": at.issuer,
            "ECGR1_OIDC_CLIENT_ID": CLIENT,
            "ECGR1_OIDC_CLIENT_SECRET": SECRET,
            "ECGR1_OIDC_NAME": "North Clinic",
        }
        with served(tmp_path, **settings) as address:
            at.redirect = f"{address}oidc/back"
            yield Place(address, at, world, token)
    world.database.close()


def test_an_invited_person_comes_in_signs_and_goes(page: Page, place: Place) -> None:
    noted: list[str] = []

    def ours(url: str) -> bool:
        return url.startswith(place.address)

    page.on("pageerror", lambda error: noted.append(str(error)))
    page.on("console", lambda message: noted.append(message.text) if "Content Security" in message.text else None)
    page.on("response", lambda answer: noted.append(answer.url) if answer.status >= 400 and ours(answer.url) else None)
    page.goto(f"{place.address}accept?token={place.invitation}")
    assert faults(page) == []
    page.get_by_role("link", name="Log in with North Clinic").click()
    page.get_by_role("button", name="I am ina").click()
    page.wait_for_url("**/rate")
    expect(page.get_by_role("link", name="Dr Investigator")).to_be_visible()

    page.goto(f"{place.address}studies/{study_key(place.world)}?step=overview")
    assert faults(page) == []
    expect(page.get_by_role("button", name="Sign", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Confirm with North Clinic").click()
    page.get_by_role("button", name="I am ina").click()
    page.wait_for_url("**/studies/*?step=overview")
    expect(page.get_by_text("You have confirmed who you are")).to_be_visible()
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_text("Dr Investigator: design approved")).to_be_visible()
    with place.world.database.reading() as session:
        kinds = session.scalars(select(Event.kind).order_by(Event.sequence)).all()
    assert kinds[-4:] == ["account.linked", "login.made", "login.confirmed", "study.signed"]

    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("At North Clinic you may still be logged in")).to_be_visible()
    assert faults(page) == []
    assert noted == []


def test_somebody_unknown_is_told_and_can_start_again(page: Page, place: Place) -> None:
    place.at.person = {"sub": "eve", "email": "eve@north.example", "email_verified": True}
    page.goto(f"{place.address}login?next=/studies")
    page.get_by_role("link", name="Log in with North Clinic").click()
    page.get_by_role("button", name="I am eve").click()
    expect(page.get_by_text("there is no account here that you can use this way")).to_be_visible()
    assert faults(page) == []
    expect(page.locator("main .button")).to_have_attribute("href", "/login?next=%2Fstudies")
    assert [one["name"] for one in page.context.cookies() if one["name"] == "ecgr1_login"] == []
