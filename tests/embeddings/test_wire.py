"""Frames, however they are cut, and what is no frame."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings import wire
from embeddings.wire import BadFrame, Frames, Kind

VECTORS = np.arange(6, dtype=np.float32).reshape(2, 3)
STREAM = (
    wire.question(1, ["a", "", "né \N{SNOWMAN}"], 77)
    + wire.frame(2, Kind.STATE)
    + wire.answer(3, VECTORS)
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
def test_cuts_do_not_matter(size: int) -> None:
    frames = Frames()
    found = [one for i in range(0, len(STREAM), size) for one in frames.feed(STREAM[i : i + size])]
    assert [(number, kind) for number, kind, _ in found] == [
        (1, Kind.ENCODE), (2, Kind.STATE), (3, Kind.VECTORS),
    ]  # fmt: skip
    assert wire.asked(found[0][2]) == (77, ["a", "", "né \N{SNOWMAN}"])
    assert np.array_equal(wire.vectors_of(found[2][2]), VECTORS)


@pytest.mark.parametrize(
    "data", [b"\xff" * 9, b"\0\0\0\0\1\0\0\0\x63"], ids=["too large", "unknown kind"]
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        list(Frames().feed(data))


@pytest.mark.parametrize("payload", [b"", b"\0" * 9, b"\0" * 8 + b"\5\0\0\0ab"])
def test_a_cut_question_is_refused(payload: bytes) -> None:
    with pytest.raises(BadFrame):
        wire.asked(payload)


@pytest.mark.parametrize("payload", [b"", b"\1\0\0\0\2\0\0\0abcd"])
def test_a_cut_answer_is_refused(payload: bytes) -> None:
    with pytest.raises(BadFrame):
        wire.vectors_of(payload)


def test_what_is_kept_and_found_comes_over_as_it_was() -> None:
    frames = Frames()
    texts = {3: "né", 2**64 - 1: ""}
    found = [[(3, 0.5), (2**64 - 1, -0.25)], [], [(1, 1.0)]]
    stream = (
        wire.kept(1, 2**63, texts)
        + wire.near_question(2, "né", (1, 2**64 - 1), 4, 99)
        + wire.near_answer(3, found)
    )
    (_, kept, a), (_, asked, b), (_, told, c) = frames.feed(stream)
    assert (kept, asked, told) == (Kind.KEEP, Kind.NEAREST, Kind.FOUND)
    assert wire.to_keep(a) == (2**63, texts)
    assert wire.near_asked(b) == (99, 4, (1, 2**64 - 1), "né")
    assert wire.near_of(c) == found
    for reader, payload in ((wire.to_keep, a), (wire.near_asked, b[:9]), (wire.near_of, c)):
        with pytest.raises(BadFrame):
            reader(payload[:-1])
    with pytest.raises(BadFrame):
        wire.near_asked(wire.near_question(1, "x", (), 4, 99)[9:])
