"""The tiny model of the model's own tests, in a form that never ends by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "model"))


@pytest.fixture(scope="session")
def endless_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a tiny random ECG-R1 that writes nonsense until it is stopped."""
    import torch
    from endless import build_endless_checkpoint

    torch.set_num_threads(1)
    return build_endless_checkpoint(tmp_path_factory.mktemp("models") / "tiny-endless")
