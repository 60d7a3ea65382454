"""How soon ECG-R1-nano has read a recording on the Read and Compare pages, in a real browser.

    .venv/bin/python benchmarks/nano_page.py ../shared/data/ptbxl/records500 --count 6 --shots FOLDER

The app is started as a user starts it, on a free port. Each WFDB record of the folder, every so many-th, is opened;
once it is measured nano is asked for the signal, on the Read page and on the Compare page beside the protocol reader.
Seconds are from the click to nano's first words, to the end of its reading and, on the Compare page, to the finished
comparison; the first recording that is opened is in a line of its own. With --shots pictures of both pages are written
there, 1440 and 820 wide.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright
from read_page import FLAGS, ROOT, server, some_headers

from ecgr1_core.readers import NanoReader
from ui.components.comparison import view_name

_TITLE = NanoReader.title
_LONGEST_MS = 120_000
_WIDTHS = (1440, 820)


def main() -> None:
    """Print seconds of both pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="folder of WFDB records")
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    parser.add_argument("--shots", type=Path)
    given = parser.parse_args()
    headers = some_headers(given.recordings, given.count)
    with (
        tempfile.TemporaryDirectory() as folder,
        server(ROOT, Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=given.chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": _WIDTHS[0], "height": 1000})
        page.goto(address)
        page.locator("#reader-note p").wait_for()
        _tell("Read", [_read(page, header) for header in headers])
        _picture(page, given.shots, "read")
        page.goto(f"{address}compare")
        _tell("Compare", [_compare(page, header) for header in headers])
        _picture(page, given.shots, "compare")
        browser.close()


def _open(page: Page, header: Path) -> None:
    """Open a recording and wait until it is measured."""
    page.evaluate("document.querySelectorAll('#status .done').forEach((one) => one.classList.add('before'))")
    page.locator("#upload input[type=file]").set_input_files([header, header.with_suffix(".dat")])
    page.locator("#status .done:not(.before)", has_text="is open and measured").wait_for(timeout=_LONGEST_MS)


def _choose(page: Page, name: str, option: str) -> None:
    page.locator(f"#{name} input").click()
    page.locator(f"#{name}").get_by_role("option", name=option, exact=True).click()


def _read(page: Page, header: Path) -> dict[str, float]:
    _open(page, header)
    _choose(page, "reader", _TITLE)
    return _timed(
        page.get_by_role("button", name="Read", exact=True),
        {
            "first words": page.locator("#reading .reading"),
            "reading finished": page.locator("#status .done", has_text="Reading finished"),
        },
    )


def _compare(page: Page, header: Path) -> dict[str, float]:
    _open(page, header)
    _choose(page, "view-B", view_name(_TITLE, "signal"))
    words = page.locator("#reading .side .column").nth(1).locator(".reading")
    done = page.locator("#reading .state", has_text=re.compile(r"\d s$")).nth(1)
    return _timed(
        page.locator("#compare-now"),
        {
            "first words": words.or_(done).first,
            "reading finished": done,
            "compared": page.locator("#status .done", has_text="The readings are compared"),
        },
    )


def _timed(button: Locator, awaited: dict[str, Locator]) -> dict[str, float]:
    """Click, and return after how many seconds each of what is awaited is there."""
    began = time.perf_counter()
    button.click()
    seconds = {}
    for name, locator in awaited.items():
        locator.wait_for(timeout=_LONGEST_MS)
        seconds[name] = time.perf_counter() - began
    return seconds


def _tell(name: str, times: list[dict[str, float]]) -> None:
    first, rest = times[0], times[1:]
    print(f"{name}: first recording: " + ", ".join(f"{what} {seconds:.2f} s" for what, seconds in first.items()))
    for what in first:
        found = [one[what] for one in rest]
        every = ", ".join(f"{seconds:.2f}" for seconds in found)
        print(f"{name}: {len(rest)} others, {what}: median {statistics.median(found):.2f} s of {every}")


def _picture(page: Page, folder: Path | None, name: str) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for width in _WIDTHS:
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(1000)
        page.screenshot(path=folder / f"{name}_{width}.png", full_page=True)
    page.set_viewport_size({"width": _WIDTHS[0], "height": 1000})


if __name__ == "__main__":
    main()
