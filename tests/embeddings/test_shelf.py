"""What is kept is found by its space, on either store; the oldest goes first."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.shelf import HostStore, Shelf, Store, TorchStore

DIM = 16


def unit(rows: int, seed: int = 0):
    found = np.random.default_rng(seed).normal(size=(rows, DIM)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture(params=["numpy", "torch"])
def store(request) -> Store:
    if request.param == "numpy":
        return HostStore(DIM)
    return TorchStore(pytest.importorskip("torch", reason="the extra gpu is not installed"),
                      "cpu", DIM)  # fmt: skip


def test_the_nearest_are_those_of_the_space(store: Store) -> None:
    shelf, vectors = Shelf(store), unit(3000)
    for space in range(3):
        labels = range(space, 3000, 3)
        shelf.keep(space, labels, vectors[space::3])
    asked = vectors[1234]  # of space 1
    products = vectors @ asked
    for space, found in enumerate(shelf.nearest(asked, (0, 1, 2), 5)):
        mine = sorted(range(space, 3000, 3), key=lambda label: -products[label])[:5]
        assert [label for label, _ in found] == mine
        assert [near for _, near in found] == pytest.approx(products[mine].tolist(), abs=1e-5)
    assert shelf.nearest(asked, (1,), 1)[0][0][0] == 1234


def test_a_space_with_less_than_asked_gives_what_it_has(store: Store) -> None:
    shelf = Shelf(store)
    assert shelf.nearest(unit(1)[0], (4, 2**64 - 1), 3) == [[], []]
    shelf.keep(2**64 - 1, (7,), unit(1))
    assert [len(some) for some in shelf.nearest(unit(1)[0], (4, 2**64 - 1), 3)] == [0, 1]


def test_a_label_is_replaced_and_the_oldest_forgotten(store: Store) -> None:
    shelf, vectors = Shelf(store, most=4), unit(6)
    shelf.keep(0, (0, 1, 2, 3), vectors[:4])
    shelf.keep(0, (2,), vectors[4:5])
    assert len(shelf) == 4
    assert shelf.nearest(vectors[4], (0,), 1)[0][0][0] == 2
    shelf.keep(0, (9,), vectors[5:])
    assert len(shelf) == 4
    assert {label for label, _ in shelf.nearest(vectors[0], (0,), 4)[0]} == {1, 2, 3, 9}


def test_what_there_is_no_memory_for_is_not_kept() -> None:
    class Full(HostStore):
        full = True

        def grow(self, rows: int) -> None:
            if self.full:
                raise MemoryError
            super().grow(rows)

    store = Full(DIM)
    shelf, vectors = Shelf(store), unit(2)
    with pytest.raises(MemoryError):
        shelf.keep(0, (1,), vectors[:1])
    assert len(shelf) == 0
    store.full = False
    shelf.keep(0, (2,), vectors[1:])
    assert shelf.nearest(vectors[1], (0,), 2) == [[(2, pytest.approx(1.0, abs=1e-5))]]
