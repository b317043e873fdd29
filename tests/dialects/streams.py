"""What the tests of every dialect's stream share: events to tell, and ways to cut bytes."""

from __future__ import annotations

from hypothesis import strategies as st

from proxy.chat import Reasoning, Text, ToolCall

words = st.text(min_size=1, max_size=12)
spoken_events = st.lists(
    st.one_of(
        words.map(Text),
        words.map(Reasoning),
        st.tuples(st.integers(0, 2), words).map(lambda t: ToolCall(t[0], f"t{t[0]}", "f", t[1])),
    ),
    min_size=1,
    max_size=12,
)


def cuts(length: int):
    """Places to cut a stream of this length at, in order."""
    return st.lists(st.integers(1, length - 1), max_size=20, unique=True).map(sorted)


def cut(decoder, stream: bytes, size: int):
    """All frames of a stream that arrives in pieces of this size."""
    frames = [
        frame
        for start in range(0, len(stream), size)
        for frame in decoder.feed(stream[start : start + size])
    ]
    return [*frames, *decoder.close()]
