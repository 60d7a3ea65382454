"""Rows held on the accelerator: the same examples as those read from files, and a run from rows to a model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from held_kit import apart_rows, signal_alone
from pydantic import ValidationError
from safetensors.torch import load_file

from ecgr1_core.errors import InputError
from ecgr1_core.measure import measure
from ecgr1_core.modality import MODALITIES
from ecgr1_core.model.processing import TOWER_LEADS, EcgR1Processor
from ecgr1_core.readers.nano import NanoReader
from ecgr1_core.record import LEADS, EcgRecord
from ecgr1_core.settings import Settings
from training.batches import collate, encode
from training.freezing import load_for_training, part_of
from training.held import HeldConfig, Stage, run_held
from training.held.disturbing import disturbed
from training.held.examples import Example, examples, scaled, values_of
from training.held.fresh import fresh_examples
from training.held.learning import Kept, token_weights
from training.held.on_cpu import quick_attention
from training.held.rows import Change, HeldRows, pages_of_one_size
from training.media import media_beside
from training.rows import Row
from training.run_config import load_config
from training.synthesis.drawing import Disturbance
from training.targets import BEAT, LABELS, TARGETS, Taught, facts_of
from training.tower.weights import load_towers

NOISY = Disturbance(0.12, 0.03, devices=True)


@pytest.fixture(scope="module")
def made(corpus: Path, rows: list[Row], model: Path) -> list[Example]:
    found = [one for _, one in examples(rows, model, media_beside(corpus), 1)]
    return [one for one in found if isinstance(one, Example)]


def held(made: list[Example], share: float, shifted: int = 0) -> HeldRows:
    labels = np.zeros((len(made), len(LABELS)), dtype=np.float32)
    taught = Taught.of([facts_of(None)] * len(made))
    options: dict[str, Any] = {"device": "cpu", "seed": 3, "disturbance": NOISY, "share": share, "shifted": shifted}
    scale = np.zeros(len(TARGETS), np.float32), np.ones(len(TARGETS), np.float32)
    return HeldRows(made, taught, labels, scale, **options)


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_model_says_the_same_of_held_rows_as_of_rows_read(
    corpus: Path, rows: list[Row], made: list[Example], model: Path, modality: Any
) -> None:
    processor, media = EcgR1Processor.from_pretrained(model), media_beside(corpus)
    read = collate([encode(processor, row, media, modality, row.answer) for row in rows], 0)
    labels, _ = read.pop("labels"), read.pop("environments")
    learner = load_for_training(model).eval()
    with torch.no_grad():
        expected = learner(**read, use_cache=False).logits[:, :-1][labels[:, 1:] != -100]
        data = held(made, 0.0)
        inputs, columns, wanted = data.texts(np.arange(len(made)), modality, 0)
        with pages_of_one_size():
            found = learner(**inputs, logits_to_keep=columns, use_cache=False).logits[wanted != -100]
    assert torch.equal(wanted[wanted != -100], labels[:, 1:][labels[:, 1:] != -100])
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=2e-3)  # signals are held in half precision


def test_pages_are_held_without_loss(corpus: Path, rows: list[Row], made: list[Example], model: Path) -> None:
    processor, media = EcgR1Processor.from_pretrained(model), media_beside(corpus)
    for row, one in zip(rows, made, strict=True):
        expected = encode(processor, row, media, "image", None)["pixel_values"]
        assert one.page is not None
        assert torch.allclose(values_of(scaled(torch.from_numpy(one.page.pixels))), expected, atol=1e-5)
        assert (one.page.trace_leads >= 0).all()


def test_disturbed_recordings_keep_silence_and_einthoven(made: list[Example]) -> None:
    signals = torch.from_numpy(np.stack([one.signal for one in made])).clone()
    signals[:, 7] = 0.0
    signals[:, :, 4000:] = 0.0
    found = disturbed(signals, NOISY, 1.0, torch.Generator().manual_seed(1))
    assert not found[:, 7].any()
    assert not found[:, :, 4000:].any()
    assert ((found - signals)[:, 0, :4000].abs().amax(dim=1) > 1e-3).all()
    assert torch.allclose(found[:, 1], found[:, 0] + found[:, 2], atol=5e-3)
    assert torch.equal(disturbed(signals, NOISY, 0.0, torch.Generator().manual_seed(1)), signals.float())


def test_what_is_cut_off_a_recording_is_cut_off_its_beats(made: list[Example], rows: list[Row], corpus: Path) -> None:
    data = held(made, 0.0, shifted=100)
    media = media_beside(corpus)
    data.beats = torch.from_numpy(Taught.of([facts_of(measure(media.record(row))) for row in rows]).beats)
    places = np.arange(len(made))
    cut = torch.tensor([0, 7, 50, 100])
    change = Change(cut, None)
    shown, taught = data.recordings(places, change), data.taught(places, change)
    for row, (one, samples) in enumerate(zip(made, cut.tolist(), strict=True)):
        signal = torch.from_numpy(one.signal).float()
        assert torch.equal(shown["ecg_values"][row, :, : 5000 - samples], signal[:, samples:])
        assert not shown["ecg_values"][row, :, 5000 - samples :].any()
        assert int(shown["ecg_lengths"][row]) == one.samples - samples
        r_s = taught["beats"][row, :, BEAT.index("r_s")]
        steepest = shown["ecg_values"][row, :, :4800].diff(dim=1).abs().sum(dim=0)
        at = int(float(r_s[4]) * 500)
        assert steepest[at - 40 : at + 40].max() > 0.5 * steepest.max()  # a QRS is where R is said to be
    assert {int(one) for one in data.change(2000).cut} == set(range(101))


@pytest.mark.parametrize("factor", [0.9, 1.15])
def test_a_recording_in_another_time_measures_as_it_is_taught(
    factor: float, made: list[Example], rows: list[Row], corpus: Path
) -> None:
    data, media = held(made, 0.0, shifted=100), media_beside(corpus)
    taught = Taught.of([facts_of(measure(media.record(row))) for row in rows])
    data.numbers, data.beats = torch.from_numpy(taught.numbers), torch.from_numpy(taught.beats)
    places = np.arange(len(made))
    change = Change(torch.full((len(made),), 40), torch.full((len(made),), factor))
    shown, told = data.recordings(places, change)["ecg_values"].numpy(), data.taught(places, change)
    assert told["label_values"].isnan().all()
    order = [TOWER_LEADS.index(lead) for lead in LEADS]
    for row in range(len(made)):
        measured = measure(EcgRecord(name="other", signal_mv=shown[row][order], sampling_rate_hz=500.0))
        found = dict(zip(TARGETS, told["numbers"][row].tolist(), strict=True))
        assert found["heart_rate_bpm"] == pytest.approx(measured.heart_rate_bpm, rel=0.02)
        for name in ("pr_interval_ms", "qrs_duration_ms", "qt_interval_ms"):
            assert found[name] == pytest.approx(getattr(measured, name), abs=14), name
        r_s = told["beats"][row, :, BEAT.index("r_s")]
        assert float(r_s[3]) == pytest.approx(measured.beats[3].r_s, abs=0.05)
    drawn = data.change(400, stretched=0.5).stretch
    assert drawn is not None
    assert 0.35 < float((drawn != 1).float().mean()) < 0.65
    assert 6 / 7 <= float(drawn.min()) < 0.9 < 1.1 < float(drawn.max()) <= 7 / 6


def test_of_hidden_leads_nothing_is_shown_or_told(made: list[Example]) -> None:
    data = held(made, 0.0)
    data.numbers = torch.ones(len(made), len(TARGETS))
    hidden = torch.zeros(len(made), 12, dtype=torch.bool)
    hidden[1, TOWER_LEADS.index("aVF")] = hidden[1, TOWER_LEADS.index("V1")] = True
    places, change = np.arange(len(made)), Change(torch.zeros(len(made), dtype=torch.long), hidden=hidden)
    shown = data.recordings(places, change)["ecg_values"]
    assert torch.equal((shown == 0).all(dim=2), hidden)
    told = data.taught(places, change)
    untold = {name for name, one in zip(TARGETS, told["numbers"][1].isnan().tolist(), strict=True) if one}
    assert untold == {name for name in TARGETS if name.startswith(("aVF_", "V1_"))}
    assert not told["numbers"][0].isnan().any()
    drawn = data.change(3000, hidden=0.5).hidden
    assert drawn is not None
    shares = np.bincount(drawn.sum(dim=1).numpy(), minlength=4) / 3000
    assert len(shares) == 4
    assert shares == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6], abs=0.04)
    assert drawn.float().mean(dim=0).numpy() == pytest.approx(np.full(12, 1 / 12), abs=0.03)


def test_a_run_makes_towers_a_model_and_one_without_imd(corpus: Path, model: Path, tmp_path: Path) -> None:
    few = Stage(steps=3, batch_rows=2, warmup_steps=1)
    config = HeldConfig(
        model=model, train=corpus, out=tmp_path, jobs=1, device="cpu", bf16=False, log_every=2,
        tower=few, vision=few, sft=few.model_copy(update={"steps": 4}), without_imd=few, q="even",
    )  # fmt: skip
    summary = run_held(config)
    assert summary["rows"] == 4
    assert summary["tower"]["step"] == 3
    assert 0 < summary["sft"]["loss"] < 9
    for name in ("model", "model_without_imd"):
        changed = load_for_training(tmp_path / name).state_dict()
        assert any(not torch.equal(value, changed[key]) for key, value in load_for_training(model).state_dict().items())
    again = run_held(config.model_copy(update={"out": tmp_path / "again"}))
    assert again["sft"]["loss"] == pytest.approx(summary["sft"]["loss"], abs=1e-5)
    towers = [name for name in load_for_training(model).state_dict() if part_of(name).endswith("_tower")]
    pretrained = load_for_training(model)
    load_towers(
        pretrained.model, {"ecg_tower": tmp_path / "tower.safetensors", "vision_tower": tmp_path / "vision.safetensors"}
    )
    fine_tuned = load_for_training(tmp_path / "model").state_dict()
    for name in towers:  # frozen in fine-tuning
        assert torch.allclose(fine_tuned[name].float(), pretrained.state_dict()[name].float(), atol=1e-2)


def test_of_the_signal_alone_no_page_is_needed(corpus: Path, model: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.jsonl"
    lines = [json.loads(line) for line in corpus.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line["images"] = []
        line["objects"]["ecg"] = [str(corpus.parent / line["objects"]["ecg"][0])]
    bare.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    summary = run_held(signal_alone(model, bare, tmp_path / "run"))
    assert summary["rows"] == 4
    assert summary["vision"] is None
    made = tmp_path / "run" / "model"
    assert (made / "model.safetensors").exists()
    reader = NanoReader(Settings(), made)  # nobody is offered what it was never taught
    assert reader.modalities == ("signal",)
    assert NanoReader(Settings(), model).modalities == MODALITIES


def test_rows_of_several_files_are_learned_from(corpus: Path, model: Path, tmp_path: Path) -> None:
    other = apart_rows(tmp_path / "other", 3, "sft")
    none = Stage(steps=0)
    summary = run_held(signal_alone(model, corpus, tmp_path / "run", train=[corpus, other], tower=none))
    assert summary["rows"] == 4 + 3
    assert summary["problems"] == {}
    with pytest.raises(InputError, match="shares"):  # rows of the second file are not apart either
        run_held(signal_alone(model, corpus, tmp_path / "same", train=[corpus, other], check=other))
    with pytest.raises(ValidationError, match="names no file"):
        signal_alone(model, corpus, tmp_path / "none", train=[])


def test_a_tower_of_a_run_before_is_taken(corpus: Path, model: Path, tmp_path: Path) -> None:
    first, none = signal_alone(model, corpus, tmp_path / "first", sft=Stage(steps=0)), Stage(steps=0)
    run_held(first)
    tower = tmp_path / "first" / "tower.safetensors"
    run_held(signal_alone(model, corpus, tmp_path / "then", tower=none, ecg_tower=tower))
    assert (tmp_path / "then" / "tower.safetensors").read_bytes() == tower.read_bytes()
    known, taken = load_file(tower), load_for_training(tmp_path / "then" / "model").model.ecg_tower.state_dict()
    assert all(torch.allclose(value.bfloat16().float(), taken[name].float()) for name, value in known.items())


@pytest.mark.parametrize("given", ["nothing", "causal", "kept", "added", "grouped"])
def test_attention_on_a_cpu_is_pytorchs(given: str) -> None:
    rng = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(2, heads, 9, 8, generator=rng) for heads in (4, 4, 4))
    options: dict[str, Any] = {"scale": 0.3}
    if given == "causal":
        options["is_causal"] = True
    elif given == "kept":
        options["attn_mask"] = torch.rand(2, 1, 1, 9, generator=rng) < 0.7
    elif given == "added":
        options["attn_mask"] = torch.randn(2, 1, 9, 9, generator=rng)
    elif given == "grouped":
        key, value, options = key[:, :2], value[:, :2], {"enable_gqa": True}
    stock = torch.nn.functional.scaled_dot_product_attention
    with quick_attention("cpu"):
        assert torch.nn.functional.scaled_dot_product_attention is not stock
        found = torch.nn.functional.scaled_dot_product_attention(query, key, value, **options)
    assert torch.nn.functional.scaled_dot_product_attention is stock
    assert torch.allclose(found, stock(query, key, value, **options), atol=1e-5)


def test_rows_of_a_step_are_about_equally_long(made: list[Example]) -> None:
    lengths = np.random.default_rng(0).integers(90, 260, 400)
    tokens = [{"signal": replace(made[0].tokens["signal"], ids=np.zeros(length, dtype=np.int32))} for length in lengths]
    data = held([replace(made[0], tokens=one) for one in tokens], 0.0)
    drawn = [data.alike(16, "signal") for _ in range(300)]
    assert {len(places) for places in drawn} == {16}
    assert np.median([np.ptp(lengths[places]) for places in drawn]) < 45
    counts = np.bincount(np.concatenate(drawn), minlength=400)
    short, long = counts[lengths < 130].mean(), counts[lengths > 220].mean()
    assert 0.7 < short / long < 1.4


class Broken(Exception):
    pass


@pytest.mark.parametrize("stage", ["tower", "sft"])
def test_a_run_that_was_broken_off_goes_on_where_it_stood(
    stage: str, corpus: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_held(signal_alone(model, corpus, tmp_path / "whole", fresh=3))
    broken = signal_alone(model, corpus, tmp_path / "broken", fresh=3)
    keep = Kept.keep

    def until(self: Kept, one: Any, optimiser: Any, done: int, passed: float) -> None:
        keep(self, one, optimiser, done, passed)
        if self.path.name.startswith(stage) and done == 2:
            raise Broken

    with monkeypatch.context() as patched:
        patched.setattr(Kept, "keep", until)
        with pytest.raises(Broken):
            run_held(broken)
    again = run_held(broken)
    assert again["sft"]["step"] == 4
    for name in ("tower", "sft"):
        assert {k: v for k, v in again[name].items() if k != "seconds"} == pytest.approx(
            {k: v for k, v in whole[name].items() if k != "seconds"}, abs=1e-5
        )
    assert not list((tmp_path / "broken").glob("*.state.pt"))
    with pytest.raises(InputError, match="another seed"):
        run_held(broken.model_copy(update={"seed": 5}))


def test_rows_apart_tell_how_far_it_carries_over(corpus: Path, model: Path, tmp_path: Path) -> None:
    apart = apart_rows(tmp_path / "apart", 3)
    summary = run_held(signal_alone(model, corpus, tmp_path / "run", check=apart, check_rows=2))
    assert 0 < summary["tower"]["check/waves"] < 9
    assert 0 < summary["tower"]["check/error/heart_rate_bpm"] < 500
    assert 0 < summary["sft"]["check/signal"] < 9
    with pytest.raises(InputError, match="shares"):
        run_held(signal_alone(model, corpus, tmp_path / "same", check=corpus))


def test_what_few_answers_have_weighs_more(model: Path) -> None:
    tokenizer = EcgR1Processor.from_pretrained(model).tokenizer
    common, digit, rare, rarest, absent = 300, tokenizer.convert_tokens_to_ids("7"), 301, 302, 303
    answers = [np.array([common, common, digit])] * 100
    answers[0] = np.array([common, rarest])
    answers[1:26] = [np.array([common, rare, rare])] * 25
    answers[3] = np.array([common, rare, digit])
    found = token_weights(tokenizer, len(tokenizer), answers, digits=0.5, rare=0.5, device="cpu")
    assert found[[common, rare, rarest, absent]].tolist() == pytest.approx([1.0, 2.0, 4.0, 1.0])
    assert float(found[digit]) == pytest.approx(0.5 * (75 / 100) ** -0.5)
    even = token_weights(tokenizer, len(tokenizer), answers, digits=1.0, rare=0.0, device="cpu")
    assert (even == 1).all()


def test_digits_weigh_what_they_are_told_to(corpus: Path, model: Path, tmp_path: Path) -> None:
    tokenizer = EcgR1Processor.from_pretrained(model).tokenizer
    written = "QRS 142 ms, leads V1 and V2, atrial fibrillation"
    ids = tokenizer(written, add_special_tokens=False)["input_ids"]
    weights = token_weights(tokenizer, len(tokenizer), [], digits=0.25, rare=0.5, device="cpu")[ids].tolist()
    texts = [tokenizer.decode([one]).strip() for one in ids]
    assert weights == [0.25 if text.isdigit() else 1.0 for text in texts]
    assert 0.25 in weights
    none, few = Stage(steps=0), Stage(steps=2, batch_rows=2, warmup_steps=1)
    given = {"tower": none, "sft": few, "check": apart_rows(tmp_path / "apart")}
    plain = run_held(signal_alone(model, corpus, tmp_path / "plain", **given))["sft"]
    words = run_held(signal_alone(model, corpus, tmp_path / "words", digits=0.0, **given))["sft"]
    assert "check/signal/weighted" not in plain
    assert words["loss"] != pytest.approx(plain["loss"], abs=1e-4)
    assert words["check/signal/weighted"] != pytest.approx(words["check/signal"], abs=1e-4)


def test_fresh_recordings_are_told_by_their_truth() -> None:
    made, taught, labels = fresh_examples(12, 5, 1)
    again = fresh_examples(12, 5, 2)
    for one, other in zip(made, again[0], strict=True):  # to the last bit of half precision
        assert np.allclose(one.signal, other.signal, rtol=2e-3, atol=1e-4)
    assert np.allclose(taught.beats, again[1].beats, rtol=0, atol=1e-5, equal_nan=True)
    assert np.array_equal(labels, again[2], equal_nan=True)
    assert np.isnan(taught.numbers).mean() < 0.4
    named = np.isfinite(labels).all(axis=0)
    assert 3 < named.sum() < len(LABELS)
    assert labels[:, named].any(axis=0).all()
    assert np.isnan(labels[:, ~named]).all()
    lead_i = np.stack([one.signal[TOWER_LEADS.index("I")] for one in made]).astype(np.float32)
    r_s = [beats[np.isfinite(beats[:, 0]), 0] for beats in taught.beats]
    for signal, times in zip(lead_i, r_s, strict=True):
        at = np.clip((times * 500).astype(int), 30, 4969)
        near = np.mean([np.ptp(signal[place - 30 : place + 30]) for place in at])
        assert near > np.mean([np.ptp(signal[place : place + 60]) for place in range(0, 4900, 60)])


def test_the_commented_file_is_a_configuration() -> None:
    path = Path(__file__).parents[3] / "training" / "configs" / "held.yaml"
    config = load_config(HeldConfig, path)
    assert path.read_text().splitlines()[0] == "# ecgr1 train held --config training/configs/held.yaml"
    assert config.sft.runs
    assert not config.without_imd.runs


def test_rows_that_cannot_be_read_are_named(corpus: Path, rows: list[Row], model: Path) -> None:
    gone = replace(rows[0], ecg="ecg/gone")
    (_, found), (_, other) = examples([gone, rows[1]], model, media_beside(corpus), 2)
    assert isinstance(found, tuple)
    assert "gone" in " ".join(found)
    assert isinstance(other, Example)


def test_without_a_gpu_it_says_so(corpus: Path, model: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="there is no GPU"):
        run_held(HeldConfig(model=model, train=corpus, out=tmp_path))
