"""A process to be killed: asks `count` questions as fast as it may."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from training.chat import Chat
from training.corpus.config import LlmAuthoring


async def ask_all(url: str, folder: Path, count: int) -> None:
    config = LlmAuthoring(url=url, model="m", at_once=8)
    async with Chat(config, None, folder) as chat:
        questions = ([{"role": "user", "content": f"question {number}"}] for number in range(count))
        answers = await asyncio.gather(*(chat.ask(question, 0.0) for question in questions))
        assert [answer.text for answer in answers] == [f"answer to question {number}" for number in range(count)]
        print(chat.usage.requests, chat.usage.from_disk)


if __name__ == "__main__":
    asyncio.run(ask_all(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
