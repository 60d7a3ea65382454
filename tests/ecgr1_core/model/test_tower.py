"""The ECG tower against an independent implementation of the same published network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ecgr1_core.model.tower import EcgTower, build_projector

SIZES = {"layers": 3, "width": 48, "heads": 4, "mlp_ratio": 4, "patch_samples": 50, "samples": 5000, "output_size": 20}


class ReferenceBlock(nn.Module):
    """A CLIP block with PyTorch's own attention layer."""

    def __init__(self) -> None:
        super().__init__()
        width = SIZES["width"]
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, SIZES["heads"], batch_first=True)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", nn.GELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))

    def forward(self, x: Tensor, ignored: Tensor | None) -> Tensor:
        normal = self.ln_1(x)
        x = x + self.attn(normal, normal, normal, need_weights=False, key_padding_mask=ignored)[0]
        return x + self.mlp(self.ln_2(x))


class Reference(nn.Module):
    """The tower by explicit patches and a matrix product, without the convolution and without fused attention."""

    def __init__(self) -> None:
        super().__init__()
        width = SIZES["width"]
        self.conv1 = nn.Conv1d(12, width, 50, 50, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(101, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(ReferenceBlock() for _ in range(SIZES["layers"]))
        self.proj = nn.Parameter(torch.empty(width, SIZES["output_size"]))

    def forward(self, ecg: Tensor, ignored: Tensor | None = None) -> Tensor:
        patches = torch.stack([ecg[:, :, 50 * n : 50 * (n + 1)].flatten(1) for n in range(100)], dim=1)
        x = patches @ self.conv1.weight.flatten(1).T
        x = torch.cat([self.class_embedding.repeat(len(ecg), 1, 1), x], dim=1) + self.positional_embedding
        x = self.ln_pre(x)
        for block in self.transformer.resblocks:
            x = block(x, ignored)
        return x


@pytest.fixture(scope="module")
def pair() -> tuple[EcgTower, Reference]:
    """Our tower and the reference with the same random weights."""
    generator = torch.Generator().manual_seed(5)
    tower, reference = EcgTower(**SIZES), Reference()
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            is_gain = "ln_" in name and name.endswith("weight")
            parameter.normal_(1.0 if is_gain else 0.0, 0.15, generator=generator)
    loaded = tower.load_state_dict(reference.state_dict(), strict=True)
    assert not loaded.missing_keys
    return tower.eval(), reference.eval()


def test_the_tower_agrees_with_plain_pytorch(pair: tuple[EcgTower, Reference]) -> None:
    tower, reference = pair
    ecg = torch.randn(3, 12, 5000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = tower(ecg), reference(ecg)
    assert ours.shape == (3, 101, 48)
    assert theirs.std() > 0.5
    assert (ours - theirs).abs().max() <= 1e-5


def test_padded_time_is_left_out_on_request(pair: tuple[EcgTower, Reference]) -> None:
    tower, reference = pair
    ecg = torch.randn(2, 12, 5000, generator=torch.Generator().manual_seed(2))
    ecg[0, :, 1510:] = 0.0  # 3.02 s: the 31st patch is partly recorded
    lengths = torch.tensor([1510, 5000])
    time_mask = torch.arange(5000)[None] < lengths[:, None]
    ignored = torch.zeros(2, 101, dtype=torch.bool)
    ignored[0, 32:] = True
    with torch.no_grad():
        masked, plain, expected = tower(ecg, time_mask), tower(ecg), reference(ecg, ignored)
    assert (masked - expected).abs().max() <= 1e-5
    assert (masked[0] - plain[0]).abs().max() > 1e-3
    assert torch.equal(masked[1], plain[1]) or (masked[1] - plain[1]).abs().max() <= 1e-5


def test_every_sample_of_every_lead_is_seen(pair: tuple[EcgTower, Reference]) -> None:
    tower, _ = pair
    ecg = torch.zeros(1, 12, 5000, requires_grad=True)
    tower(ecg).square().sum().backward()
    assert ecg.grad is not None
    assert (ecg.grad != 0).all()


@pytest.mark.parametrize("shape", [(12, 5000), (1, 8, 5000), (1, 12, 4999), (1, 5000, 12)])
def test_another_shape_is_refused(pair: tuple[EcgTower, Reference], shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"ecg must be \[batch, 12, 5000\]"):
        pair[0](torch.zeros(shape))


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        ("linear", {"weight": (7, 5), "bias": (7,)}),
        ("mlp1x_gelu", {"0.weight": (7, 5), "0.bias": (7,)}),
        ("mlp2x_gelu", {"0.weight": (7, 5), "0.bias": (7,), "2.weight": (7, 7), "2.bias": (7,)}),
        (
            "mlp3x_gelu",
            {
                **{"0.weight": (7, 5), "0.bias": (7,), "2.weight": (7, 7), "2.bias": (7,)},
                **{"4.weight": (7, 7), "4.bias": (7,)},
            },
        ),
    ],
)
def test_projectors_have_the_published_names(kind: str, shapes: dict[str, tuple[int, ...]]) -> None:
    projector = build_projector(kind, 5, 7)
    assert {name: tuple(tensor.shape) for name, tensor in projector.state_dict().items()} == shapes
    assert projector(torch.zeros(2, 3, 5)).shape == (2, 3, 7)


def test_the_usual_projector_is_gelu_between_two_layers() -> None:
    torch.manual_seed(0)
    projector = build_projector("mlp2x_gelu", 5, 7)
    weights = projector.state_dict()
    x = torch.randn(4, 5)
    inner = x @ weights["0.weight"].T + weights["0.bias"]
    inner = inner * 0.5 * (1 + torch.erf(inner / 2**0.5))
    expected = inner @ weights["2.weight"].T + weights["2.bias"]
    assert torch.allclose(projector(x), expected, atol=1e-6)


def test_an_unknown_projector_is_refused() -> None:
    with pytest.raises(ValueError, match="resampler"):
        build_projector("resampler", 5, 7)
