"""A plain request over both lanes: the ground the other tests stand on."""

from __future__ import annotations

import pytest

from benchmarks.mock import expected_text

pytestmark = pytest.mark.loopback


def test_a_whole_answer(lane, exchange, answers, upstream, post, ask) -> None:
    (answer,) = answers(exchange(lane.address, post(ask())))
    assert answer.status == 200
    assert answer.json["choices"][0]["message"]["content"] == expected_text("mock-t4")
    assert answer.headers["x-firsttoken-provider"] == "mock"
    assert len(upstream.requests) == 1


def test_a_stream(lane, exchange, answers, upstream, post, ask) -> None:
    (answer,) = answers(exchange(lane.address, post(ask(stream=True))))
    assert answer.status == 200
    assert answer.complete
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert upstream.requests[0].stream
    assert upstream.requests[0].json["model"] == "mock-t4"


def test_only_our_own_headers_reach_the_provider(
    lane, exchange, answers, upstream, post, ask, keys
) -> None:
    client_key, provider_key = keys
    lines = [
        f"Authorization: Bearer {client_key}",
        "Cookie: session=1",
        "Referer: http://inside.example/",
        "X-Forwarded-For: 10.0.0.1",
        "Connection: keep-alive, X-Hop",
        "X-Hop: 1",
        "TE: trailers",
        "Proxy-Authorization: Basic eA==",
        "X-Custom: 1",
        "User-Agent: spy/1",
    ]
    (answer,) = answers(exchange(lane.address, post(ask(), *lines)))
    assert answer.status == 200
    sent = upstream.requests[0].headers
    assert set(sent) <= {
        "host",
        "authorization",
        "content-type",
        "content-length",
        "accept",
        "accept-encoding",
        "user-agent",
    }
    assert sent["authorization"] == f"Bearer {provider_key}"
    assert client_key.encode() not in upstream.requests[0].body
    assert sent["user-agent"] == "firsttoken"


def test_every_answer_tells_its_story(lane, exchange, answers, post, ask) -> None:
    (answer,) = answers(exchange(lane.address, post(ask(stream=True))))
    names = {"provider", "model", "route", "category", "cache", "attempts"}
    assert {f"x-firsttoken-{name}" for name in names} <= set(answer.headers)
    assert answer.headers["x-request-id"]
    for stage in ("auth", "classify", "cache", "upstream"):
        assert f"{stage};dur=" in answer.headers["server-timing"]
