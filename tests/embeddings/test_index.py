from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from embeddings.centroids import find_centroids
from embeddings.engine import Codes, Engine
from embeddings.heap import Heap
from embeddings.index import BLOCK_MAX, RING_MAX, Index, Vector
from embeddings.stages import Block, Inverted, Ring

DIM = 128


def vectors(count: int, seed: int = 0) -> Vector:
    found = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


def engine() -> Engine:
    """One whose background work is done at once."""
    return Engine(DIM, spawn=lambda work: work())


def filled(count: int) -> tuple[Index, Vector]:
    index, given = Index(engine()), vectors(count)
    index.search(given[0], 1)  # it is one that is searched
    for label, vector in enumerate(given):
        index.add([label], vector[None])
    return index, given


@pytest.mark.parametrize("count", [1, 3, BLOCK_MAX, BLOCK_MAX + 1, 500, RING_MAX + 300])
def test_every_vector_finds_itself_at_any_size(count: int) -> None:
    index, given = filled(count)
    assert len(index) == count
    for label in range(0, count, max(1, count // 50)):
        found = index.search(given[label], 4)
        assert found[0][0] == label
        assert found[0][1] == pytest.approx(1.0, abs=0.02)
        assert [near for _, near in found] == sorted((near for _, near in found), reverse=True)


@pytest.mark.parametrize("count", [40, 800, RING_MAX + 900])
def test_a_code_keeps_the_inner_product(count: int) -> None:
    index, given = filled(count)
    asked = vectors(20, seed=1) * 0.3 + given[:20]
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    for vector in asked:
        for label, near in index.search(vector, 3):
            assert near == pytest.approx(float(given[label] @ vector), abs=0.02)


@pytest.mark.parametrize("count", [10, 300, RING_MAX + 600])
def test_what_is_removed_is_never_found_again(count: int) -> None:
    index, given = filled(count)
    gone = set(range(0, count, 3))
    for label in gone:
        assert index.remove(label)
        assert not index.remove(label)
    assert len(index) == count - len(gone)
    for label in range(0, count, max(1, count // 60)):
        found = [name for name, _ in index.search(given[label], 4)]
        assert not gone & set(found)
        assert label in gone or found[0] == label


def test_an_emptied_index_finds_nothing() -> None:
    index, given = filled(100)
    for label in range(100):
        index.remove(label)
    assert index.search(given[0], 4) == []
    index.add([7], given[7][None])
    assert index.search(given[7], 4)[0][0] == 7


def test_random_work_agrees_with_a_plain_search() -> None:
    rng = np.random.default_rng(3)
    given = vectors(1500, seed=4)
    index, alive = Index(engine()), {}
    for step in range(3000):
        label = int(rng.integers(1500))
        if label in alive:
            assert index.remove(label)
            del alive[label]
        else:
            index.add([label], given[label][None])
            alive[label] = given[label]
        if step % 100 == 99:
            asked = given[int(rng.integers(1500))]
            best = max(alive, key=lambda name: float(alive[name] @ asked))
            assert index.search(asked, 4)[0][1] == pytest.approx(
                float(alive[best] @ asked), abs=0.02
            )
    assert len(index) == len(alive)


def test_the_index_answers_while_the_next_one_is_trained() -> None:
    waiting: list = []
    given = vectors(RING_MAX + 500)
    made = Engine(DIM, spawn=waiting.append)
    index = Index(made)
    assert index.search(given[0], 1) == []
    for label in range(BLOCK_MAX + 10):
        index.add([label], given[label][None])
    assert made.faiss is None  # still being imported: the block goes on
    waiting.pop()()
    for label in range(BLOCK_MAX + 10, RING_MAX + 100):
        index.add([label], given[label][None])
    assert len(waiting) == 1
    assert index.search(given[RING_MAX + 50], 1)[0][0] == RING_MAX + 50
    index.remove(5)
    waiting.pop()()
    index.add([RING_MAX + 101], given[RING_MAX + 101][None])
    assert index.search(given[3], 1)[0][0] == 3  # some moved, some not yet
    assert index.search(given[5], 1)[0][0] != 5
    index.move(RING_MAX)
    assert len(index) == RING_MAX + 100
    assert index.search(given[RING_MAX + 50], 1)[0][0] == RING_MAX + 50


@pytest.mark.parametrize("at_once", [1, 7, 500])
def test_an_inverted_file_gives_up_its_vectors(at_once: int) -> None:
    made = engine()
    made.load()
    given = vectors(200)
    codes = np.stack([made.encode(vector) for vector in given])
    stage = Inverted.learn(made, codes)
    for label in range(200):
        stage.add([label], codes[label][None])
    taken: dict[int, Codes] = {}
    while len(stage):
        labels, found = stage.take(at_once)
        assert 1 <= len(labels) <= at_once
        taken.update(zip(labels, found, strict=True))
    assert len(taken) == 200
    assert all((taken[label] == codes[label]).all() for label in range(200))


@pytest.mark.parametrize("stage_of", [Block, Ring, Heap])
def test_few_vectors_are_given_back_as_they_came(
    stage_of: type[Block] | type[Ring] | type[Heap],
) -> None:
    made = engine()
    made.load()
    codes = np.stack([made.encode(vector) for vector in vectors(9)])
    stage = stage_of(made)
    for label in range(9):
        stage.add([label], codes[label][None])
    labels, taken = stage.take(2)
    assert labels == [7, 8]
    assert (taken == codes[7:]).all()
    assert len(stage) == 7
    assert stage.codes_of(8) is None
    stage.add([8], codes[8][None])
    labels, taken = stage.take(50)
    assert labels == [0, 1, 2, 3, 4, 5, 6, 8]
    assert (taken == codes[labels]).all()
    assert len(stage) == 0


def test_a_process_without_vectors_does_not_load_faiss() -> None:
    code = "import sys, embeddings.index, proxy.cache.cache; print('faiss' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_heap_keeps_any_number() -> None:
    made, chance = engine(), np.random.default_rng(2)
    codes = made.encode(vectors(3000))
    heap, alive = Heap(made), set(range(3000))
    heap.add(list(range(700)), codes[:700])
    heap.add(list(range(700, 3000)), codes[700:])
    assert heap.search(vectors(1)[0], 4) == []
    assert sum(map(len, heap.sample(1024))) == 1024
    for label in chance.permutation(3000)[:1500].tolist():
        assert heap.remove(label)
        assert not heap.remove(label)
        alive.remove(label)
    assert len(heap) == 1500
    assert all((heap.codes_of(label) == codes[label]).all() for label in alive)
    while len(heap):
        labels, taken = heap.take(400)
        assert (taken == codes[labels]).all()
        alive -= set(labels)
    assert not alive


def test_what_nobody_searches_is_put_in_order_by_the_first_search() -> None:
    waiting: list = []
    given = vectors(RING_MAX + 2000)
    made = Engine(DIM, spawn=waiting.append)
    index = Index(made)
    index.add([0], given[:1])
    index.add(list(range(1, BLOCK_MAX)), given[1:BLOCK_MAX])
    index.add([BLOCK_MAX], given[BLOCK_MAX][None])
    waiting.pop()()  # FAISS is there
    for label in range(BLOCK_MAX + 1, RING_MAX + 2000):
        index.add([label], given[label][None])
    assert not waiting  # nobody asked, nothing is learnt
    assert index.product(3, given[3]) == pytest.approx(1.0, abs=0.02)
    index.move(RING_MAX)
    assert index.search(given[RING_MAX + 1], 1) == []
    assert len(waiting) == 1
    waiting.pop()()
    index.search(given[0], 1)
    assert index.moving
    index.move(2 * RING_MAX)
    assert not index.moving
    assert len(index) == RING_MAX + 2000
    assert index.search(given[RING_MAX + 1], 1)[0][0] == RING_MAX + 1
    assert index.search(given[3], 1)[0][0] == 3


TRAINS = """
import numpy as np
from embeddings.heap import Heap
from embeddings.index import Engine, Index
engine = Engine(128)
engine.load()
while engine.faiss is None:
    pass
index = Index(engine)
index.search(np.zeros(128, np.float32), 1)
given = np.random.default_rng(0).standard_normal((6000, 128)).astype(np.float32)
given /= np.linalg.norm(given, axis=1, keepdims=True)
for label in range(0, 6000, 50):
    index.add(list(range(label, label + 50)), given[label : label + 50])
print(index._training)
"""


def test_a_process_that_ends_while_it_learns_ends_well() -> None:
    command = [sys.executable, "-c", TRAINS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "True", "")


def test_learning_is_given_up_when_the_engine_closes() -> None:
    made = engine()
    made.load()
    made.close()
    codes = np.stack([made.encode(vector) for vector in vectors(100)])
    assert Inverted.learn(made, codes) is None


def test_centroids_stand_amid_their_vectors() -> None:
    made = engine()
    made.load()
    middles = vectors(20, seed=5)
    noise = np.random.default_rng(6).standard_normal((2000, DIM)).astype(np.float32) * 0.02
    near = middles[np.arange(2000) % 20] + noise
    codes = made.encode(near / np.linalg.norm(near, axis=1, keepdims=True))
    found = find_centroids(made.faiss, codes, 40, lambda: False)
    assert found is not None
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(40), abs=1e-4)
    assert ((found @ middles.T).max(1) > 0.95).all()
    again = find_centroids(made.faiss, codes, 40, lambda: False)
    assert again is not None
    assert (found == again).all()
