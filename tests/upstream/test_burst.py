"""Much of a stream in one read: it means what it does event by event, and costs no parsing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.registry import dialect
from proxy.upstream.attempt import EXAMINED_BYTES, Attempt
from proxy.upstream.endpoint import Endpoint
from tests.upstream.test_short_way import FIRST, TOKENS, WHERE, event
from tests.upstream.wire import END, Client, chunk, relayed

ROLE = event('{"role":"assistant","content":""}')
TOOL = event('{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":""}}]}')
ERROR = b'data: {"error":{"message":"no"}}\n\n'
PING = b": ping\n\n"
USED = f'data: {{{WHERE},"choices":[],"usage":{{"prompt_tokens":1}}}}\n\n'.encode()
LAST = [event("{}", '"stop"'), USED, END]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from([*TOKENS, *LAST, ROLE, TOOL, ERROR, PING]), max_size=12))
def test_what_comes_together_means_the_same(events: list[bytes]) -> None:
    one_by_one, together = Client(), Client()
    apart = relayed([chunk(one) for one in events], one_by_one, "openai", FIRST)
    assert relayed([chunk(b"".join(events))] if events else [], together, "openai", FIRST) == apart
    assert together.body == one_by_one.body


class Said:
    """Who drives an attempt, and hears how it went."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.tail = b""
        self.failure = ""

    def first_token(self, attempt: Attempt) -> None:
        self.frames = [frame.raw for frame in attempt.frames]
        self.tail = attempt.tail

    def failed(self, attempt: Attempt, failure) -> None:
        self.failure = failure.detail


def held(*reads: bytes) -> Said:
    """What an attempt makes of these reads, its stream's head having come."""
    said = Said()
    endpoint = Endpoint.__new__(Endpoint)
    attempt = Attempt(said, 0, 0, endpoint, b"", dialect("openai"), True, True)
    attempt.on_head(200, b"text/event-stream", {})
    for read in reads:
        if not said.frames:
            attempt.on_body(read)
    return said


@pytest.mark.parametrize("before", [1, 3, 40])
def test_no_more_is_parsed_than_is_needed_to_see_the_first_token(before: int) -> None:
    whole = ROLE * before + TOKENS[2] * 300 + b"".join(LAST)
    said = held(whole)
    assert b"".join(said.frames) + said.tail == whole
    assert len(b"".join(said.frames)) < len(ROLE) * before + 2 * EXAMINED_BYTES
    assert said.tail.endswith(LAST[-1])


def test_an_event_that_is_not_complete_waits_for_its_rest() -> None:
    whole = ROLE * 20 + TOKENS[2] * 20
    for cut in (1, len(ROLE) * 3 + 5, len(ROLE) * 20 + 7, len(whole) - 1):
        said = held(whole[:cut], whole[cut:])
        told = b"".join(said.frames) + said.tail
        assert told == whole[:cut] if TOKENS[2] in whole[:cut] else told == whole


def test_a_failure_before_the_first_token_is_seen_in_its_place() -> None:
    said = held(ROLE * 40 + ERROR + TOKENS[2] * 100)
    assert said.failure == "no"
    assert said.frames == []
