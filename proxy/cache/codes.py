"""Vectors of kept prompts as codes, by number: `dim` bytes each, in pieces that never move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embeddings.engine import Codes, Engine
from embeddings.index import Vector

_PIECE = 1024  # vectors in one piece of memory: growing never copies what is there


class Rows:
    """Rows of int8, one a vector; a number that is free may be given again."""

    __slots__ = ("_engine", "_pieces")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pieces: list[Codes] = []

    def put(self, numbers: Sequence[int], vectors: Vector) -> None:
        """Keep unit vectors, shape (n, dim), under n numbers."""
        pieces = self._pieces
        for number, codes in zip(numbers, self._engine.encode(vectors), strict=True):
            piece, row = divmod(number, _PIECE)
            while piece >= len(pieces):
                pieces.append(np.empty((_PIECE, self._engine.dim), np.int8))
            pieces[piece][row] = codes

    def product(self, number: int, vector: Vector) -> float:
        """The inner product of one number's vector with another."""
        codes = self._pieces[number // _PIECE][number % _PIECE]
        return float(codes.astype(np.float32).dot(vector) * self._engine.one_over_scale)

    def products(self, numbers: Sequence[int], vector: Vector) -> list[float]:
        """The same of several."""
        pieces = self._pieces
        rows = np.array([pieces[number // _PIECE][number % _PIECE] for number in numbers])
        near: list[float] = (rows.astype(np.float32) @ vector).tolist()
        return [product * self._engine.one_over_scale for product in near]

    def vector(self, number: int) -> Vector:
        """One number's vector, as near to what was given as its codes are."""
        codes = self._pieces[number // _PIECE][number % _PIECE]
        found: Vector = codes.astype(np.float32) / self._engine.scale
        return found
