"""From recipes to rows: each recording prepared, read by the author, checked, and its phrases picked, many at a time.

Recordings are prepared and texts checked in other processes while authors wait for their servers; a bounded number of
recordings is under way. Which patient goes where is decided before, what is written after.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from ecgr1_core.errors import InputError
from ecgr1_core.settings import Settings
from training.chat import Chat, NoAnswerError, Usage, all_done
from training.corpus.authors import Author, LlmAuthor, ProtocolAuthor, Rejected
from training.corpus.cases import Case, prepare
from training.corpus.config import CorpusConfig, LlmAuthoring, Part
from training.corpus.sources import Recipe
from training.corpus.validation import Checked, check
from training.problems import Problems
from training.rows import Row
from training.targets import Facts, facts_of

_EVERY: Final = 100  # recordings between two lines of the log

logger = logging.getLogger(__name__)


@dataclass
class Made:
    """What came of the recordings: rows, measurements and rejected texts by the place of the recording, and counts.

    `reasons` counts rejected recordings by kind of fault, `kinds` by kind of recording; `texts` is how many texts were
    checked, `unusable` how many offered phrases could not be used.
    """

    rows: dict[int, Row] = field(default_factory=dict)
    measured: dict[int, Facts] = field(default_factory=dict)
    rejected: dict[int, dict[str, Any]] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    phrases: int = 0
    unusable: int = 0
    done: int = 0
    usage: Usage | None = None


def make(config: CorpusConfig, chosen: Sequence[Recipe], parts: Mapping[str, Part], problems: Problems) -> Made:
    """Return a row of each recording that can be used, for the file `parts` has for its patient.

    Raises InputError where no recording can be made a row of, or for the first problem where problems end the run.
    """
    return asyncio.run(_made(config, chosen, parts, problems))


def row_of_case(case: Case, part: Part, checked: Checked, phrases: Mapping[int, tuple[str, ...]]) -> Row:
    """Return the row: the text is the assistant's turn for SFT and else in `reference`, with a `solution` beside it.

    The labels are those of the text, but for tests those known of the recording where it is known; `labels_from` says
    which.
    """
    from annotations.feedback import prompt_messages, solution

    turns = prompt_messages()
    if part == "sft":
        turns.append({"role": "assistant", "content": checked.text})
    from_recording = part == "test" and bool(case.known)
    rest: dict[str, Any] = {"labels_from": "recording" if from_recording else "reading"}
    rest |= {"kind": case.kind} if case.kind else {}
    rest |= {} if part == "sft" else {"reference": checked.text}
    return Row(
        tuple(turns),
        ecg=case.ecg,
        image=case.image,
        solution=None if part == "sft" else solution(phrases, checked.labels),
        id=case.id,
        patient=case.patient,
        labels=case.known if from_recording else checked.labels,
        rest=rest,
    )


async def _made(config: CorpusConfig, chosen: Sequence[Recipe], parts: Mapping[str, Part], problems: Problems) -> Made:
    made = Made()
    at_once = 2 * config.jobs + (config.author.at_once if isinstance(config.author, LlmAuthoring) else 0)
    waiting = iter(enumerate(chosen))
    with _pool(config.jobs) as pool:
        async with _author(config, made) as author:
            line = _Line(config, pool, author, problems, made)
            await all_done(_take(line, waiting, parts, len(chosen)) for _ in range(min(at_once, len(chosen))))
    return made


async def _take(line: _Line, waiting: Iterator[tuple[int, Recipe]], parts: Mapping[str, Part], total: int) -> None:
    made = line.made
    for place, recipe in waiting:
        await line.one(place, recipe, parts[recipe.patient])
        made.done += 1
        if made.done % _EVERY == 0 or made.done == total:
            asked = ""
            if made.usage is not None and isinstance(line.config.author, LlmAuthoring):
                told = made.usage.to_json(line.config.author)
                cost = "unknown" if told["cost"] is None else f"{told['cost']:.4f} {told['currency']}"
                asked = "; {requests} requests, {prompt_tokens} + {new_tokens} tokens, cost ".format_map(told) + cost
            logger.info("corpus: %d of %d recordings, %d rejected%s", made.done, total, len(made.rejected), asked)


def _pool(jobs: int) -> Executor:
    from ecgr1_core.cli.batch import one_thread, process_context

    if jobs == 1:
        return ThreadPoolExecutor(1)
    return ProcessPoolExecutor(jobs, mp_context=process_context(), initializer=one_thread)


@asynccontextmanager
async def _author(config: CorpusConfig, made: Made) -> AsyncIterator[Author]:
    if not isinstance(config.author, LlmAuthoring):
        yield ProtocolAuthor(config.seed, config.author)
        return
    key = Settings().author_api_key
    secret = None if key is None else key.get_secret_value().strip()
    async with Chat(config.author, secret, config.author.answers or config.out / "answers") as chat:
        made.usage = chat.usage
        yield LlmAuthor(config.author, chat)


@dataclass(frozen=True)
class _Line:
    """What every recording goes through."""

    config: CorpusConfig
    pool: Executor
    author: Author
    problems: Problems
    made: Made

    async def one(self, place: int, recipe: Recipe, part: Part) -> None:
        """Make the row of one recording, or take note of why there is none."""
        config, made = self.config, self.made
        loop = asyncio.get_running_loop()
        case = await loop.run_in_executor(
            self.pool, prepare, config.out, config.seed, config.pages, recipe, config.page_pixels
        )
        if isinstance(case, InputError):
            self.problems.note("recording", case)
            return
        try:
            checked = await self._written(case)
            if checked.kind is None:
                phrases = await self.author.phrases(case, checked.text)
                made.unusable += phrases.unusable
                made.phrases += sum(map(len, phrases.by_step.values()))
                if phrases.by_step:
                    made.rows[place] = row_of_case(case, part, checked, phrases.by_step)
                    made.measured[place] = facts_of(case.measurements)
                    return
                checked = Checked(checked.text, checked.labels, "no phrase", ("no evidence phrase was found in it",))
        except NoAnswerError as error:
            self.problems.note(error.kind, InputError(f"{case.id}, {error.subject}", error.fault, error.remedy))
            return
        self._reject(place, case, checked)

    async def _written(self, case: Case) -> Checked:
        """Return the first text that passes the check, or the last one."""
        loop = asyncio.get_running_loop()
        earlier: list[Rejected] = []
        while True:
            text = await self.author.write(case, earlier)
            self.made.texts += 1
            checked = await loop.run_in_executor(self.pool, check, case, self.config.require_known, text)
            earlier.append((text, checked.complaints))
            if checked.kind is None or len(earlier) == self.author.attempts:
                return checked

    def _reject(self, place: int, case: Case, checked: Checked) -> None:
        self.made.reasons[str(checked.kind)] += 1
        self.made.kinds[case.kind or "recording"] += 1
        self.made.rejected[place] = {
            "id": case.id,
            "patient": case.patient,
            "kind": case.kind,
            "ecg": case.ecg,
            "reason": checked.kind,
            "complaints": list(checked.complaints),
            "text": checked.text,
        }
