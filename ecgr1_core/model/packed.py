"""Linear layers whose weights stay in 8 or 4 bits, on the CPU kernels that PyTorch itself brings.

A step of generation is one row (or a few, for several readings at once) and is bound by how fast weights are read:
the packed kernels read them as they are. A prompt is hundreds of rows and is bound by arithmetic: there a slice of the
layer at a time is unpacked and multiplied in the number format this CPU is fastest in, and dropped. The module knows
nothing of models, files or which layers ought to be quantised.

8 bits: one scale for each output row, `w = scale * q`, q in −127…127. 4 bits: a scale and a zero for each group of 64
inputs of a row, `w = scale * (q − 8) + zero`, q in 0…15; scales and zeros are bfloat16, as the kernels take them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

GROUP = 64  # inputs that share a scale and a zero in 4 bits
BLOCK = 64  # output rows that lie together in 4-bit codes as they are stored
FEW_ROWS = 32  # up to here the packed kernels are no slower than unpacking first (measured, see benchmarks)
_SLICE_WEIGHTS = 1 << 23  # weights unpacked at a time: 32 MiB as float32; smaller slices are no faster
_QUANTISED_WEIGHTS = 1 << 20  # weights quantised at a time
_SHRINK = 0.96  # of a group's range, to begin with
_REFINEMENTS = 4


@lru_cache(maxsize=1)
def matmul_dtype() -> torch.dtype:
    """Return the format in which this CPU multiplies large matrices fastest.

    bfloat16 where x86 has instructions for it (AMX, AVX512-BF16), else float32: without them PyTorch's bfloat16 product
    is several times slower than its float32 one. Arm was not measured and takes float32.
    """
    can = torch.cpu.get_capabilities()
    return torch.bfloat16 if can.get("amx_bf16") or can.get("avx512_bf16") else torch.float32


class Int8Weight(NamedTuple):
    """`codes` [out, in] int8 and `scales` [out] bfloat16."""

    codes: Tensor
    scales: Tensor

    def fits(self, in_features: int, out_features: int) -> bool:
        """Return whether this is the weight of a layer of that size."""
        return self.codes.shape == (out_features, in_features) and self.scales.shape == (out_features,)


class Int4Weight(NamedTuple):
    """`codes` [blocks, in, 32] uint8 and `scales` [in / 64, blocks · 64, 2] bfloat16 (scale, zero).

    Byte j of a block holds output row j in its low and row j + 32 in its high half; rows past the last are zeros. This
    is the form on disk, the same on every machine.
    """

    codes: Tensor
    scales: Tensor

    def fits(self, in_features: int, out_features: int) -> bool:
        """Return whether this is the weight of a layer of that size."""
        blocks = -(-out_features // BLOCK)
        return self.codes.shape == (blocks, in_features, BLOCK // 2) and self.scales.shape == (
            in_features // GROUP,
            blocks * BLOCK,
            2,
        )


def quantise_int8(weight: Tensor) -> Int8Weight:
    """Return a weight [out, in] in 8 bits, each row scaled by its largest magnitude."""
    codes = torch.empty(weight.shape, dtype=torch.int8)
    scales = torch.empty(len(weight), dtype=torch.bfloat16)
    for rows in _row_slices(weight, _QUANTISED_WEIGHTS):
        part = weight[rows].float()
        scale = (part.abs().amax(dim=1) / 127).clamp_min(torch.finfo(torch.bfloat16).tiny).bfloat16()
        codes[rows] = (part / scale.float()[:, None]).round_().clamp_(-127, 127).to(torch.int8)
        scales[rows] = scale
    return Int8Weight(codes, scales)


def quantise_int4(weight: Tensor) -> Int4Weight:
    """Return a weight [out, in] in 4 bits, groups of 64 inputs.

    Each group begins with its range from minimum to maximum, a little shrunk; then scale and zero are fitted to the
    codes by least squares and the codes set anew, four times. That lowers the error of normally distributed weights
    from 9.0 % (minimum to maximum) to 8.4 % of their norm; the best of six shrinks reaches 8.6 %. Raises ValueError
    where 64 does not divide the number of inputs.
    """
    out_features, in_features = weight.shape
    check_int4(in_features)
    padded = -(-out_features // BLOCK) * BLOCK
    codes = torch.full((padded, in_features), 8, dtype=torch.uint8)
    scales = torch.zeros(padded, in_features // GROUP, 2, dtype=torch.bfloat16)
    for rows in _row_slices(weight, _QUANTISED_WEIGHTS):
        groups = weight[rows].float().view(-1, in_features // GROUP, GROUP)
        low, high = groups.amin(dim=-1) * _SHRINK, groups.amax(dim=-1) * _SHRINK
        scale = _as_kept((high - low) / 15, positive=True)
        zero = _as_kept(low + 8 * scale)
        steps = _steps(groups, scale, zero)
        mean = groups.mean(dim=-1)
        for _ in range(_REFINEMENTS):
            steps_mean = steps.mean(dim=-1)
            spread = steps - steps_mean[..., None]
            slope = (spread * groups).sum(dim=-1) / spread.square_().sum(dim=-1).clamp_min(1e-6)
            scale = _as_kept(slope, positive=True)
            zero = _as_kept(mean - scale * steps_mean)
            steps = _steps(groups, scale, zero)
        codes[rows] = steps.add_(8).to(torch.uint8).flatten(1)
        scales[rows] = torch.stack([scale, zero], dim=-1).bfloat16()
    return Int4Weight(_to_halves(codes, BLOCK), scales.transpose(0, 1).contiguous())


def check_int4(in_features: int) -> None:
    """Raise ValueError where a layer of so many inputs cannot be divided into groups of 64."""
    if in_features % GROUP:
        raise ValueError(f"4 bits need a number of inputs that {GROUP} divides, not {in_features}")


def dequantise(weight: Int8Weight | Int4Weight) -> Tensor:
    """Return the weight that the codes stand for, float32; [out, in] of 8 bits, [blocks · 64, in] of 4 bits."""
    if isinstance(weight, Int8Weight):
        return weight.codes.float() * weight.scales.float()[:, None]
    rows = _from_halves(weight.codes).float()
    rows = rows.view(len(rows), -1, GROUP)
    scale, zero = weight.scales.float().transpose(0, 1).unbind(-1)
    restored: Tensor = ((rows - 8) * scale[..., None] + zero[..., None]).flatten(1)
    return restored


class _PackedLinear(nn.Module):
    """What both have in common: few rows by the packed kernel, many by unpacking slices; shapes and bias kept."""

    bias: Tensor | None
    scales: Tensor

    def __init__(self, in_features: int, out_features: int, bias: Tensor | None) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x @ weight.T + bias`: [..., in] to [..., out], in the floating-point format of `x`."""
        flat = x.reshape(-1, self.in_features)
        if not len(flat):
            return x.new_empty(*x.shape[:-1], self.out_features)
        y = self._few(flat.bfloat16().contiguous()) if len(flat) <= FEW_ROWS else self._many(flat)
        if self.bias is not None:
            y = y + self.bias.to(y.dtype)
        return y.to(x.dtype).view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Say the shape, as `nn.Linear` does."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"

    def _many(self, flat: Tensor) -> Tensor:
        dtype = matmul_dtype()
        flat = flat.to(dtype)
        y = flat.new_empty(len(flat), self.out_features)
        for columns, weight in self._unpacked(dtype):
            y[:, columns] = flat @ weight
        return y

    def _few(self, flat: Tensor) -> Tensor:
        """Return the product of bfloat16 rows by the packed kernel."""
        raise NotImplementedError

    def _unpacked(self, dtype: torch.dtype) -> Iterator[tuple[slice, Tensor]]:
        """Yield the transposed weight, [in, some outputs], slice by slice."""
        raise NotImplementedError


class Int8Linear(_PackedLinear):
    """A linear layer with an 8-bit weight; takes float32 and bfloat16 activations of any batch shape."""

    codes: Tensor

    def __init__(self, weight: Int8Weight, bias: Tensor | None = None) -> None:
        super().__init__(weight.codes.shape[1], weight.codes.shape[0], bias)
        self.register_buffer("codes", weight.codes)
        self.register_buffer("scales", weight.scales)

    def _few(self, flat: Tensor) -> Tensor:
        return torch._weight_int8pack_mm(flat, self.codes, self.scales)

    def _unpacked(self, dtype: torch.dtype) -> Iterator[tuple[slice, Tensor]]:
        for rows in _row_slices(self.codes, _SLICE_WEIGHTS):
            yield rows, self.codes[rows].to(dtype).mul_(self.scales[rows, None]).T


class Int4Linear(_PackedLinear):
    """A linear layer with a 4-bit weight; takes float32 and bfloat16 activations of any batch shape.

    The codes are held in the order that this CPU's kernel wants, which is not the order on disk everywhere.
    """

    codes: Tensor

    def __init__(self, weight: Int4Weight, out_features: int, bias: Tensor | None = None) -> None:
        super().__init__(weight.codes.shape[1], out_features, bias)
        self.layout = int4_layout()
        self.register_buffer("codes", _arrange(weight.codes, self.layout))
        self.register_buffer("scales", weight.scales)

    def _few(self, flat: Tensor) -> Tensor:
        y = torch._weight_int4pack_mm_for_cpu(flat, _kernel_view(self.codes), GROUP, self.scales)
        return y[:, : self.out_features]

    def _unpacked(self, dtype: torch.dtype) -> Iterator[tuple[slice, Tensor]]:
        block = self.layout.block
        for blocks in _row_slices(self.codes, _SLICE_WEIGHTS // 2):
            codes = self.codes[blocks].transpose(0, 1)  # [in, blocks, block / 2]
            split = (2, block // 2) if self.layout.pairing == "halves" else (block // 2, 2)
            part = torch.empty(*codes.shape[:2], *split, dtype=torch.float32)
            low, high = part.unbind(2 if self.layout.pairing == "halves" else 3)
            low.copy_(codes & 15)
            high.copy_(codes >> 4)
            part = part.view(self.in_features // GROUP, GROUP, -1)  # [groups, 64, outputs]
            columns = slice(blocks.start * block, blocks.stop * block)
            scale, zero = self.scales[:, None, columns].float().unbind(-1)
            weight = torch.addcmul(zero - 8 * scale, part, scale, out=part).flatten(0, 1).to(dtype)
            stop = min(columns.stop, self.out_features)
            yield slice(columns.start, stop), weight[:, : stop - columns.start]


class Int4Layout(NamedTuple):
    """How a kernel orders 4-bit codes: [rows / block, in, block / 2] bytes.

    Byte j of a block holds rows j and j + block / 2 ("halves"), or rows 2j and 2j + 1 ("pairs"), the first of them in
    its low half.
    """

    block: int
    pairing: Literal["halves", "pairs"]


@lru_cache(maxsize=1)
def int4_layout() -> Int4Layout:
    """Find out how this build of PyTorch packs 4-bit weights on this CPU, by packing a small matrix and looking.

    A product with it is checked too. Raises RuntimeError where the order is none of the known ones or the product is
    wrong; 8 bits work there.
    """
    rows, inputs = BLOCK, GROUP
    numbers = torch.arange(rows, dtype=torch.int32)[:, None].expand(rows, inputs).contiguous()
    digits = [torch._convert_weight_to_int4pack_for_cpu(part, 1) for part in (numbers % 16, numbers // 16)]
    for block in (64, 32, 16):
        low, high = ([d.reshape(-1, inputs, block // 2)[0, 0] for d in digits] for _ in range(2))
        lows = (low[0] & 15) + 16 * (low[1] & 15)
        highs = (high[0] >> 4) + 16 * (high[1] >> 4)
        half = torch.arange(block // 2)
        if torch.equal(lows, half.to(lows.dtype)) and torch.equal(highs, (half + block // 2).to(highs.dtype)):
            return _checked(Int4Layout(block, "halves"))
        if torch.equal(lows, (2 * half).to(lows.dtype)) and torch.equal(highs, (2 * half + 1).to(highs.dtype)):
            return _checked(Int4Layout(block, "pairs"))
    raise RuntimeError("this build of PyTorch packs 4-bit weights in an unknown order; use 8 bits on this machine")


def _checked(layout: Int4Layout) -> Int4Layout:
    """Return the layout if a product over several blocks and groups, packed in it, is what it ought to be."""
    generator = torch.Generator().manual_seed(0)
    weight = quantise_int4(torch.randn(3 * BLOCK, 2 * GROUP, generator=generator))
    x = torch.randn(3, 2 * GROUP, generator=generator).bfloat16()
    expected = x.float() @ dequantise(weight).T
    got = torch._weight_int4pack_mm_for_cpu(x, _kernel_view(_arrange(weight.codes, layout)), GROUP, weight.scales)
    if (got.float() - expected).abs().max() > 0.02 * expected.abs().max():
        raise RuntimeError("PyTorch's 4-bit product is wrong on this CPU; use 8 bits on this machine")
    return layout


def _kernel_view(codes: Tensor) -> Tensor:
    """Return the codes in the shape the kernel asks for, [rows, in / 2], without moving a byte."""
    blocks, inputs, half = codes.shape
    return codes.view(blocks * half * 2, inputs // 2)


def _arrange(codes: Tensor, layout: Int4Layout) -> Tensor:
    """Return codes [blocks, in, 32] as on disk in the order of a kernel; the same tensor where that is the same."""
    if layout == (BLOCK, "halves"):
        return codes
    blocks, inputs, _ = codes.shape
    parts = BLOCK // layout.block
    if codes.device.type == "meta":
        return codes.new_empty(blocks * parts, inputs, layout.block // 2)
    arranged = torch.empty(blocks, parts, inputs, layout.block // 2, dtype=torch.uint8)
    if layout == (BLOCK // 2, "halves"):  # the common case, without unpacking: AVX2
        first, second = codes[..., :16], codes[..., 16:]
        torch.bitwise_or(first & 15, second << 4, out=arranged[:, 0])
        torch.bitwise_or(first >> 4, second & 240, out=arranged[:, 1])
    else:
        rows = torch.cat([codes & 15, codes >> 4], dim=2).view(blocks, inputs, parts, layout.block).transpose(1, 2)
        if layout.pairing == "halves":
            low, high = rows.chunk(2, dim=-1)
        else:
            low, high = rows[..., ::2], rows[..., 1::2]
        torch.bitwise_or(low, high << 4, out=arranged)
    return arranged.flatten(0, 1)


def _to_halves(rows: Tensor, block: int) -> Tensor:
    """Pack codes [rows, in], one a byte, into [rows / block, in, block / 2]."""
    low, high = rows.view(-1, 2, block // 2, rows.shape[1]).unbind(1)
    return (low | (high << 4)).transpose(1, 2).contiguous()


def _from_halves(codes: Tensor) -> Tensor:
    """Undo `_to_halves`."""
    return torch.stack([codes & 15, codes >> 4], dim=1).transpose(2, 3).flatten(0, 2).contiguous()


def _row_slices(weight: Tensor, weights: int) -> Iterator[slice]:
    """Yield slices of the first dimension that hold about so many elements each."""
    step = max(1, weights // max(1, weight[0].numel()))
    for start in range(0, len(weight), step):
        yield slice(start, min(start + step, len(weight)))


def _as_kept(value: Tensor, *, positive: bool = False) -> Tensor:
    """Round to what bfloat16 holds, so that the codes are chosen for the scale and zero that are kept."""
    rounded = value.bfloat16().float()
    return rounded.clamp_min(torch.finfo(torch.bfloat16).tiny) if positive else rounded


def _steps(groups: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """Return the nearest codes less 8, as floats −8…7."""
    return ((groups - zero[..., None]) / scale[..., None]).round_().clamp_(-8, 7)
