"""Heads that were seen before: what is remembered, what is not, and what is never kept."""

from __future__ import annotations

import httptools
import pytest

from proxy.downstream.head import REMEMBERED, Heads, Mark, is_marked_by, mark_of
from proxy.exchange import Caller

ALICE = Caller("alice", "alice")
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer sk-secret\r\n"
    b"x-api-key: sk-other\r\nContent-Length: %b\r\nX-FirstToken-Tags: a\r\n\r\n"
)


def end_of(data: bytes) -> int:
    return data.index(b"\r\n\r\n")


def marked(data: bytes) -> tuple[Mark, int] | None:
    return mark_of(data, end_of(data))


def test_heads_that_differ_in_the_figures_of_their_length_are_one() -> None:
    one, other = marked(HEAD % b"12"), marked(HEAD % b"70345")
    assert one is not None
    assert other is not None
    assert one[0] == other[0]
    assert (one[1], other[1]) == (12, 70345)


@pytest.mark.parametrize("figures", [b"+12", b"-1", b"0x1", b"1_0", b"", b" 12", b"12 ", b"1,1",
                                     b"12\t", b"99999999999", "\u0661".encode()])  # fmt: skip
def test_other_forms_of_a_length_are_judged_each_time(figures: bytes) -> None:
    assert marked(HEAD % figures) is None


def test_anything_else_that_differs_makes_another_head() -> None:
    plain = marked(HEAD % b"12")
    assert plain is not None
    for old, new in ((b"sk-secret", b"sk-Secret"), (b"Host: here", b"Host: hers"), (b": a", b": b"),
                     (b"HTTP/1.1", b"HTTP/1.0"), (b"POST", b"GETS")):  # fmt: skip
        other = marked((HEAD % b"12").replace(old, new))
        assert other is not None
        assert other[0] != plain[0]


@pytest.mark.parametrize(
    "first", [b"X-Length: 12", b"Strength: 12", b"x: Content-Length: 12", b"-Content-Length: 12"]
)
def test_the_figures_of_another_header_are_no_length(first: bytes) -> None:
    data = b"POST / HTTP/1.1\r\n" + first + b"\r\nContent-Length: 12\r\n\r\n"
    assert not is_marked_by(data, b"12")
    assert is_marked_by(HEAD % b"12", b"12")
    assert not is_marked_by(HEAD % b"12", b"13")


def test_a_head_is_known_to_the_service_that_served_it_and_keeps_no_secret() -> None:
    heads, service, data = Heads(), object(), HEAD % b"12"
    head = heads.read(data, end_of(data) + 4)
    assert head.hot
    assert head.names[b"authorization"] == b"Bearer sk-secret"
    assert head.caller is None
    found = marked(data)
    assert found is not None
    mark = found[0]
    assert heads.find(mark, service) is None
    heads.remember(mark, head, ALICE, service)
    known = heads.find(mark, service)
    assert known is head
    assert known.caller is ALICE
    assert b"sk-" not in repr(known).encode()
    assert known.names[b"x-firsttoken-tags"] == b"a"
    assert heads.find(mark, object()) is None


def test_memory_of_heads_is_bounded() -> None:
    heads, service, data = Heads(), object(), HEAD % b"12"
    for number in range(REMEMBERED + 5):
        head = heads.read(data, end_of(data) + 4)
        heads.remember((number, 1), head, ALICE, service)
    known = [number for number in range(REMEMBERED + 5) if heads.find((number, 1), service)]
    assert known == list(range(REMEMBERED, REMEMBERED + 5))


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
