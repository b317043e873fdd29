"""One number for what two prompts must have in common before any guard is worth asking.

The guards let a pair pass only where both carry the same concepts, the same figures, and a
negation both or neither. The gist hashes those of the concepts that a word gives whatever stands
around it, so equal gists are necessary for a hit, and unequal ones settle a miss in microseconds
without a vector or a guard. It never lets anything through: the guards read every pair of equal
gists in full. Where the two disagree, an answer is missed, never given wrongly.
"""

from __future__ import annotations

from proxy.cache import grammar, lexicon
from proxy.cache.idioms import rephrase, triggers_of
from proxy.cache.lexicon import ACRONYMS, CAPITALS, ENGLISH, FRENCH, FRENCH_MARKS, Sense, stem
from proxy.cache.marks import plain
from proxy.cache.prompt import MAX_CHARS
from proxy.cache.reader import CONTEXTUAL, ELISIONS, FRENCH_HEADS
from proxy.cache.words import TOKEN

WORDS_MAX = 16_384  # words remembered a language
_LONG_BYTES = 40  # a longer one is hardly a word, and not remembered

_ALONE = frozenset(b"'+#")  # signs that make a token another one
_FOLD = bytes(
    byte
    if byte > 127 or byte in _ALONE
    else (byte | 32 if 65 <= byte <= 90 else byte)
    if chr(byte).isalnum()
    else 32
    for byte in range(256)
)
_NUMBERS = bytes(byte if byte in b"0123456789.," else 32 for byte in range(256))
_SIGNS = "\u201c\u201d\u00ab\u00bb\u2026\u2013\u2014\u00a0\u202f\u00bf\u00a1"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"  # 1st and 1 are told apart by the guards
_SEVERAL = "\0"  # between the concepts of one stretch of letters that is several words
_NEGATION = "!"
_ALWAYS_TAKEN = frozenset(
    (
        lexicon.CONTENT,
        lexicon.ENTITY,
        lexicon.TECH,
        lexicon.FORMAT,
        lexicon.DATE,
        lexicon.UNIT,
        lexicon.OPPOSITE,
    )
)
_FRENCH = frozenset(word.encode() for word in FRENCH_MARKS)
_ENGLISH = frozenset(word.encode() for word in lexicon.ENGLISH_MARKS)
_HEADS = tuple(head.encode() for head in FRENCH_HEADS)
_UNITS_AS_SIGNS = "% € $ £ ¥ °"


def gist(text: str) -> int | None:
    """The gist of a prompt; None for one so long that no guard lets it pass."""
    if len(text) > MAX_CHARS:
        return None
    raw = _fold(text)
    words = raw.split()
    if triggers := triggers_of(raw, words):
        plain_text = rephrase(text.replace("\u2019", "'"), triggers)
        if plain_text != text:
            text = plain_text
            raw = _fold(text)
            words = raw.split()
    known = _ENGLISH_WORDS
    elided = b"'" in raw
    if elided or not _FRENCH.isdisjoint(words):
        present = set(words)
        french = len(present & _FRENCH)
        if elided:
            french += sum([word.startswith(_HEADS) for word in present])
        if french > len(present & _ENGLISH):
            known = _FRENCH_WORDS
    found = set(map(known.__getitem__, words))
    found.discard("")
    values: list[str] = []
    if pieces := text.encode("utf-8", "replace").translate(_NUMBERS).split():
        shown = [piece.strip(b".,").decode() for piece in pieces]
        values = [plain(piece) for piece in shown if piece]
    if not known.special.isdisjoint(found):
        values += known.spread(found, words)
    if len(values) > 1:
        values.sort()
    return hash((frozenset(found), *values))


def _fold(text: str) -> bytes:
    """Lower case, with a space for every sign that parts words."""
    if text.isascii():
        return text.encode("ascii").translate(_FOLD)
    raw = text.lower().encode("utf-8", "replace")
    if b"\xc2" in raw or b"\xe2" in raw:  # the first byte of each of the signs
        text = text.lower().replace("\u2019", "'")
        for sign in _SIGNS:
            text = text.replace(sign, " ")
        raw = text.encode("utf-8", "replace")
    return raw.translate(_FOLD)


class _Words(dict[bytes, str]):
    """A stretch of letters -> the concept it always gives, or "" where that depends."""

    __slots__ = ("_french", "_lexicon", "_unsure", "special")

    def __init__(self, *, french: bool) -> None:
        super().__init__()
        self._french = french
        self._lexicon = FRENCH if french else ENGLISH
        self._unsure = frozenset(_root(concept, french) for concept in _unsure(self._lexicon))
        self.special: set[str] = set()  # what `spread` must look at: number words, several in one

    def __missing__(self, word: bytes) -> str:
        if word.isdigit():
            return ""  # read from the whole text
        if len(self) >= WORDS_MAX:
            self.clear()
        given = [self._give(token) for token in TOKEN.findall(word.decode("utf-8", "replace"))]
        given = [concept for concept in given if concept]
        value = _SEVERAL.join(given)
        if len(given) > 1 or value[:1] == "#":
            self.special.add(value)
        if len(word) <= _LONG_BYTES:
            self[word] = value
        return value

    def spread(self, found: set[str], words: list[bytes]) -> list[str]:
        """Take several in one apart, and number words out of `found`: their values come back."""
        values: list[str] = []
        special = self.special
        for value in [given for given in map(self.__getitem__, words) if given in special]:
            found.discard(value)
            for concept in value.split(_SEVERAL):
                if concept[0] == "#":
                    values.append(concept[1:])
                else:
                    found.add(concept)
        return values

    def _give(self, token: str) -> str:
        """What one token gives: its concept, "#" and a number's word, "!", or nothing sure."""
        if token[0].isdigit():
            return ""  # read from the whole text
        sense = self._lexicon.get(token)
        if sense is None and "'" in token:
            head, _, tail = token.partition("'")
            if tail == "t" and head.endswith("n"):
                return _NEGATION
            token = tail if head in ELISIONS else head
            sense = self._lexicon.get(token)
        if sense is None:
            return self._sure(stem(token, self._french))
        if sense.kind == lexicon.NEGATOR:
            return _NEGATION
        if sense.kind == lexicon.NUMBER:
            return "#" + sense.concept.strip(_LETTERS)
        return self._sure(sense.concept) if sense.kind in _ALWAYS_TAKEN else ""

    def _sure(self, concept: str) -> str:
        """The concept, unless some word gives it in one place and not in another."""
        root = _root(concept, self._french)
        return "" if root in self._unsure else root


def _unsure(known: dict[str, Sense]) -> set[str]:
    """The concepts that a word may give or not, by what stands around it or how it is written."""
    found = set(CONTEXTUAL)
    for word, sense in known.items():
        if sense.kind in (lexicon.CARRIER, lexicon.WAY):
            found |= {stem(sense.concept, french) for french in (False, True)}
        elif sense.kind in (lexicon.STOP, lexicon.LIGHT, lexicon.PRONOUN):
            found.add(word)  # in capitals, a name
    skipped = f"{grammar.KINDS_OF_ANSWER} {grammar.TIMES_ASKED} {_UNITS_AS_SIGNS}"
    spelled = [*skipped.split(), *(word.lower() for word in CAPITALS), *ACRONYMS]
    for word in spelled:
        sense = known.get(word, Sense(lexicon.CONTENT, word))
        found |= {word, sense.concept, stem(word, False), stem(word, True)}
    return found | {sense.concept for sense in (*CAPITALS.values(), *ACRONYMS.values())}


def _root(concept: str, french: bool) -> str:
    """Stemmed until nothing changes: an acronym is kept as written, any other word is stemmed."""
    while (shorter := stem(concept, french)) != concept:
        concept = shorter
    return concept


_ENGLISH_WORDS = _Words(french=False)
_FRENCH_WORDS = _Words(french=True)
