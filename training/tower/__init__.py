"""Pre-training of the towers, before the language model sees what they tell.

The ECG tower learns from recordings and the vision tower from pages, both to tell measurements, labels and texts.
"""

from training.tower.config import TowerConfig, VisionConfig
from training.tower.run import run_tower, run_vision

__all__ = ["TowerConfig", "VisionConfig", "run_tower", "run_vision"]
