"""How quick the Read page is in a real browser: first waveform, reading, every switch of the trace; and its memory.

    python benchmarks/read_page.py RECORDINGS [--count 10] [--growth 100] [--root FOLDER]

RECORDINGS is a folder that holds WFDB records, searched through. The app is started as a user starts it, on a free
port; each record is dropped on the page, and as soon as the page allows it Read is pressed. The times are taken by the
browser itself: from the moment the files are given to the upload field to the frame after the trace was drawn, and to
the frame after the answer was shown. The first record is also listed by itself, since it finds everything cold. Then
every list above the trace is switched to each of its entries, from the change to the frame after. Two synthetic
recordings follow: ten minutes at 500 Hz, the longest that is opened, and ten seconds at 1000 Hz as text with seven
digits, which are no multiples of any step. Of them the first waveform, the time until all samples have arrived, and,
once they have been measured, every switch and leafing through. --root starts the app of another checkout. With --growth
that many recordings are opened one after the other, and the script's memory and the nodes of the page are counted after
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, TimeoutError, sync_playwright

from ecgr1_core.record import LEADS
from training.synthesis import NoiseSpec, kind_spec, synthesize

ROOT = Path(__file__).parents[1]
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

# Notes in ms, counted from the change of the file input, when trace and answer are on screen, and presses Read as
# soon as it can be pressed. A new trace is told from the old one by the number of times the viewer has drawn.
WATCH = """([name, press]) => {
    const times = window.benchmarkTimes = {start: null, waveform: null, whole: null, reading: null, payload: 0};
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
        const arrived = times.waveform !== null && window.ecgr1Viewer.state().whole !== false;
        if (times.whole === null && arrived) onScreen('whole');
        const read = document.querySelector('#read');
        if (press && !pressed && times.waveform !== null && !read.disabled) { pressed = true; read.click(); }
        const answered = document.querySelector('#reading ul.answer li')
            && document.querySelector('#footer').innerText.startsWith('Read by');
        if (times.reading === null && pressed && answered) onScreen('reading');
        if (times.whole === null || (press && times.reading === null)) requestAnimationFrame(look);
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
# Goes to places all over a recording of so many seconds, and gives the ms from each change to the frame after it.
LEAF = """async (seconds) => {
    const times = [];
    for (let page = 1; page <= 40; page += 1) {
        const {start} = window.ecgr1Viewer.state().view;
        const begun = performance.now();
        window.ecgr1Viewer.change({start: page % 2 ? (page * 173) % (seconds - 20) : start + 10});
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        times.push(performance.now() - begun);
    }
    return times;
}"""
SWITCHES = ("layout", "order", "speed", "gain", "band", "notch", "view")


LONG_S = 600.0
MEASURED_S = 90.0


@dataclass
class Opened:
    """What was measured of one recording; seconds, bytes, and ms by switch."""

    name: str
    waveform_s: float
    reading_s: float | None = None
    whole_s: float | None = None
    payload: int = 0
    switches: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class Results:
    """What was measured of all: the recordings of the folder, the synthetic ones, and memory by number opened."""

    rows: list[Opened]
    switches: dict[str, list[float]]
    synthetic: list[Opened]
    memory: list[tuple[int, float, float, float]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="folder of WFDB records")
    parser.add_argument("--count", type=int, default=10, help="records to open (default 10)")
    parser.add_argument(
        "--growth", type=int, default=0, metavar="N", help="then open N recordings and watch the memory"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout whose app is started (default: this one)")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    arguments = parser.parse_args()
    headers = some_headers(arguments.recordings, arguments.count)
    if len(headers) < 2 or arguments.chromium is None:
        print("needs two WFDB records and chromium (sudo apt-get install chromium)", file=sys.stderr)
        return 2
    records = [[header, header.with_suffix(".dat")] for header in headers]
    with tempfile.TemporaryDirectory() as folder, server(arguments.root, Path(folder)) as address:
        results = _run(address, records, _synthetic(Path(folder)), arguments.chromium, arguments.growth)
    _tell(results)
    return 0


def some_headers(folder: Path, count: int) -> list[Path]:
    """Return the headers of at most `count` WFDB records from all over a folder."""
    headers = sorted(folder.rglob("*.hea"))
    return headers[:: max(1, len(headers) // count)][:count]


def _tell(results: Results) -> None:
    rows = results.rows
    print(f"{'record':<16}{'waveform s':>12}{'reading s':>12}{'payload kB':>12}")
    for row in rows:
        print(f"{row.name:<16}{row.waveform_s:>12.2f}{row.reading_s:>12.2f}{row.payload / 1000:>12.0f}")
    for label, choose in (("median", statistics.median), ("max", max)):
        waveform, reading = choose(row.waveform_s for row in rows), choose(row.reading_s or 0.0 for row in rows)
        print(f"{label:<16}{waveform:>12.2f}{reading:>12.2f}")
    _tell_switches(results.switches)
    for row in results.synthetic:
        print(f"\n{row.name}: waveform {row.waveform_s:.2f} s, all samples {row.whole_s:.2f} s, "
              f"first payload {row.payload / 1000:.0f} kB")  # fmt: skip
        _tell_switches(row.switches)
    if results.memory:
        print(f"\n{'opened':<16}{'script MB':>12}{'arrays MB':>12}{'nodes':>12}")
        for opened, heap_bytes, array_bytes, nodes in results.memory:
            print(f"{opened:<16}{heap_bytes / 1e6:>12.1f}{array_bytes / 1e6:>12.1f}{nodes:>12.0f}")


def _tell_switches(switches: dict[str, list[float]]) -> None:
    print(f"\n{'switch':<16}{'median ms':>12}{'max ms':>12}")
    for name, times in switches.items():
        print(f"{name:<16}{statistics.median(times):>12.0f}{max(times):>12.0f}")


def _synthetic(folder: Path) -> list[list[Path]]:
    """Return the files of the two synthetic recordings, written into `folder`."""
    noise = NoiseSpec(baseline_wander_mv=0.1, muscle_rms_mv=0.02)
    spec = replace(kind_spec("pvc"), noise=noise)
    long, _ = synthesize(replace(spec, duration_s=LONG_S), np.random.default_rng(1))
    counts = np.rint(long.signal_mv * 1000).astype("<i2")
    data, header = folder / "ten_minutes.dat", folder / "ten_minutes.hea"
    data.write_bytes(counts.T.tobytes())
    lines = [f"ten_minutes 12 500 {counts.shape[1]}"]
    for lead, row in zip(LEADS, counts, strict=True):
        lines.append(f"{data.name} 16 1000(0)/mV 16 0 {row[0]} {int(row.astype(np.int64).sum()) & 0xFFFF} 0 {lead}")
    header.write_text("\n".join(lines) + "\n")
    fine, _ = synthesize(replace(spec, sampling_rate_hz=1000.0), np.random.default_rng(2))
    table = folder / "floats_1000_hz.csv"
    words = f"# sampling_rate_hz: 1000\n# unit: mV\n{','.join(LEADS)}"
    np.savetxt(table, fine.signal_mv.T, "%.7g", delimiter=",", header=words, comments="")
    return [[header, data], [table]]


@contextmanager
def server(root: Path, folder: Path) -> Iterator[str]:
    """Serve the app of a checkout with its data in `folder`, and give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(root / "app.py"), "serve", "--port", str(port), "--no-browser"]
    environment = os.environ | {"ECGR1_DATA_DIR": str(folder / "var"), "PYTHONPATH": str(root)}
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"the app ended with {server.returncode}")


def _run(address: str, records: list[list[Path]], synthetic: list[list[Path]], chromium: str, growth: int) -> Results:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.locator("#reader-note p").wait_for()
        page.wait_for_timeout(2000)
        rows = [_time(page, files) for files in records]
        switches = {name: page.evaluate(SWITCH, name) for name in SWITCHES}
        others = [_time_synthetic(page, files) for files in synthetic]
        memory = _growth(page, [*records, synthetic[0]], growth) if growth else []
        browser.close()
    return Results(rows, switches, others, memory)


def _time(page: Page, files: list[Path]) -> Opened:
    times = _open(page, files, "reading", press=True)
    return Opened(files[0].stem, times["waveform"] / 1000, times["reading"] / 1000, payload=times["payload"])


def _time_synthetic(page: Page, files: list[Path]) -> Opened:
    times = _open(page, files, "whole")
    _wait_until_measured(page)
    switches = {name: page.evaluate(SWITCH, name) for name in SWITCHES}
    if len(files) > 1:
        switches["page"] = page.evaluate(LEAF, LONG_S)
    return Opened(files[0].stem, times["waveform"] / 1000, None, times["whole"] / 1000, times["payload"], switches)


def _growth(page: Page, records: list[list[Path]], count: int) -> list[tuple[int, float, float, float]]:
    """Open `count` recordings, each with its measurements; at every tenth, always the same, note memory and nodes."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    found = []
    others = records[1:]
    for number in range(count + 1):
        _open(page, others[number % len(others)] if number % 10 else records[0], "whole")
        _wait_until_measured(page)
        if number % 10 == 0:
            for _ in range(2):
                session.send("HeapProfiler.collectGarbage")
            metrics = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
            arrays = session.send("Runtime.getHeapUsage").get("backingStorageSize", float("nan"))
            found.append((number, metrics["JSHeapUsedSize"], arrays, metrics["Nodes"]))
    return found


def _open(page: Page, files: list[Path], until: str, *, press: bool = False) -> dict[str, Any]:
    page.evaluate(WATCH, [files[0].stem, press])
    page.locator("#upload input[type=file]").set_input_files(files)
    try:
        page.wait_for_function(f"window.benchmarkTimes.{until} > 0", timeout=30_000)
    except TimeoutError:
        status = page.locator("#status").inner_text()
        raise SystemExit(f"{files[0].name}: no {until} within 30 s; {status}") from None
    times: dict[str, Any] = page.evaluate("window.benchmarkTimes")
    return times


def _wait_until_measured(page: Page) -> None:
    page.wait_for_function("!document.querySelector('#read').disabled", timeout=1000 * MEASURED_S)


if __name__ == "__main__":
    sys.exit(main())
