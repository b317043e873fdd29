"""Cutting a stream into events, however it was cut on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.sse import BOM, Splitter, payload, whole_events
from proxy.errors import Kind, UpstreamFailure

STREAMS = {
    "lf": b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
    "crlf": b'data: {"a":1}\r\n\r\ndata: {"b":2}\r\n\r\ndata: [DONE]\r\n\r\n',
    "cr": b'data: {"a":1}\r\rdata: {"b":2}\r\rdata: [DONE]\r\r',
    "bom": BOM + b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
    "no space": b'data:{"a":1}\n\ndata:{"b":2}\n\ndata:[DONE]\n\n',
    "comments": b': ping\n\ndata: {"a":1}\n\n: ping\n: pong\ndata: {"b":2}\n\ndata: [DONE]\n\n',
    "other fields": b'id: 7\nevent: x\ndata: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
    "no last blank line": b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]',
    "leading newline": b'\n\ndata: {"a":1}\n\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
}
PAYLOADS = [b'{"a":1}', b'{"b":2}', b"[DONE]"]


def split(stream: bytes, size: int) -> list[bytes]:
    splitter = Splitter()
    events = [
        event
        for start in range(0, len(stream), size)
        for event in splitter.feed(stream[start : start + size])
    ]
    rest = splitter.close()
    return [*events, rest] if rest else events


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
@pytest.mark.parametrize("name", STREAMS)
def test_cuts_do_not_matter(name: str, size: int) -> None:
    events = split(STREAMS[name], size)
    assert b"".join(events) == STREAMS[name]
    assert [data for _, data in map(payload, events) if data] == PAYLOADS


def test_several_data_lines_are_one_payload() -> None:
    assert payload(b"data: one\ndata: two\n\n") == (b"", b"one\ntwo")
    assert payload(b"event: error\ndata: {}\n\n") == (b"error", b"{}")
    assert payload(b"event: a\ndata: {}\ndata: 1\n\n") == (b"a", b"{}\n1")
    assert payload(b"event: a\nid: 7\n\n") == (b"a", b"")
    assert payload(b"data: one\ndata: two\n") == (b"", b"one\ntwo")
    assert payload(b": only a comment\n\n") == (b"", b"")


@pytest.mark.parametrize(
    ("buffer", "length"),
    [(b"", 0), (b"data: x", 0), (b"data: x\n\n", 9), (b"data: x\n\nda", 9), (b"a\r\n\r\nb", 5),
     (b"a\r\r", 0), (b"a\r\rb", 3), (b"a\n\nb\n\n", 6)],
)  # fmt: skip
def test_the_prefix_of_whole_events(buffer: bytes, length: int) -> None:
    assert whole_events(buffer) == length


def test_an_event_without_an_end_is_bounded() -> None:
    splitter = Splitter(limit=1000)
    with pytest.raises(UpstreamFailure) as failed:
        for _ in range(100):
            splitter.feed(b"data: " + b"x" * 100)
    assert failed.value.kind is Kind.PROTOCOL


@given(st.lists(st.sampled_from([b"\n", b"\r", b"data: x", b":", b" ", b"event: e"]), max_size=40),
       st.integers(1, 5))  # fmt: skip
def test_nothing_is_lost_or_invented(pieces: list[bytes], size: int) -> None:
    stream = b"".join(pieces)
    assert b"".join(split(stream, size)) == stream


@pytest.mark.parametrize("stream", [
    b"data: a\r\n\r\ndata: b\r\n\r\n", b"data: a\r\n\r\n\r\ndata: b\r\n\r\n",
    b"data: a\r\n\r\n\r\n\r\ndata: b\r\n\r\n", b"data: a\n\ndata: b\r\n\r\n",
    b"data: a\r\n\ndata: b\r\n\r\n", b"data: a\r\rdata: b\r\n\r\n", b"\r\n\r\ndata: a\r\n\r\n",
])  # fmt: skip
def test_lines_that_end_in_crlf_are_cut_like_all_others(stream: bytes) -> None:
    whole, bytewise = split(stream, 1 << 20), split(stream, 1)
    assert [data for _, data in map(payload, whole) if data] == [
        data for _, data in map(payload, bytewise) if data
    ]
    assert b"".join(whole) == stream
