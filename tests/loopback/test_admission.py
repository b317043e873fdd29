"""More at once than may be answered: an early no, and room again as soon as there is some."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.mock import expected_text
from tests.loopback.house import ask, running

pytestmark = pytest.mark.loopback

MOST = 8


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_what_is_beyond_the_limit_is_refused_at_once_and_nobody_else_suffers(lane) -> None:
    async with running(lane=lane, deadline=10_000, server=f"max_open = {MOST}") as house:
        slow = [
            asyncio.create_task(ask(house.port, "alone-mock-t4-f800-i0", text=f"q{n}"))
            for n in range(MOST)
        ]
        while len(house.primary.requests) < MOST:
            await asyncio.sleep(0.01)
        refused = await ask(house.port, "alone-mock-t4-f0-i0")
        assert refused.status == 503
        assert refused.error["code"] == "overloaded"
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.seconds < 0.5
        for reply in await asyncio.gather(*slow):
            assert reply.text == expected_text("mock-t4-f0-i0")
        assert (await ask(house.port, "alone-mock-t4-f0-i0")).status == 200
        assert house.app.house.admission.open == 0


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_a_client_that_leaves_makes_room(lane) -> None:
    async with running(lane=lane, deadline=10_000, server=f"max_open = {MOST}") as house:
        gone = [
            asyncio.create_task(ask(house.port, "alone-mock-t4-f5000-i0", text=f"q{n}"))
            for n in range(MOST)
        ]
        while len(house.primary.requests) < MOST:
            await asyncio.sleep(0.01)
        for task in gone:
            task.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        for _ in range(100):
            if house.app.house.admission.open == 0:
                break
            await asyncio.sleep(0.01)
        assert house.app.house.admission.open == 0
