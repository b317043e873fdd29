"""Clients that dawdle: they are bounded in time and memory, and nobody else waits for them."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from tests.waiting import waited

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


@pytest.fixture(params=["fast", "aiohttp"])
def strict(request, proxy_process, lane_config):
    """A proxy that waits one second for a head and one for a body."""
    server = "head_seconds = 1\nbody_seconds = 1\nidle_seconds = 2"
    return proxy_process(lane_config(request.param, server=server), env={"PROVIDER_KEY": "x"})


def dribble(address, first: bytes, piece: bytes, *, count: int, seconds: float) -> list[float]:
    """Opens connections that send a piece every 0.2 s; after how long each was closed."""
    socks = []
    for _ in range(count):
        sock = socket.create_connection(address, timeout=3)
        sock.sendall(first)
        sock.setblocking(False)
        socks.append(sock)
    began = time.monotonic()
    gone: list[float] = []
    while socks and time.monotonic() - began < seconds:
        for sock in list(socks):
            try:
                sock.send(piece)
                ended = sock.recv(4096) == b""
            except BlockingIOError:
                continue
            except OSError:
                ended = True
            if ended:
                gone.append(time.monotonic() - began)
                socks.remove(sock)
                sock.close()
        time.sleep(0.2)
    for sock in socks:
        sock.close()
    return gone


def test_heads_that_trickle_are_cut_off(strict, exchange, answers, post, ask, upstream) -> None:
    first = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
    gone = dribble(strict.address, first, b"X-A: 1\r\n", count=50, seconds=6)
    assert len(gone) == 50
    assert max(gone) < 4
    (answer,) = answers(exchange(strict.address, post(ask())))
    assert answer.status == 200
    assert len(upstream.requests) == 1


def test_bodies_that_trickle_are_cut_off(strict, exchange, answers, post, ask, upstream) -> None:
    gone = dribble(strict.address, post(b"{", length=1000), b" ", count=50, seconds=6)
    assert len(gone) == 50
    assert max(gone) < 4
    assert upstream.requests == []


def test_chunked_bodies_that_trickle_are_cut_off(strict, post, upstream) -> None:
    first = post(b"", "Transfer-Encoding: chunked", length=-1)
    gone = dribble(strict.address, first, b"1\r\n \r\n", count=20, seconds=6)
    assert len(gone) == 20
    assert max(gone) < 4
    assert upstream.requests == []


def test_silent_and_idle_connections_are_closed(strict, post, ask) -> None:
    silent = socket.create_connection(strict.address, timeout=6)
    idle = socket.create_connection(strict.address, timeout=6)
    idle.sendall(post(ask()))
    assert idle.recv(65536).startswith(b"HTTP/1.1 200")
    began = time.monotonic()
    assert silent.recv(1) == b""
    assert time.monotonic() - began < 4.5
    while idle.recv(65536):
        pass
    assert time.monotonic() - began < 4.5
    silent.close()
    idle.close()


def test_a_slow_sender_is_told_why(strict, exchange, refusal, post, upstream) -> None:
    raw = exchange(strict.address, post(b"{", length=1000))
    assert refusal(raw, upstream).status == 408
    raw = exchange(strict.address, b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n")
    assert refusal(raw, upstream).status == 408


def test_line_ends_without_a_return_end_no_head(strict, exchange, refusal, post, ask, upstream):
    data = post(ask())
    for bad in (data.replace(b"\r\n", b"\n"), data.replace(b"\r\n\r\n", b"\r\n\n", 1)):
        answer = refusal(exchange(strict.address, bad, wanted=2), upstream)
        assert answer.status in (400, 408)


def test_a_long_answer_is_not_cut_by_the_clients_deadlines(
    strict, exchange, answers, post, ask
) -> None:
    data = post(ask(model="mock/mock-t40-i100", stream=True))
    (answer,) = answers(exchange(strict.address, data, seconds=10))
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_readers_that_stop_hold_the_provider_back(lane, upstream, post, ask) -> None:
    before = lane.rss_bytes()
    # 60 MB in half a second where nobody holds it back
    data = post(ask(model="mock/mock-t50000-b1000-i0.01", stream=True))
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(4)]
        for sock in socks:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(20)
            sock.connect(lane.address)
            sock.sendall(data)
        assert waited(lambda: len(upstream.requests) == 4)
        time.sleep(2)
        assert lane.rss_bytes() - before < 48 << 20
        assert len(upstream.requests) == 4
        assert not any(record.ended_at for record in upstream.requests)
        read, end = 0, b""
        while not end.endswith(b"\r\n0\r\n\r\n"):
            got = socks[0].recv(1 << 20)
            assert got
            read += len(got)
            end = (end + got)[-20:]
        assert read > 50_000_000
