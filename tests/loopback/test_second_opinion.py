"""A second opinion from an embedder process, raced against the upstream's first token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import orjson
import pytest

from embeddings import wire
from embeddings.wire import Kind
from tests.loopback.house import Running, ask, running
from tests.waiting import until

pytestmark = pytest.mark.loopback

KEPT = "Remove duplicates from a list of names please"
DOUBTFUL = "How can I remove duplicates from a list of names?"  # another form of the question
OTHER = "How can I remove duplicates from a list of cities?"
SLOW, FAST = "alone-mock-t4-f400-i0", "alone-mock-t4-f0-i0"


class Embedder(asyncio.Protocol):
    """Finds all texts alike, as much as it is told to, after a while."""

    def __init__(self, cosine: float, delay_s: float) -> None:
        self.cosine, self.delay_s = cosine, delay_s
        self.frames = wire.Frames()
        self.asked: list[list[str]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for number, kind, payload in self.frames.feed(data):
            assert kind is Kind.ENCODE
            _, texts = wire.asked(payload)
            if texts[0] != "probe":
                self.asked.append(list(texts))
            made = np.zeros((len(texts), 2), np.float32)
            made[:, 0], made[:, 1] = self.cosine, (1 - self.cosine**2) ** 0.5
            made[0] = (1, 0)
            loop = asyncio.get_running_loop()
            delay_s = self.delay_s if texts[0] != "probe" else 0.0
            loop.call_later(delay_s, self.transport.write, wire.answer(number, made))


@asynccontextmanager
async def beside(
    folder: Path, cosine: float = 0.99, delay_s: float = 0.0, **options: str
) -> AsyncIterator[tuple[Running, Embedder]]:
    """A proxy with such an embedder, and one answer kept."""
    path = str(folder / "embedder.sock")
    embedder = Embedder(cosine, delay_s)
    server = await asyncio.get_running_loop().create_unix_server(lambda: embedder, path)
    kept = options.pop("kept", "") + f'\n[embeddings]\nsocket = "{path}"\nbudget_ms = 50'
    try:
        async with running(cache=True, kept=kept, deadline=3000, **options) as house:
            assert await until(lambda: house.app.memory.embedder.up)
            await ask(house.port, SLOW, text=KEPT)
            yield house, embedder
    finally:
        server.close()


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
@pytest.mark.parametrize("stream", [True, False])
async def test_it_answers_before_the_first_token(tmp_path: Path, lane: str, stream: bool) -> None:
    async with beside(tmp_path, lane=lane) as (house, embedder):
        found = await ask(house.port, SLOW, text=DOUBTFUL, stream=stream)
        assert found.status == 200
        assert found.headers["x-firsttoken-cache"] == "semantic"
        assert found.seconds < 0.3
        assert embedder.asked[-1] == [DOUBTFUL, KEPT]
        assert await until(lambda: house.primary.requests[-1].closed_by_client)
        stats = house.app.memory.cache.stats()
        assert (stats["second_hits"], stats["second_late"]) == (1, 0)
        assert (stats["semantic_hits"], stats["misses"]) == (1, 1)
        again = await ask(house.port, SLOW, text=DOUBTFUL, stream=stream)
        assert again.headers["x-firsttoken-cache"] == "semantic"
        assert len(embedder.asked) == 1  # remembered
        assert len(house.primary.requests) == 2


async def test_it_comes_too_late_after_the_first_token(tmp_path: Path) -> None:
    async with beside(tmp_path, delay_s=0.05) as (house, _):
        await ask(house.port, FAST, text=KEPT)
        found = await ask(house.port, FAST, text=DOUBTFUL)
        assert found.headers["x-firsttoken-cache"] == "miss"
        assert await until(lambda: house.app.memory.cache.counts.second_late == 1)
        assert len(house.primary.requests) == 3
        again = await ask(house.port, FAST, text=DOUBTFUL)
        assert again.headers["x-firsttoken-cache"] == "exact"


async def test_another_thing_is_never_compared(tmp_path: Path) -> None:
    async with beside(tmp_path) as (house, embedder):
        found = await ask(house.port, SLOW, text=OTHER)
        assert found.headers["x-firsttoken-cache"] == "miss"
        assert embedder.asked == []


async def test_what_is_not_like_enough_is_asked_upstream(tmp_path: Path) -> None:
    async with beside(tmp_path, cosine=0.84) as (house, embedder):
        found = await ask(house.port, SLOW, text=DOUBTFUL)
        assert found.headers["x-firsttoken-cache"] == "miss"
        assert len(embedder.asked) == 1
        assert len(house.primary.requests) == 2


async def test_followers_share_what_it_finds(tmp_path: Path) -> None:
    async with beside(tmp_path, delay_s=0.1) as (house, embedder):
        first, second = await asyncio.gather(
            ask(house.port, SLOW, text=DOUBTFUL), ask(house.port, SLOW, text=DOUBTFUL)
        )
        assert first.text == second.text != ""
        assert {first.headers["x-firsttoken-cache"], second.headers["x-firsttoken-cache"]} == {
            "semantic",
            "exact",
        }
        assert len(embedder.asked) == 1
        assert house.app.memory.cache.counts.joined == 1


async def test_it_is_told_at_a_pace_too(tmp_path: Path) -> None:
    kept = 'replay = "paced"\ntokens_per_second = 50'
    async with beside(tmp_path, kept=kept) as (house, _):
        found = await ask(house.port, SLOW, text=DOUBTFUL)
        assert found.headers["x-firsttoken-cache"] == "semantic"
        assert found.body.endswith(b"data: [DONE]\n\n")


async def test_a_client_that_left_is_not_answered(tmp_path: Path) -> None:
    async with beside(tmp_path, delay_s=0.15) as (house, embedder):
        body = orjson.dumps({"model": SLOW, "messages": [{"role": "user", "content": DOUBTFUL}]})
        _, writer = await asyncio.open_connection("127.0.0.1", house.port)
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        assert await until(lambda: len(embedder.asked) == 1)
        writer.close()
        assert await until(lambda: house.app.memory.cache.counts.second_late == 1)
        assert house.app.memory.cache.counts.second_hits == 0
