"""Generation on the tiny model: token for token what transformers' `generate` writes, alone and together, stoppable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import build_checkpoint
from transformers import DynamicCache

from ecgr1_core.errors import InputError, UnsuitableRecordingError
from ecgr1_core.modality import ModalityView
from ecgr1_core.model import decoding, prompts
from ecgr1_core.model.generation import Delta, Ending, GenerationOptions, generate
from ecgr1_core.model.loading import LoadedModel, load
from ecgr1_core.model.prompts import RoomyLayer
from ecgr1_core.model.views import inputs_for
from ecgr1_core.record import EcgRecord

SHORT = GenerationOptions(max_new_tokens=40)
SAMPLED = GenerationOptions(max_new_tokens=40, temperature=1.3, top_p=0.9, seed=5)


@pytest.fixture(scope="module")
def loaded(tiny_checkpoint: Path) -> LoadedModel:
    return load(tiny_checkpoint, precision="fp32", device="cpu")


def endings(deltas: Iterable[Delta]) -> list[Ending]:
    """Return the endings in the order of the rows, after checking that the pieces of each row are its text."""
    texts: dict[int, str] = {}
    found: dict[int, Ending] = {}
    for delta in deltas:
        assert delta.row not in found, "nothing comes after the end"
        texts[delta.row] = texts.get(delta.row, "") + delta.text
        if delta.ending is not None:
            found[delta.row] = delta.ending
    assert all(found[row].text == text for row, text in texts.items())
    return [found[row] for row in sorted(found)]


def alone(loaded: LoadedModel, view: ModalityView, options: GenerationOptions = SHORT) -> Ending:
    (ending,) = endings(generate(loaded, [view], options))
    return ending


def by_transformers(loaded: LoadedModel, view: ModalityView, **options: Any) -> list[int]:
    inputs = inputs_for(loaded.processor, [view])
    output = loaded.model.generate(**inputs, max_new_tokens=40, do_sample=False, **options)
    written: list[int] = output[0, inputs["input_ids"].shape[1] :].tolist()
    ends = loaded.model.generation_config.eos_token_id
    return written[:-1] if written[-1] in ends else written


@contextmanager
def scripted(loaded: LoadedModel, ids: list[int], *, certainty: float = 8.0) -> Iterator[list[int]]:
    """Let the model write these tokens, one at each step; yields a list that grows by one at each step."""
    steps: list[int] = []

    def rig(module: Any, inputs: Any, logits: torch.Tensor) -> torch.Tensor:
        rigged = torch.zeros_like(logits)
        rigged[..., ids[min(len(steps), len(ids) - 1)]] = certainty
        steps.append(len(steps))
        return rigged

    handle = loaded.model.lm_head.register_forward_hook(rig)
    try:
        yield steps
    finally:
        handle.remove()


@pytest.mark.parametrize("modality", range(4))
def test_the_text_is_that_of_transformers(loaded: LoadedModel, four_views: list[ModalityView], modality: int) -> None:
    view = four_views[modality]
    ending = alone(loaded, view)
    assert list(ending.token_ids) == by_transformers(loaded, view)
    assert ending.prompt_tokens == inputs_for(loaded.processor, [view])["input_ids"].shape[1]
    assert ending.reason == ("length" if len(ending.token_ids) == 40 else "end")
    assert ending.scores is None


def test_the_repetition_penalty_is_that_of_transformers(loaded: LoadedModel, four_views: list[ModalityView]) -> None:
    for view in four_views[:2]:
        ending = alone(loaded, view, replace(SHORT, repetition_penalty=1.4))
        assert list(ending.token_ids) == by_transformers(loaded, view, repetition_penalty=1.4)
        assert ending.token_ids != alone(loaded, view).token_ids


@pytest.mark.parametrize("options", [SHORT, SAMPLED, replace(SHORT, log_probabilities=True)])
def test_a_batch_writes_what_each_view_gets_alone(
    loaded: LoadedModel, four_views: list[ModalityView], made_page: Image.Image, options: GenerationOptions
) -> None:
    other = EcgRecord(np.random.default_rng(3).normal(0, 0.6, (12, 1500)).astype(np.float32), 250.0, name="other")
    views = [*four_views, ModalityView("signal", other), ModalityView("image", other, made_page, "upload")]
    together = endings(generate(loaded, views, options))
    singly = [alone(loaded, view, options) for view in views]
    assert [one.token_ids for one in together] == [one.token_ids for one in singly]
    assert [one.reason for one in together] == [one.reason for one in singly]
    assert [one.prompt_tokens for one in together] == [one.prompt_tokens for one in singly]
    if options.log_probabilities:
        for one, other_one in zip(together, singly, strict=True):
            assert one.scores is not None
            assert other_one.scores is not None
            ours, theirs = ([score.log_probability for score in scores] for scores in (one.scores, other_one.scores))
            assert ours == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_in_8_and_4_bits_a_batch_is_the_same_to_the_last_bit(
    tmp_path: Path, four_views: list[ModalityView], precision: Any
) -> None:
    checkpoint = build_checkpoint(tmp_path / "wide", hidden=128, intermediate=256)
    packed = load(checkpoint, precision=precision, device="cpu")
    options = replace(SHORT, log_probabilities=True)
    together = endings(generate(packed, four_views[:3], options))
    for one, view in zip(together, four_views, strict=False):
        single = alone(packed, view, options)
        assert one.token_ids == single.token_ids
        assert one.scores == single.scores


def test_rows_end_by_themselves_and_leave_the_others_as_they_are(
    loaded: LoadedModel, four_views: list[ModalityView]
) -> None:
    """Rows are made to end at different tokens by naming, for each, one it writes; then rows must leave one by one."""
    whole = [alone(loaded, view).token_ids for view in four_views]
    firsts = [{token: ids.index(token) for token in reversed(ids)} for ids in whole]
    end = max(
        {token for ids in whole for token in ids},
        key=lambda token: len({first.get(token, 40) for first in firsts}),
    )
    expected = [ids[: first.get(end, 40)] for ids, first in zip(whole, firsts, strict=True)]
    assert len({len(ids) for ids in expected}) >= 2
    config = loaded.model.generation_config
    before = config.eos_token_id
    config.eos_token_id = [*before, end]
    try:
        together = endings(generate(loaded, four_views, SHORT))
    finally:
        config.eos_token_id = before
    assert [one.token_ids for one in together] == expected
    assert {one.reason for one in together} <= {"end", "length"}


def test_the_same_seed_writes_the_same_and_another_something_else(
    loaded: LoadedModel, four_views: list[ModalityView]
) -> None:
    first = alone(loaded, four_views[0], SAMPLED)
    alone(loaded, four_views[1], SAMPLED)
    assert alone(loaded, four_views[0], SAMPLED).token_ids == first.token_ids
    assert alone(loaded, four_views[0], replace(SAMPLED, seed=6)).token_ids != first.token_ids
    assert first.token_ids != alone(loaded, four_views[0]).token_ids
    state = torch.get_rng_state()
    alone(loaded, four_views[0], SAMPLED)
    assert torch.equal(torch.get_rng_state(), state), "the generator of the process is not touched"


def test_a_small_top_p_is_greedy(loaded: LoadedModel, four_views: list[ModalityView]) -> None:
    narrow = replace(SAMPLED, top_p=1e-6)
    assert alone(loaded, four_views[2], narrow).token_ids == alone(loaded, four_views[2]).token_ids


def test_tokens_are_drawn_as_often_as_they_are_probable(loaded: LoadedModel, four_views: list[ModalityView]) -> None:
    """1 against 10 other tokens, all else impossible; of 11 equal ones with top-p 0.5 only 6 are left."""
    few = list(range(20, 31))

    def rig(module: Any, inputs: Any, logits: torch.Tensor) -> torch.Tensor:
        rigged = torch.full_like(logits, -1e4)
        rigged[..., few] = 0.0
        return rigged

    handle = loaded.model.lm_head.register_forward_hook(rig)
    try:
        options = GenerationOptions(max_new_tokens=300, temperature=1.0, seed=1)
        counts = np.bincount(alone(loaded, four_views[0], options).token_ids, minlength=40)[few]
        narrow = alone(loaded, four_views[0], replace(options, top_p=0.5))
    finally:
        handle.remove()
    assert counts.min() >= 10, "27 are expected of each"
    assert counts.max() <= 50
    assert len(set(narrow.token_ids)) == 6


def test_it_stops_directly_after_the_answer(loaded: LoadedModel, four_views: list[ModalityView]) -> None:
    text = "<think>Größe – 心</think>\nAll in all.\n<answer>sinus rhythm; AV block</answer>"
    ids = loaded.processor.tokenizer.encode(text + " More.")
    options = replace(SHORT, max_new_tokens=len(ids), log_probabilities=True)
    with scripted(loaded, ids) as steps:
        ending = alone(loaded, four_views[0], options)
        asked = len(steps)
        unstopped = alone(loaded, four_views[0], replace(options, stop_after_answer=False))
    assert ending.reason == "answer"
    assert ending.text == text
    assert asked == len(ending.token_ids) < len(ids)
    assert unstopped.reason == "length"


def test_cancelling_stops_within_one_token(loaded: LoadedModel, four_views: list[ModalityView]) -> None:
    for views in (four_views[:1], four_views[:2]):
        wanted = True
        written = 0
        after: list[Delta] = []
        for delta in generate(loaded, views, SHORT, cancelled=lambda: not wanted):  # noqa: B023
            written += delta.row == 0
            if not wanted:
                after.append(delta)
            wanted = written < 7
        assert [delta.ending.reason for delta in after if delta.ending] == ["cancelled"] * len(views)
        assert all(delta.text == "" for delta in after if delta.row == 0)
        assert next(delta.ending for delta in after if delta.ending) is not None


def test_closing_the_iterator_stops_the_model(loaded: LoadedModel, four_views: list[ModalityView]) -> None:
    with scripted(loaded, [20]) as steps:
        deltas = generate(loaded, [four_views[0]], SHORT)
        for _ in range(3):
            next(deltas)
        deltas.close()  # type: ignore[attr-defined]
        assert len(steps) == 3


def test_a_prompt_that_is_being_read_is_cancelled_between_two_layers(
    loaded: LoadedModel, four_views: list[ModalityView]
) -> None:
    layers = loaded.model.model.language_model.layers
    ran: list[int] = []
    handles = [layer.register_forward_hook(lambda *_, n=n: ran.append(n)) for n, layer in enumerate(layers)]
    try:
        (ending,) = endings(generate(loaded, [four_views[0]], SHORT, cancelled=lambda: len(ran) >= 2))
    finally:
        for handle in handles:
            handle.remove()
    assert (ending.reason, ending.text, ending.seconds_to_first_token) == ("cancelled", "", None)
    assert ran == [0, 1]
    assert not any(layer._forward_pre_hooks for layer in layers), "nothing is left on the model"


def test_the_time_limit_ends_every_row(loaded: LoadedModel, four_views: list[ModalityView]) -> None:
    found = endings(generate(loaded, four_views[:2], replace(SHORT, max_seconds=1e-6)))
    assert [(one.reason, one.token_ids) for one in found] == [("time", ()), ("time", ())]
    slow = generate(loaded, [four_views[0]], replace(SHORT, max_new_tokens=2048, max_seconds=0.4))
    assert endings(slow)[0].reason in ("time", "end")


def test_log_probabilities_are_those_of_one_pass_over_the_whole_text(
    loaded: LoadedModel, four_views: list[ModalityView]
) -> None:
    view = four_views[2]
    for options in (replace(SHORT, log_probabilities=True), replace(SAMPLED, log_probabilities=True)):
        ending = alone(loaded, view, options)
        assert ending.scores is not None
        inputs = inputs_for(loaded.processor, [view])
        prompt = inputs["input_ids"].shape[1]
        written = torch.tensor([ending.token_ids])
        inputs["input_ids"] = torch.cat([inputs["input_ids"], written], dim=1)
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        inputs["mm_token_type_ids"] = torch.nn.functional.pad(inputs["mm_token_type_ids"], (0, written.shape[1]))
        with torch.inference_mode():
            log = torch.log_softmax(loaded.model(**inputs).logits[0, prompt - 1 : -1].double(), dim=-1)
        expected = log.gather(1, written.T)[:, 0].tolist()
        entropy = (-log.exp() * log).sum(dim=-1).tolist()
        assert [score.log_probability for score in ending.scores] == pytest.approx(expected, abs=2e-4)
        assert [score.entropy_nats for score in ending.scores] == pytest.approx(entropy, abs=2e-4)
        assert [score.token_id for score in ending.scores] == list(ending.token_ids)


def test_common_beginnings_and_pages_are_read_once_with_the_same_result(
    loaded: LoadedModel, four_views: list[ModalityView], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    monkeypatch.setattr(prompts, "SHORTEST_SHARED", 64)
    handle = loaded.model.model.visual.register_forward_hook(lambda *_: looks.append(1))
    try:
        sharing = endings(generate(loaded, four_views, SHORT))
        assert len(looks) == 1, "one page in three prompts"
        monkeypatch.setattr(prompts, "SHORTEST_SHARED", 10**6)
        apart = endings(generate(loaded, four_views, SHORT))
    finally:
        handle.remove()
    assert [one.token_ids for one in sharing] == [one.token_ids for one in apart]
    assert [one.shared_prompt_tokens for one in apart] == [0, 0, 0, 0]
    signal, image, both, swapped = (one.shared_prompt_tokens for one in sharing)
    assert signal == 0
    assert both > 101, "system prompt and ECG, as of the signal"
    assert swapped > image + 60, "system prompt and page, as of the image"


def test_other_recordings_share_no_more_than_the_words_before_them(
    loaded: LoadedModel, four_views: list[ModalityView], made_record: EcgRecord
) -> None:
    twin = EcgRecord(made_record.signal_mv * 2, 500.0)
    first, second = endings(generate(loaded, [four_views[0], ModalityView("signal", twin)], SHORT))
    assert second.shared_prompt_tokens < (second.prompt_tokens or 0) - 101
    assert second.token_ids == alone(loaded, ModalityView("signal", twin)).token_ids
    same = endings(generate(loaded, [four_views[0], four_views[0]], SHORT))
    assert same[1].shared_prompt_tokens == (same[1].prompt_tokens or 0) - 1
    assert same[0].token_ids == same[1].token_ids == first.token_ids


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_every_attention_writes_the_same(
    loaded: LoadedModel, tiny_checkpoint: Path, four_views: list[ModalityView], attention: str
) -> None:
    """The path of GPUs, which masks the padding, is run here too by another name for the implementation."""
    other = load(tiny_checkpoint, precision="fp32", device="cpu", attention=attention)
    expected = [one.token_ids for one in endings(generate(loaded, four_views, SHORT))]
    if attention == "sdpa":
        other.attention = "flash_attention_2"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decoding, "_attention", lambda inner, name: nullcontext())
            found = endings(generate(other, four_views, SHORT))
    else:
        found = endings(generate(other, four_views, SHORT))
    assert [one.token_ids for one in found] == expected
    assert other.model.model.language_model.config._attn_implementation == attention


def test_a_cache_with_room_holds_what_the_stock_cache_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "ROOM_TOKENS", 3)
    generator = torch.Generator().manual_seed(0)
    stock, roomy = DynamicCache(), RoomyLayer()
    for tokens in (5, 1, 1, 1, 1, 4, 1):
        keys, values = (torch.randn(2, 3, tokens, 8, generator=generator) for _ in range(2))
        theirs, ours = stock.update(keys, values, 0), roomy.update(keys, values)
        assert all(torch.equal(one, other) for one, other in zip(theirs, ours, strict=True))
    assert roomy.get_seq_length() == stock.get_seq_length() == 14


def test_first_words_and_rate_are_timed(loaded: LoadedModel, four_views: list[ModalityView]) -> None:
    with scripted(loaded, [20]):
        ending = alone(loaded, four_views[0])
        one_token = alone(loaded, four_views[0], replace(SHORT, max_new_tokens=1))
    assert ending.seconds_to_first_token is not None
    assert ending.tokens_per_s is not None
    assert 0 < ending.seconds_to_first_token < ending.seconds
    written_s = 39 / ending.tokens_per_s
    assert ending.seconds_to_first_token + written_s == pytest.approx(ending.seconds, rel=0.2)
    assert one_token.tokens_per_s is None


@pytest.mark.parametrize(
    "options",
    [
        {"max_new_tokens": 0},
        {"max_seconds": 0.0},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"seed": -1},
        {"repetition_penalty": 0.0},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="out of range"):
        GenerationOptions(**options)


def test_an_unusable_view_is_refused_before_any_prompt_is_read(
    loaded: LoadedModel, four_views: list[ModalityView]
) -> None:
    empty = EcgRecord(np.full((12, 5000), np.nan, dtype=np.float32), 500.0, name="empty")
    with scripted(loaded, [20]) as steps, pytest.raises(UnsuitableRecordingError, match="empty"):
        list(generate(loaded, [four_views[0], ModalityView("signal", empty)], SHORT))
    assert steps == []
