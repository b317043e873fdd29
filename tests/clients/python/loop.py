"""A client library in a process of its own: jobs are JSON lines in, outcomes JSON lines out.

A job is {"scenario": NAME, "base_url": ..., "model": ..., "key": ..., ...}. Its outcome is what
the scenario returns, or {"thrown": [...], "status": ..., "message": ...} where it raises: the class
names of the exception, its bases and its causes, nearest first.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

PROMPT = "Say hello to Ann."
SETTLE_SECONDS = 0.02


@dataclass(frozen=True)
class Job:
    """What is asked of a client."""

    base_url: str  # ends with /v1
    model: str
    key: str = "sk-any"
    flavour: str = ""  # which of the client's interfaces
    prompt: str = PROMPT
    max_tokens: int = 1000
    stream: bool = True
    temperature: float = 1.0
    pieces: int = 5  # after so many the reader leaves

    @property
    def root(self) -> str:
        """The base URL as Anthropic's clients want it."""
        return self.base_url.removesuffix("/v1")


def weather(city: str) -> str:
    """Tells the weather in a city."""
    return f"22 degrees in {city}"


def used(given: int | None, made: int | None) -> dict[str, int | None]:
    """Tokens, in the words of the outcomes."""
    return {"input": given, "output": made}


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def thrown(error: Exception) -> dict[str, Any]:
    chain = list(causes(error))
    status = [
        one.status_code for one in chain if isinstance(getattr(one, "status_code", None), int)
    ]
    names = [kind.__name__ for one in chain for kind in type(one).__mro__[:-3]]
    return {"thrown": names, "status": max(status, default=None), "message": str(error)}


async def _settled(outcome: Coroutine[Any, Any, Any]) -> Any:
    """What it returns, after generators that it left have been closed by the loop."""
    try:
        return await outcome
    finally:
        await asyncio.sleep(SETTLE_SECONDS)


def read_and_close(
    reader: Any, pieces: int, close: Callable[[], object] | None = None
) -> dict[str, Any]:
    """Reads so many pieces and closes the rest, by the reader's own way or the one given."""
    for _ in range(pieces):
        next(reader)
    left = time.monotonic()
    (close or reader.close)()
    return {"seen": pieces, "left": left}


async def read_and_cancel(reader: AsyncIterator[Any], pieces: int) -> dict[str, Any]:
    """Reads so many pieces in a task and cancels it, as a web server does whose client is gone."""
    seen = 0
    enough = asyncio.Event()

    async def read() -> None:
        nonlocal seen
        async for _ in reader:
            seen += 1
            if seen == pieces:
                enough.set()

    task = asyncio.create_task(read())
    await asyncio.wait([task, asyncio.create_task(enough.wait())], return_when="FIRST_COMPLETED")
    left = time.monotonic()
    task.cancel()
    await asyncio.wait([task])
    return {"seen": seen, "left": left}


def serve(*scenarios: Callable[[Job], Any]) -> None:
    """Answers jobs until stdin ends, by functions of the scenarios' names; coroutines as well."""
    known = {one.__name__: one for one in scenarios}
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no outcome
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            fields = json.loads(line)
            scenario = known[fields.pop("scenario")]
            try:
                outcome = scenario(Job(**fields))
                if inspect.iscoroutine(outcome):
                    outcome = runner.run(_settled(outcome))
            except Exception as error:  # noqa: BLE001 - which one it is, is the outcome
                outcome = thrown(error)
            out.write(json.dumps(outcome) + "\n")
            out.flush()
