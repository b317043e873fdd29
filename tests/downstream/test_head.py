"""Heads that were seen before: what is remembered, what is not, and what is never kept."""

from __future__ import annotations

import httptools
import pytest

from proxy.downstream.head import REMEMBERED, VARIED_LIMIT_BYTES, Head, Heads
from proxy.exchange import Caller

ALICE = Caller("alice", "alice")
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer sk-secret\r\n"
    b"x-api-key: sk-other\r\nContent-Length: %b\r\nX-FirstToken-Tags: a\r\n\r\n"
)


def end_of(data: bytes) -> int:
    return data.index(b"\r\n\r\n")


def judged(heads: Heads, data: bytes, service: object = None) -> Head:
    """A head that was read and whose key is known."""
    head = heads.read(data, end_of(data) + 4)
    heads.remember(head, ALICE, service)
    return head


def again(head: Head, data: bytes) -> int:
    return head.again(data, end_of(data))


def found(heads: Heads, data: bytes, service: object = None) -> tuple[Head, int] | None:
    return heads.find(data, end_of(data), service)


@pytest.mark.parametrize("figures", [b"12", b"70345", b"0", b"9999999999", b"012"])
def test_heads_that_differ_in_the_figures_of_their_length_are_one(figures: bytes) -> None:
    heads = Heads()
    head = judged(heads, HEAD % b"345")
    assert again(head, HEAD % figures) == int(figures)
    assert found(heads, HEAD % figures) == (head, int(figures))


@pytest.mark.parametrize("figures", [b"+12", b"-1", b"0x1", b"1_0", b"", b" 12", b"12 ", b"1,1",
                                     b"12\t", b"99999999999", "\u0661".encode(), b"1\r\n2",
                                     b"1\r2", b"1\n2"])  # fmt: skip
def test_other_forms_of_a_length_are_judged_each_time(figures: bytes) -> None:
    heads = Heads()
    head = judged(heads, HEAD % b"12")
    assert again(head, HEAD % figures) == -1
    assert found(heads, HEAD % figures) is None


def test_anything_else_that_differs_makes_another_head() -> None:
    heads = Heads()
    head = judged(heads, HEAD % b"12")
    for old, new in ((b"sk-secret", b"sk-Secret"), (b"Host: here", b"Host: hers"), (b": a", b": b"),
                     (b"HTTP/1.1", b"HTTP/1.0"), (b"POST", b"GETS"), (b": a", b": aa"),
                     (b"POST /v1/", b"POST /v1//"), (b"x-api-key: sk-other\r\n", b"")):  # fmt: skip
        other = (HEAD % b"12").replace(old, new)
        assert other != HEAD % b"12"
        assert again(head, other) == -1
        assert found(heads, other) is None


@pytest.mark.parametrize("line", [b"X-Length: 12", b"Strength: 12", b"x: Content-Length: 12"])
def test_the_figures_of_another_header_are_no_length(line: bytes) -> None:
    heads = Heads()
    before = b"POST /v1/messages HTTP/1.1\r\nHost: a\r\n"
    data = before + line + b"\r\nContent-Length: 12\r\n\r\n"
    head = judged(heads, data)
    assert head.hot
    assert again(head, data.replace(b"h: 12", b"h: 13", 1)) == -1
    assert found(heads, data) is None
    assert again(head, data.replace(b"\nContent-Length: 12", b"\nContent-Length: 7")) == 7


def test_a_head_without_a_plain_length_is_judged_again() -> None:
    for length in (b"Content-Length:12", b"Content-Length:  12", b"Content-Length: 12 "):
        data = b"POST /v1/messages HTTP/1.1\r\nHost: a\r\n" + length + b"\r\n\r\n"
        assert again(judged(Heads(), data), data) == -1


def test_a_head_is_known_to_the_service_that_served_it_and_keeps_no_secret() -> None:
    heads, service, data = Heads(), object(), HEAD % b"12"
    head = heads.read(data, end_of(data) + 4)
    assert head.hot
    assert head.names[b"authorization"] == b"Bearer sk-secret"
    assert head.caller is None
    assert found(heads, data, service) is None
    heads.remember(head, ALICE, service)
    assert found(heads, data, service) == (head, 12)
    assert head.caller is ALICE
    assert b"sk-" not in repr(head).encode()
    assert head.names == {b"x-firsttoken-tags": b"a"}
    assert found(heads, data, object()) is None


def test_memory_of_heads_is_bounded() -> None:
    heads = Heads()
    every = [(HEAD % b"12").replace(b"here", b"h%d" % n) for n in range(REMEMBERED + 5)]
    for data in every:
        judged(heads, data)
    known = [data for data in every if found(heads, data)]
    assert known == every[REMEMBERED:]


# ---- headers that are another in every request --------------------------------------------------

TRACED = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\ntraceparent: %b\r\n"
    b"Content-Length: %b\r\nAuthorization: Bearer sk-secret\r\nX-Request-ID: %b\r\n\r\n"
)
PARENTS = (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"00-1-2-00")


def test_a_head_with_a_trace_of_its_own_is_still_the_same_head() -> None:
    heads = Heads()
    head = judged(heads, TRACED % (PARENTS[0], b"5", b"a1"))
    assert again(head, TRACED % (PARENTS[1], b"6789", b"b-22")) == 6789
    assert head.names == {b"traceparent": PARENTS[1]}  # nobody reads the others again
    assert found(heads, TRACED % (PARENTS[1], b"6789", b"b-22")) is None  # one connection's alone


@pytest.mark.parametrize(
    ("parent", "length", "request_id"),
    [
        (PARENTS[1] + b"\r\nContent-Length: 3", b"5", b"a1"),
        (b"a\nb", b"5", b"a1"),
        (b"a b", b"5", b"a1"),
        (b"", b"5", b"a1"),
        (b" a", b"5", b"a1"),
        (b"a\x00", b"5", b"a1"),
        (b"\xe9", b"5", b"a1"),
        (b"a" * 257, b"5", b"a1"),
        (PARENTS[1], b"+5", b"a1"),
        (PARENTS[1], b"", b"a1"),
        (PARENTS[1], b"12345678901", b"a1"),
        (PARENTS[1], b"5", b"a1\r\nTransfer-Encoding: chunked"),
        (PARENTS[1], b"5", b"a1\rb"),
    ],
)
def test_a_trace_that_is_not_tame_is_judged(
    parent: bytes, length: bytes, request_id: bytes
) -> None:
    head = judged(Heads(), TRACED % (PARENTS[0], b"5", b"a1"))
    assert again(head, TRACED % (parent, length, request_id)) == -1
    assert head.names[b"traceparent"] == PARENTS[0]
    assert again(head, TRACED % (PARENTS[1], b"7", b"a2")) == 7


def test_what_surrounds_a_trace_may_not_differ() -> None:
    data = TRACED % (PARENTS[0], b"5", b"a1")
    head = judged(Heads(), data)
    for old, new in ((b"sk-secret", b"sk-Secret"), (b"Host: here", b"Host: hers"),
                     (b"traceparent", b"tracesparent"), (b"\r\nX-R", b"\r\nX-r")):  # fmt: skip
        assert again(head, data.replace(old, new)) == -1


def test_what_is_said_twice_or_takes_much_room_is_judged_each_time() -> None:
    twice = (TRACED % (PARENTS[0], b"5", b"a1")).replace(b"Host", b"X-Request-Id: a1\r\nHost")
    assert again(judged(Heads(), twice), twice) == -1
    long = (TRACED % (PARENTS[0], b"5", b"a1")).replace(
        b"Host", b"X-Filler: %b\r\nHost" % (b"x" * VARIED_LIMIT_BYTES)
    )
    head = judged(Heads(), long)
    assert again(head, long) == 5
    assert again(head, long.replace(b"a1", b"a2")) == -1


def test_nothing_of_one_head_is_left_in_the_next() -> None:
    heads = Heads()
    first = b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nX-Api-Key: k\r\nContent-Length: 1\r\n\r\n"
    second = b"GET / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
    assert heads.read(first, len(first)).dialect == "anthropic"
    head = heads.read(second, len(second))
    assert head.names == {b"host": b"b", b"connection": b"close"}
    assert (head.dialect, head.hot, head.keep) == ("", False, False)
    with pytest.raises(httptools.HttpParserError):
        heads.read(b"GET / HTTP/1.1\r\nHo st: a\r\n\r\n", 28)
    assert heads.read(first, len(first)).names[b"host"] == b"a"
