"""Evidence phrases: reading a reference, matching its phrases in a reading, and the rewards made of that.

One matcher serves the page, `ecgr1 score` and training. The rules are in docs/evidence.md.
"""

from ecgr1_core.evidence.completion import StepText, published_steps, strict_steps
from ecgr1_core.evidence.matching import (
    MODES,
    EvidenceMatch,
    Mode,
    PhraseMatch,
    Status,
    StepMatch,
    match,
    match_steps,
    to_json,
)
from ecgr1_core.evidence.reference import STEP_KEYS, Reference, reference_from_json, reference_from_text
from ecgr1_core.evidence.rewards import accuracy_reward, evidence_reward, format_reward
from ecgr1_core.evidence.sources import YAML_ENDINGS, read_yaml, reference_from_file, reference_from_value
from ecgr1_core.evidence.trace_phrases import reference_from_trace

__all__ = [
    "MODES",
    "STEP_KEYS",
    "YAML_ENDINGS",
    "EvidenceMatch",
    "Mode",
    "PhraseMatch",
    "Reference",
    "Status",
    "StepMatch",
    "StepText",
    "accuracy_reward",
    "evidence_reward",
    "format_reward",
    "match",
    "match_steps",
    "published_steps",
    "read_yaml",
    "reference_from_file",
    "reference_from_json",
    "reference_from_text",
    "reference_from_trace",
    "reference_from_value",
    "strict_steps",
    "to_json",
]
