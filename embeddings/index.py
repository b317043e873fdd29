"""Nearest vectors by inner product, in memory: a small block, a FAISS ring, an inverted file.

Three stages, so that a million partitions of two prompts and one partition of a million are both
small and fast: a numpy block of codes (no FAISS in the process), the same codes in a flat FAISS
index, and IVF lists whose centroids are trained in a background thread. An index that was never
searched keeps what the ring cannot hold on a heap until it is. Every other call runs on the
caller's thread and does a bounded amount of work: vectors move to the next stage a few at a time,
with each `add`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embeddings.engine import Codes, Engine, Spawn, spawn_thread
from embeddings.heap import Heap
from embeddings.reading import Vector
from embeddings.stages import Block, Found, Inverted, Ring, Stage

BLOCK_MAX = 64  # vectors; one numpy product of this size costs what a FAISS call does
RING_MAX = 4096  # a flat scan of this many takes 20 to 40 us
MOVES = 12  # vectors moved to the next stage at once, 10 to 50 us each
_GROWTH = 16  # an inverted file is retrained when it holds this many times what it learnt from
_LEARNS_FROM = 65_536  # vectors at most: half a minute of one core, and 4096 lists
_BATCH, _SLOW_BATCH = 64, 12  # vectors added at once: less than a millisecond


class Index:
    """Vectors by number. All calls from one thread; each does a bounded amount of work."""

    __slots__ = ("_engine", "_next", "_old", "_sample", "_searched", "_stage", "_training")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stage: Stage = Block(engine)
        self._old: Stage | None = None  # what is still to be moved
        self._training = False
        self._searched = False
        self._next: Inverted | None = None  # set by the training thread
        self._sample: list[Codes] = []

    def __len__(self) -> int:
        return len(self._stage) + (len(self._old) if self._old is not None else 0)

    def add(self, labels: Sequence[int], vectors: Vector) -> None:
        """Keep unit vectors, shape (n, dim), under n numbers not in use; n at most `batch`."""
        self._grow()
        self._stage.add(labels, self._engine.encode(vectors))
        self.move(MOVES)

    @property
    def batch(self) -> int:
        """How many vectors may be added at once in less than a millisecond."""
        return _SLOW_BATCH if isinstance(self._stage, Inverted) else _BATCH

    @property
    def moving(self) -> bool:
        """Whether vectors are still to be moved on."""
        return self._old is not None

    def product(self, label: int, vector: Vector) -> float:
        """The inner product of one number's vector with another; 0 where it is not known."""
        codes = self._codes_of(label)
        return 0.0 if codes is None else self._engine.product(codes, vector)

    def vector(self, label: int) -> Vector | None:
        """One number's vector, as near to what was given as its codes are."""
        codes = self._codes_of(label)
        return None if codes is None else codes.astype(np.float32) / self._engine.scale

    def _codes_of(self, label: int) -> Codes | None:
        codes = self._stage.codes_of(label)
        if codes is None and self._old is not None:
            codes = self._old.codes_of(label)
        return codes

    def remove(self, label: int) -> bool:
        """Forget a number; whether it was known."""
        if self._old is not None and self._old.remove(label):
            if not len(self._old):
                self._old = None
            return True
        return self._stage.remove(label)

    def search(self, vector: Vector, k: int) -> Found:
        """The k nearest as (number, inner product), nearest first; k at most the engine's.

        None of those on the heap, where the first search only begins what later ones need.
        """
        self._searched = True
        if isinstance(self._stage, Heap):
            self._grow()
        found = self._stage.search(vector, k) if len(self._stage) else []
        if self._old is None:
            return found
        both = found + self._old.search(vector, k)
        both.sort(key=lambda pair: -pair[1])
        return both[:k]

    def move(self, count: int) -> None:
        """Move up to count vectors on to the newest stage. For idle moments too."""
        old = self._old
        while old is not None and count:
            labels, codes = old.take(count)
            self._stage.add(labels, codes)
            count -= len(labels)
            if not len(old):
                old = self._old = None

    def _grow(self) -> None:
        """Step to the next stage when this one is full and the next is ready."""
        stage = self._stage
        if isinstance(stage, Block):
            if len(stage) >= BLOCK_MAX:
                self._engine.load()
                if self._engine.faiss is not None:
                    self._shift(Ring(self._engine))
        elif self._next is not None:
            self._shift(self._next)
            self._next, self._training = None, False
        elif self._training or self._old is not None:
            return
        elif isinstance(stage, Ring):
            if len(stage) >= RING_MAX:
                if self._searched:
                    self._train(stage.snapshot())
                else:
                    self._shift(Heap(self._engine))
        elif isinstance(stage, Heap):
            if self._searched and len(stage) >= RING_MAX:
                self._train(stage.sample(_LEARNS_FROM))
        elif (
            isinstance(stage, Inverted)
            and stage.learnt_from < _LEARNS_FROM
            and len(stage) >= stage.learnt_from * _GROWTH
        ):
            self._collect(stage)

    def _collect(self, stage: Inverted) -> None:
        """Copy every other list, or fewer, for the next training, a few at each add."""
        step = max(2, -(-len(stage) // _LEARNS_FROM))
        start = len(self._sample) * step
        for number in range(start, min(start + 4 * step, stage.lists), step):
            self._sample.append(stage.snapshot_list(number))
        if len(self._sample) * step >= stage.lists:
            parts, self._sample = self._sample, []
            self._train(parts)

    def _train(self, sample: Codes | list[Codes]) -> None:
        self._training = True
        engine = self._engine

        def work() -> None:
            codes = np.concatenate(sample) if isinstance(sample, list) else sample
            self._next = Inverted.learn(engine, codes)

        engine.spawn(work)

    def _shift(self, stage: Stage) -> None:
        """From now on vectors go to this stage; those of the one before follow."""
        self._old, self._stage = self._stage, stage


__all__ = ["MOVES", "Engine", "Index", "Spawn", "Vector", "spawn_thread"]
