"""The patches of a page: in training a matrix product gives what Qwen3-VL's convolution gives; else it is that."""

from __future__ import annotations

import torch
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLVisionConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionPatchEmbed

from ecgr1_core.model.modeling import PatchEmbed


def test_it_is_the_convolution() -> None:
    config = Qwen3VLVisionConfig(hidden_size=24)
    torch.manual_seed(1)
    theirs, ours = Qwen3VLVisionPatchEmbed(config), PatchEmbed(config)
    ours.load_state_dict(theirs.state_dict())
    pixels = torch.randn(10, 3 * 2 * 16 * 16)
    told = []
    for embed in (theirs, ours):
        values = embed(pixels)
        values.square().sum().backward()
        told.append((values, embed.proj.weight.grad, embed.proj.bias.grad))
    for their, our in zip(*told, strict=True):
        torch.testing.assert_close(our, their, rtol=1e-4, atol=1e-4)
    assert torch.equal(ours.eval()(pixels), theirs(pixels))
