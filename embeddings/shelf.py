"""Vectors kept beside the model, by space and label: which of a space are nearest to another.

A space is a number that proxies agree on, such as one caller's cache or the categories. The search
is exact: one product with all that is kept, on the device where the model runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.wire import Vectors

KEPT_TEXTS = 262_144  # of all spaces; the oldest is forgotten. 200 MB on a GPU with 384 dimensions
_FIRST = 1024

Found = list[tuple[int, float]]


class Store(Protocol):
    """Rows of vectors on some device, each in a space."""

    def grow(self, rows: int) -> None:
        """Have room for so many; what is there stays."""
        ...

    def put(self, places: Sequence[int], space: int, vectors: Vectors) -> None: ...
    def search(
        self, vector: Vectors, spaces: Sequence[int], k: int, rows: int
    ) -> tuple[NDArray[np.int64], Vectors]:
        """(places, inner products) of the k nearest in each space, both (len(spaces), k), among
        the first rows; products under -1 are no vectors of that space."""
        ...


class Shelf:
    """What is kept where. Used by one thread."""

    def __init__(self, store: Store, most: int = KEPT_TEXTS) -> None:
        self._store = store
        self._most = most
        self._room = 0
        self._places: dict[tuple[int, int], int] = {}
        self._names: list[tuple[int, int]] = []
        self._next = 0  # the place that is overwritten once all are taken

    def __len__(self) -> int:
        return len(self._places)

    def keep(self, space: int, labels: Sequence[int], vectors: Vectors) -> None:
        """Keep unit vectors, shape (n, dim), under n labels; a label's earlier one is replaced."""
        places = [self._place((space, label)) for label in labels]
        self._store.put(places, space, vectors)

    def nearest(self, vector: Vectors, spaces: Sequence[int], k: int) -> list[Found]:
        """For each space the k nearest as (label, cosine), nearest first. vector: (dim,)."""
        rows = len(self._names)
        if not rows:
            return [[] for _ in spaces]
        places, products = self._store.search(vector, spaces, min(k, rows), rows)
        return [
            [(self._names[place][1], product)
             for place, product in zip(some, near, strict=True) if product >= -1.01]
            for some, near in zip(places.tolist(), products.tolist(), strict=True)
        ]  # fmt: skip

    def _place(self, name: tuple[int, int]) -> int:
        place = self._places.get(name)
        if place is not None:
            return place
        if len(self._names) < self._most:
            place = len(self._names)
            if place >= self._room:
                room = min(self._most, max(_FIRST, 2 * self._room))
                self._store.grow(room)  # first: there may be no memory for it
                self._room = room
            self._names.append(name)
        else:
            place = self._next
            self._next = (place + 1) % self._most
            del self._places[self._names[place]]
            self._names[place] = name
        self._places[name] = place
        return place


class HostStore:
    """In memory, by numpy."""

    def __init__(self, dim: int) -> None:
        self._vectors = np.zeros((0, dim), np.float32)
        self._spaces = np.zeros(0, np.uint64)

    def grow(self, rows: int) -> None:
        self._vectors = _grown(self._vectors, rows)
        self._spaces = _grown(self._spaces, rows)

    def put(self, places: Sequence[int], space: int, vectors: Vectors) -> None:
        self._vectors[places] = vectors
        self._spaces[places] = space

    def search(
        self, vector: Vectors, spaces: Sequence[int], k: int, rows: int
    ) -> tuple[NDArray[np.int64], Vectors]:
        products = self._vectors[:rows] @ vector
        among = self._spaces[:rows] == np.array(spaces, np.uint64)[:, None]
        each = np.where(among, products, np.float32(-2.0))
        top = np.argpartition(-each, k - 1, 1)[:, :k]
        near = np.take_along_axis(each, top, 1)
        order = np.argsort(-near, 1)
        return np.take_along_axis(top, order, 1), np.take_along_axis(near, order, 1)


class TorchStore:
    """On a GPU in half precision, or on the CPU, by torch."""

    def __init__(self, torch: Any, device: str, dim: int) -> None:
        self._torch = torch
        self._device = device
        kind = torch.float16 if device.startswith("cuda") else torch.float32
        self._vectors: Any = torch.zeros((0, dim), dtype=kind, device=device)
        self._spaces: Any = torch.zeros(0, dtype=torch.int64, device=device)

    def grow(self, rows: int) -> None:
        self._vectors = self._grown(self._vectors, rows)
        self._spaces = self._grown(self._spaces, rows)

    def put(self, places: Sequence[int], space: int, vectors: Vectors) -> None:
        there = self._torch.tensor(places, device=self._device)
        given = self._torch.tensor(vectors, device=self._device)
        self._vectors[there] = given.to(self._vectors.dtype)
        self._spaces[there] = _signed(space)

    def search(
        self, vector: Vectors, spaces: Sequence[int], k: int, rows: int
    ) -> tuple[NDArray[np.int64], Vectors]:
        torch = self._torch
        asked = torch.tensor(vector, device=self._device).to(self._vectors.dtype)
        wanted = torch.tensor([_signed(space) for space in spaces], device=self._device)
        products = (self._vectors[:rows] @ asked).float()
        each = torch.where(self._spaces[:rows] == wanted[:, None], products, -2.0)
        near, places = torch.topk(each, k, dim=1)
        return places.cpu().numpy(), near.cpu().numpy()

    def _grown(self, old: Any, rows: int) -> Any:
        new = self._torch.zeros((rows, *old.shape[1:]), dtype=old.dtype, device=self._device)
        new[: len(old)] = old
        return new


def _grown(old: NDArray[Any], rows: int) -> NDArray[Any]:
    new = np.zeros((rows, *old.shape[1:]), old.dtype)
    new[: len(old)] = old
    return new


def _signed(number: int) -> int:
    """The same 64 bits as torch keeps them."""
    return number - (1 << 64) if number >> 63 else number
