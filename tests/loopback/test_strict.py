"""What aiohttp alone would let pass, or say in its own words, and what leaving must not cost."""

from __future__ import annotations

import socket
import time

import pytest

from tests.loopback.test_framing import BODY, CHUNKED, INNER, LENGTH, closed, request
from tests.loopback.test_leave import arrived, leave, wait_closed
from tests.waiting import waited

pytestmark = pytest.mark.loopback

CASES = {
    "te-gzip": request("Transfer-Encoding: gzip, chunked", body=CHUNKED + INNER),
    "bare-lf-head": request(LENGTH, body=BODY).replace(b"\r\n", b"\n"),
    "bare-lf-end": request(LENGTH, body=BODY).replace(b"\r\n\r\n", b"\r\n\n", 1),
    "version-2": request(LENGTH, body=BODY, start=b"POST /v1/chat/completions HTTP/2.0"),
}


def test_nothing_is_continued_that_is_too_large(lane, exchange, refusal, upstream, post) -> None:
    data = post(b"", "Expect: 100-continue", length=1 << 30)
    raw = exchange(lane.address, data)
    assert b"100 Continue" not in raw
    assert refusal(raw, upstream).status == 413


def test_an_unknown_expectation_is_refused(lane, exchange, refusal, upstream, post, ask) -> None:
    raw = exchange(lane.address, post(ask(), "Expect: a-miracle"))
    assert refusal(raw, upstream).status == 417


def test_leaving_is_no_error_in_the_log(lane, upstream, post, ask) -> None:
    said_before = len(lane.output())
    sock = socket.create_connection(lane.address, timeout=10)
    sock.sendall(post(ask(model="mock/mock-t2000-i20", stream=True)))
    assert sock.recv(1)
    leave(sock, abruptly=True)
    wait_closed(arrived(upstream)[0])
    assert waited(lambda: "outcome=cancelled" in lane.output()[said_before:])
    assert "Traceback" not in lane.output()
    assert "ERROR" not in lane.output()


@pytest.mark.parametrize("name", CASES)
def test_ambiguous(lane, exchange, refusal, upstream, name):
    assert refusal(closed(exchange, lane.address, CASES[name]), upstream).status == 400


@pytest.mark.parametrize(("field", "value"), [("stop", [1]), ("tools", [1]), ("tools", [{}])])
def test_types(lane, exchange, refusal, upstream, post, ask, field, value):
    answer = refusal(exchange(lane.address, post(ask(**{field: value}))), upstream)
    assert answer.status == 400
    assert answer.json["error"]["param"] == field


def test_partial_usage(lane, upstream, post, ask):
    said_before = len(lane.output())
    with socket.create_connection(lane.address, timeout=10) as sock:
        sock.sendall(post(ask(model="mock/mock-t2000-i5", stream=True)))
        read = b""
        while read.count(b"data: ") < 20:
            read += sock.recv(1 << 16)
    assert waited(lambda: "outcome=cancelled" in lane.output()[said_before:])
    assert "tokens_out=0 " not in lane.output().strip().splitlines()[-1]


@pytest.mark.parametrize("tokens", [200, 400, 800])
def test_a_slow_reader_leaves_no_deaf_connection_behind(
    lane, exchange, answers, upstream, post, ask, tokens
):
    data = post(ask(model=f"mock/mock-t{tokens}-b1000", stream=True))
    for _ in range(2):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(5)
            sock.connect(lane.address)
            sock.sendall(data)
            time.sleep(0.2)
            end = b""
            while not end.endswith(b"\r\n0\r\n\r\n"):
                got = sock.recv(1 << 16)
                assert got
                end = (end + got)[-20:]
        for _ in range(3):
            (answer,) = answers(exchange(lane.address, post(ask()), seconds=2))
            assert answer.status == 200
