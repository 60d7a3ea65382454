"""How quick the Read page is in a real browser: first waveform, reading, every switch of the trace; and its memory.

    python benchmarks/read_page.py RECORDINGS [--count 10] [--growth 100]

RECORDINGS is a folder that holds WFDB records, searched through. The app is started as a user starts it, on a free
port; each record is dropped on the page, and as soon as the page allows it Read is pressed. The times are taken by the
browser itself: from the moment the files are given to the upload field to the frame after the trace was drawn, and to
the frame after the answer was shown. The first record is also listed by itself, since it finds everything cold. Then
every list above the trace is switched to each of its entries, from the change to the frame after. With --growth that
many recordings are opened one after the other, and the script's memory and the nodes of the page are counted after
every tenth, each time after a garbage collection.
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
# soon as it can be pressed. A new trace is told from the old one by the number of times the viewer has drawn.
WATCH = """([name, press]) => {
    const times = window.benchmarkTimes = {start: null, waveform: null, reading: null, payload: 0};
    const recording = () => document.querySelector('#trace-data .data')?.textContent ?? '';
    const before = recording();
    let pressed = false;
    const onScreen = (key) => {
        times[key] = NaN;
        requestAnimationFrame(() => setTimeout(() => { times[key] = performance.now() - times.start; }));
    };
    const look = () => {
        const opened = document.querySelector('#case .name')?.innerText === name;
        if (times.waveform === null && opened && recording() !== before && window.ecgr1Viewer.state().draws > drawn) {
            times.payload = recording().length;
            onScreen('waveform');
        }
        const read = document.querySelector('#read');
        if (press && !pressed && times.waveform !== null && !read.disabled) { pressed = true; read.click(); }
        const answered = document.querySelector('#reading ul.answer li')
            && document.querySelector('#footer').innerText.startsWith('Read by');
        if (times.reading === null && pressed && answered) onScreen('reading');
        if (press ? times.reading === null : times.waveform === null) requestAnimationFrame(look);
    };
    let drawn = 0;
    const start = (event) => {
        if (!event.target.closest?.('#upload')) return;
        document.removeEventListener('change', start, true);
        drawn = window.ecgr1Viewer.state().draws;
        times.start = performance.now();
        look();
    };
    document.addEventListener('change', start, true);
}"""
# Switches a list to each of its entries and back, and gives the ms from each change to the frame after it.
SWITCH = """async (name) => {
    const list = document.querySelector(`#v-${name}`);
    const times = [];
    for (const {value, disabled} of [...list.options, list.options[list.selectedIndex]]) {
        if (disabled || value === list.value) continue;
        const begun = performance.now();
        list.value = value;
        list.dispatchEvent(new Event('change', {bubbles: true}));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        times.push(performance.now() - begun);
    }
    return times;
}"""
SWITCHES = ("layout", "order", "speed", "gain", "band", "notch", "view")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="folder of WFDB records")
    parser.add_argument("--count", type=int, default=10, help="records to open (default 10)")
    parser.add_argument(
        "--growth", type=int, default=0, metavar="N", help="then open N recordings and watch the memory"
    )
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    arguments = parser.parse_args()
    headers = sorted(arguments.recordings.rglob("*.hea"))
    headers = headers[:: max(1, len(headers) // arguments.count)][: arguments.count]
    if not headers or arguments.chromium is None:
        print("needs WFDB records and chromium (sudo apt-get install chromium)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as data_dir:
        rows, switches, memory = _run(headers, Path(data_dir), arguments.chromium, arguments.growth)
    print(f"{'record':<16}{'waveform s':>12}{'reading s':>12}{'payload kB':>12}")
    for name, waveform, reading, payload in rows:
        print(f"{name:<16}{waveform:>12.2f}{reading:>12.2f}{payload / 1000:>12.0f}")
    for label, choose in (("median", statistics.median), ("max", max)):
        print(f"{label:<16}{choose(row[1] for row in rows):>12.2f}{choose(row[2] for row in rows):>12.2f}")
    print(f"\n{'switch':<16}{'median ms':>12}{'max ms':>12}")
    for name, times in switches.items():
        print(f"{name:<16}{statistics.median(times):>12.0f}{max(times):>12.0f}")
    if memory:
        print(f"\n{'opened':<16}{'script MB':>12}{'nodes':>12}")
        for opened, heap_bytes, nodes in memory:
            print(f"{opened:<16}{heap_bytes / 1e6:>12.1f}{nodes:>12.0f}")
    return 0


Row = tuple[str, float, float, int]


def _run(
    headers: list[Path], data_dir: Path, chromium: str, growth: int
) -> tuple[list[Row], dict[str, list[float]], list[tuple[int, float, float]]]:
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
            switches = {name: page.evaluate(SWITCH, name) for name in SWITCHES}
            memory = _growth(page, headers, growth) if growth else []
            browser.close()
        return rows, switches, memory
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


def _time(page: Page, header: Path) -> Row:
    page.evaluate(WATCH, [header.stem, True])
    _drop(page, header)
    _wait_for(page, "reading", header)
    times = page.evaluate("window.benchmarkTimes")
    return header.stem, times["waveform"] / 1000, times["reading"] / 1000, times["payload"]


def _growth(page: Page, headers: list[Path], count: int) -> list[tuple[int, float, float]]:
    """Open `count` recordings, each with its measurements and a filter, and note memory and nodes at every tenth."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    found = []
    for number in range(count + 1):
        if number % 10 == 0:
            for _ in range(2):
                session.send("HeapProfiler.collectGarbage")
            metrics = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
            found.append((number, metrics["JSHeapUsedSize"], metrics["Nodes"]))
        header = headers[number % len(headers)]
        page.evaluate(WATCH, [header.stem, False])
        _drop(page, header)
        _wait_for(page, "waveform", header)
        page.wait_for_function("!document.querySelector('#read').disabled", timeout=30_000)
    return found


def _drop(page: Page, header: Path) -> None:
    page.locator("#upload input[type=file]").set_input_files([header, header.with_suffix(".dat")])


def _wait_for(page: Page, key: str, header: Path) -> None:
    try:
        page.wait_for_function(f"window.benchmarkTimes.{key} > 0", timeout=30_000)
    except TimeoutError:
        status = page.locator("#status").inner_text()
        raise SystemExit(f"{header.name}: no {key} within 30 s; {status}") from None


if __name__ == "__main__":
    sys.exit(main())
