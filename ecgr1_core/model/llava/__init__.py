"""Checkpoints in LLaVA's own layout, PULSE and GEM among them, on the classes of transformers."""
