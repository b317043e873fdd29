"""Clients that leave by the thousand, at any moment: no attempt is left behind, none for long.

FIRSTTOKEN_LEAVES sets how many; two hundred by default, ten thousand by hand, with `-s` to read how
long the providers' connections outlived them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from random import Random

import orjson
import pytest

from benchmarks.mock.faults import SCRIPTS
from tests.loopback.house import Running, running

pytestmark = pytest.mark.loopback

LEAVES = int(os.environ.get("FIRSTTOKEN_LEAVES", "200"))
AT_ONCE = 20
LONGEST_STAY_S = 0.15
PHASES = {
    "before the head": ("fault-stall-before-headers", True),
    "after the head": ("fault-stall-after-headers", True),
    "role only": ("fault-role-only", True),
    "comments": ("fault-comments-only", True),
    "mid-stream": ("mock-t5000-f1-i5", True),
    "stalled in mid-stream": ("mock-t50-f1-i5-s5", True),
    "whole": ("mock-t1-f20000", False),
    "going on elsewhere": ("mock-t60-f1-i2-x10", True),
}


async def leave(house: Running, number: int, random: Random) -> float:
    """Ask, stay a moment, leave with a FIN or a RST; when. Every fourth asks the provider itself:
    what its connection takes to close then is the floor of this machine at this time."""
    model, stream = PHASES[random.choice(tuple(PHASES))]
    port = house.primary.port if is_direct(number) else house.port
    if not is_direct(number):
        model = f"{random.choice(('chat', 'alone'))}-{model}"
    words = [{"role": "user", "content": str(number)}]
    body = orjson.dumps({"model": model, "stream": stream, "messages": words})
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
        % (len(body), body)
    )
    await asyncio.sleep(random.random() * LONGEST_STAY_S)
    if random.random() < 0.5:
        writer.transport.abort()
    else:
        writer.close()
    return time.monotonic()


def is_direct(number: int) -> bool:
    return number % 4 == 3


async def everybody_leaves(house: Running) -> list[float]:
    """When each of them did, by number."""
    random = Random(7)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> float:
        async with gate:
            return await leave(house, number, random)

    return await asyncio.gather(*(one(number) for number in range(LEAVES)))


def told(name: str, late: list[float]) -> str:
    late.sort()
    figures = [1e3 * late[int((len(late) - 1) * share)] for share in (0.5, 0.99, 1.0)]
    return f"{name}: {len(late)} attempts closed after ms, p50 %.1f, p99 %.1f, most %.1f" % (
        *figures,
    )


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_no_attempt_outlives_its_client(lane: str) -> None:
    async with running(lane=lane, deadline=60, route="between_tokens_ms = 60") as house:
        house.backup.script("mock-t4-f0-i0", SCRIPTS["role-only"])
        left = await everybody_leaves(house)
        async with asyncio.timeout(2):
            while house.primary.open_requests or house.backup.open_requests:
                await asyncio.sleep(0.005)
        late: dict[bool, list[float]] = {True: [], False: []}
        for one in [*house.primary.requests, *house.backup.requests]:
            number = int(orjson.loads(one.body)["messages"][0]["content"])
            late[is_direct(number)].append(one.ended_at - left[number])
        assert len(late[False]) > 0.6 * LEAVES, "most of them came as far as a provider"
        floor = told("without a proxy", late[True])
        sys.stdout.write(f"\n{told(lane, late[False])}\n{floor}\n")
