from __future__ import annotations

import zlib
from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from proxy.packed import Packed, Squeezed, pack, pack_words, sent_bytes, unpack

GAP = b"\n\n"
words = st.lists(st.binary(max_size=30).filter(lambda b: b"\n" not in b), min_size=1, max_size=40)


def event(content: str) -> bytes:
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": content}}]}  # fmt: skip
    return b"data: " + orjson.dumps(body) + GAP


def test_a_packed_stream_is_a_tenth_of_its_size() -> None:
    long = b"".join(event(f"word{n}") for n in range(300)) + b"data: [DONE]\n\n"
    packed = pack(long)
    assert isinstance(packed, Packed)
    assert len(packed) * 10 < len(long)
    assert unpack(packed) == long


@given(st.lists(st.binary(max_size=30).filter(lambda b: b"\n" not in b), max_size=40), st.binary())
def test_packing_loses_nothing(middles: list[bytes], tail: bytes) -> None:
    body = b"\n\n".join(b'data: {"a":"' + middle + b'"}' for middle in middles) + b"\n\n" + tail
    assert unpack(pack(body)) == body


@given(st.binary(max_size=400))
def test_packing_any_bytes_loses_nothing(body: bytes) -> None:
    assert unpack(pack(body)) == body
    assert unpack(pack(body * 20)) == body * 20
    assert unpack(pack((body + b"\n\n") * 20)) == (body + b"\n\n") * 20


def test_chunks_that_end_in_line_feeds_are_not_mixed_up() -> None:
    body = GAP.join([b"x" * 300 + b"\nS", b"x" * 300 + b"S"] * 20)
    assert unpack(pack(body)) == body


@given(words, st.binary(), st.binary())
def test_words_are_packed_without_loss(words: list[bytes], head: bytes, tail: bytes) -> None:
    before, after = b'data: {"delta":', b',"finish_reason":null}' + GAP
    packed = pack_words(head, before, words, after, tail)
    sent = b"".join([head, *(before + word + after for word in words), tail])
    assert unpack(packed) == sent
    assert sent_bytes(packed) == sent_bytes(sent) == len(sent)


def test_what_the_words_share_is_kept_once() -> None:
    words = [b'{"content":" word%d"}' % n for n in range(100)]
    packed = pack_words(b"", b'data: {"delta":', words, b"}" + GAP, b"data: [DONE]" + GAP)
    assert packed.prefix.endswith(b'{"content":"')
    assert packed.middles.startswith(b" word0" + GAP + b" word1" + GAP)
    other = pack_words(b"", b"", [*words, b'{"role":"x"}', words[0]], b"}" + GAP, b"")
    assert b'{"role":"x"}' in unpack(other)


def test_what_is_in_a_packed_stream_is_found() -> None:
    words = [b'{"content":" word"}'] * 20
    words[7] = b'{"refusal":"no"}'
    packed = pack_words(event("a"), b'data: {"delta":', words, b"}" + GAP, b"data: [DONE]" + GAP)
    assert b'"refusal":"' in packed
    assert b"[DONE]" in packed
    assert b'"tool_calls":[' not in packed


def test_a_squeezed_stream_is_unpacked_all_the_same() -> None:
    long = b"".join(event(f"word{n}") for n in range(300)) + b"data: [DONE]" + GAP
    packed = pack(long)
    assert isinstance(packed, Packed)
    small = replace(packed, middles=Squeezed(zlib.compress(packed.middles)))
    assert unpack(small) == long
    assert len(small) < len(packed)
