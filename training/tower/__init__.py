"""Pre-training of the ECG tower: measurements, labels and texts of recordings, before the language model sees any."""

from training.tower.config import TowerConfig
from training.tower.run import run_tower

__all__ = ["TowerConfig", "run_tower"]
