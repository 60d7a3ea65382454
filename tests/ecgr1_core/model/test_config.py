"""Reading the configuration of a checkpoint: what is understood, and what is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, Qwen3VLConfig

from ecgr1_core.errors import DamagedFileError, InputError, MissingPartnerError
from ecgr1_core.model.config import EcgR1Config, published_dict, read_config

# The configuration of the published 8B model, as far as it is not a default of the library.
PUBLISHED: dict[str, Any] = {
    "model_type": "qwen3_vl",
    "architectures": ["Qwen3VLForConditionalGeneration"],
    "ecg_token_id": 151669,
    "ecg_tower_path": "/a/disk/far/away/cpt_wfep_epoch_20.pt",
    "ecg_projector_type": "mlp2x_gelu",
    "ecg_model_config": "coca_ViT-B-32",
    "ecg_hidden_size": 768,
    "image_token_id": 151655,
    "text_config": {
        "model_type": "qwen3_vl_text",
        "vocab_size": 151936,
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "rope_theta": 5000000,
        "rope_scaling": {"rope_type": "default", "mrope_interleaved": True, "mrope_section": [24, 20, 20]},
    },
    "vision_config": {"model_type": "qwen3_vl", "out_hidden_size": 4096},
}


def _write(directory: Path, **changes: Any) -> Path:
    values = {**PUBLISHED, **changes}
    (directory / "config.json").write_text(json.dumps({k: v for k, v in values.items() if v is not None}))
    return directory


def test_the_published_configuration_is_understood(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path))
    assert isinstance(config, EcgR1Config)
    assert config.ecg_tokens == 101
    assert (config.ecg_num_hidden_layers, config.ecg_num_attention_heads, config.ecg_output_size) == (12, 12, 512)
    assert config.text_config.num_key_value_heads == 8
    assert config.text_config.rope_parameters["rope_theta"] == 5_000_000
    assert config.text_config.rope_parameters["mrope_section"] == [24, 20, 20]
    assert config.ecg_mask_padding is False


def test_a_saved_configuration_is_read_back_equal(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path))
    config.save_pretrained(tmp_path / "saved")
    saved = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert saved["model_type"] == "ecg_r1"
    assert read_config(tmp_path / "saved").to_dict() == config.to_dict()
    assert isinstance(AutoConfig.from_pretrained(tmp_path / "saved"), EcgR1Config)


def test_the_published_layout_is_written_so_that_stock_qwen3_vl_reads_it(tmp_path: Path) -> None:
    config = read_config(_write(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps(published_dict(config)))
    assert type(AutoConfig.from_pretrained(tmp_path)) is Qwen3VLConfig
    assert read_config(tmp_path).to_dict() == {**config.to_dict(), "architectures": PUBLISHED["architectures"]}


CUSTOM = {
    "ecg_model_config": "custom",
    "ecg_hidden_size": 30,
    "ecg_num_hidden_layers": 2,
    "ecg_num_attention_heads": 3,
    "ecg_mlp_ratio": 4,
    "ecg_patch_samples": 100,
    "ecg_samples": 5000,
    "ecg_leads": 12,
    "ecg_output_size": 8,
}


def test_a_custom_tower_states_its_measures(tmp_path: Path) -> None:
    assert read_config(_write(tmp_path, **CUSTOM)).ecg_tokens == 51


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        (
            dict.fromkeys(("ecg_token_id", "ecg_projector_type", "ecg_model_config", "ecg_hidden_size")),
            InputError,
            "stock Qwen3-VL",
        ),
        ({"ecg_token_id": None}, DamagedFileError, "lacks ecg_token_id"),
        ({"ecg_token_id": 151936}, DamagedFileError, "outside the vocabulary"),
        ({"ecg_token_id": "many"}, DamagedFileError, "not valid"),
        ({"model_type": "llama"}, InputError, "'llama'"),
        ({"text_config": None}, DamagedFileError, "lacks text_config"),
        ({"vision_config": []}, DamagedFileError, "lacks vision_config"),
        ({"ecg_projector_type": "qformer"}, InputError, "'qformer' is unknown"),
        ({"ecg_projector_type": "mlp0x_gelu"}, InputError, "'mlp0x_gelu' is unknown"),
        ({"ecg_model_config": "coca_ViT-L-14"}, InputError, "unknown ECG tower"),
        ({"ecg_hidden_size": 1024}, InputError, "another size: ecg_hidden_size is 1024, but coca_ViT-B-32 has 768"),
        ({"ecg_num_hidden_layers": 24}, InputError, "another size: ecg_num_hidden_layers is 24"),
        ({"ecg_model_config": "custom"}, DamagedFileError, "lacks ecg_num_hidden_layers"),
        ({**CUSTOM, "ecg_num_attention_heads": 4}, DamagedFileError, "no multiple of ecg_num_attention_heads"),
        ({**CUSTOM, "ecg_samples": 4999}, DamagedFileError, "no multiple of ecg_patch_samples"),
        ({**CUSTOM, "ecg_leads": 0}, DamagedFileError, "not positive whole numbers"),
    ],
)
def test_what_is_no_ecg_r1_is_refused_in_one_sentence(
    tmp_path: Path, changes: dict[str, Any], kind: type[InputError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        read_config(_write(tmp_path, **changes))
    message = str(caught.value)
    assert words in message
    assert message.startswith("config.json: ")
    assert "\n" not in message
    assert str(tmp_path) not in message


def test_a_directory_without_a_readable_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a directory"):
        read_config(tmp_path / "absent")
    with pytest.raises(MissingPartnerError, match=r"has no config\.json"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": ')
    with pytest.raises(DamagedFileError, match="cannot be read as JSON"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(DamagedFileError, match="not a JSON object"):
        read_config(tmp_path)
