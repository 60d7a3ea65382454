"""Supervised fine-tuning of ECG-R1 on rows with answers, under interleaved modality dropout."""

from training.sft.config import SftConfig
from training.sft.run import run_sft

__all__ = ["SftConfig", "run_sft"]
