"""The figures of the paper (arXiv 2602.04279), which stand beside ours as reference rows.

They were made on 2,381 cases of MIMIC-IV-ECG with DeepSeek-V3.1-Terminus as the judge and the authors' prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ecgr1_core.metrics.table import PUBLISHED as CONSISTENCY

JUDGED: Final[Mapping[str, Mapping[str, float]]] = {
    name: dict(
        zip(
            ("DiagnosisAccuracy", "AnalysisCompleteness", "LeadEvidenceValidity", "ClinicalDiagnosticFidelity"),
            figures,
            strict=True,
        )
    )
    for name, figures in {
        "GPT-5.1-Instant": (31.48, 3.03, 1.92, 43.46),
        "MedGemma-27B": (25.23, 3.20, 0.81, 39.22),
        "PULSE": (66.13, 1.90, 0.19, 40.53),
        "GEM": (74.70, 4.25, 4.41, 62.90),
        "ECG-R1 (SFT)": (79.33, 6.36, 5.53, 83.51),
        "ECG-R1 (RL)": (80.29, 6.51, 5.81, 84.20),
    }.items()
}
"""Grounded interpretation; criteria that are not given here are not known to us."""

REASONING_COMPLETION: Final = 0.06
"""ECG-Reasoning-Benchmark (arXiv 2603.14326): every multimodal model tried completes fewer chains."""

__all__ = ["CONSISTENCY", "JUDGED", "REASONING_COMPLETION"]
