"""What one ECG is for the model in vLLM: a recording in, a prepared signal and a number of placeholder tokens out.

The signal is prepared by the very function that prepares it for our own ECG-R1. vLLM's server knows no attachment of
its own making, so a recording travels as an `audio_url`: a data URL that holds the part `input_ecg` of our API. This
module knows nothing of vLLM.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecgr1_core.errors import DamagedFileError
from ecgr1_core.model.config import EcgR1Config, config_of
from ecgr1_core.model.processing import SAMPLES, TOWER_LEADS, ecg_inputs
from ecgr1_core.readers.ecg_part import KIND, decode_part, encode_part
from ecgr1_core.record import EcgRecord

# The name under which vLLM carries ECGs. Its chat server hands on images, audio and videos only.
MODALITY: Final = "audio"

MEDIA_TYPE: Final = "application/vnd.ecgr1.input-ecg+json"
_URL_START: Final = f"data:{MEDIA_TYPE};base64,"
_REMEDY: Final = "make the URL with vllm_ecg_r1.inputs.ecg_url"


def ecg_url(record: EcgRecord) -> str:
    """Return the recording as the data URL of an `audio_url` part; its name stays here."""
    return url_of_part(encode_part(record))


def url_of_part(part: Mapping[str, Any]) -> str:
    """Return a part `input_ecg` as the data URL of an `audio_url` part."""
    content = json.dumps(part[KIND], separators=(",", ":"), allow_nan=False)
    return _URL_START + base64.b64encode(content.encode()).decode("ascii")


def record_of_url(url: str) -> EcgRecord:
    """Return the recording of such a URL.

    Raises DamagedFileError for any other URL and for damaged content, UnsuitableRecordingError for a recording outside
    the limits of files.
    """
    if not url.startswith(_URL_START):
        raise DamagedFileError("audio_url", f"it is no data URL of the type {MEDIA_TYPE}", _REMEDY)
    try:
        content = json.loads(base64.b64decode(url.removeprefix(_URL_START), validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise DamagedFileError("audio_url", "its data are no JSON in base64", _REMEDY) from error
    return decode_part({KIND: content})


def ecg_item(ecg: Any) -> dict[str, np.ndarray]:
    """Return one ECG prepared: `ecg_values` [12, 5000] float32 in mV, `ecg_lengths` [] in samples.

    `ecg` is an `EcgRecord`, a finite array [12, 5000] as `prepare_signal` makes it, or already such an item. Raises
    UnsuitableRecordingError for a recording without a known sample, ValueError for anything else.
    """
    if isinstance(ecg, dict):
        values, length = np.asarray(ecg.get("ecg_values"), dtype=np.float32), np.asarray(ecg.get("ecg_lengths"))
        if values.shape != (len(TOWER_LEADS), SAMPLES) or length.shape != () or not np.isfinite(values).all():
            raise ValueError(
                f"a prepared ECG must be finite, [12, {SAMPLES}], with its length; got {list(values.shape)}"
            )
        return {"ecg_values": values, "ecg_lengths": length}
    if not isinstance(ecg, EcgRecord | np.ndarray):
        raise ValueError(f"an ECG must be an EcgRecord or an array [12, {SAMPLES}], got {type(ecg).__name__}")
    return {name: np.asarray(value[0]) for name, value in ecg_inputs([ecg]).items()}


def ecg_config(hf_config: Any, model: str) -> EcgR1Config:
    """Return the checked configuration of the ECG's part, from the one that vLLM has read for the directory `model`.

    Raises a kind of InputError for a stock Qwen3-VL, an unknown projector or tower, and measures that contradict it.
    """
    return config_of(Path(model) / "config.json", hf_config.to_dict())


def placeholder(config: EcgR1Config) -> list[int]:
    """Return the tokens that stand for one ECG in place of its single `<|ecg_pad|>`."""
    return [int(config.ecg_token_id)] * config.ecg_tokens
