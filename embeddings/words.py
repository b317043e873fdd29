"""How a text is cut and split into words: bytes, lower case, without punctuation."""

from __future__ import annotations

import re

HEAD_CHARS = 1000
TAIL_CHARS = 600
MAX_WORDS = 400

# One pass of bytes.translate lowers ASCII and turns every ASCII sign that is neither letter nor
# digit into a space; bytes over 127 (the UTF-8 of other letters) stay.
_FOLD = bytes(
    byte if byte > 127 else (byte | 32 if 65 <= byte <= 90 else byte) if chr(byte).isalnum() else 32
    for byte in range(256)
)
# Typographic signs that touch words, by their first byte: no-break spaces, quotes, dashes,
# inverted marks.
_SIGNS_C2 = tuple(sign.encode() for sign in "\u00a0\u00ab\u00bb\u00bf\u00a1\u00b7")
_SIGNS_E2 = tuple(
    sign.encode() for sign in "\u2019\u2018\u201c\u201d\u2026\u2013\u2014\u202f\u2022"
)
_WIDE = re.compile(
    "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f\u3000-\u303f\uff00-\uffef])"
)
# No byte that can begin one of these signs in UTF-8.
_NO_WIDE_LEAD = bytes({*range(256)} - {0xE0, *range(0xE3, 0xEE), 0xEF})


def cut(text: str) -> str:
    """The text, or its first 1000 and last 600 characters: instructions stand at either end."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return f"{text[:HEAD_CHARS]} {text[-TAIL_CHARS:]}"


def split(text: str) -> list[bytes]:
    """The words of a text, as lower-case UTF-8, in order, at most MAX_WORDS (both ends kept).

    Each sign of a script without spaces (Han, kana, Hangul, Thai) is a word of its own.
    """
    if text.isascii():
        return split_ascii(text.encode("ascii"))
    raw = text.lower().encode("utf-8", "replace")
    if raw.translate(None, _NO_WIDE_LEAD):
        raw = _WIDE.sub(r" \1 ", text.lower()).encode("utf-8", "replace")
    for first, signs in ((b"\xc2", _SIGNS_C2), (b"\xe2", _SIGNS_E2)):
        if first in raw:
            for sign in signs:
                raw = raw.replace(sign, b" ")
    return split_ascii(raw)


def split_ascii(raw: bytes) -> list[bytes]:
    """The same of an ASCII text's bytes."""
    words = raw.translate(_FOLD).split()
    if len(words) > MAX_WORDS:
        return words[: MAX_WORDS * 5 // 8] + words[-(MAX_WORDS * 3 // 8) :]
    return words
