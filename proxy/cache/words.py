"""The words of a text, and what most of them give wherever they stand, in one look-up each."""

from __future__ import annotations

import re

from proxy.cache import grammar, lexicon
from proxy.cache.idioms import is_worded
from proxy.cache.lexicon import ENGLISH, FRENCH, stem

TOKEN = re.compile(
    r"\d+(?:[.,]\d+)*(?:st|nd|rd|th|er|e|ème)?\b|\d+(?:[.,]\d+)*"
    r"|[^\W\d_]+(?:'[^\W\d_]+)?(?:[+#]+(?!\w))?|[%€$£¥°,\u0300-\u036f]"
)
# In a text of plain words every sign but the comma parts them.
_PLAIN = bytes(
    byte if (chr(byte).isalpha() and byte < 128) or byte == ord(",") else 32 for byte in range(256)
)
_NOT_PLAIN = bytes(set(range(256)) - set(b"0123456789'+#%$"))
_MOST = 16_384  # words remembered a language
_LONG = 40  # characters; a longer one is hardly a word, and not remembered

THIS = frozenset(grammar.THIS.split())
YOU = frozenset(grammar.YOU.split())
ME = frozenset(grammar.ME.split())
CAN = frozenset(grammar.CAN.split())
ASKING = frozenset(grammar.ASKING.split())
SAYS_NOTHING = frozenset((lexicon.STOP, lexicon.LIGHT))
_SAYS_SOMETHING = YOU | ME | THIS | CAN  # though it is such a word, see the reader


def split(text: str) -> list[str]:
    """The tokens of a text, as TOKEN finds them."""
    if text.isascii():
        raw = text.encode("ascii")
        if not raw.translate(None, _NOT_PLAIN):
            return raw.replace(b",", b" , ").translate(_PLAIN).decode("ascii").split()
    return TOKEN.findall(text)


class Words(dict[str, "str | None"]):
    """A word as written -> the concept it gives wherever it stands, "" where it says nothing, and
    None where what is around it decides."""

    __slots__ = ("_french", "_lexicon")

    def __init__(self, *, french: bool) -> None:
        super().__init__()
        self._french = french
        self._lexicon = FRENCH if french else ENGLISH

    def __missing__(self, word: str) -> str | None:
        if len(word) > _LONG:
            return None
        if len(self) >= _MOST:
            self.clear()
        found = self[word] = self._settle(word)
        return found

    def _settle(self, word: str) -> str | None:
        if not word.islower() or word[0].isdigit() or "'" in word:
            return None
        sense = self._lexicon.get(word)
        if sense is None:
            concept, kind = stem(word, self._french), lexicon.CONTENT
        else:
            kind, concept = sense
        if kind in SAYS_NOTHING:
            return None if word in _SAYS_SOMETHING else ""
        return concept if kind == lexicon.CONTENT and concept not in ASKING else None


ENGLISH_WORDS = Words(french=False)
FRENCH_WORDS = Words(french=True)


def plain_words(text: str, *, french: bool) -> set[str]:
    """The concepts of a text's plain words: most of its content, in a few microseconds. Nothing of
    a text that is read in another wording."""
    words = set(split(text.lower()))
    if not is_worded(text, words):
        return set()
    known = FRENCH_WORDS if french else ENGLISH_WORDS
    return {concept for concept in map(known.__getitem__, words) if concept}
