"""What a text's signs add to each score, kept added up: most texts show one of a few sets."""

from __future__ import annotations

from typing import TypeVar

from embeddings.head import Head
from embeddings.signs import read_layout, read_signs, show_ascii, show_signs

_KEPT = 1024
_SHOWN_MAX = 24  # bytes of signs by which a text is known again
_NEWLINE, _QUESTION = b"\n?"
_SIZES = [bytes((128 + bits,)) for bits in range(64)]  # no sign is over 127
_Key = TypeVar("_Key")


class SignRows:
    """A head's rows of signs, as bytes of float32, one for each of its outputs."""

    __slots__ = ("_head", "_plain", "_rows", "_shown")

    def __init__(self, head: Head) -> None:
        self._head = head
        self._rows: dict[tuple[int, ...], bytes] = {}
        self._shown: dict[tuple[int, bytes, bool, bool, int], bytes] = {}
        self._plain: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        """The most that any of its dictionaries holds."""
        return max(len(self._rows), len(self._shown), len(self._plain))

    def of_ascii(self, text: str, raw: bytes) -> bytes:
        """Of an ASCII text. raw: its bytes."""
        shown = show_ascii(raw)
        if _NEWLINE in shown:  # as numbers: `bytes in bytes` first fails to read them as one
            return self.of(text)
        size = len(raw)
        if _QUESTION in shown and raw.find(b"?", size - 3) >= 0:
            shown += b"."  # one that none of the signs is
        shown += _SIZES[size.bit_length()]
        found = self._plain.get(shown)
        if found is None:
            found = self.of(text)
            if len(shown) <= _SHOWN_MAX:
                _keep(self._plain, shown, found)
        return found

    def of(self, text: str) -> bytes:
        """Of any text."""
        shown = show_signs(text)
        layout = read_layout(text) if _NEWLINE in shown else 0
        key = (len(text).bit_length(), shown, "?" in text[-3:], "\u00ab" in text, layout)
        found = self._shown.get(key)
        if found is None:
            signs = tuple(read_signs(text))
            found = self._rows.get(signs)
            if found is None:
                found = self._head.add_extra(signs).tobytes()
                _keep(self._rows, signs, found)
            if len(shown) <= _SHOWN_MAX:
                _keep(self._shown, key, found)
        return found


def _keep(known: dict[_Key, bytes], key: _Key, row: bytes) -> None:
    if len(known) >= _KEPT:
        del known[next(iter(known))]
    known[key] = row
