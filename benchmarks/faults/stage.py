"""The stage of one scenario: a primary and a backup provider, the gateway between, the verdict."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import count

from benchmarks.faults.probe import Outcome, ask
from benchmarks.mock.record import Recorded
from benchmarks.mock.scenario import Scenario, text_of
from benchmarks.mock.shapes import PROMPT_TOKENS
from benchmarks.mock.turn import LAST_CHUNK, Script, Step, Turn, chunk
from benchmarks.mock.upstream import ScriptedUpstream

TOKENS = 60
GAP_MS = 5.0
NORMAL = Scenario(tokens=TOKENS, first_ms=30, interval_ms=GAP_MS)
SHORT = Scenario(tokens=4, first_ms=20, interval_ms=1)
USUAL = Scenario(tokens=4, first_ms=100, first_sigma=0.3, interval_ms=1)
AT_ONCE = 10  # of normal requests, before a stall
TEXT = text_of(NORMAL)
_TOKEN = re.compile(rb"tok(\d{4})")


class Score(Enum):
    """How well a gateway did."""

    PASS = "pass"  # the client got what it should
    PARTIAL = "partial"  # it did, but late, or at a price
    SAFE = "safe"  # it got an honest error
    FAIL = "fail"  # it hung, was lied to, or lost part of the answer


@dataclass(frozen=True, slots=True)
class Verdict:
    """A score and why."""

    score: Score
    why: str
    seconds: float = 0.0


class Stage:
    """Owns the two providers and asks the gateway. Every scenario has a model of its own, so
    that breakers and histories of one do not colour the next."""

    def __init__(
        self,
        primary: ScriptedUpstream,
        backup: ScriptedUpstream,
        url: str,
        headers: Mapping[str, str],
        history: int,
    ) -> None:
        self.primary = primary
        self.backup = backup
        self.url = url
        self.headers = headers
        self.history = history
        self._numbers = count(1)
        self._asked_at = 0.0
        self._usual: dict[str, list[float]] = {}

    def set(self, name: str, primary: Script | Scenario, backup: Script | Scenario) -> None:
        """What both providers do with the model of this scenario, also under the name that a
        gateway uses which cannot rename models."""
        for model in (f"p-{name}", f"bench-{name}"):
            self.primary.script(model, primary)
        for model in (f"b-{name}", f"bench-{name}"):
            self.backup.script(model, backup)

    async def ask(self, name: str, limit: float) -> Outcome:
        self._asked_at = time.monotonic()
        return await ask(
            self.url,
            f"bench-{name}",
            limit=limit,
            headers=self.headers,
            number=next(self._numbers),
        )

    async def learn(self, name: str) -> None:
        """Normal traffic first, for gateways that judge by experience."""
        self.set(name, USUAL, USUAL)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> float:
            async with gate:
                return (await self.ask(name, 10)).first_token_s

        self._usual[name] = sorted(await asyncio.gather(*(one() for _ in range(self.history))))

    def told(self, name: str, outcome: Outcome) -> str:
        """When the answer began; after a stall also when the backup was asked for it, and how many
        times as long as the normal 95th percentile that is."""
        line = f"first token after {outcome.first_token_s:.2f} s"
        usual = self._usual.get(name)
        calls = self.backup_calls(name)
        if not usual or not calls:
            return line
        p95 = usual[int(0.95 * (len(usual) - 1))]
        begun = calls[-1].started_at - self._asked_at
        if begun < p95:
            return line
        return (
            f"{line}, the new stream begun after {begun:.2f} s: {begun / p95:.1f}x the normal p95"
        )

    def calls(self, name: str) -> list[Recorded]:
        """Requests that the primary got for this scenario."""
        return [one for one in self.primary.requests if one.model.endswith(f"-{name}")]

    def backup_calls(self, name: str) -> list[Recorded]:
        return [one for one in self.backup.requests if one.model.endswith(f"-{name}")]

    async def alive(self) -> bool:
        """Whether a healthy request is served at once."""
        self.set("alive", SHORT, SHORT)
        outcome = await self.ask("alive", 5)
        return outcome.whole(text_of(SHORT))

    async def closed(self, name: str, within: float = 1.0) -> bool:
        """Whether every request of the primary has ended, waiting a little for it."""
        for _ in range(int(within / 0.02)):
            if all(one.ended_at for one in self.calls(name)):
                return True
            await asyncio.sleep(0.02)
        return all(one.ended_at for one in self.calls(name))


def continuing(turn: Turn) -> Iterator[Step]:
    """A provider that goes on where the conversation stops: after the last token that any of
    its messages shows, or from the start."""
    said = [int(number) for number in _TOKEN.findall(str(turn.body.get("messages")).encode())]
    yield turn.head()
    yield 0.03
    yield chunk(turn.answer.opening)
    for piece in turn.answer.tokens[max(said, default=0) :]:
        yield chunk(piece)
        yield GAP_MS / 1e3
    a = turn.answer
    yield chunk(a.finish) + chunk(a.usage) + chunk(a.done) + LAST_CHUNK


def usage_is_right(outcome: Outcome) -> bool:
    """The usage that the backup reported for a whole answer."""
    usage = outcome.usage or {}
    return bool(
        usage.get("completion_tokens") == TOKENS and usage.get("prompt_tokens") == PROMPT_TOKENS
    )
