"""The word table as a StaticEmbedding of sentence-transformers, to train or compare there."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.encoder import HASH_ROWS, Encoder


def export_table(encoder: Encoder) -> tuple[dict[str, int], NDArray[np.float32]]:
    """(token -> row, float32 rows); row 0 is the unknown token, all zeros."""
    known = {
        word.decode("utf-8"): row + 1
        for word, row in encoder.index.words.items()
        if row < len(encoder.rows) - HASH_ROWS
    }
    kept = len(encoder.rows) - HASH_ROWS
    rows = encoder.rows[:kept].astype(np.float32) * encoder.scales[:kept, None]
    return {"[UNK]": 0} | known, np.vstack((np.zeros((1, rows.shape[1]), np.float32), rows))


def build_static_embedding(encoder: Encoder) -> Any:
    """A StaticEmbedding module that gives the same vectors, up to length and unknown words.

    Its mean of rows points where our sum does. Needs sentence-transformers and tokenizers.
    """
    models = importlib.import_module("sentence_transformers.models")
    tokenizers = importlib.import_module("tokenizers")
    vocabulary, rows = export_table(encoder)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    words = tokenizers.Regex(r"[^\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(words, behavior="removed")
    return models.StaticEmbedding(tokenizer, embedding_weights=rows)
