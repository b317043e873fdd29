"""One number for what two prompts must have in common before any guard is worth asking.

The guards let a pair pass only where both carry the same concepts, the same figures, and a
negation both or neither. The gist hashes those of the concepts that a word gives whatever stands
around it, so equal gists are necessary for a hit, and unequal ones settle a miss in microseconds
without a vector or a guard. It never lets anything through: the guards read every pair of equal
gists in full. Where the two disagree, an answer is missed, never given wrongly.
"""

from __future__ import annotations

from operator import itemgetter

from proxy.cache import grammar, lexicon
from proxy.cache.idioms import NEEDED, PHRASE, TRIGGERS, rephrase
from proxy.cache.lexicon import ACRONYMS, CAPITALS, ENGLISH, FRENCH, FRENCH_MARKS, Sense, stem
from proxy.cache.marks import plain
from proxy.cache.prompt import MAX_CHARS
from proxy.cache.reader import CONTEXTUAL, ELISIONS, FRENCH_HEADS
from proxy.cache.words import TOKEN

WORDS_MAX = 16_384  # words remembered a language
_LONG_BYTES = 40  # a longer one is hardly a word, and not remembered

_APOSTROPHE = 39  # as a number: `bytes in bytes` first fails to read them as one
_ALONE = frozenset(b"'+#")  # signs that make a token another one
_FOLD = bytes(
    byte
    if byte > 127 or byte in _ALONE
    else (byte | 32 if 65 <= byte <= 90 else byte)
    if chr(byte).isalnum()
    else 32
    for byte in range(256)
)
_FIGURES = b"0123456789"
_FIGURE = "0"  # given by a word with figures in it, beside what else it gives, or a number's word
_TABLE = {b"": "", b"0": _FIGURE}
_ALWAYS = (b"", b"")  # two: what a getter of one key gives is no tuple
_FIGURED = (b"", b"0")
_NUMBERS = bytes(byte if byte in b"0123456789.," else 32 for byte in range(256))
_SIGN_C2, _SIGN_E2 = b"\xc2\xe2"
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
_TELLING = TRIGGERS | _FRENCH  # words by which a text may have to be looked at more closely
_ENGLISH = frozenset(word.encode() for word in lexicon.ENGLISH_MARKS)
_HEADS = tuple(head.encode() for head in FRENCH_HEADS)
_UNITS_AS_SIGNS = "% € $ £ ¥ °"


def gist(text: str, words: list[bytes] | None = None) -> int | None:
    """The gist of a prompt; None for one so long that no guard lets it pass.

    words: the text's, as embeddings.words.split has them, where somebody has split it already.
    """
    if len(text) > MAX_CHARS:
        return None
    elided = False
    if words is None or not text.isascii() or "'" in text or "+" in text or "#" in text:
        raw = _fold(text)
        words = raw.split()
        elided = _APOSTROPHE in raw
    known = _ENGLISH_WORDS
    if elided or not _TELLING.isdisjoint(words) or PHRASE in text.lower():
        text, words, known = _look_closer(text, words, elided=elided)
    try:
        given: frozenset[str] = frozenset(itemgetter(*_ALWAYS, *words)(known.table))
    except KeyError as unmet:
        given = known.look_up(words, unmet.args[0])
    values: list[str] = []
    if not known.special.isdisjoint(given):
        given, values = known.spread(given, words)
    if _FIGURE in given:
        values += read_figures(text)
    if len(values) > 1:
        values.sort()
    return hash((given, *values))


def read_figures(text: str) -> list[str]:
    """The numbers in a text that are written as figures, each in its plain spelling."""
    pieces = text.encode("utf-8", "replace").translate(_NUMBERS).split()
    shown = [piece.strip(b".,").decode() for piece in pieces]
    return [plain(piece) for piece in shown if piece]


def _look_closer(text: str, words: list[bytes], *, elided: bool) -> tuple[str, list[bytes], _Words]:
    """A text in the wording that stands for all of its kind, its words, and what they give in its
    language. elided: some words may begin as l' does."""
    low = text.lower()
    telling = _TELLING.intersection(words)
    needed = [one for word in telling for one in NEEDED.get(word, ())]
    if PHRASE in low or any([one in low for one in needed]):
        worded = rephrase(text.replace("\u2019", "'"))
        if worded != text:
            text, words, elided = worded, _fold(worded).split(), True
            telling = _TELLING.intersection(words)
    french = 0 if telling.isdisjoint(_FRENCH) else len(telling & _FRENCH)
    if elided:
        french += sum([word.startswith(_HEADS) for word in set(words)])
    if french and french > len(_ENGLISH.intersection(words)):
        return text, words, _FRENCH_WORDS
    return text, words, _ENGLISH_WORDS


def _fold(text: str) -> bytes:
    """Lower case, with a space for every sign that parts words."""
    if text.isascii():
        return text.encode("ascii").translate(_FOLD)
    raw = text.lower().encode("utf-8", "replace")
    if _SIGN_C2 in raw or _SIGN_E2 in raw:  # the first byte of each of the signs
        text = text.lower().replace("\u2019", "'")
        for sign in _SIGNS:
            text = text.replace(sign, " ")
        raw = text.encode("utf-8", "replace")
    return raw.translate(_FOLD)


class _Words:
    """A stretch of letters -> the concept it always gives, or "" where that depends."""

    __slots__ = ("_french", "_lexicon", "_unsure", "special", "table")

    def __init__(self, *, french: bool) -> None:
        self.table = dict(_TABLE)  # a plain one: a subclass is slower to look up
        self._french = french
        self._lexicon = FRENCH if french else ENGLISH
        self._unsure = frozenset(_root(concept, french) for concept in _unsure(self._lexicon))
        self.special: set[str] = set()  # what `spread` must look at: number words, several in one

    def look_up(self, words: list[bytes], unmet: bytes = b"") -> frozenset[str]:
        """What these words give. Figures give nothing here: they are read from the whole text.

        unmet: one that is not in the table; mostly a number, and the only one.
        """
        if unmet.isdigit():
            rest = words.copy()
            rest.remove(unmet)
            try:
                return frozenset(itemgetter(*_FIGURED, *rest)(self.table))
            except KeyError:  # not the only one
                rest.clear()
        return frozenset(["", *map(self._look_up, words)])

    def _look_up(self, word: bytes) -> str:
        given = self.table.get(word)
        if given is None:
            given = _FIGURE if word.isdigit() and not _is_common(word) else self._learn(word)
        return given

    def _learn(self, word: bytes) -> str:
        if len(self.table) >= WORDS_MAX:
            self.table = dict(_TABLE)
        given = [self._give(token) for token in TOKEN.findall(word.decode("utf-8", "replace"))]
        given = [concept for concept in given if concept]
        if len(word.translate(None, _FIGURES)) < len(word):
            given.append(_FIGURE)
        value = _SEVERAL.join(given)
        if len(given) > 1 or value[:1] == "#":
            self.special.add(value)
        if len(word) <= _LONG_BYTES:
            self.table[word] = value
        return value

    def spread(self, found: frozenset[str], words: list[bytes]) -> tuple[frozenset[str], list[str]]:
        """With several in one taken apart, and number words taken out: their values come beside."""
        values: list[str] = []
        special = self.special
        kept = set(found)
        for word in words:
            value = self._look_up(word)
            if value not in special:
                continue
            kept.discard(value)
            for concept in value.split(_SEVERAL):
                if concept[0] == "#":  # a number's word
                    values.append(concept[1:])
                    kept.add(_FIGURE)
                else:
                    kept.add(concept)
        return frozenset(kept), values

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


def _is_common(number: bytes) -> bool:
    """Whether a number is one of those that people often write: small, or a year."""
    return len(number) < 4 or (len(number) == 4 and number[:2] in (b"19", b"20"))


def _root(concept: str, french: bool) -> str:
    """Stemmed until nothing changes: an acronym is kept as written, any other word is stemmed."""
    while (shorter := stem(concept, french)) != concept:
        concept = shorter
    return concept


_ENGLISH_WORDS = _Words(french=False)
_FRENCH_WORDS = _Words(french=True)
