"""The folded table of hints must say what the unfolded features say."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.build.fit import FEATURES, Linear, featurise, fold, group_words, split_parts
from embeddings.cues import GROUPS, index_words
from embeddings.encoder import DIM, HASH_ROWS, Encoder, normalise, random_rows
from embeddings.head import Head
from embeddings.signs import SIGNS, read_signs
from embeddings.words import cut

TEXTS = (
    "How many apples are left? Show your work.",
    "résume ce texte : « bonjour »",
    "x",
    "def f(a):\n    return a + 1\n\nfix this bug",
    "Translate the following text into French. "
    + "A long passage about nothing. " * 40
    + "Sum up!",
)


@pytest.mark.parametrize("text", TEXTS)
def test_folding_keeps_the_scores(text: str) -> None:
    words = {word: row for row, word in enumerate(sorted(index_words()))}
    rows = random_rows(len(words) + HASH_ROWS)
    encoder = Encoder(words, rows, np.full(len(rows), 1 / 2000, dtype=np.float32))
    rng = np.random.default_rng(4)
    weights = rng.normal(size=(FEATURES, 3)).astype(np.float32)
    linear = Linear(weights, rng.normal(size=3).astype(np.float32))
    arrays = {
        "rows": rows,
        "hints": fold(encoder, words, linear),
        "head_weights": split_parts(weights)[0],
        "head_bias": linear.bias,
    }
    facts = {
        "categories": ["a", "b"],
        "groups": list(GROUPS),
        "signs": list(SIGNS),
        "sureness": [[0.5, 0.5]],
        "complexity_at": [0.0],
    }
    head = Head.from_arrays(facts, arrays)
    found = encoder.add_up(cut(text))
    signs = head.add_extra(read_signs(cut(text)))
    scores = head.score(normalise(found.vector), found, signs)[: head.outputs]
    groups = group_words(words, len(rows))
    wanted = linear.score(featurise(encoder, groups, [text]))[0]
    assert found.vector.shape == (DIM,)
    assert scores == pytest.approx(wanted.tolist(), abs=0.1)  # float16 hints
