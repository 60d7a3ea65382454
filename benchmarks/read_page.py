"""Time, in a real browser, from choosing a file to the waveform on screen and to the finished reading.

    python benchmarks/read_page.py RECORDINGS [--count 10]

RECORDINGS is a folder that holds WFDB records, searched through. The app is started as a user starts it, on a free
port; each record is dropped on the page, and as soon as the page allows it Read is pressed. The times are taken by the
browser itself: from the moment the files are given to the upload field to the frame after the trace was drawn, and to
the frame after the answer was shown. The first record is also listed by itself, since it finds everything cold.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, TimeoutError, sync_playwright

ROOT = Path(__file__).parents[1]
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

# Notes in ms, counted from the change of the file input, when trace and answer are on screen, and presses Read as
# soon as it can be pressed. The old trace is marked first, so that the new one can be told from it.
WATCH = """(name) => {
    const times = window.benchmarkTimes = {start: null, waveform: null, reading: null};
    const trace = document.querySelector('#trace');
    const old = trace._fullData?.[1]?.y;
    let pressed = false;
    const onScreen = (key) => {
        times[key] = NaN;
        requestAnimationFrame(() => setTimeout(() => { times[key] = performance.now() - times.start; }));
    };
    const look = () => {
        const opened = document.querySelector('#case .name')?.innerText === name;
        const lines = trace.querySelectorAll('.trace path.js-line').length;
        if (times.waveform === null && opened && lines >= 13 && trace._fullData[1].y !== old) onScreen('waveform');
        const read = document.querySelector('#read');
        if (!pressed && times.waveform !== null && !read.disabled) { pressed = true; read.click(); }
        const answered = document.querySelector('#reading ul.answer li')
            && document.querySelector('#footer').innerText.startsWith('Read by');
        if (times.reading === null && pressed && answered) onScreen('reading');
        if (times.reading === null) requestAnimationFrame(look);
    };
    const start = (event) => {
        if (!event.target.closest?.('#upload')) return;
        document.removeEventListener('change', start, true);
        times.start = performance.now();
        look();
    };
    document.addEventListener('change', start, true);
}"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="folder of WFDB records")
    parser.add_argument("--count", type=int, default=10, help="records to open (default 10)")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    arguments = parser.parse_args()
    headers = sorted(arguments.recordings.rglob("*.hea"))
    headers = headers[:: max(1, len(headers) // arguments.count)][: arguments.count]
    if not headers or arguments.chromium is None:
        print("needs WFDB records and chromium (sudo apt-get install chromium)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as data_dir:
        rows = _run(headers, Path(data_dir), arguments.chromium)
    print(f"{'record':<16}{'waveform s':>12}{'reading s':>12}")
    for name, waveform, reading in rows:
        print(f"{name:<16}{waveform:>12.2f}{reading:>12.2f}")
    for label, choose in (("median", statistics.median), ("max", max)):
        print(f"{label:<16}{choose(row[1] for row in rows):>12.2f}{choose(row[2] for row in rows):>12.2f}")
    return 0


def _run(headers: list[Path], data_dir: Path, chromium: str) -> list[tuple[str, float, float]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(ROOT / "app.py"), "serve", "--port", str(port), "--no-browser"]
    environment = os.environ | {"ECGR1_DATA_DIR": str(data_dir)}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/", server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator("#reader-note p").wait_for()
            page.wait_for_timeout(2000)
            rows = [_time(page, header) for header in headers]
            browser.close()
        return rows
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"the app ended with {server.returncode}")


def _time(page: Page, header: Path) -> tuple[str, float, float]:
    page.evaluate(WATCH, header.stem)
    page.locator("#upload input[type=file]").set_input_files([header, header.with_suffix(".dat")])
    try:
        page.wait_for_function("window.benchmarkTimes.reading > 0", timeout=30_000)
    except TimeoutError:
        raise SystemExit(f"{header.name}: not read within 30 s; {page.locator('#status').inner_text()}") from None
    times = page.evaluate("window.benchmarkTimes")
    return header.stem, times["waveform"] / 1000, times["reading"] / 1000


if __name__ == "__main__":
    sys.exit(main())
