"""Signs in a prompt that are not words: numbers' spellings, code, operators, quoted passages."""

from __future__ import annotations

import re

_ODD = re.compile(
    r"[_@\\/{}<>=|^~`\[\]]|[^\W\d][.(:]\w|\w\(|(?:^|\s)--?[a-zA-Z]|[a-z][A-Z]"
    r"|\w[+*&]\w|%[a-zA-Z]|(?:^|\s)[^\w\s]*[+*#][^\w\s]*(?=\s|$)"
)
_BEHIND = ",;:!?)]\"'»”"
_MATH = re.compile(r"[-+*/^=<>\u00d7\u00f7\u2212!](?=\s*[\d(])|(?<=[\d)])\s*[+*/^=<>\u00d7\u00f7!]")
_PASSAGE = re.compile(r":\s+((?:\S+\s+){2,}\S.*)", re.DOTALL)
_NO_SIGNS = dict.fromkeys(map(ord, "-+*/^=<>!"))
_QUOTED = re.compile(r"[\"“«]([^\"”»]{2,})[\"”»]|(?:^|\s)'([^']{2,})'(?=\W|$)")
_WORD = re.compile(r"\w")
_TRIM = ".,;:!?)]\"'»”"


def plain(word: str) -> str:
    """12, 12.0, 1,200 and 1 200,5 in one spelling. A comma before three digits groups them."""
    if "," in word:
        head, _, tail = word.rpartition(",")
        word = head.replace(",", "") + (tail if len(tail) == 3 else "." + tail)
    if "." in word and word.count(".") == 1:
        word = word.rstrip("0").rstrip(".") or "0"
    return word


# What is left of a text when plain words are taken out of it: odd signs and capitals.
_LEFT = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_@\\/{}<>=|^~`[](:-.+*&%#"))


def _is_plain(text: str) -> bool:
    """Whether nothing in a text can look like code: one capital at its start, one stop at its end.
    False where that would have to be looked at more closely."""
    if not text.isascii():
        return False
    left = text.encode("ascii").translate(None, _LEFT)
    if text[:1].isupper():
        left = left[1:]
    return not left or (left == b"." and text[-1] == ".")


def identifiers(text: str) -> set[str]:
    """Words that look like code, a path or an address, as they are."""
    if _is_plain(text) or _ODD.search(text) is None:
        return set()
    return {_bare(chunk) for chunk in text.split() if _ODD.search(chunk) is not None}


def _bare(chunk: str) -> str:
    """A chunk without the sentence's signs; of one that is signs alone the stop is its own."""
    return chunk.strip(_TRIM).strip("`") if _WORD.search(chunk) else chunk.rstrip(_BEHIND)


def operators(text: str) -> set[str]:
    """Signs between numbers: 2+2 is not 2-2."""
    if text.isascii() and text.translate(_NO_SIGNS) == text:
        return set()
    return {sign.strip() for sign in _MATH.findall(text)}


def quotes(text: str) -> tuple[str, ...]:
    """Quoted passages, in order: what is asked about, not what is asked. Of what follows a colon
    each sign counts, small words too: they may be what is to be corrected."""
    if "'" not in text and '"' not in text and ":" not in text and text.isascii():
        return ()
    found = tuple(
        " ".join((double or single).lower().split()) for double, single in _QUOTED.findall(text)
    )
    passage = _PASSAGE.search(text)
    return found if passage is None else (*found, passage[1].strip())
