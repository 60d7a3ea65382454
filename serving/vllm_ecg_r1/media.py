"""What fetches attachments in vLLM's server: an `audio_url` holds an ECG and is taken from its data URL alone.

Pictures are fetched as vLLM does. Chosen by the variable `VLLM_MEDIA_CONNECTOR=ecg_r1`; written against vLLM 0.33.
"""

from __future__ import annotations

import asyncio
from typing import Any

from vllm.exceptions import VLLMValidationError
from vllm.multimodal.media.connector import MEDIA_CONNECTOR_REGISTRY, MediaConnector

from ecgr1_core.errors import InputError
from vllm_ecg_r1.inputs import ecg_item, record_of_url


@MEDIA_CONNECTOR_REGISTRY.register("ecg_r1")
class EcgMediaConnector(MediaConnector):
    """vLLM's own connector, in which the place of audio is the ECG's."""

    def fetch_audio(self, audio_url: str) -> Any:
        """Return the prepared ECG of a data URL, see `ecg_item`; VLLMValidationError, which answers 400, for others."""
        try:
            return ecg_item(record_of_url(audio_url))
        except InputError as error:
            raise VLLMValidationError(str(error), parameter="audio_url") from error

    async def fetch_audio_async(self, audio_url: str) -> Any:
        """Return the same without holding up the server meanwhile."""
        return await asyncio.to_thread(self.fetch_audio, audio_url)
