"""Evaluation of readers: scores without a judge, the seven-criteria judge, benchmarks of closed questions, ratings.

`config.EvaluateConfig` says what is to be done and `run.run_evaluate` does it.
"""
