"""Clients that leave: the provider's connection is closed within 100 ms, whatever it was doing."""

from __future__ import annotations

import socket
import struct
import time

import pytest

from tests.waiting import waited

pytestmark = pytest.mark.loopback

CLOSED_SECONDS = 0.1
TRIES = 3  # at most: the machine's own delays come and go, the proxy's would be there each time
PHASES = {
    "before-headers": ("mock/fault-stall-before-headers", True),
    "after-headers": ("mock/fault-stall-after-headers", True),
    "role-only": ("mock/fault-role-only", True),
    "before-token": ("mock/fault-stall-before-first-token", True),
    "comments": ("mock/fault-comments-only", True),
    "mid-stream": ("mock/mock-t2000-i10", True),
    "stalled-mid": ("mock/mock-t50-i5-s5", True),
    "whole": ("mock/mock-t1-f5000", False),
    "whole-head-first": ("mock/fault-stall-after-headers", False),
}


def leave(sock: socket.socket, *, abruptly: bool) -> float:
    """Closes with a FIN, or abruptly with a RST; when."""
    if abruptly:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    now = time.monotonic()
    sock.close()
    return now


def arrived(upstream, count: int = 1) -> list:
    """The requests the provider has, once there are `count`."""
    assert waited(lambda: len(upstream.requests) >= count)
    assert len(upstream.requests) == count
    return upstream.requests


def wait_closed(record) -> float:
    """When the provider saw its client leave."""
    assert waited(lambda: record.closed_by_client), "the provider is still at work"
    return record.closed_at


@pytest.mark.parametrize("abruptly", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("phase", PHASES)
def test_leaving_closes_the_providers_connection(
    lane, upstream, post, ask, phase: str, abruptly: bool
) -> None:
    model, stream = PHASES[phase]
    took: list[float] = []
    while len(took) < TRIES and min(took, default=1.0) >= CLOSED_SECONDS:
        upstream.requests.clear()
        sock = socket.create_connection(lane.address, timeout=10)
        sock.sendall(post(ask(model=model, stream=stream, firsttoken={"first_token_ms": 60000})))
        (record,) = arrived(upstream)
        if "mid" in phase:
            assert sock.recv(1)
        else:
            time.sleep(0.1)  # into the phase
        left = leave(sock, abruptly=abruptly)
        took.append(wait_closed(record) - left)
    assert min(took) < CLOSED_SECONDS


def test_leaving_with_half_a_body_sent_reaches_no_provider(lane, upstream, post, ask) -> None:
    data = post(ask())
    sock = socket.create_connection(lane.address, timeout=3)
    sock.sendall(data[:-10])
    time.sleep(0.1)
    leave(sock, abruptly=False)
    time.sleep(0.1)
    assert upstream.requests == []


def test_a_hundred_leave_at_once(lane, upstream, exchange, answers, post, ask) -> None:
    data = post(ask(model="mock/mock-t2000-i20", stream=True))
    socks = [socket.create_connection(lane.address, timeout=10) for _ in range(100)]
    for sock in socks:
        sock.sendall(data)
    for sock in socks:
        assert sock.recv(1)
    records = arrived(upstream, 100)
    left = time.monotonic()
    for sock in socks:
        leave(sock, abruptly=False)
    assert max(wait_closed(record) for record in records) - left < 1.0
    (answer,) = answers(exchange(lane.address, post(ask())))
    assert answer.status == 200


def test_a_client_that_asked_ahead_and_left_costs_one_request(lane, upstream, post, ask) -> None:
    sock = socket.create_connection(lane.address, timeout=3)
    sock.sendall(post(ask(model="mock/mock-t2000-i20", stream=True)) + post(ask()))
    (record,) = arrived(upstream)
    assert sock.recv(1)
    leave(sock, abruptly=True)
    wait_closed(record)
    time.sleep(0.1)
    assert len(upstream.requests) == 1
