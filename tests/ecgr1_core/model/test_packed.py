"""Packed linear layers against the weights that their codes stand for."""

from __future__ import annotations

import pytest
import torch

from ecgr1_core.model import packed
from ecgr1_core.model.packed import (
    FEW_ROWS,
    Int4Layout,
    Int4Linear,
    Int8Linear,
    dequantise,
    int4_layout,
    quantise_int4,
    quantise_int8,
)

SHAPES = [(64, 64), (128, 192), (100, 128), (1, 64), (257, 320)]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def weight_of(out_features: int, in_features: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(out_features, in_features, generator=torch.Generator().manual_seed(seed)) * 0.02


def layer_and_weight(
    bits: int, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> tuple[torch.nn.Module, torch.Tensor]:
    if bits == 8:
        eight = quantise_int8(weight)
        return Int8Linear(eight, bias), dequantise(eight)
    four = quantise_int4(weight)
    return Int4Linear(four, len(weight), bias), dequantise(four)[: len(weight)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bits", [8, 4])
def test_codes_stand_for_a_weight_close_to_the_one_given(bits: int, shape: tuple[int, int]) -> None:
    weight = weight_of(*shape)
    _, restored = layer_and_weight(bits, weight)
    error = (restored - weight).norm() / weight.norm()
    assert error < (0.01 if bits == 8 else 0.09)
    assert error > 0


@pytest.mark.parametrize("rows", [1, 3, FEW_ROWS, FEW_ROWS + 1, 90])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bits", [8, 4])
def test_product_is_that_of_the_dequantised_weight(
    bits: int, shape: tuple[int, int], dtype: torch.dtype, rows: int
) -> None:
    bias = weight_of(1, shape[0], seed=2)[0]
    layer, restored = layer_and_weight(bits, weight_of(*shape), bias)
    x = weight_of(rows, shape[1], seed=1).to(dtype) * 50
    y = layer(x)
    expected = x.double() @ restored.double().T + bias.double()
    assert y.dtype == dtype
    assert y.shape == (rows, shape[0])
    # One rounding of the input and one of the output to bfloat16, each up to 2^-8 of a term.
    limit = 2**-7 * (x.double().abs() @ restored.double().abs().T + bias.double().abs())
    assert bool(((y.double() - expected).abs() <= limit).all())
    assert (y.double() - expected).norm() < 0.006 * expected.norm() or y.numel() < 10


def test_many_rows_in_float32_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "matmul_dtype", lambda: torch.float32)
    for bits in (8, 4):
        layer, restored = layer_and_weight(bits, weight_of(200, 256))
        x = weight_of(100, 256, seed=1)
        torch.testing.assert_close(layer(x), x @ restored.T, rtol=1e-5, atol=1e-6)


def test_many_rows_in_bfloat16_where_the_cpu_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "matmul_dtype", lambda: torch.bfloat16)
    for bits in (8, 4):
        layer, restored = layer_and_weight(bits, weight_of(200, 256))
        x = weight_of(100, 256, seed=1)
        expected = x @ restored.T
        assert (layer(x) - expected).norm() < 0.01 * expected.norm()


def test_a_layer_larger_than_a_slice_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "matmul_dtype", lambda: torch.float32)
    monkeypatch.setattr(packed, "_SLICE_WEIGHTS", 5000)
    for bits in (8, 4):
        layer, restored = layer_and_weight(bits, weight_of(321, 128))
        x = weight_of(50, 128, seed=1)
        torch.testing.assert_close(layer(x), x @ restored.T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 4])
def test_batch_dimensions_are_kept(bits: int) -> None:
    layer, _ = layer_and_weight(bits, weight_of(100, 128))
    x = weight_of(24, 128, seed=1)
    flat = layer(x)
    assert torch.equal(layer(x.view(2, 3, 4, 128)), flat.view(2, 3, 4, 100))
    assert layer(x[0]).shape == (100,)
    assert layer(x[:0]).shape == (0, 100)
    assert torch.equal(layer(x.T.contiguous().T), flat)


@pytest.mark.parametrize("bits", [8, 4])
def test_one_row_is_the_same_alone_and_in_a_batch(bits: int) -> None:
    layer, _ = layer_and_weight(bits, weight_of(128, 256))
    x = weight_of(6, 256, seed=1)
    together = layer(x)
    assert torch.equal(together, torch.cat([layer(row[None]) for row in x]))


def test_rows_of_zeros_and_constant_groups_stay_what_they_are() -> None:
    weight = torch.zeros(64, 128)
    weight[1] = 0.5
    for bits in (8, 4):
        _, restored = layer_and_weight(bits, weight)
        torch.testing.assert_close(restored, weight, rtol=4e-3, atol=1e-30)


def test_int4_beats_plain_minimum_to_maximum() -> None:
    weight = weight_of(256, 512)
    groups = weight.view(256, -1, 64)
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    step = (high - low) / 15
    plain = (((groups - low) / step).round() * step + low).view_as(weight)
    fitted = dequantise(quantise_int4(weight))
    assert (fitted - weight).norm() < 0.97 * (plain - weight).norm()


def test_inputs_that_64_does_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="64 divides, not 100"):
        quantise_int4(weight_of(64, 100))


@pytest.mark.parametrize("layout", [Int4Layout(block, kind) for block in (64, 32, 16) for kind in ("halves", "pairs")])
def test_every_known_order_of_codes_unpacks_to_the_same_weight(
    layout: Int4Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unpacking for prompts on CPUs that this test does not run on."""
    weight = weight_of(200, 128)
    monkeypatch.setattr(packed, "int4_layout", lambda: layout)
    layer, restored = layer_and_weight(4, weight)
    columns = [(part, columns) for part, columns in layer._unpacked(torch.float32)]
    assert [part.start for part, _ in columns] == [0]
    torch.testing.assert_close(columns[0][1].T, restored, rtol=0, atol=1e-8)


def test_codes_are_ordered_as_this_cpu_packs_them() -> None:
    numbers = torch.randint(0, 16, (128, 64), generator=torch.Generator().manual_seed(3), dtype=torch.int32)
    theirs = torch._convert_weight_to_int4pack_for_cpu(numbers, 1)
    ours = packed._arrange(packed._to_halves(numbers.to(torch.uint8), 64), int4_layout())
    assert torch.equal(ours.flatten(), theirs.flatten())


def test_an_unknown_order_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = torch._convert_weight_to_int4pack_for_cpu
    monkeypatch.setattr(torch, "_convert_weight_to_int4pack_for_cpu", lambda w, k: real(w, k).flip(0, 1))
    with pytest.raises(RuntimeError, match="unknown order; use 8 bits"):
        int4_layout.__wrapped__()
