"""Both towers and the language model taught with all rows held on one accelerator, where nothing has to be read again.

A model of some millions of parameters takes a step in less time than sixteen cores read its rows. Here every recording
is read and every page prepared once; what disturbs them is drawn on the accelerator.
"""

from training.held.config import HeldConfig, Stage
from training.held.run import run_held

__all__ = ["HeldConfig", "Stage", "run_held"]
