"""Before the first token another target takes over, and the client sees one clean stream."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from benchmarks.mock import expected_text
from benchmarks.mock.scenario import parse
from proxy.state.gaps import PRIOR_S
from tests.loopback.house import ask, running
from tests.waiting import until

pytestmark = pytest.mark.loopback

BACKUP = "mock-t4-f0-i0"
LANES = ["fast", "aiohttp"]

AT_THE_DEADLINE = [
    "stall-before-headers",
    "stall-after-headers",
    "role-only",
    "comments-only",
    "half-status-line",
    "stall-before-first-token",
]
AT_ONCE = [
    "error-frame-first",
    "500",
    "500-html",
    "502-html",
    "503-empty",
    "529",
    "429",
    "408",
    "401-echo-key",
    "403",
    "404",
    "reset-before-headers",
    "close-before-headers",
    "reset-after-headers",
    "close-after-headers",
    "garbage",
    "huge-header",
    "header-flood",
    "empty-stream",
    "done-only",
    "200-empty",
    "200-html",
    "redirect",
    "cl-and-te",
    "two-cl",
]


def alt(model: str = BACKUP) -> str:
    return expected_text(model, "alt")


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("on_stall", ["hedge", "switch"])
@pytest.mark.parametrize("fault", AT_THE_DEADLINE)
async def test_a_stall_is_replaced_at_the_deadline(fault: str, on_stall: str, lane: str) -> None:
    async with running(lane=lane, route=f'on_stall = "{on_stall}"') as house:
        reply = await ask(house.port, f"chat-fault-{fault}")
        assert reply.status == 200
        assert reply.text == alt()
        assert reply.body.count(b"[DONE]") == 1
        assert not reply.cut
        assert reply.headers["x-firsttoken-provider"] == "backup"
        assert reply.headers["x-firsttoken-attempts"] == "2"
        assert reply.seconds >= 0.3
        assert await closed(house.primary)


async def closed(upstream) -> bool:
    """Whether the stalled connection is closed by us within 100 ms."""
    ended = await until(lambda: not upstream.open_requests, 0.1)
    return ended and all(one.closed_by_client for one in upstream.requests)


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("fault", AT_ONCE)
async def test_a_failure_is_replaced_at_once(fault: str, lane: str) -> None:
    async with running(lane=lane, deadline=5000) as house:
        reply = await ask(house.port, f"chat-fault-{fault}")
        assert (reply.status, reply.text) == (200, alt())
        assert reply.seconds < 2
        assert b"sk-primary-secret" not in reply.body


async def test_a_refused_connection_is_replaced_at_once() -> None:
    async with running(deadline=5000) as house:
        await house.primary.close()
        reply = await ask(house.port, "chat-mock")
        assert (reply.status, reply.text) == (200, alt())


async def test_a_slow_target_under_its_deadline_is_not_replaced() -> None:
    async with running(deadline=1000) as house:
        reply = await ask(house.port, "chat-mock-t4-f200-i0")
        assert reply.text == expected_text("mock-t4-f200-i0")
        assert house.backup.requests == []


async def test_while_hedged_the_slow_target_may_still_win() -> None:
    async with running(deadline=150) as house:
        house.backup.script("mock-t4-f0-i0", house.backup.default.__class__(first_ms=2000))
        reply = await ask(house.port, "chat-mock-t4-f250-i0")
        assert reply.text == expected_text("mock-t4-f250-i0")
        assert reply.headers["x-firsttoken-provider"] == "primary"
        assert await closed(house.backup)


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("stall-before-headers", 504),
        ("role-only", 504),
        ("comments-only", 504),
        ("401-echo-key", 502),
        ("404", 502),
        ("garbage", 502),
        ("400-context", 400),
        ("400-content-filter", 400),
        ("429", 429),
        ("529", 529),
    ],
)
async def test_without_a_fallback_the_error_is_clean(fault: str, status: int, lane: str) -> None:
    async with running(lane=lane) as house:
        reply = await ask(house.port, f"alone-fault-{fault}")
        assert reply.status == status
        assert set(reply.error) == {"message", "type", "param", "code"}
        assert reply.headers["content-type"] == "application/json"
        for secret in (b"sk-primary-secret", b"Traceback", b"aiohttp", b"<html"):
            assert secret not in reply.body


@pytest.mark.parametrize("fault", ["400", "400-content-filter"])
async def test_what_is_wrong_with_the_request_itself_is_final(fault: str) -> None:
    async with running() as house:
        reply = await ask(house.port, f"chat-fault-{fault}")
        assert reply.status == 400
        assert len(house.primary.requests) == 1
        assert house.backup.requests == []


async def test_a_flaky_target_answers_on_its_retry() -> None:
    async with running() as house:
        reply = await ask(house.port, "alone-fault-flaky-1")
        assert reply.status == 200
        assert len(house.primary.requests) == 2


async def test_retry_after_reaches_the_client_where_nothing_else_is_left() -> None:
    async with running() as house:
        reply = await ask(house.port, "alone-fault-429-7")
        assert reply.status == 429
        assert reply.headers["retry-after"] == "7"
        assert len(house.primary.requests) == 1


@pytest.mark.parametrize(
    "fault",
    ["reset-mid", "close-mid", "close-mid-chunk", "bad-chunk-mid", "end-mid-stream",
     "error-frame-mid"],
)  # fmt: skip
@pytest.mark.parametrize("lane", LANES)
async def test_a_break_after_the_first_token_is_never_silent(fault: str, lane: str) -> None:
    async with running(lane=lane, route='on_break = "error"') as house:
        reply = await ask(house.port, f"chat-fault-{fault}")
        assert reply.status == 200
        assert reply.text
        assert b"[DONE]" not in reply.body
        assert reply.error is not None
        assert alt().split()[0] not in reply.text, "two answers must not mix"


async def test_a_stall_in_mid_stream_ends_with_an_error_event() -> None:
    async with running(route='on_break = "error"\nbetween_tokens_ms = 300') as house:
        reply = await ask(house.port, "chat-fault-stall-mid-stream")
        assert reply.text
        assert reply.error["code"] == "upstream_stall"
        assert b"[DONE]" not in reply.body


@pytest.mark.parametrize(
    "fault",
    ["no-done", "no-finish", "after-done", "stall-after-done", "dup-usage", "bad-json-chunk",
     "utf8-split", "byte-at-a-time", "crlf", "cr", "bom", "no-space", "multi-line-data",
     "comments-mixed", "one-write", "big-event", "gzip", "deflate", "100-continue", "103",
     "http10-close", "close-delimited", "chunk-extensions", "trailers", "slow-drip"],
)  # fmt: skip
@pytest.mark.parametrize("lane", LANES)
async def test_an_odd_stream_arrives_whole(fault: str, lane: str) -> None:
    async with running(lane=lane, deadline=3000) as house:
        reply = await ask(house.port, f"alone-fault-{fault}")
        assert reply.status == 200
        assert reply.text == expected_text(f"fault-{fault}")
        assert reply.error is None
        assert not reply.cut


@pytest.mark.parametrize("lane", LANES)
async def test_the_client_leaves_and_the_upstream_is_closed(lane: str) -> None:
    async with running(lane=lane) as house:
        for model in ("alone-mock-t1000-f0-i20", "alone-fault-comments-only",
                      "alone-fault-stall-before-headers"):  # fmt: skip
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
            body = b'{"model":"%b","stream":true,"messages":[{"role":"user","content":"x"}]}'
            body %= model.encode()
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )
            assert await until(lambda: house.primary.open_requests)
            if "mock-t1000" in model:
                await reader.read(100)
            writer.transport.abort()
            assert await closed(house.primary)


async def test_a_dead_kept_connection_costs_one_retry_and_no_request() -> None:
    async with running() as house:
        for _ in range(20):
            reply = await ask(house.port, "alone-fault-stale-keepalive")
            assert reply.status == 200


@pytest.mark.parametrize("on_stall", ["hedge", "switch"])
async def test_a_crowd_on_a_pool_that_turned_slow_is_not_sent_twice(on_stall: str) -> None:
    async with running(deadline='"auto"', route=f'on_stall = "{on_stall}"') as house:
        for number in range(20):
            await ask(house.port, "chat-mock-t4-f20-i0", text=f"{number}")
        slow = parse("mock-t4-f700-i0", ())
        house.primary.script("mock-t4-f20-i0", slow)
        house.backup.script(BACKUP, slow)
        replies = await asyncio.gather(
            *(ask(house.port, "chat-mock-t4-f20-i0", text=f"x{number}") for number in range(60))
        )
        assert all(reply.status == 200 and reply.error is None for reply in replies)
        assert 0 < len(house.backup.requests) < 30


async def test_what_was_learned_can_be_looked_at() -> None:
    async with (
        running(deadline='"auto"', route='between_tokens_ms = "auto"') as house,
        aiohttp.ClientSession(f"http://127.0.0.1:{house.port}") as client,
    ):
        for number in range(3):
            await ask(house.port, "chat-mock-t4-f0-i5", text=f"{number}")
        async with client.get("/api/deadlines") as answer:
            (first,) = await answer.json()
        async with client.get("/api/deadlines/tokens") as answer:
            (silence,) = await answer.json()
    assert (first["target"], first["observations"]) == ("primary/mock-t4-f0-i5", 3)
    assert (silence["target"], silence["streams"]) == ("primary/mock-t4-f0-i5", 3)
    assert silence["deadline_s"] == PRIOR_S, "too little is known yet"
