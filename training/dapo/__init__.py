"""Reinforcement learning by DAPO: `config` is what a run is told, `loop.run_dapo` runs it."""
