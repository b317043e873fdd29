"""HTTP that two readers could read in two ways: refused and closed, whatever hides inside."""

from __future__ import annotations

import time

import orjson
import pytest

pytestmark = pytest.mark.loopback

SMUGGLED = orjson.dumps(
    {"model": "mock/mock-t3", "messages": [{"role": "user", "content": "smuggled"}]}
)
INNER = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: proxy\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED)
)
HEALTH = b"GET /health HTTP/1.1\r\nHost: proxy\r\n\r\n"  # answered at once, once it has its turn
BODY = orjson.dumps({"model": "chat", "messages": [{"role": "user", "content": "outer"}]})
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


def request(*lines: str | bytes, body: bytes = b"", start: bytes = b"") -> bytes:
    """A POST with exactly these header lines besides Host and Content-Type."""
    first = start or b"POST /v1/chat/completions HTTP/1.1"
    head = [first, b"Host: proxy", b"Content-Type: application/json"]
    head += [line if isinstance(line, bytes) else line.encode() for line in lines]
    return b"\r\n".join([*head, b"", b""]) + body


def closed(exchange, address, data: bytes) -> bytes:
    """What comes back until the peer closes; fails where it keeps the connection."""
    began = time.monotonic()
    raw = exchange(address, data, seconds=3, wanted=9)
    assert time.monotonic() - began < 2.5, "the connection was left open"
    return raw


LENGTH = f"Content-Length: {len(BODY)}"

AMBIGUOUS: dict[str, bytes] = {
    "cl-te": request(LENGTH, "Transfer-Encoding: chunked", body=CHUNKED + INNER),
    "te-cl": request("Transfer-Encoding: chunked", LENGTH, body=CHUNKED + INNER),
    "cl-te-zero": request(
        "Content-Length: 6", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + INNER
    ),
    "te-twice": request("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKED),
    "te-twice-other": request(
        "Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=CHUNKED + INNER
    ),
    "te-list-twice": request("Transfer-Encoding: chunked, chunked", body=CHUNKED),
    "te-x": request("Transfer-Encoding: xchunked", body=CHUNKED + INNER),
    "te-identity": request("Transfer-Encoding: identity", LENGTH, body=BODY + INNER),
    "te-not-last": request("Transfer-Encoding: chunked, identity", body=CHUNKED + INNER),
    "te-quoted": request('Transfer-Encoding: "chunked"', body=CHUNKED + INNER),
    "te-parameter": request("Transfer-Encoding: chunked;q=1", body=CHUNKED + INNER),
    "te-vt": request(b"Transfer-Encoding: \x0bchunked", body=CHUNKED + INNER),
    "te-space-colon": request("Transfer-Encoding : chunked", body=CHUNKED + INNER),
    "te-folded": request("Transfer-Encoding:\r\n chunked", body=CHUNKED + INNER),
    "te-nul": request(b"Transfer-Encoding: chunked\0", body=CHUNKED + INNER),
    "te-prefix-line": request("X: x\nTransfer-Encoding: chunked", LENGTH, body=CHUNKED + INNER),
    "te-empty": request("Transfer-Encoding:", LENGTH, body=BODY + INNER),
    "te-10": request(
        "Transfer-Encoding: chunked",
        LENGTH,
        body=CHUNKED + INNER,
        start=b"POST /v1/chat/completions HTTP/1.0",
    ),
    "cl-differ": request(LENGTH, "Content-Length: 0", body=BODY + INNER),
    "cl-differ-reversed": request("Content-Length: 0", LENGTH, body=BODY + INNER),
    "cl-same-twice": request(LENGTH, LENGTH, body=BODY),
    "cl-list": request(f"Content-Length: {len(BODY)}, {len(BODY)}", body=BODY),
    "cl-list-differ": request(f"Content-Length: {len(BODY)}, 0", body=BODY + INNER),
    "cl-plus": request(f"Content-Length: +{len(BODY)}", body=BODY),
    "cl-minus": request(f"Content-Length: -{len(BODY)}", body=BODY),
    "cl-hex": request(f"Content-Length: {len(BODY):#x}", body=BODY),
    "cl-underscore": request("Content-Length: 1_0", body=BODY),
    "cl-float": request(f"Content-Length: {len(BODY)}.0", body=BODY),
    "cl-exponent": request("Content-Length: 1e2", body=BODY),
    "cl-inner-space": request("Content-Length: 1 0", body=BODY),
    "cl-arabic": request("Content-Length: \u0661\u0662", body=BODY),
    "cl-empty": request("Content-Length:", body=BODY + INNER),
    "cl-space-colon": request(f"Content-Length : {len(BODY)}", body=BODY),
    "cl-folded": request(f"Content-Length:\r\n {len(BODY)}", body=BODY),
    "cl-word": request("Content-Length: many", body=BODY),
    "fold-space": request("X-A: 1\r\n 2", LENGTH, body=BODY),
    "fold-tab": request("X-A: 1\r\n\t2", LENGTH, body=BODY),
    "fold-first": b"POST /v1/chat/completions HTTP/1.1\r\n Host: proxy\r\n\r\n",
    "bare-lf-line": request(b"X-A: 1\nX-B: 2", LENGTH, body=BODY),
    "bare-cr": request(b"X-A: 1\rX-B: 2", LENGTH, body=BODY),
    "bare-cr-end": request(b"X-A: 1\r", LENGTH, body=BODY),
    "nul-value": request(b"X-A: 1\x002", LENGTH, body=BODY),
    "nul-name": request(b"X-\0A: 1", LENGTH, body=BODY),
    "control-value": request(b"X-A: \x01", LENGTH, body=BODY),
    "space-in-name": request("X A: 1", LENGTH, body=BODY),
    "empty-name": request(": 1", LENGTH, body=BODY),
    "no-colon": request("X-A", LENGTH, body=BODY),
    "name-token": request("X(A): 1", LENGTH, body=BODY),
    "name-high": request(b"X-\xe9: 1", LENGTH, body=BODY),
    "host-none": request(LENGTH, body=BODY).replace(b"Host: proxy\r\n", b""),
    "host-twice": request("Host: other", LENGTH, body=BODY),
    "host-empty": request(LENGTH, body=BODY).replace(b"Host: proxy", b"Host:"),
    "host-path": request(LENGTH, body=BODY).replace(b"Host: proxy", b"Host: a/../admin?x#@"),
    "host-user": request(LENGTH, body=BODY).replace(b"Host: proxy", b"Host: a@b"),
    "host-list": request(LENGTH, body=BODY).replace(b"Host: proxy", b"Host: a, b"),
    "version-09": b"POST /v1/chat/completions\r\n\r\n",
    "version-11x": request(LENGTH, body=BODY, start=b"POST /v1/chat/completions HTTP/1.10"),
    "version-word": request(LENGTH, body=BODY, start=b"POST /v1/chat/completions HTPP/1.1"),
    "preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)) + b"\r\n\r\n",
    "method-odd": request(LENGTH, body=BODY, start=b"P\x00ST /v1/chat/completions HTTP/1.1"),
    "path-space": request(LENGTH, body=BODY, start=b"POST /v1/chat completions HTTP/1.1"),
    "path-nul": request(LENGTH, body=BODY, start=b"POST /v1/chat/\0completions HTTP/1.1"),
    "path-lf": request(LENGTH, body=BODY, start=b"POST /v1/chat/\ncompletions HTTP/1.1"),
    "path-none": request(LENGTH, body=BODY, start=b"POST HTTP/1.1"),
    "path-word": request(LENGTH, body=BODY, start=b"POST v1/chat/completions HTTP/1.1"),
}  # fmt: skip


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_can_be_read_two_ways_is_refused_and_closed(
    lane, exchange, refusal, upstream, keys, data: bytes
) -> None:
    secret = f"Authorization: Bearer {keys[0]}\r\n".encode()
    data = data.replace(b"Content-Type: application/json\r\n", secret, 1)
    assert refusal(closed(exchange, lane.address, data), upstream).status == 400


BAD_CHUNKS: dict[str, bytes] = {
    "hex-prefix": b"0x%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "plus": b"+%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "minus": b"-1\r\n%b\r\n0\r\n\r\n" % BODY,
    "space-before": b" %x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "word": b"many\r\n%b\r\n0\r\n\r\n" % BODY,
    "empty": b"\r\n%b\r\n0\r\n\r\n" % BODY,
    "overflow": b"FFFFFFFFFFFFFFFFF\r\n%b" % BODY,
    "wraps-to-size": b"1%016x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "bare-lf": b"%x\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "lf-after-data": b"%x\r\n%b\n0\r\n\r\n" % (len(BODY), BODY),
    "no-end-after-data": b"%x\r\n%bXX0\r\n\r\n" % (len(BODY), BODY),
    "extension-lf": b"%x;a\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "extension-nul": b"%x;a\0b\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "cr-only": b"%x\r%b\r0\r\r" % (len(BODY), BODY),
}


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_a_chunk_that_is_none_is_refused_and_closed(
    lane, exchange, refusal, upstream, body: bytes
) -> None:
    data = request("Transfer-Encoding: chunked", body=body + INNER)
    assert refusal(closed(exchange, lane.address, data), upstream).status == 400


@pytest.mark.parametrize(
    "body",
    [
        CHUNKED,
        b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n",
        CHUNKED[:-2] + b"X-Trailer: 1\r\n\r\n",
        b"%X\r\n%b\r\n000\r\n\r\n" % (len(BODY), BODY),
    ],
    ids=["plain", "extensions", "trailer", "upper-and-zeros"],
)
def test_good_chunks_are_served(lane, exchange, answers, upstream, body: bytes) -> None:
    data = request("Transfer-Encoding: chunked", body=body)
    (answer,) = answers(exchange(lane.address, data))
    assert answer.status == 200
    assert upstream.requests[0].headers["content-length"] == str(len(upstream.requests[0].body))


def test_a_trailer_is_no_header(locked_lane, exchange, answers, upstream, keys) -> None:
    trailer = f"Authorization: Bearer {keys[0]}\r\nContent-Length: 3\r\n".encode()
    data = request("Transfer-Encoding: chunked", body=CHUNKED[:-2] + trailer + b"\r\n")
    found = answers(exchange(locked_lane.address, data))
    assert found[0].status in (400, 401)
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET /v1/chat/completions HTTP/1.1", 405),
        (b"PUT /v1/chat/completions HTTP/1.1", 405),
        (b"DELETE /v1/models HTTP/1.1", 405),
        (b"TRACE /v1/models HTTP/1.1", 405),
        (b"POST /nothing HTTP/1.1", 404),
        (b"POST /v1/chat/completions/../../health HTTP/1.1", 400),
        (b"POST //v1/chat/completions HTTP/1.1", 404),
        (b"POST /v1/chat/completions/ HTTP/1.1", 404),
        (b"POST /%2e%2e/etc/passwd HTTP/1.1", 404),
        (b"GET /ui/../../../etc/passwd HTTP/1.1", 404),
    ],
)
def test_a_wrong_path_or_method_is_refused_in_shape(
    lane, exchange, refusal, upstream, start: bytes, status: int
) -> None:
    raw = exchange(lane.address, request(LENGTH, body=BODY, start=start))
    assert refusal(raw, upstream).status == status


@pytest.mark.parametrize(
    "data",
    [
        request("X-Big: " + "x" * (1 << 20), LENGTH, body=BODY),
        request(*(f"X-{n}: 1" for n in range(10_000)), LENGTH, body=BODY),
        request(LENGTH, body=BODY, start=b"POST /" + b"x" * (1 << 20) + b" HTTP/1.1"),
        request("Authorization: Bearer " + "x" * (1 << 20), LENGTH, body=BODY),
        b"A" * (1 << 20),
    ],
    ids=["line", "many-lines", "path", "key", "no-line"],
)
def test_a_head_without_end_is_refused(lane, exchange, refusal, upstream, data: bytes) -> None:
    answer = refusal(closed(exchange, lane.address, data), upstream)
    assert answer.status in (400, 414, 431)


# ---- one after the other -------------------------------------------------------------------------


def test_requests_sent_ahead_are_answered_in_order(lane, exchange, answers, upstream, post, ask):
    data = b"".join(post(ask(model=f"mock/mock-t{n}")) for n in range(1, 21))
    found = answers(exchange(lane.address, data, wanted=20, seconds=10))
    tokens = [one.json["usage"]["completion_tokens"] for one in found]
    assert tokens == list(range(1, 21))


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_cuts_of_a_request_do_not_matter(
    lane, exchange, answers, upstream, post, ask, size: int
) -> None:
    data = post(ask())
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    (answer,) = answers(exchange(lane.address, pieces))
    assert answer.status == 200
    assert len(upstream.requests) == 1


def test_empty_lines_before_a_request_are_allowed(lane, exchange, answers, post, ask) -> None:
    found = answers(exchange(lane.address, b"\r\n\r\n" + post(ask())))
    assert [one.status for one in found] in ([200], [400])


# ---- expect and upgrade --------------------------------------------------------------------------


def test_continue_is_said_before_the_body(lane, exchange, answers, upstream, post, ask) -> None:
    whole = post(ask(), "Expect: 100-continue")
    head, _, body = whole.partition(b"\r\n\r\n")

    def pieces():
        yield head + b"\r\n\r\n"
        time.sleep(0.3)
        yield body

    raw = exchange(lane.address, pieces())
    assert raw.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert [one.status for one in answers(raw)] == [200]
    assert "expect" not in upstream.requests[0].headers


@pytest.mark.parametrize(
    "lines",
    [
        ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"),
        ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"),
        ("Connection: Upgrade", "Upgrade: nothing"),
    ],
    ids=["h2c", "websocket", "unknown"],
)
def test_no_upgrade_is_made(lane, exchange, answers, upstream, post, ask, lines) -> None:
    found = answers(exchange(lane.address, post(ask(), *lines) + INNER + HEALTH, wanted=3))
    assert [one.status for one in found] == [200, 200, 200]
    assert len(upstream.requests) == 2
    assert b"smuggled" not in upstream.requests[0].body


@pytest.mark.parametrize("pieces", [1, 7, 10**6])
@pytest.mark.parametrize("keep", [True, False])
def test_a_body_behind_an_upgrade_is_framed(
    lane, exchange, answers, upstream, post, pieces, keep
) -> None:
    lines = ("Connection: Upgrade" if keep else "Connection: Upgrade, close", "Upgrade: h2c")
    data = post(CHUNKED, *lines, "Transfer-Encoding: chunked", length=-1) + INNER + HEALTH
    cut = [data[at : at + pieces] for at in range(0, len(data), pieces)]
    found = answers(exchange(lane.address, cut, wanted=3))
    assert [one.status for one in found] == ([200, 200, 200] if keep else [200])
    assert b"outer" in upstream.requests[0].body
    assert len(upstream.requests) == (2 if keep else 1)


def test_an_old_client_is_served_and_closed(lane, exchange, answers, post, ask) -> None:
    data = post(ask(stream=True)).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    raw = closed(exchange, lane.address, data)
    assert b"transfer-encoding" not in raw.lower()
    assert raw.endswith(b"data: [DONE]\n\n")
