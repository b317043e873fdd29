"""A plain request over both lanes: the ground the other tests stand on."""

from __future__ import annotations

import orjson
import pytest

from benchmarks.mock import expected_text

pytestmark = pytest.mark.loopback


def post(body: bytes, *lines: str) -> bytes:
    head = "".join(f"{line}\r\n" for line in lines)
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def asking(**options) -> bytes:
    return orjson.dumps(
        {"model": "chat", "messages": [{"role": "user", "content": "hi"}]} | options
    )


def test_a_whole_answer(lane, exchange, answers, upstream) -> None:
    (answer,) = answers(exchange(lane.address, post(asking())))
    assert answer.status == 200
    assert answer.json["choices"][0]["message"]["content"] == expected_text("mock-t4")
    assert answer.headers["x-firsttoken-provider"] == "mock"
    assert len(upstream.requests) == 1


def test_a_stream(lane, exchange, answers, upstream) -> None:
    (answer,) = answers(exchange(lane.address, post(asking(stream=True))))
    assert answer.status == 200
    assert answer.complete
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert upstream.requests[0].stream
    assert upstream.requests[0].json["model"] == "mock-t4"


def test_two_requests_on_one_connection(lane, exchange, answers) -> None:
    raw = exchange(lane.address, post(asking()) + post(asking()), wanted=2)
    assert [one.status for one in answers(raw)] == [200, 200]
