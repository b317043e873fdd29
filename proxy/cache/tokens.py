"""A text's tokens, and one number for what they give together.

Compiled (_tokens.c), both take a microsecond or two; where no compiler was at hand when firsttoken
was installed, Python does the same in some ten.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

TOKEN = re.compile(
    r"\d+(?:[.,]\d+)*(?:st|nd|rd|th|er|e|ème)?\b|\d+(?:[.,]\d+)*"
    r"|[^\W\d_]+(?:'[^\W\d_]+)?(?:[+#]+(?!\w))?|[%€$£¥°,\u0300-\u036f]"
)
# Signs that can be part of a token; every other ASCII sign parts two. A stop only among figures.
_KEPT = b"_'+#%$,"
_SPACED = bytes(
    byte if byte > 127 or chr(byte).isalnum() or byte in _KEPT + b"." else 32 for byte in range(256)
)
_PLAIN = bytes(32 if byte == ord(".") else kept for byte, kept in enumerate(_SPACED))
_DIGITS = b"0123456789"
WORDS_MAX = 16_384  # words remembered a language
LONG = 40  # characters; a longer one is hardly a word, and not remembered,
FIGURES = 4  # and neither is a number of more figures

# Of a token: how much more it tells of French than of English, and what it gives in either.
Learn = Callable[[str], tuple[int, str, str]]


def is_rare(token: str) -> bool:
    """Whether a token is hardly seen again, and not worth remembering."""
    return len(token) > LONG or (len(token) > FIGURES and token.isdecimal())


def split_plainly(text: str) -> list[str]:
    """The tokens of an ASCII text."""
    raw = text.encode("ascii")
    figures = len(raw.translate(None, _DIGITS)) < len(raw)
    pieces = raw.translate(_SPACED if figures else _PLAIN).decode("ascii").split()
    if "".join(pieces).isalpha():
        return pieces
    found: list[str] = []
    for piece in pieces:
        if piece.isalpha():
            found.append(piece)
        else:
            found += TOKEN.findall(piece)
    return found


class PlainGivens:
    """What tokens give, remembered. seed: which tokens share a place, where they have places.

    >>> PlainGivens(lambda token: (0, token, ""), 1).gist("so so") == hash(frozenset(("", "so")))
    True
    """

    __slots__ = ("_known", "_learn")

    def __init__(self, learn: Learn, seed: int, /) -> None:
        del seed
        self._learn = learn
        self._known: dict[str, tuple[int, str, str]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def gist(self, text: str, /) -> int:
        """The hash of the set of what an ASCII text's tokens give, and of "": in French where they
        tell more of it."""
        given = [self._known.get(token) or self._look(token) for token in split_ascii(text)]
        french = sum([tells for tells, _, _ in given]) > 0
        return hash(frozenset(["", *[one[2 if french else 1] for one in given]]))

    def _look(self, token: str) -> tuple[int, str, str]:
        given = self._learn(token)
        if not is_rare(token):
            if len(self._known) >= WORDS_MAX:
                self._known.clear()
            self._known[token] = given
        return given


if TYPE_CHECKING:
    Givens = PlainGivens
    split_ascii = split_plainly
else:
    try:
        from proxy.cache._tokens import Givens
        from proxy.cache._tokens import split as split_ascii
    except ImportError:
        Givens, split_ascii = PlainGivens, split_plainly


def split(text: str) -> list[str]:
    """The tokens of a text, as TOKEN finds them."""
    return split_ascii(text) if text.isascii() else TOKEN.findall(text)
