"""The word rows from beginning to end: texts, vocabulary, teacher, distillation."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.build.corpus import count_words, read_all, read_corpus
from embeddings.build.distill import (
    Floats,
    Student,
    find_projection,
    make_bags,
    quantise,
    start_rows,
    unit,
)
from embeddings.build.labels import read_intents, read_routed
from embeddings.build.prompts import write_prompts
from embeddings.build.scenes import write_scenes
from embeddings.build.swaps import swap_words
from embeddings.build.teacher import Teacher
from embeddings.build.vocabulary import choose_words, read_word_lists
from embeddings.cues import strip_accents
from embeddings.encoder import (
    HASH_ROWS,
    Encoder,
    WordIndex,
    random_rows,
)
from embeddings.words import split

log = logging.getLogger(__name__)

WORDS = 46_000
SENTENCES = 100_000
SCENES = 20_000
SWAPS = {"en": 16_000, "fr": 34_000}
EPOCHS = 10
RATE = 0.008
HASH_LENGTH = 0.4
"""Length of an unknown word's row, in median rows: it tells texts apart but leads none."""


@dataclass(frozen=True, slots=True)
class Table:
    """A finished word table, ready to be written or used."""

    words: list[bytes]
    word_rows: dict[bytes, int]
    rows: NDArray[np.int8]
    scales: Floats

    def encoder(self) -> Encoder:
        """An encoder over the table."""
        return Encoder(self.word_rows, self.rows, self.scales)


def gather_texts(folder: Path, labels: Path) -> list[str]:
    """All texts the student learns from, without repeats."""
    corpus = read_corpus(folder, SENTENCES)
    texts = corpus + write_scenes(SCENES)
    texts += [prompt.text[:300] for prompt in write_prompts(corpus, 300, seed=17)]
    texts += [text for text, _ in read_intents(labels)]
    texts += [row.prompt[:300] for row in read_routed(labels)]
    return list(dict.fromkeys(texts))


def train_table(folder: Path, labels: Path, cache: Path) -> Table:
    """Build the table; the teacher's vectors are kept in `cache`."""
    texts = gather_texts(folder, labels)
    lists = read_word_lists(folder)
    listed = set().union(*lists.values())
    words, log_chances = choose_words(count_words(read_all(folder)), listed, WORDS)
    texts += swap_words(texts, lists, log_chances, SWAPS)
    counts = count_words(texts)
    teacher = Teacher(cache)
    sentences = teacher.encode(texts)
    axes = find_projection(sentences)
    total = float(sum(counts.values()))
    chances = np.array(
        [
            max(
                0.5 * counts.get(word, 0) / total,
                0.75 * float(np.exp(log_chances.get(word, -30.0))),
            )
            for word in words
        ]
    )
    spelled = [word.decode("utf-8", "replace") for word in words]
    student = Student(start_rows(np.dot(teacher.encode(spelled), axes), chances))
    index = WordIndex({word: row for row, word in enumerate(words)}, len(words))
    numbered = [
        [row for row in map(index.resolve, split(text)) if row < len(words)] for text in texts
    ]
    kept = [place for place, found in enumerate(numbered) if found]
    log.info("%d texts, %d words", len(kept), len(words))
    bags = make_bags([numbered[place] for place in kept])
    student.train(bags, unit(np.dot(sentences[kept], axes)), EPOCHS, RATE, seed=1)
    return pack(words, student.rows)


def pack(words: list[bytes], learned: Floats) -> Table:
    """Quantise, add hash rows, and spellings without accents."""
    small, scales = quantise(learned)
    rows = random_rows(len(words) + HASH_ROWS)
    rows[: len(words)] = small
    word_rows = {word: row for row, word in enumerate(words)}
    for word, row in list(word_rows.items()):
        plain = strip_accents(word.decode("utf-8")).encode()
        word_rows.setdefault(plain, row)
    middle = float(np.median(np.linalg.norm(learned, axis=1)))
    random_length = float(np.linalg.norm(rows[-1].astype(np.float32)))
    hash_scales = np.full(HASH_ROWS, HASH_LENGTH * middle / random_length, dtype=np.float32)
    return Table(words, word_rows, rows, np.concatenate((scales, hash_scales)))
