"""Long silences, and parameters that a target has no place for."""

from __future__ import annotations

import pytest

from benchmarks.mock import ScriptedUpstream, expected_text
from tests.loopback.house import ask, running

LANES = ("fast", "aiohttp")
IMPATIENT = "keep_alive_seconds = 0.5"


@pytest.mark.parametrize("lane", LANES)
async def test_a_silent_provider_is_covered_by_comments(lane) -> None:
    async with running(lane=lane, deadline=10_000, server=IMPATIENT) as house:
        reply = await ask(house.port, "alone-mock-t4-f2500-i0")
        assert reply.body.startswith(b": keep-alive\n\n")
        assert reply.text == expected_text("mock-t4-f2500-i0")
        assert reply.body.endswith(b"data: [DONE]\n\n")
        assert reply.seconds < 2.4, "the comment came first"


@pytest.mark.parametrize("lane", LANES)
async def test_a_failure_after_a_comment_is_told_inside_the_stream(lane) -> None:
    async with running(lane=lane, deadline=2200, server=IMPATIENT) as house:
        reply = await ask(house.port, "alone-fault-stall-before-headers")
        assert reply.status == 200
        assert reply.body.startswith(b": keep-alive\n\n")
        assert reply.error["code"]
        assert b"[DONE]" not in reply.body


async def test_a_fallback_may_still_answer_after_a_comment() -> None:
    async with running(deadline=2200, server=IMPATIENT) as house:
        reply = await ask(house.port, "chat-fault-stall-before-headers")
        assert reply.body.startswith(b": keep-alive\n\n")
        assert reply.text == expected_text("mock-t4-f0-i0", "alt")


async def test_without_a_stream_nothing_is_said_before_the_answer() -> None:
    async with running(deadline=10_000, server=IMPATIENT) as house:
        reply = await ask(house.port, "alone-mock-t4-f1500-i0", stream=False)
        assert reply.body.startswith(b"{")


async def test_zero_keeps_silence() -> None:
    async with running(deadline=10_000, server="keep_alive_seconds = 0") as house:
        reply = await ask(house.port, "alone-mock-t4-f1500-i0")
        assert b"keep-alive" not in reply.body


NARROW = """
[[provider]]
name = "narrow"
dialect = "openai"
base_url = "{url}"
key = "env:PRIMARY_KEY"
quirks = ["no_seed"]
[[route]]
name = "narrow"
targets = ["narrow/mock-t4-f0-i0"]
strict_params = {strict}
"""


@pytest.mark.parametrize(("strict", "status"), [("true", 400), ("false", 200)])
async def test_a_parameter_without_a_place_is_refused_or_dropped(strict, status) -> None:
    async with ScriptedUpstream() as narrow:
        more = NARROW.format(url=narrow.base_url, strict=strict)
        async with running(server=more) as house:
            reply = await ask(house.port, "narrow", seed=7)
        assert reply.status == status
        if status == 400:
            assert reply.error["param"] == "seed"
            assert narrow.requests == []
        else:
            assert reply.headers["x-firsttoken-dropped"] == "seed"
