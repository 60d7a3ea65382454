"""The app, started as a user starts it, and a browser that notes every fault and every address it asks."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from page_app import ROOT, served, watched
from playwright.sync_api import BrowserContext, BrowserType, Page, Request

sys.path.insert(0, str(ROOT / "tests" / "ecgr1_core" / "model"))  # the tiny checkpoint
CHROMIUM = os.environ.get("ECGR1_CHROMIUM") or next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
NOT_NEEDED = (
    *("InitialWebUI", "PreloadTopChromeWebUI", "WebUIAppMenuButton", "WebUIAvatarButton", "WebUIBackForwardButton"),
    *("WebUIExtensionsContainer", "WebUIHomeButton", "WebUILocationBar", "WebUIOmniboxPopup", "WebUIOmniboxFullPopup"),
    *("WebUIPinnedToolbarActions", "WebUIReloadButton", "WebUISplitTabsButton", "WebUIToolbar"),
    *("HttpsUpgrades", "MediaRouter", "OptimizationHints", "PaintHolding", "ThirdPartyStoragePartitioning"),
)
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The buttons of a new window are pages too, which nobody sees here and which take as long as a page of ours.
    f"--disable-features={','.join(NOT_NEEDED)}",
)

STORED = "local_storage,indexeddb,service_workers"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = pytest.mark.skip(reason="no chromium found: sudo apt-get install chromium, or set ECGR1_CHROMIUM")
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(missing)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    return {"executable_path": CHROMIUM, "args": list(CHROMIUM_FLAGS)}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, object]:
    return {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture(scope="session")
def profile(
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
    browser_context_args: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BrowserContext]:
    """A browser as a user has one: it compiles the scripts of a page once and not for every test."""
    folder = tmp_path_factory.mktemp("profile")
    with browser_type.launch_persistent_context(folder, **browser_type_launch_args, **browser_context_args) as context:
        yield context


@pytest.fixture
def context(profile: BrowserContext) -> Iterator[BrowserContext]:
    """That browser, which afterwards knows nothing of the pages that were open: no storage, cookies or permissions."""
    before, origins = set(profile.pages), set[str]()

    def note(request: Request) -> None:
        address = urlsplit(request.url)
        if request.is_navigation_request() and address.scheme in ("http", "https"):
            origins.add(f"{address.scheme}://{address.netloc}")

    profile.on("request", note)
    yield profile
    profile.remove_listener("request", note)
    for page in set(profile.pages) - before:
        page.close()
    blank = profile.new_page()
    session = profile.new_cdp_session(blank)
    for origin in origins:
        session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": STORED})
    blank.close()
    profile.clear_cookies()
    profile.clear_permissions()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="session")
def app_address(data_dir: Path) -> Iterator[str]:
    """The address of the real app, served by `ecgr1 serve` on a free port, without a model of its own."""
    with served(data_dir, ECGR1_LOAD_AT_START="true") as address:
        yield address


@pytest.fixture(scope="session")
def model_app_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app that was given a tiny ECG-R1, which writes nonsense until it is stopped."""
    from endless import build_endless_checkpoint

    model = build_endless_checkpoint(tmp_path_factory.mktemp("models") / "tiny-endless")
    settings = {"ECGR1_MODEL": str(model), "ECGR1_MODEL_DEVICE": "cpu", "ECGR1_MODEL_PRECISION": "int8"}
    with served(tmp_path_factory.mktemp("var"), **settings, ECGR1_MODEL_MAX_NEW_TOKENS="1500") as address:
        yield address


@pytest.fixture
def read_page(page: Page, app_address: str) -> Iterator[Page]:
    """The Read page, open; after the test no error may be on the console and no request may have left this machine."""
    with watched(page, app_address):
        yield page


@pytest.fixture
def known_page(page: Page, app_address: str, data_dir: Path, shared_data: Path) -> Iterator[Page]:
    """As `read_page`, for a visitor of whom three recordings are kept, the last one with a reading."""
    from page_kept import keep_recordings, know

    keep_recordings(data_dir, shared_data)
    know(page)
    with watched(page, app_address):
        yield page


@pytest.fixture
def model_page(page: Page, model_app_address: str) -> Iterator[Page]:
    """The Read page of the app that has a model; watched as `read_page`."""
    with watched(page, model_app_address):
        yield page


@pytest.fixture
def compare_page(page: Page, model_app_address: str) -> Iterator[Page]:
    """The Compare page of the app that has a model; watched as `read_page`."""
    with watched(page, f"{model_app_address}compare"):
        yield page
