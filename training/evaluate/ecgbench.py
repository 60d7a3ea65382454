"""ECGBench (PULSE, arXiv 2410.19008): closed questions about pages, scored for each data set as published.

A file is a JSON list of `{"id", "image", "conversations": [{"from", "value"}, …]}`; a row may also name the recording
(`ecg`). What a file asks is told by its name: sets of labels out of a label space (PTB-XL superclasses, CPSC 2018,
CODE-15 %), or one lettered option (CSN, G12EC). As published: labels are those whose letters stand in the answer, F1
and AUC are means over the labels that the references name, in percent, AUC being that of a yes-or-no prediction.
Different here: letters count as whole words (published: NORM is found in ABNORMAL); an answer without a letter is wrong
and counted, where the published script draws one at random; a label for which AUC is not defined is left out of its
mean and counted. Not scored here: the parts that need a judge or are no closed questions (report, MMMU-ECG, ECG-QA).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecgr1_core import vocabulary
from ecgr1_core.errors import InputError
from training.evaluate.answerers import Answerer
from training.evaluate.labels import named
from training.evaluate.lines import Lines
from training.media import Media
from training.problems import Problems
from training.rows import Row

_FORM: Final = 'give a JSON list of {"id", "image", "conversations"}, as ECGBench has it'
SPACES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "ptb-test": ("PTB-XL Super", ("NORM", "MI", "STTC", "CD", "HYP")),
    "cpsc-test": ("CPSC 2018", ("NORM", "AF", "I-AVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")),
    "code15-test": ("CODE-15%", ("NORM", "ABNORMAL", "1dAVb", "RBBB", "LBBB", "SB", "ST", "AF")),
}
LETTERED: Final[Mapping[str, str]] = {"csn-test": "CSN", "g12-test": "G12EC"}
_OPTION: Final = re.compile(r"^\s*([A-H])[.)]\s*(.+?)\s*$", re.MULTILINE)
_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "NORM": ("normal ECG",),
    "MI": ("myocardial infarction",),
    "HYP": (
        *("left ventricular hypertrophy", "right ventricular hypertrophy", "septal hypertrophy"),
        *("left atrial abnormality", "right atrial abnormality"),
    ),
    "CD": (
        *("complete right bundle branch block", "incomplete right bundle branch block"),
        *("complete left bundle branch block", "incomplete left bundle branch block"),
        *("left anterior fascicular block", "left posterior fascicular block", "ventricular pre-excitation"),
        *("nonspecific intraventricular conduction delay", "first-degree AV block", "second-degree AV block"),
        "third-degree AV block",
    ),
    "STTC": (
        *("ischemic ST-T changes", "nonspecific ST-T changes", "T-wave inversion", "ST depression"),
        *("prolonged QT interval", "digitalis effect", "electrolyte disturbance or drug effect", "T-wave abnormality"),
    ),
    "LBBB": ("complete left bundle branch block",),
    "RBBB": ("complete right bundle branch block",),
    "STD": ("ST depression", "ischemic ST-T changes"),
    "STE": ("ST elevation", "ST-elevation myocardial infarction"),
    "SB": ("sinus bradycardia",),
    "ST": ("sinus tachycardia",),
    "AF": ("atrial fibrillation",),
    "PAC": ("premature atrial complex",),
    "PVC": ("premature ventricular complex",),
    "I-AVB": ("first-degree AV block",),
    "1dAVb": ("first-degree AV block",),
}
"""Labels of the vocabulary that a class of a label space stands for, for readers that give diagnoses and no classes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """One question: its words, the right answer as it is written, and the paths of what is looked at."""

    id: str
    question: str
    answer: str
    image: str | None
    ecg: str | None
    source: str


def read_items(path: Path, problems: Problems) -> Iterator[Item]:
    """Yield the questions of a file; what is none is noted in `problems`. InputError where there is no JSON list."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(path, "cannot be read as JSON", _FORM) from error
    if not isinstance(data, list):
        raise InputError(path, "holds no list", _FORM)
    for number, row in enumerate(data, 1):
        source = f"{path.name} item {number}"
        try:
            turns = row["conversations"]
            question, answer = str(turns[0]["value"]), str(turns[1]["value"])
            image, ecg = row.get("image"), row.get("ecg")
            question = question.replace("<image>", "").strip()
            yield Item(str(row.get("id", row.get("No", number))), question, answer, image, ecg, source)
        except (KeyError, IndexError, TypeError, AttributeError):
            problems.note("unreadable row", InputError(source, "is no question with an answer", _FORM))


def kind_of(path: Path) -> str:
    """Return which part of ECGBench a file is, by its name; InputError for one that is not scored here."""
    for kind in (*SPACES, *LETTERED):
        if kind in path.stem:
            return kind
    known = ", ".join((*SPACES, *LETTERED))
    raise InputError(path, "is no part of ECGBench that is scored here", f"name it after one of {known}")


def evaluate_file(
    path: Path, answerer: Answerer, media: Media, lines: Path, problems: Problems, limit: int | None = None
) -> dict[str, Any]:
    """Ask a reader all questions of a file and return its figures; answers are kept in `lines` and not asked again.

    A reader that can be asked is asked the question; another one reads, and its diagnoses are taken for the answer.
    """
    kind = kind_of(path)
    items = list(read_items(path, problems))[:limit]
    answers: list[tuple[Item, str | None]] = []
    with Lines(lines) as kept:
        for item in items:
            key = f"{kind} {item.id} {answerer.name} {answerer.version}"
            if key not in kept.done:
                try:
                    answer = _answer(item, answerer, media, kind)
                except InputError as error:
                    problems.note(
                        "unreadable", InputError(f"{item.source}, {error.subject}", error.fault, error.remedy)
                    )
                    continue
                kept.add({"key": key, "id": item.id, "reader": answerer.name, "text": answer})
            answers.append((item, kept.done[key]["text"]))
        logger.info("%s: %s answered %d of %d questions", kind, answerer.name, len(answers), len(items))
    name = SPACES[kind][0] if kind in SPACES else LETTERED[kind]
    pairs = [(item.answer, answer or "") for item, answer in answers]
    figures = set_figures(pairs, SPACES[kind][1]) if kind in SPACES else letter_figures(pairs)
    return {"data_set": name, "reader": answerer.name, "asked": len(items), **figures}


def set_figures(pairs: Sequence[tuple[str, str]], space: Sequence[str]) -> dict[str, Any]:
    """Return macro F1, macro AUC and Hamming loss in percent of (reference, answer) texts over a label space.

    AUC of a yes-or-no prediction is (sensitivity + specificity) / 2.
    """
    wanted = np.array([[name in labels_in(text, space) for name in space] for text, _ in pairs], dtype=bool)
    given = np.array([[name in labels_in(text, space) for name in space] for _, text in pairs], dtype=bool)
    wanted, given = wanted.reshape(-1, len(space)), given.reshape(-1, len(space))
    named_there = wanted.any(axis=0)
    f1, auc = [], []
    for want, give in zip(wanted.T[named_there], given.T[named_there], strict=True):
        f1.append(2 * (want & give).sum() / (want.sum() + give.sum()))
        if not want.all():
            auc.append(((want & give).sum() / want.sum() + (~want & ~give).sum() / (~want).sum()) / 2)
    used = int(named_there.sum())
    return {
        "answered": len(pairs),
        "macro_f1": _percent(f1),
        "macro_auc": _percent(auc),
        "hamming_loss": _percent((wanted != given)[:, named_there].ravel().tolist()),
        "labels": used,
        "labels_without_auc": used - len(auc),
    }


def letter_figures(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the accuracy in percent of (reference, answer) texts with lettered options, and how many had no letter."""
    letters = [(letter_in(wanted), letter_in(given)) for wanted, given in pairs]
    return {
        "answered": len(pairs),
        "accuracy": _percent([wanted == given for wanted, given in letters]),
        "without_letter": sum(given is None for _, given in letters),
    }


def labels_in(text: str, space: Sequence[str]) -> frozenset[str]:
    """Return the labels whose letters stand in a text, NORM not being found in ABNORMAL, nor ST in STTC or STE."""
    told = text.rpartition("Answer:")[2]
    return frozenset(name for name in space if re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", told))


def letter_in(text: str) -> str | None:
    """Return the letter of the option that an answer names, None where it names none."""
    plain = re.split(r"</think>", text)[-1].strip()
    if re.fullmatch(r"[A-H]", plain):
        return plain
    found = (
        re.search(r"\b([A-H])[.)]", plain)
        or re.search(r"correct option is\W*([A-H])\b", plain)
        or re.search(r"<?[Aa]nswer>?\W*([A-H])\b", plain)
    )
    return found[1] if found else None


def _answer(item: Item, answerer: Answerer, media: Media, kind: str) -> str:
    row = Row((), ecg=item.ecg, image=item.image, source=item.source)
    signal, image = media.modalities(row)
    seen = next((one for one in answerer.modalities if (image or one == "signal") and (signal or one == "image")), None)
    if seen is None:
        raise InputError(item.source, f"has nothing that {answerer.name!r} can look at", "give its image or its ecg")
    if answerer.answers:
        return answerer.write(media.view(row, seen), item.question).text
    from ecgr1_core import interpretation

    reading = interpretation.parse(answerer.write(media.view(row, seen)).text)
    found = named(reading.answer, implied=True)
    if kind in SPACES:
        space = SPACES[kind][1]
        chosen = [name for name in space if found & set(_CLASSES.get(name, ()))]
        if "ABNORMAL" in space and not chosen:
            chosen = ["ABNORMAL"]
        return ", ".join(chosen)
    return _best_option(item.question, found)


def _best_option(question: str, found: frozenset[str]) -> str:
    """Return the lettered option whose diagnoses agree best with those found, "" where none agrees at all."""
    best, agreed = "", 0.0
    for letter, words in _OPTION.findall(question):
        labels = [label for part in re.split(r"[,;/]|\band\b", words) if (label := vocabulary.lookup(part)) is not None]
        wanted = frozenset(label.name for label in vocabulary.with_implied(labels))
        share = len(wanted & found) / len(wanted | found) if wanted | found else 0.0
        if wanted & found and share > agreed:
            best, agreed = letter, share
    return best


def _percent(values: Sequence[Any]) -> float | None:
    return round(100 * float(np.mean(values)), 2) if len(values) else None
