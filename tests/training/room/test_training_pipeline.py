"""The stages one after the other on a very small run, its report, and what a broken-off run does again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from app import main
from ecgr1_core.errors import InputError
from ecgr1_core.model.modeling import EcgR1ForConditionalGeneration
from training.pipeline import PipelineConfig, planned, run_pipeline
from training.run_config import checked, load_config
from training.sft import SftConfig
from training.start import Sizes, StartConfig, run_start
from training.tower import VisionConfig
from training.trends import paired, trend

TINY = Path(__file__).parents[3] / "training/configs/tiny.yaml"


def small(out: Path) -> PipelineConfig:
    """The tiny run, cut to a few rows, steps and tokens."""
    changes = (
        f"out={out}",
        "corpus.sources=[{from: synthetic, count: 18}]",
        "corpus.shares={sft: 0.6, rl: 0.2, test: 0.2}",
        "corpus.jobs=1",
        "start.vocabulary=600",
        "start.sizes={text_layers: 2, hidden: 32, intermediate: 64, heads: 2, key_value_heads: 2}",
        "tower.max_steps=1",
        "sft.max_steps=4",
        "sft.batch_rows=2",
        "sft.log_every=1",
        "dapo.max_steps=1",
        "dapo.prompts_per_step=1",
        "dapo.group_size=2",
        "dapo.max_refills=0",
        "dapo.max_new_tokens=8",
        "dapo.overlong_buffer=2",
        "evaluate.modalities=[signal]",
        "evaluate.max_new_tokens=8",
        "evaluate.consistency=false",
    )
    return load_config(PipelineConfig, TINY, changes)


@pytest.mark.slow
def test_all_stages_run_and_a_second_run_does_none_of_them_again(tmp_path: Path) -> None:
    out = tmp_path / "run"
    found = run_pipeline(small(out))
    names = ["corpus", "start", "tower", "sft", "dapo", "read after SFT", "read after DAPO", "read by the protocol"]
    assert list(found["stages"]) == names
    assert EcgR1ForConditionalGeneration.from_pretrained(out / "dapo" / "model").config.text_config.hidden_size == 32
    report = json.loads((out / "report.json").read_text())
    tests = found["stages"]["read after SFT"]["summary"]["cases"]
    assert report["readings"]["read after SFT"]["cases"] == tests > 0
    assert report["readings"]["read by the protocol"]["supported"] > 0.5
    assert report["sft_loss"]["points"] == 2
    page = (out / "report.html").read_text()
    assert "The loss of a step went from" in page
    assert "<svg" in page
    before = (out / "sft" / "summary.json").stat().st_mtime_ns
    again = run_pipeline(small(out))
    assert again["stages"] == found["stages"]
    assert (out / "sft" / "summary.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="holds a run of another configuration"):
        run_pipeline(small(out).model_copy(update={"dapo": {}}))


def test_a_field_that_the_pipeline_fills_in_is_refused_before_anything_runs(tmp_path: Path) -> None:
    config = small(tmp_path / "run").model_copy(update={"sft": {"model": "elsewhere"}})
    with pytest.raises(InputError, match=r"sft.model: is filled in by the pipeline"):
        run_pipeline(config)
    assert not (tmp_path / "run").exists()


def test_the_vision_tower_is_pretrained_where_there_is_a_group_for_it(tmp_path: Path) -> None:
    without = planned(small(tmp_path / "run"))
    assert "vision" not in [name for name, _, _ in without]
    config = small(tmp_path / "run").model_copy(update={"vision": {"max_steps": 7, "looks": "worn"}})
    steps = {name: ready for name, _, ready in planned(config)}
    assert list(steps)[2:5] == ["tower", "vision", "sft"]
    vision, sft = steps["vision"], steps["sft"]
    assert isinstance(vision, VisionConfig)
    assert isinstance(sft, SftConfig)
    assert (vision.max_steps, vision.looks, vision.draw_missing) == (7, "worn", True)
    assert (vision.model, vision.train) == (tmp_path / "run" / "start", tmp_path / "run" / "corpus" / "sft.jsonl")
    assert sft.vision_tower == tmp_path / "run" / "vision" / "vision.safetensors"
    with pytest.raises(InputError, match=r"vision.draw_missing: is filled in by the pipeline"):
        planned(config.model_copy(update={"vision": {"draw_missing": False}}))


def test_fields_that_are_unknown_or_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "start.yaml"
    path.write_text(yaml.safe_dump({"out": "made", "rows": ["rows.jsonl"], "sizes": {"hidden": "wide"}}))
    with pytest.raises(InputError, match=r"start.yaml: sizes.hidden: input should be a valid integer"):
        load_config(StartConfig, path)
    config = load_config(StartConfig, path, ["sizes.hidden=32", "seed=4"])
    assert (config.out, config.rows, config.seed) == (tmp_path / "made", [tmp_path / "rows.jsonl"], 4)
    with pytest.raises(InputError, match="has a field colour that no run of this kind knows"):
        load_config(StartConfig, path, ["sizes.hidden=32", "colour=red"])
    with pytest.raises(InputError, match="--set: 'seed' is not field=value"):
        load_config(StartConfig, path, ["seed"])
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(InputError, match=r"broken.yaml: is not YAML"):
        load_config(StartConfig, tmp_path / "broken.yaml")


def test_a_start_needs_words_room_and_sizes_that_go_together(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("no row\n")
    given = {"out": "made", "rows": ["rows.jsonl"], "vocabulary": 300}
    with pytest.raises(InputError, match="hold no words"):
        run_start(checked(StartConfig, given, tmp_path, "start"))
    rows.write_text(json.dumps({"messages": [{"role": "user", "content": "Read this electrocardiogram"}]}) + "\n")
    with pytest.raises(InputError, match=r"sizes.hidden: 30 is not divisible by 4"):
        run_start(checked(StartConfig, {**given, "sizes": Sizes(hidden=30)}, tmp_path, "start"))
    run_start(checked(StartConfig, given, tmp_path, "start"))
    with pytest.raises(InputError, match="made: is not empty"):
        run_start(checked(StartConfig, given, tmp_path, "start"))


def test_the_command_tells_fields_and_a_missing_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["train", "start", "--fields"]) == 0
    assert "vocabulary: tokens of the vocabulary before the special ones (default 2048)" in capsys.readouterr().out
    assert main(["train", "sft"]) == 2
    assert capsys.readouterr().err == "ecgr1: --config: is missing; give the YAML file of the run.\n"
    assert main(["evaluate", "--config", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml: cannot be read" in capsys.readouterr().err


def test_a_trend_is_told_with_its_noise() -> None:
    found = trend([5.0, 3.0, 2.0, 2.0, 1.0, 1.0])
    assert found is not None
    assert (found.first, found.last, found.points) == (4.0, 1.0, 2)
    assert found.change == -3.0
    assert found.change_se == pytest.approx(1.0)  # sqrt((2 + 0) / 2)
    assert trend([1.0, 2.0, 3.0]) is None
    differences = paired({"a": 0.5, "b": None, "c": 0.0}, {"a": 0.75, "b": 1.0, "c": 0.25}, 0)
    assert differences == {"cases": 2, "mean": 0.25, "low": 0.25, "high": 0.25}
    assert paired({"a": 1.0}, {"b": 1.0}, 0) is None
