"""The short way compiled and not: the same of any bytes."""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import sys
import tracemalloc
import weakref
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.shortcut import CHUNK_LIMIT, KEPT_LIMIT_BYTES, PlainShortcut, Shortcut
from tests.upstream.wire import chunk

ROOT = Path(__file__).resolve().parents[2]
BEFORE, AFTER = b'data: {"delta":"', b'"}\n\n'

compiled_only = pytest.mark.skipif(Shortcut is PlainShortcut, reason="installed without a compiler")


def relay_of(base: type) -> type:
    class Relay(base):
        __slots__ = ("__weakref__", "clock", "others", "told")

        def __init__(self, *, sound: set[bytes] | None) -> None:
            self.told: list[bytes] = []
            self.others: list[bytes] = []
            self.clock = itertools.count(1)
            self.heard_s = self.longest_s = 0.0
            self._now = lambda: float(next(self.clock) ** 2)
            self._kept, self._kept_bytes, self._short = [], 0, True
            self._sound = sound
            self._said_before, self._said_after = BEFORE, AFTER + b"\r\n"
            self._told_before, self._told_after = b"<", b">\r\n"
            self._write = self.told.append

        def _other(self, data: bytes) -> None:
            self.others.append(data)

        @property
        def state(self) -> tuple:
            return (self.told, self.others, self._kept, self._kept_bytes, self.heard_s,
                    self.longest_s)  # fmt: skip

    return Relay


Compiled, Plain = relay_of(Shortcut), relay_of(PlainShortcut)

words = st.sampled_from([b"", b"a", b"b" * 15, b"c" * 250, b"d" * 4000, b"e\n", b"\xc3\xa9", b'"'])
usual = words.map(lambda word: chunk(BEFORE + word + AFTER))
odd = st.one_of(
    st.binary(max_size=40),
    words.map(chunk),
    words.map(lambda word: chunk(BEFORE + word + AFTER) * 2),
    st.tuples(usual, st.integers(0, 60)).map(lambda one: one[0][: one[1]]),
    st.tuples(usual, st.integers(0, 60)).map(lambda one: one[0][one[1] :]),
    st.tuples(usual, st.integers(0, 60), st.binary(max_size=2)).map(
        lambda one: one[0][: one[1]] + one[2] + one[0][one[1] + 1 :]
    ),
    st.just(chunk(BEFORE + AFTER).upper()),
    st.just(b""),
)


@compiled_only
@given(
    st.lists(st.one_of(usual, odd), max_size=8),
    st.sampled_from([None, set(), {b"a", b"", b"c" * 250, b"e\n"}]),
    st.sampled_from([0, KEPT_LIMIT_BYTES - 60]),
)
def test_the_same_of_any_bytes(pieces: list[bytes], sound: set[bytes] | None, kept: int) -> None:
    one, other = Compiled(sound=sound), Plain(sound=sound)
    for relay in (one, other):
        relay._kept_bytes = kept
        for piece in pieces:
            relay.data_received(piece)
    assert one.state == other.state


@pytest.mark.parametrize("kind", [Compiled, Plain])
def test_every_size_of_a_chunk(kind: type) -> None:
    straight, translated = kind(sound=None), kind(sound=None)
    around = len(BEFORE) + len(AFTER)
    for size in range(CHUNK_LIMIT - around + 10):
        word = b"w" * size
        translated._sound = {word}
        piece = chunk(BEFORE + word + AFTER)
        straight.data_received(piece)
        translated.data_received(piece)
        where = straight.told if len(piece) < CHUNK_LIMIT else straight.others
        assert where[-1] is piece
        if len(piece) < CHUNK_LIMIT:
            assert translated.told[-1] == chunk(b"<" + word + b">")
    assert len(straight.others) == len(translated.others) > 10


@pytest.mark.parametrize("kind", [Compiled, Plain])
def test_nothing_takes_the_short_way_where_there_is_none(kind: type) -> None:
    relay = kind(sound=None)
    relay._short = False
    relay.data_received(chunk(BEFORE + b"a" + AFTER))
    assert relay.told == []
    assert len(relay.others) == 1


@pytest.mark.parametrize("kind", [Compiled, Plain])
def test_what_a_sink_raises_is_heard(kind: type) -> None:
    relay = kind(sound=None)

    def fail(data: bytes) -> None:
        raise RuntimeError("no")

    relay._write = fail
    with pytest.raises(RuntimeError, match="no"):
        relay.data_received(chunk(BEFORE + b"a" + AFTER))
    relay._now = lambda: 1 // 0
    with pytest.raises(ZeroDivisionError):
        relay.data_received(chunk(BEFORE + b"a" + AFTER))


@compiled_only
def test_an_attribute_that_is_missing_or_odd_is_no_crash() -> None:
    for name in ("_now", "_kept", "_said_before", "_said_after", "_told_before", "_told_after"):
        relay = Compiled(sound={b"a"})
        delattr(relay, name)
        relay.data_received(chunk(BEFORE + b"a" + AFTER))
        assert (relay.told, len(relay.others)) == ([], 1), name
    relay = Compiled(sound=None)
    relay._said_before = "text"
    relay.data_received(chunk(BEFORE + b"a" + AFTER))
    relay._write = None
    relay._said_before = BEFORE
    relay._now = lambda: "never"
    with pytest.raises(TypeError):
        relay.data_received(chunk(BEFORE + b"a" + AFTER))
    with pytest.raises(TypeError):
        relay._heard()


def test_what_ends_is_gone() -> None:
    """No reference is kept, and none is lost: in a cycle or not, with and without the collector."""
    gc.collect()
    tracemalloc.start()
    try:
        for turn in range(200):
            if turn == 50:
                before = tracemalloc.get_traced_memory()[0]
            relay = Compiled(sound={b"a"} if turn % 2 else None)
            for word in (b"a", b"new", b"a\n"):
                relay.data_received(chunk(BEFORE + word + AFTER))
            seen = weakref.ref(relay)
            del relay
            gc.collect()
            assert seen() is None
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()


@compiled_only
def test_streams_are_the_same_without_a_compiler() -> None:
    """What is tested of relays, where nothing is compiled."""
    run = (
        "import sys; sys.modules['proxy.upstream._shortcut'] = None; import pytest;"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-p', 'no:xdist', *sys.argv[1:]]))"
    )
    files = [f"tests/upstream/test_{name}.py" for name in ("short_way", "translated_tokens")]
    done = subprocess.run(
        [sys.executable, "-c", run, *files],
        cwd=ROOT,
        env={key: one for key, one in os.environ.items() if not key.startswith("PYTEST")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
