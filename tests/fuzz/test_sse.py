"""The event splitter against a reader that knows nothing but the standard's words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.sse import BOM, Splitter, payload
from tests.fuzz.bytes import cut
from tests.fuzz.conftest import PROFILE

PIECES = [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"data: ", b"data:", b"data", b"event: e",
          b": ping", b"id: 1", b"x", b" ", b"\xff", b'{"a":1}', b"[DONE]", b"\x00",
          BOM]  # fmt: skip
streams = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)


def read_plainly(stream: bytes) -> list[bytes]:
    """The data of every event, line by line as the standard tells it; an unfinished one too."""
    stream = stream.removeprefix(BOM)
    lines = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    found: list[bytes] = []
    data: list[bytes] = []
    for line in [*lines, b""]:
        if not line:
            if data and b"\n".join(data):
                found.append(b"\n".join(data))
            data = []
            continue
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
    return found


@PROFILE
@given(streams, st.data())
def test_it_reads_what_the_standard_says_however_it_is_cut(stream: bytes, data) -> None:
    splitter = Splitter()
    events = [event for piece in data.draw(cut(stream)) for event in splitter.feed(piece)]
    rest = splitter.close()
    events += [rest] if rest else []
    assert b"".join(events) == stream
    if BOM not in stream[1:]:  # inside a stream it is a character like others
        assert [found for _, found in map(payload, events) if found] == read_plainly(stream)
