"""The results pages over HTTP: numbers as the domain computes them, figures, exports, and who sees them."""

from __future__ import annotations

import io
import json
import re
import sys
import time
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parents[1]))

from study_kit import cheap_hashes, logged_in, running_study, study_key
from web_kit import Person, study_app

import simulated_study  # isort: skip
from annotations import plots
from annotations.results import criteria_of, of_criterion

JSON = {"accept": "application/json"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, simulated_study.World]]:
    """A small study that is unblinded, with a rubric of one scale so that results take seconds; only read it."""
    from annotations.rubric import default_rubric

    folder = tmp_path_factory.mktemp("finished")
    whole = default_rubric()
    short = whole.model_copy(
        update={
            "scales": tuple(
                one for one in whole.scales if one.key in ("reliability", "diagnosis_correct", "would_sign")
            )
        }
    )
    with cheap_hashes():
        path = folder / "study.sqlite"
        world = simulated_study.build(path, raters=2, cases=8, rubric=short)
        patched = simulated_study.default_rubric
        simulated_study.default_rubric = lambda: short
        try:
            simulated_study.run(world)
        finally:
            simulated_study.default_rubric = patched
        app = study_app(path, folder)
        yield app, world
        app.state.site.close()


@pytest.fixture(scope="module")
def investigator(finished: tuple[FastAPI, simulated_study.World]) -> Person:
    person = logged_in(finished[0], "investigator")
    path = f"/results/{study_key(finished[1])}"
    person.get(path)
    end = time.monotonic() + 180
    while not person.get(f"{path}/job", headers=JSON).json()["ended"]:
        assert time.monotonic() < end, "results were not ready"
        time.sleep(0.5)
    return person


def test_the_page_has_the_numbers_of_the_domain(
    finished: tuple[FastAPI, simulated_study.World], investigator: Person
) -> None:
    world = finished[1]
    page = unescape(investigator.get(f"/results/{study_key(world)}?criterion=reliability").text)
    with world.database.reading() as session:
        from annotations.studies import study_named

        expected = of_criterion(session, study_named(session, "simulated"), "reliability")
    for arm, one in expected["arms"].items():
        assert f"<td>{arm}</td>" in page
        assert f'<td class="number">{one["mean"]:.2f}</td>' in page
    for pair in expected["differences"]:
        for estimate in pair["estimates"]:
            if estimate["value"] is not None:
                assert f"{estimate['value']:.2f}".replace("-", "−") in page
    alpha = expected["agreement"]["krippendorff_alpha"]["value"]
    assert f"{alpha:.2f}".replace("-", "−") in page
    assert "2 raters, 8 cases, 3 arms" in page
    assert "EDER, settled phrases" in page


@pytest.mark.parametrize("name", sorted(plots.FIGURES))
def test_every_figure_is_a_vector_drawing_with_n(
    finished: tuple[FastAPI, simulated_study.World], investigator: Person, name: str
) -> None:
    path = f"/results/{study_key(finished[1])}/figures/{name}"
    drawn = investigator.get(f"{path}.svg")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert re.search(r"n = \d+", drawn.text)
    if name in ("means", "preferences"):
        assert all(arm in drawn.text for arm in simulated_study.EFFECTS)
    assert investigator.get(f"{path}.pdf").content.startswith(b"%PDF")
    assert investigator.get(f"{path}.exe").status_code == 404


@pytest.mark.parametrize("kind", ["everything", "imrmc", "evaluation", "rl", "preferences"])
def test_an_export_is_a_zip_with_its_manifest(
    finished: tuple[FastAPI, simulated_study.World], investigator: Person, kind: str
) -> None:
    path = f"/results/{study_key(finished[1])}/export"
    answer = investigator.send(path, kind=kind, truth="sinus rhythm", criterion="reliability", low="3")
    assert answer.status_code == 200, answer.text
    packed = zipfile.ZipFile(io.BytesIO(answer.content))
    manifest = json.loads(packed.read("manifest.json"))
    assert set(manifest["files"]) <= set(packed.namelist())
    assert manifest["lock_sha256"] or manifest


def test_what_cannot_be_exported_is_one_sentence(
    finished: tuple[FastAPI, simulated_study.World], investigator: Person
) -> None:
    path = f"/results/{study_key(finished[1])}/export"
    for fields in ({"kind": "imrmc"}, {"kind": "imrmc", "truth": "no such label"}, {"kind": "pdf"},
                   {"kind": "rl", "low": "x"}):  # fmt: skip
        answer = investigator.send(path, **fields)
        assert (answer.status_code, answer.json()["error"].count(";")) == (400, 1)


def test_automatic_scores_are_set_beside(finished: tuple[FastAPI, simulated_study.World], investigator: Person) -> None:
    path = f"/results/{study_key(finished[1])}"
    rows = "case,arm,judge\n" + "".join(
        f"file{n:03d},{arm},{place}\n" for n in range(8) for place, arm in enumerate(simulated_study.EFFECTS)
    )
    answer = investigator.send(f"{path}/automatic", files=[("file", ("judge.csv", rows.encode()))])
    assert answer.json() == {"go": path}
    end = time.monotonic() + 180
    while not investigator.get(f"{path}/job", headers=JSON).json()["ended"]:
        assert time.monotonic() < end
        time.sleep(0.5)
    assert "<td>judge</td>" in investigator.get(f"{path}?criterion=reliability").text
    bad = investigator.send(f"{path}/automatic", files=[("file", ("judge.csv", b"no,columns\n1,2\n"))])
    assert (bad.status_code, "judge.csv" in bad.json()["error"]) == (400, True)


def test_raters_administrators_and_strangers_find_no_results(finished: tuple[FastAPI, simulated_study.World]) -> None:
    app, world = finished
    path = f"/results/{study_key(world)}"
    with cheap_hashes():
        for name in ("rater1", "judge", "admin"):
            person = logged_in(app, name)
            nothing = person.get("/results/AAAA", headers=JSON)
            for one in (path, f"{path}/job", f"{path}/figures/means.svg"):
                answer = person.get(one, headers=JSON)
                assert (answer.status_code, answer.json()) == (nothing.status_code, nothing.json())
            assert person.send(f"{path}/export", kind="everything").status_code == 404
            assert "simulated" not in person.get("/results").text


def test_before_unblinding_nobody_sees_anything(tmp_path: Path) -> None:
    with cheap_hashes():
        world = running_study(tmp_path / "study.sqlite", cases=2, duplicate_share=0)
        app = study_app(tmp_path / "study.sqlite", tmp_path)
        investigator = logged_in(app, "investigator")
        assert "close it when the reading is done" in investigator.get("/results").text
        assert investigator.get(f"/results/{study_key(world)}").status_code == 404
        assert investigator.send(f"/results/{study_key(world)}/export", kind="everything").status_code == 404
        with world.acting("investigator") as acting:
            assert criteria_of(world.study(acting))
        app.state.site.close()
