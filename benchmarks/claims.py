"""The claim checker on the hand-written sentences, and on every reading of the protocol reader over the data pack.

    .venv/bin/python benchmarks/claims.py [--data ../shared/data] [--jobs 2] [--sentences-only]

A sentence counts as contradicted when any claim in it is. "Right words" is the share of the hits in which a
contradicted claim overlaps the words that are false. None of the protocol reader's own claims should be contradicted:
it says what was measured, and nothing else.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "ecgr1_core" / "verify"))

from protocol_labels import one_thread  # noqa: E402
from sentences import Judged, judge, score, sentences  # noqa: E402

from ecgr1_core import interpretation  # noqa: E402
from ecgr1_core.errors import InputError  # noqa: E402
from ecgr1_core.formats import ReadOptions, read  # noqa: E402
from ecgr1_core.measure import measure  # noqa: E402
from ecgr1_core.protocol import assess, compose  # noqa: E402


def per_cent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} ({part}/{whole})" if whole else "–"


def sentence_row(name: str, judged: Sequence[Judged]) -> str:
    """Return one line of the table over the sentences."""
    total = score(judged)
    hits = [row for row in judged if row.sentence.expect == "false" and row.is_contradicted]
    true = [row for row in judged if row.sentence.expect == "true"]
    supported = sum("supported" in row.statuses for row in true)
    silent = [row for row in judged if row.sentence.expect == "none"]
    open_ = [row for row in judged if row.sentence.expect == "not_measurable"]
    cells = (
        per_cent(total.hits, total.hits + total.alarms),
        per_cent(total.hits, total.false),
        per_cent(sum(row.names_wrong_words for row in hits), len(hits)),
        per_cent(supported, len(true)),
        per_cent(sum(not row.statuses for row in silent), len(silent)),
        per_cent(sum("not_measurable" in row.statuses for row in open_), len(open_)),
    )
    return f"| {name} | {len(judged)} | {' | '.join(cells)} |"


def print_sentences(path: Path | None) -> None:
    """Print the table per kind and per trait, and every sentence that was judged wrongly."""
    judged = [judge(sentence) for sentence in (sentences() if path is None else sentences(path))]
    print(
        "| | sentences | precision | recall | right words | true: supported | none: no claim | not measurable: said |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for kind in dict.fromkeys(row.sentence.kind for row in judged):
        print(sentence_row(kind, [row for row in judged if row.sentence.kind == kind]))
    for phrasing, name in enumerate(("telegraphic", "plain", "model prose", "unusual order or typography"), start=1):
        print(sentence_row(f"*{name}*", [row for row in judged if row.sentence.phrasing == phrasing]))
    for trait in sorted({row.sentence.trait for row in judged if row.sentence.trait is not None}):
        print(sentence_row(f"*{trait}*", [row for row in judged if row.sentence.trait == trait]))
    print(sentence_row("**all**", judged))
    print("\nJudged wrongly:")
    for row in judged:
        if row.is_contradicted != (row.sentence.expect == "false"):
            found = ", ".join(row.statuses) or "no claim"
            print(f"- {row.sentence.case} {row.sentence.kind}, {row.sentence.expect}: {row.sentence.text} → {found}")


@dataclass(frozen=True)
class OwnReading:
    """What the checker found in one reading of the protocol reader."""

    path: str
    statuses: tuple[str, ...]
    contradicted: tuple[str, ...]
    verify_ms: float


def check_own(path: Path) -> OwnReading | str:
    """Read one recording by the protocol and check the reading; where it cannot be read, the sentence that says why."""
    from ecgr1_core.verify import verify

    try:
        record = read(path, ReadOptions(counts_per_mv=1000) if "ludb" in path.parts else ReadOptions())
    except InputError as error:
        return str(error)
    measured = measure(record)
    reading = interpretation.parse(compose(assess(measured, record.patient, record.warnings)).raw)
    start = time.perf_counter()
    claims = verify(reading, measured, record.patient)
    took_ms = 1000.0 * (time.perf_counter() - start)
    against = tuple(claim.text for claim in claims if claim.status == "contradicted")
    return OwnReading(path.stem, tuple(claim.status for claim in claims), against, took_ms)


def print_own_readings(data: Path, jobs: int) -> None:
    """Print the claims of the protocol reader's readings by status, a line per set, and each contradicted one."""
    print("\n| readings | records | claims | supported | not measurable | contradicted | median ms a reading |")
    print("|---|---|---|---|---|---|---|")
    unread: list[str] = []
    wrong: list[tuple[str, str]] = []
    folders = {"PTB-XL": "ptbxl/records500", "LUDB": "ludb/data", "Challenge": "challenge2021/records"}
    with ProcessPoolExecutor(max_workers=jobs, initializer=one_thread) as pool:
        for name, folder in folders.items():
            paths = sorted((data / folder).rglob("*.hea"))
            outcomes = list(pool.map(check_own, paths, chunksize=4))
            unread += [outcome for outcome in outcomes if isinstance(outcome, str)]
            rows = [outcome for outcome in outcomes if isinstance(outcome, OwnReading)]
            wrong += [(f"{name} {row.path}", text) for row in rows for text in row.contradicted]
            total = Counter(status for row in rows for status in row.statuses)
            times = sorted(row.verify_ms for row in rows)
            cells = (total["supported"], total["not_measurable"], total["contradicted"])
            middle = f"{times[len(times) // 2]:.1f}" if times else "–"
            print(f"| {name} | {len(rows)} | {sum(total.values())} | {' | '.join(map(str, cells))} | {middle} |")
    print_wrong(unread, wrong)


def print_wrong(unread: Sequence[str], wrong: Sequence[tuple[str, str]]) -> None:
    """Print what was not read, and the contradicted claims, those that differ only in their numbers together."""
    if not unread and not wrong:
        print("\nNone is contradicted, and every record was read.")
    for sentence in unread:
        print(f"- not read: {sentence}")
    alike: dict[str, list[tuple[str, str]]] = {}
    for record, text in wrong:
        alike.setdefault(re.sub(r"\d+(?:[.,]\d+)?", "#", text), []).append((record, text))
    for group in sorted(alike.values(), key=len, reverse=True):
        record, text = group[0]
        print(f"- {len(group)} ×, first in {record}: {text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--sentences", type=Path, metavar="FILE", help="another file of the form of sentences.toml")
    parser.add_argument("--sentences-only", action="store_true", help="leave out the readings of the data pack")
    arguments = parser.parse_args()
    print_sentences(arguments.sentences)
    if not arguments.sentences_only:
        print_own_readings(arguments.data, arguments.jobs)


if __name__ == "__main__":
    main()
