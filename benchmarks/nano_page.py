"""How soon ECG-R1-nano has read a recording on the Read and Compare pages, in a real browser.

    .venv/bin/python benchmarks/nano_page.py ../shared/data/ptbxl/records500 --count 6 --shots FOLDER

The app is started as a user starts it, on a free port. Each WFDB record of the folder, every so many-th, is opened;
once it is measured nano is asked for the signal, on the Read page and on the Compare page beside the protocol reader.
Seconds are from the click to the first words of a step and to the sentence that all is done; the first reading, which
loads the model, is in a line of its own. With --shots pictures of both pages are written there, 1440 and 820 wide.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from read_page import FLAGS, ROOT, server

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
    headers = sorted(given.recordings.rglob("*.hea"))
    headers = headers[:: max(1, len(headers) // given.count)][: given.count]
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


def _read(page: Page, header: Path) -> tuple[float, float]:
    _open(page, header)
    _choose(page, "reader", _TITLE)
    began = time.perf_counter()
    page.get_by_role("button", name="Read", exact=True).click()
    page.locator("#reading .reading").wait_for(timeout=_LONGEST_MS)
    first = time.perf_counter() - began
    page.locator("#status .done", has_text="Reading finished").wait_for(timeout=_LONGEST_MS)
    return first, time.perf_counter() - began


def _compare(page: Page, header: Path) -> tuple[float, float]:
    _open(page, header)
    _choose(page, "view-B", view_name(_TITLE, "signal"))
    began = time.perf_counter()
    page.locator("#compare-now").click()
    page.locator(".compared .heads h3").first.wait_for(timeout=_LONGEST_MS)
    first = time.perf_counter() - began
    page.locator("#status .done", has_text="The readings are compared").wait_for(timeout=_LONGEST_MS)
    return first, time.perf_counter() - began


def _tell(name: str, times: list[tuple[float, float]]) -> None:
    first, rest = times[0], times[1:]
    print(f"{name}: first recording {first[0]:.2f} s to words, {first[1]:.2f} s to the end")
    for place, what in enumerate(("to words", "to the end")):
        found = [one[place] for one in rest]
        print(f"{name}: {len(rest)} others {what}: median {statistics.median(found):.2f}, largest {max(found):.2f} s")


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
