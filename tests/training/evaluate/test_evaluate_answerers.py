"""Questions are put to a model on a server and to ECG-R1, with page or signal and with what was asked before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_samples import made_samples
from pytest_httpserver import HTTPServer
from test_judge_server import Server, answer

from ecgr1_core.errors import InputError
from ecgr1_core.modality import ModalityView
from ecgr1_core.render.paper import render_page
from ecgr1_core.settings import Settings
from training.evaluate.answerers import Turn, answerer_of, chained
from training.evaluate.reasoning.run import run_chains
from training.problems import Problems
from training.synthesis import kind_spec, synthesize


@pytest.fixture(scope="module")
def view() -> ModalityView:
    record, _ = synthesize(kind_spec("sinus"), np.random.default_rng(1))
    return ModalityView("image", record, render_page(record), "rendered")


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chains")
    samples = made_samples(folder, diagnoses=1)
    (folder / "samples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in samples))
    return folder


def test_a_server_is_asked_once_about_the_page(httpserver: HTTPServer, view: ModalityView, tmp_path: Path) -> None:
    server = Server(httpserver, answer("Yes"))
    remote = answerer_of("remote", Settings(remote_url=server.url, remote_model="some-model"), tmp_path)
    assert remote.write(view, "Is it regular?", "Be brief.").text == "Yes"
    assert remote.write(view, "Is it regular?", "Be brief.").text == "Yes"
    assert len(server.asked) == 1
    system, user = server.asked[0]["messages"]
    assert system["content"] == "Be brief."
    assert [part["type"] for part in user["content"]] == ["text", "image_url"]
    assert user["content"][0]["text"] == "Is it regular?"
    assert user["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_a_page_that_came_as_an_image_is_not_sent(httpserver: HTTPServer, view: ModalityView, tmp_path: Path) -> None:
    server = Server(httpserver, answer("Yes"))
    remote = answerer_of("remote", Settings(remote_url=server.url, remote_model="some-model"), tmp_path)
    with pytest.raises(InputError, match="stay here"):
        remote.write(ModalityView("image", None, view.page, "upload"), "Is it regular?")
    assert server.asked == []


def test_a_model_on_a_server_answers_chains_in_words(httpserver: HTTPServer, chains: Path, tmp_path: Path) -> None:
    server = Server(httpserver, answer("I would say: **Yes**."))
    settings = Settings(remote_url=server.url, remote_model="some-model")
    remote = answerer_of("remote", settings, tmp_path / "answers")
    table = run_chains(chains / "samples.jsonl", chains, remote, tmp_path / "kept.jsonl", 1, Problems())
    assert table["samples"] == 2
    assert table["completed"]["mean"] == 0.0
    assert table["initial"]["mean"] == 0.5  # yes is right for one of the two
    assert table["accuracy"]["criterion_selection"]["right"] == 0.0
    last = server.asked[8]["messages"][1]["content"][0]["text"]
    assert "Asked before: Does this tracing suggest" in last
    assert "Further findings are required" in last


def test_ecg_r1_answers_chains(chains: Path, tmp_path: Path) -> None:
    import torch
    from tiny import build_checkpoint

    torch.set_num_threads(1)
    model = build_checkpoint(tmp_path / "tiny")
    ecg_r1 = answerer_of("ecg-r1", Settings(model=model), tmp_path, 3)
    table = run_chains(chains / "samples.jsonl", chains, ecg_r1, tmp_path / "kept.jsonl", 1, Problems(), limit=1)
    row: dict[str, Any] = json.loads((tmp_path / "kept.jsonl").read_text())
    assert table["samples"] == 1
    assert len(row["rounds"]) == 2  # a random model gives no option, which is wrong and never left out
    assert table["completed"]["mean"] == 0.0
    assert sum(kind["questions"] for kind in table["accuracy"].values()) == 8


def test_a_chain_is_told_in_one_turn() -> None:
    text = chained("Is it long?", ["Yes", "No"], [Turn("Is it regular?", "Yes")])
    assert text.index("Asked before: Is it regular?\nAnswer: Yes") < text.index("Is it long?\nOptions:\n- Yes\n- No")


def test_who_is_not_configured_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ECGR1_REMOTE_URL"):
        answerer_of("remote", Settings(), tmp_path)
    with pytest.raises(InputError, match="ECGR1_PULSE"):
        answerer_of("pulse", Settings(), tmp_path)
