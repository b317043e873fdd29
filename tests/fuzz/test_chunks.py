"""Chunked answers, right and nearly right, cut anywhere: whole, or lost; nothing in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.connection import Connection
from tests.fuzz.bytes import cut, mutated
from tests.fuzz.conftest import PROFILE

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
DICTIONARY = [b"0\r\n\r\n", b"\r\n", b"\n", b"\r", b"5\r\n", b"-1\r\n", b"ffffffffffffffff\r\n",
              b"5;a=b\r\n", b"0x5\r\n", b"+5\r\n", b"HTTP/1.1 200 OK\r\n", b"Content-Length: 3\r\n",
              b"Trailer: x\r\n", b"\x00"]  # fmt: skip


class Wire:
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        self.open = True

    def write(self, data: bytes) -> None:
        assert self.open

    def abort(self) -> None:
        self.open = False

    close = abort


class Heard:
    def __init__(self) -> None:
        self.status: int | None = None
        self.body = b""
        self.ends: list[str] = []

    def on_head(self, status, kind, headers) -> None:
        assert self.status is None
        self.status = status

    def on_body(self, data: bytes) -> None:
        assert not self.ends
        assert self.status is not None
        self.body += data

    def on_end(self) -> None:
        self.ends.append("end")

    def on_lost(self, kind, detail, *, untouched) -> None:
        self.ends.append("lost")


def read(pieces: list[bytes]) -> tuple[Heard, list[bool]]:
    released: list[bool] = []
    connection = Connection(lambda _, keep: released.append(keep))
    connection.connection_made(Wire())
    heard = Heard()
    connection.send(b"GET / HTTP/1.1\r\n\r\n", heard)
    for piece in pieces:
        if connection.transport is not None:
            connection.data_received(piece)
    if connection.transport is not None:
        connection.connection_lost(None)
    return heard, released


def chunked(pieces: list[bytes]) -> bytes:
    return HEAD + b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"


bodies = st.lists(st.binary(min_size=1, max_size=30), max_size=6)


@PROFILE
@given(bodies, st.data())
def test_a_whole_answer_is_whole_however_it_is_cut(pieces: list[bytes], data) -> None:
    heard, released = read(data.draw(cut(chunked(pieces))))
    assert heard.body == b"".join(pieces)
    assert heard.ends == ["end"]
    assert released[0] is True


@PROFILE
@given(bodies, st.data())
def test_an_answer_that_stops_early_is_lost(pieces: list[bytes], data) -> None:
    stream = chunked(pieces)
    stop = data.draw(st.integers(0, len(stream) - 1))
    heard, released = read([stream[:stop]] if stop else [])
    assert heard.ends == ["lost"]
    assert b"".join(pieces).startswith(heard.body)
    assert True not in released


@PROFILE
@given(bodies, st.data())
def test_a_broken_answer_ends_once(pieces: list[bytes], data) -> None:
    stream = data.draw(mutated(chunked(pieces), DICTIONARY))
    heard, released = read(data.draw(cut(stream)))
    assert len(heard.ends) == 1
    assert len(heard.body) <= len(stream)
    assert len(released) <= 2


@pytest.mark.parametrize("last", [1, 7, 40, len(chunked([b"first"]))])
@pytest.mark.parametrize("more", [chunked([b"second"]), b"HTTP/1.1 200 OK\r\n\r\n", b"garbage"])
def test_what_follows_an_answer_is_never_part_of_it(last: int, more: bytes) -> None:
    one = chunked([b"first"])
    heard, released = read([one[:-last], one[-last:] + more])
    assert len(heard.ends) == 1
    assert b"first".startswith(heard.body)
    assert True not in released
