"""Many streams at once over a provider that fails at random, with a healthy one behind it.

FIRSTTOKEN_CHAOS_STREAMS sets how many; a few hundred by default, ten thousand by hand. On a machine
that does other work FIRSTTOKEN_CHAOS_PATIENCE_MS keeps its own pauses from counting as stalls.
"""

from __future__ import annotations

import asyncio
import os
from random import Random

import pytest

from benchmarks.mock.faults import SCRIPTS
from benchmarks.mock.scenario import parse
from tests.loopback.house import ask, running

pytestmark = pytest.mark.loopback

STREAMS = int(os.environ.get("FIRSTTOKEN_CHAOS_STREAMS", "300"))
PATIENCE_MS = int(os.environ.get("FIRSTTOKEN_CHAOS_PATIENCE_MS", "400"))
AT_ONCE = 40
TOKENS = 40
FAILING = 0.2
MODEL = f"mock-t{TOKENS}-f1-i0"
EARLY = ("stall-before-headers", "reset-after-headers", "role-only", "error-frame", "500", "502",
         "garbage", "comments-only")  # fmt: skip
WHOLE = [f"tok{number:04d}" for number in range(1, TOKENS + 1)]
PATIENCE = f"between_tokens_ms = {PATIENCE_MS}\n"
STUBBORN = "[routing]\nbreaker_failures = 1000"  # no breaker may spare us the failures


def steps(seed: int) -> list[object]:
    """What becomes of each request at the first provider: every fifth fails, somewhere."""
    random = Random(seed)
    early = [SCRIPTS[name] for name in EARLY if name in SCRIPTS]
    planned: list[object] = []
    for _ in range(STREAMS):
        if random.random() >= FAILING:
            planned.append(parse(MODEL, ()))
        elif random.random() < 0.4:
            planned.append(random.choice(early))
        else:
            how = random.choice("xs")  # the connection is cut, or nothing more comes
            planned.append(parse(f"{MODEL}-{how}{random.randrange(TOKENS)}", ()))
    return [*planned, parse(MODEL, ())]


async def served(house) -> list:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int):
        async with gate:
            return await ask(house.port, f"chat-{MODEL}", text=f"hello {number}")

    return await asyncio.gather(*(one(number) for number in range(STREAMS)))


async def nobody_is_left(house) -> None:
    for _ in range(100):
        if not house.primary.open_requests and not house.backup.open_requests:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("an upstream still works for nobody")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_every_stream_is_complete_and_right(lane: str) -> None:
    async with running(lane=lane, route=PATIENCE, server=STUBBORN, deadline=PATIENCE_MS) as house:
        house.primary.script(MODEL, *steps(1))
        house.backup.word = "tok"
        house.backup.script("mock-t4-f0-i0", parse(MODEL, ()))
        for reply in await served(house):
            assert reply.error is None
            assert reply.text.split() == WHOLE
            assert reply.body.count(b"data: [DONE]") == 1
        assert len(house.primary.requests) == STREAMS
        await nobody_is_left(house)


@pytest.mark.timeout(1800)
async def test_without_continuation_nothing_is_mixed_and_nothing_truncated_in_silence() -> None:
    async with running(
        route=PATIENCE + 'on_break = "error"\n', server=STUBBORN, deadline=PATIENCE_MS
    ) as house:
        house.primary.script(MODEL, *steps(2))
        house.backup.script("mock-t4-f0-i0", parse(MODEL, ()))
        broken = 0
        for reply in await served(house):
            words = reply.text.split()
            assert words == [w for w in words if w[:3] == words[0][:3]], "one target's words only"
            numbers = [int(word[3:]) for word in words]
            assert numbers == list(range(1, len(numbers) + 1))
            if reply.error is None:
                assert len(numbers) == TOKENS
                assert reply.body.count(b"data: [DONE]") == 1
            else:
                broken += 1
                assert b"[DONE]" not in reply.body
        assert broken, "some streams were broken after their first token"
        await nobody_is_left(house)
