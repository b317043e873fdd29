"""The words and word pairs that give an instruction away, English and French, in groups.

`model/cues.toml` lists them. One list serves twice: as columns of the word table (the trained head
weighs them) and as the keyword fallback (its votes weigh them). Words stand there as people write
them; their forms without accents are found too.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path

_LISTS = tomllib.loads((Path(__file__).parent / "model" / "cues.toml").read_text("utf-8"))

GROUPS: tuple[str, ...] = tuple(_LISTS)
VOTES: Mapping[str, Mapping[str, float]] = {
    group: row.get("votes", {}) for group, row in _LISTS.items()
}


def strip_accents(text: str) -> str:
    """The same letters without marks: "résumé" is "resume"."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))


def index_words() -> dict[bytes, tuple[int, ...]]:
    """Word (with and without accents) -> indices into GROUPS."""
    found: dict[bytes, set[int]] = {}
    for number, row in enumerate(_LISTS.values()):
        for word in row["words"].split():
            for form in (word, strip_accents(word)):
                found.setdefault(form.encode(), set()).add(number)
    return {word: tuple(sorted(groups)) for word, groups in found.items()}


def index_pairs() -> dict[tuple[bytes, bytes], int]:
    """Pair of neighbouring words -> index into GROUPS (the first group that lists it)."""
    found: dict[tuple[bytes, bytes], int] = {}
    for number, row in enumerate(_LISTS.values()):
        for pair in row.get("pairs", "").split("|"):
            for form in (pair, strip_accents(pair)):
                words = form.encode().split()
                if len(words) == 2:
                    found.setdefault((words[0], words[1]), number)
    return found
