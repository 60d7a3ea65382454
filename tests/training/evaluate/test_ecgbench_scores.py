"""ECGBench's figures equal hand-worked values, and the protocol answers its questions from pages and recordings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecgr1_core.errors import InputError
from ecgr1_core.settings import Settings
from training.evaluate.answerers import answerer_of
from training.evaluate.ecgbench import SPACES, evaluate_file, kind_of, labels_in, letter_figures, letter_in, set_figures
from training.media import media_beside
from training.problems import Problems


def test_label_figures_by_hand() -> None:
    space = ("NORM", "MI", "STTC", "HYP")
    pairs = [("NORM", "NORM"), ("MI, STTC", "MI"), ("STTC", "NORM, STTC"), ("MI", "STTC")]
    found = set_figures(pairs, space)
    # NORM: 1 right, 1 too many -> 2/3; MI: 1 right, 1 missed -> 2/3; STTC: 1 right, 1 missed, 1 too many -> 2/4
    assert found["macro_f1"] == pytest.approx(100 * (2 / 3 + 2 / 3 + 0.5) / 3, abs=0.01)
    # AUC: NORM (1 + 2/3)/2, MI (1/2 + 1)/2, STTC (1/2 + 1/2)/2
    assert found["macro_auc"] == pytest.approx(100 * (5 / 6 + 0.75 + 0.5) / 3, abs=0.01)
    assert found["hamming_loss"] == pytest.approx(100 * 4 / 12, abs=0.01)
    assert (found["labels"], found["labels_without_auc"]) == (3, 0)  # no reference names HYP
    assert set_figures([("MI", "MI")], space)["labels_without_auc"] == 1
    assert set_figures([], space)["macro_f1"] is None


def test_labels_are_whole_words() -> None:
    assert labels_in("ABNORMAL, STTC", SPACES["code15-test"][1]) == {"ABNORMAL"}
    assert labels_in("I think NORM. Answer: 1dAVb, SB", SPACES["code15-test"][1]) == {"1dAVb", "SB"}
    assert labels_in("I-AVB and STE", SPACES["cpsc-test"][1]) == {"I-AVB", "STE"}


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("C. atrial flutter", "C"),
        ("The correct option is D", "D"),
        ("<think>A. no</think>\n<answer>E</answer>", "E"),
        ("Answer: F", "F"),
        ("A normal tracing, I believe", None),
        ("", None),
    ],
)
def test_letters(text: str, letter: str | None) -> None:
    assert letter_in(text) == letter


def test_an_answer_without_a_letter_is_wrong_and_counted() -> None:
    found = letter_figures([("A. x", "A"), ("B. y", "no idea"), ("C. z", "B.")])
    assert found == {"answered": 3, "accuracy": 33.33, "without_letter": 1}


def test_the_protocol_answers_from_the_recording_or_the_page(rows_file: Path, tmp_path: Path) -> None:
    def item(name: str, answer: str, question: str, **seen: str) -> dict[str, object]:
        return {"id": name, "conversations": [{"value": f"<image>\n{question}"}, {"value": answer}], **seen}

    ask = "Which of NORM, AF, I-AVB, LBBB, RBBB, PAC, PVC, STD, STE does it show?"
    items = [
        item("1", "AF", ask, ecg="ecg/atrial_fibrillation"),
        item("2", "I-AVB", ask, image="images/av_block_1.png"),
        item("3", "NORM", ask),
        {"id": "4"},
    ]
    path = tmp_path / "cpsc-test.json"
    path.write_text(json.dumps(items))
    protocol, problems = answerer_of("protocol", Settings(), tmp_path), Problems()
    media = media_beside(rows_file)
    found = evaluate_file(path, protocol, media, tmp_path / "kept.jsonl", problems)
    assert (found["data_set"], found["asked"], found["answered"]) == ("CPSC 2018", 3, 2)
    assert (found["macro_f1"], found["hamming_loss"]) == (100.0, 0.0)
    assert problems.counts == {"unreadable row": 1, "unreadable": 1}
    lettered = tmp_path / "csn-test-no-cot.json"
    options = "A. Sinus rhythm\nB. Atrial fibrillation\nC. Complete left bundle branch block"
    lettered.write_text(json.dumps([item("1", "B. Atrial fibrillation", options, ecg="ecg/atrial_fibrillation")]))
    assert evaluate_file(lettered, protocol, media, tmp_path / "kept.jsonl", problems)["accuracy"] == 100.0


def test_files_that_are_none_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no part of ECGBench"):
        kind_of(tmp_path / "other.json")
    path = tmp_path / "ptb-test.json"
    path.write_text("{}")
    protocol = answerer_of("protocol", Settings(), tmp_path)
    with pytest.raises(InputError, match="holds no list"):
        evaluate_file(path, protocol, media_beside(path), tmp_path / "kept.jsonl", Problems())
