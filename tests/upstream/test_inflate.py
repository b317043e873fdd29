"""Compressed answers: every form that servers write, however it is cut on the way."""

from __future__ import annotations

import gzip
import zlib

import pytest

from proxy.upstream.inflate import PIECE_BYTES, Inflater

EVENTS = [b"data: one\n\n", "data: zwölf 😀\n\n".encode(), b"data: [DONE]\n\n"]
TEXT = b"".join(EVENTS)


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def flushed() -> bytes:
    packer = zlib.compressobj(wbits=31)
    told = b"".join(packer.compress(one) + packer.flush(zlib.Z_SYNC_FLUSH) for one in EVENTS)
    return told + packer.flush()


FORMS = {
    "gzip": (b"gzip", gzip.compress(TEXT)),
    "members": (b"gzip", b"".join(map(gzip.compress, EVENTS))),
    "padded": (b"x-gzip", gzip.compress(TEXT) + b"\0\0\0"),
    "flushed": (b"gzip", flushed()),
    "not finished": (b"gzip", flushed()[:-8]),
    "zlib": (b"deflate", zlib.compress(TEXT)),
    "bare": (b"deflate", bare(TEXT)),
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("form", FORMS)
def test_what_was_packed_is_there(form: str, size: int) -> None:
    encoding, data = FORMS[form]
    inflater = Inflater(encoding)
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    assert b"".join(one for piece in pieces for one in inflater.feed(piece)) == TEXT


def test_a_bomb_comes_in_bounded_pieces() -> None:
    pieces = list(Inflater(b"gzip").feed(gzip.compress(bytes(4 << 20))))
    assert sum(map(len, pieces)) == 4 << 20
    assert max(map(len, pieces)) <= PIECE_BYTES


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
def test_what_is_no_compression_fails(encoding: bytes) -> None:
    with pytest.raises(zlib.error):
        list(Inflater(encoding).feed(b"data: plain words\n\n" * 3))


def test_junk_after_the_last_member_fails() -> None:
    with pytest.raises(zlib.error):
        list(Inflater(b"gzip").feed(gzip.compress(TEXT) + b"more, and not packed"))
