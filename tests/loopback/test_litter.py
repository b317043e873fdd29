"""What a request leaves behind: nothing that only the garbage collector could find.

The collector stops everything while it looks, for milliseconds where many streams are open.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter

import pytest

from proxy.cache.lead import Lead
from proxy.exchange import Exchange
from proxy.upstream.attempt import Attempt
from proxy.upstream.delivery import Delivery
from proxy.upstream.runner import Runner
from proxy.upstream.straight import Straight
from tests.loopback.house import ask, running

pytestmark = pytest.mark.loopback

PARTS = (Exchange, Runner, Attempt, Delivery, Straight, Lead)


def there() -> Counter[str]:
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, PARTS))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("cache", [True, False])
async def test_a_request_leaves_no_cycles(stream: bool, cache: bool) -> None:
    async with running(cache=cache) as house:
        gc.collect()
        gc.disable()
        try:
            before = there()
            for number in range(5):
                model = "chat-mock-t4-f0-i0" if number else "chat-mock-e500"  # one by the backup
                reply = await ask(house.port, model, stream=stream, text=f"What is {number}?")
                assert reply.status == 200
            await asyncio.sleep(0.05)
            assert there() - before == Counter()
        finally:
            gc.enable()
