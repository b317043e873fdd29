"""Identical requests at once: one upstream answer, and every client gets the whole of it."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import orjson
import pytest

from benchmarks.mock import expected_text
from tests.loopback.house import ask, running
from tests.waiting import until

pytestmark = pytest.mark.loopback

LANES = ("fast", "aiohttp")
SLOW = "mock-t20-f30-i5"  # a first token after 30 ms, and 100 ms to the last


@asynccontextmanager
async def asking(port: int, model: str, *, text: str = "hi", **more):
    """A request that was sent: its reader, which takes little ahead; closed abruptly at the end."""
    messages = [{"role": "user", "content": text}]
    body = orjson.dumps({"model": model, "stream": True, "messages": messages, **more})
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=4096)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    try:
        yield reader
    finally:
        writer.transport.abort()


async def narrow(house) -> int:
    """A port of the proxy's whose connections hold little in the kernel: a slow reader is felt."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sock.bind(("127.0.0.1", 0))
    await house.app.house.adopt(sock)
    return sock.getsockname()[1]


@pytest.mark.parametrize("lane", LANES)
async def test_twenty_ask_at_once_and_the_provider_answers_one(lane: str) -> None:
    async with running(lane=lane, cache=True, holds=True) as house:
        replies = await asyncio.gather(*(ask(house.port, f"alone-{SLOW}") for _ in range(20)))
        assert len(house.primary.requests) == 1
        assert {reply.text for reply in replies} == {expected_text(SLOW)}
        assert all(reply.body.endswith(b"data: [DONE]\n\n") for reply in replies)
        said = sorted(reply.headers["x-firsttoken-cache"] for reply in replies)
        assert said == ["exact"] * 19 + ["miss"]
        assert len({reply.headers["x-request-id"] for reply in replies}) == 20
        written = await house.rows(20)
        assert [row.outcome for row in written] == ["ok"] * 20
        assert sorted(row.cache for row in written) == ["exact"] * 19 + ["miss"]
        assert {(row.provider, row.completion) for row in written} == {("primary", 20)}
        assert (await ask(house.port, f"alone-{SLOW}")).headers["x-firsttoken-cache"] == "exact"


@pytest.mark.parametrize("lane", LANES)
async def test_whole_answers_are_shared_too_and_only_with_their_like(lane: str) -> None:
    async with running(lane=lane, cache=True) as house:
        wholes = [ask(house.port, f"alone-{SLOW}", stream=False) for _ in range(5)]
        others = [
            ask(house.port, f"alone-{SLOW}", text="another"),
            ask(house.port, f"alone-{SLOW}"),
        ]
        *replies, other, streamed = await asyncio.gather(*wholes, *others)
        bodies = {reply.body for reply in replies}
        assert len(bodies) == 1
        message = orjson.loads(bodies.pop())["choices"][0]["message"]
        assert message["content"] == other.text == streamed.text == expected_text(SLOW)
        assert len(house.primary.requests) == 3


@pytest.mark.parametrize("lane", LANES)
async def test_one_that_comes_late_gets_it_from_the_beginning(lane: str) -> None:
    async with running(lane=lane, cache=True) as house:
        first = asyncio.create_task(ask(house.port, f"alone-{SLOW}"))
        await asyncio.sleep(0.08)
        late = await ask(house.port, f"alone-{SLOW}")
        assert late.body == (await first).body
        assert late.headers["x-firsttoken-cache"] == "exact"
        assert late.seconds < 0.03, "what there is comes at once"
        assert len(house.primary.requests) == 1


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("after_s", [0.01, 0.06], ids=["before", "after the first token"])
async def test_the_leader_leaves_and_the_others_are_answered(lane: str, after_s: float) -> None:
    async with running(lane=lane, cache=True) as house:
        async with asking(house.port, f"alone-{SLOW}"):
            assert await until(lambda: house.primary.requests)
            others = [asyncio.create_task(ask(house.port, f"alone-{SLOW}")) for _ in range(3)]
            await asyncio.sleep(after_s)
        replies = await asyncio.gather(*others)
        assert {reply.text for reply in replies} == {expected_text(SLOW)}
        assert not any(reply.cut for reply in replies)
        assert len(house.primary.requests) == 1


@pytest.mark.parametrize("lane", LANES)
async def test_when_the_last_one_leaves_the_provider_is_let_go(lane: str) -> None:
    async with running(lane=lane, cache=True, holds=True) as house:
        model = "alone-mock-t2000-i10"
        async with asking(house.port, model) as one:
            await one.readuntil(b"tok")
            async with asking(house.port, model) as other:
                await other.readuntil(b"tok")
            (first,) = await house.rows(1)
            (request,) = house.primary.requests
            assert not request.closed_by_client
        assert await until(lambda: request.closed_by_client)
        (last,) = await house.rows(1)
        assert (first.outcome, last.outcome) == ("cancelled", "cancelled")


@pytest.mark.parametrize("lane", LANES)
async def test_a_slow_reader_delays_nobody_and_gets_everything(lane: str) -> None:
    model = "mock-t700-b1000-i0.2"  # 0.8 MB: more than the slow one's buffers take
    async with running(lane=lane, cache=True) as house:
        port = await narrow(house)
        leader = asyncio.create_task(ask(house.port, f"alone-{model}"))
        assert await until(lambda: house.primary.requests)
        async with asking(port, f"alone-{model}") as slow:
            await slow.readuntil(b"tok")
            first = await leader
            rest = await slow.read(-1)
            assert first.text == expected_text(model)
            assert len(rest) > 700_000
            assert rest.endswith(b"0\r\n\r\n"), "it ends as it should"
            assert rest.count(b"data: ") >= 699
        assert len(house.primary.requests) == 1


@pytest.mark.parametrize("lane", LANES)
async def test_a_failure_is_told_to_everyone_and_not_kept(lane: str) -> None:
    async with running(lane=lane, cache=True) as house:
        model = "alone-mock-f30-e400"
        replies = await asyncio.gather(*(ask(house.port, model) for _ in range(5)))
        assert {reply.status for reply in replies} == {400}
        assert len({reply.body for reply in replies}) == 1
        assert len(house.primary.requests) == 1
        assert (await ask(house.port, model)).status == 400
        assert len(house.primary.requests) == 2


@pytest.mark.parametrize("lane", LANES)
async def test_a_broken_stream_breaks_for_everyone(lane: str) -> None:
    async with running(lane=lane, cache=True, route='on_break = "error"', holds=True) as house:
        model = "alone-mock-t20-f30-i5-x5"
        replies = await asyncio.gather(*(ask(house.port, model) for _ in range(5)))
        assert len(house.primary.requests) == 1
        for reply in replies:
            assert reply.error is not None
            assert not reply.body.endswith(b"data: [DONE]\n\n")
        assert [row.outcome for row in await house.rows(5)] == ["broken"] * 5


@pytest.mark.parametrize("wish", ["bypass", "refresh"])
async def test_who_wants_an_answer_of_its_own_gets_one(wish: str) -> None:
    async with running(cache=True) as house:
        same = [ask(house.port, f"alone-{SLOW}", firsttoken={"cache": wish}) for _ in range(3)]
        await asyncio.gather(*same)
        assert len(house.primary.requests) == 3


async def test_going_down_everyone_is_told() -> None:
    async with running(cache=True) as house:
        model = "alone-mock-t2000-i10"
        two = [asyncio.create_task(ask(house.port, model)) for _ in range(2)]
        assert await until(lambda: house.primary.requests)
        await asyncio.sleep(0.05)
        house.app.house.hurry()
        house.app.house.limits = type(house.app.house.limits)(drain_s=0.05)
        await house.app.house.close()
        for reply in await asyncio.gather(*two):
            assert reply.error["code"] == "shutting_down"
