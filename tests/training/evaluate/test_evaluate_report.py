"""A whole evaluation in one folder: tables by environment, consistency, judge, benchmarks, ratings, and the page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_samples import made_samples
from pytest_httpserver import HTTPServer
from test_judge_server import GOOD, Server, answer

from ecgr1_core.errors import InputError
from training.evaluate.config import BenchmarkConfig, EvaluateConfig
from training.evaluate.report import interval, report_html, words
from training.evaluate.run import run_evaluate
from training.evaluate.tables import human_table


class _Page(HTMLParser):
    """Checks that every element is closed, and keeps what an element of a page could load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.from_elsewhere: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.from_elsewhere += [value or "" for name, value in attrs if name in ("src", "href", "onload", "onclick")]
        if tag == "script":
            self.from_elsewhere.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data.strip()


def _rating(number: int, human: float, prediction: str) -> dict[str, Any]:
    return {
        "id": f"o{number}",
        "case": f"c{number}",
        "arm": "first",
        "reader": "ecg-r1",
        "modality": "both",
        "prediction": prediction,
        "labels": ["atrial fibrillation"],
        "raters": 2,
        "human": {"reliability": human},
    }


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    right, half = "<answer>AF</answer>", "<answer>AF; LBBB</answer>"
    rows = [_rating(1, 5, right), _rating(2, 3.5, half), _rating(3, 1, "<answer>sinus rhythm</answer>")]
    path = tmp_path / "evaluation.jsonl"
    path.write_text("\n".join([*map(json.dumps, rows), '{"id": "x"}']) + "\n")
    return path


def test_a_whole_evaluation(httpserver: HTTPServer, rows_file: Path, ratings: Path, tmp_path: Path) -> None:
    server = Server(httpserver, answer(GOOD))
    samples = tmp_path / "samples"
    chains = made_samples(samples, diagnoses=2)
    (samples / "chains.jsonl").write_text("".join(json.dumps(one) + "\n" for one in chains))
    bench = tmp_path / "csn-test.json"
    turns = [{"value": "<image>\nA. Sinus tachycardia\nB. Atrial flutter"}, {"value": "A. Sinus tachycardia"}]
    bench.write_text(json.dumps([{"id": "1", "ecg": "ecg/sinus_tachycardia", "conversations": turns}]))
    config = EvaluateConfig(
        out=tmp_path / "out",
        rows=rows_file,
        modalities=("signal", "image"),
        limit=1,
        draw_missing=True,
        judge=server.config(),
        reasoning=BenchmarkConfig(file=samples / "chains.jsonl"),
        ecgbench=(BenchmarkConfig(file=bench, ecg_root=rows_file.parent),),
        ratings=ratings,
    )
    found = run_evaluate(config)
    assert [(row["modality"], row["cases"]) for row in found["scores"]] == [("signal", 1), ("image", 1)]
    assert found["consistency"][0]["cases"] == 1
    assert 0.5 < found["consistency"][0]["bleu4"]["mean"] <= 1.0
    assert found["judge"]["table"][0]["DiagnosisAccuracy"]["mean"] == 50.0
    assert found["reasoning"][0]["samples"] == 4
    assert found["ecgbench"][0]["accuracy"] == 100.0
    assert found["human"][0]["readings"] == 3
    assert found["problems"] == {"unreadable rating": 1, "unreadable row": 2}
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == found
    assert json.loads((tmp_path / "out" / "config.json").read_text())["seed"] == 0
    html = (tmp_path / "out" / "report.html").read_text()
    asked = len(server.asked)
    again = run_evaluate(config.model_copy(update={"consistency": False}))
    assert again | {"judge": None, "consistency": found["consistency"]} == found | {"judge": None}
    assert len(server.asked) == asked  # nothing was paid for twice

    page = _Page()
    page.feed(html)
    assert page.open == []
    assert page.from_elsewhere == []
    told = {tuple(row[:2]): row for row in page.rows}
    assert told["protocol", "signal"]
    assert told["ECG-R1 (RL)", "paper"][4] == "80.29"
    assert any(row[0] == "ECG-R1 (paper)" and "0.69" in row for row in page.rows)
    assert any(row[0] == "unreadable rating" for row in page.rows)
    assert any(row[0].startswith("multimodal models") and "below 6 %" in row for row in page.rows)


def test_a_folder_that_cannot_be_written_is_one_sentence(ratings: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="cannot be written"):
        run_evaluate(EvaluateConfig(out=tmp_path / "file" / "out", ratings=ratings))
    (tmp_path / "out" / "report.html.part").mkdir(parents=True)
    with pytest.raises(InputError, match=r"report\.html: cannot be written"):
        run_evaluate(EvaluateConfig(out=tmp_path / "out", ratings=ratings))


def test_ratings_stand_beside_the_labels(ratings: Path) -> None:
    rows = [json.loads(line) for line in ratings.read_text().splitlines()[:3]]
    line = human_table(rows, seed=1)[0]
    assert line["human"]["reliability"]["mean"] == pytest.approx((5 + 3.5 + 1) / 3)
    assert line["jaccard"]["mean"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert line["rank_correlation"] == {"reliability": 1.0}
    assert human_table(rows[:2], seed=1)[0]["rank_correlation"] == {"reliability": None}


def test_only_ratings(ratings: Path, tmp_path: Path) -> None:
    found = run_evaluate(EvaluateConfig(out=tmp_path / "out", ratings=ratings))
    assert found["problems"] == {"unreadable rating": 1}
    text = (tmp_path / "out" / "report.html").read_text()
    assert "Ratings by cardiologists" in text
    assert "Judge" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)


def test_what_readers_write_is_not_taken_for_html() -> None:
    scores = {"reader": "<script>x</script>", "modality": "signal", "cases": 0, "labels": None}
    nothing = {"cases": 0, "mean": None, "low": None, "high": None}
    means = dict.fromkeys(("eder", "eder_strict", "supported", "contradicted", "complete", "seconds"), nothing)
    page = report_html({"scores": [scores | means], "seed": 0, "version": "1", "problems": {}, "cases": 0})
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_numbers_and_names_of_the_page() -> None:
    assert interval({"mean": 0.51234, "low": 0.4, "high": 0.61}) == "0.512<br><small>0.400 – 0.610</small>"
    assert interval({"value": 0.5, "low": None, "high": None}, 1) == "0.5"
    assert interval(None) == "–"
    assert words("LeadEvidenceValidity") == "Lead Evidence Validity"
    assert words("first_degree_av_block") == "first degree av block"
