"""Who is measured: our classifier, and what others would put in its place."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.classifier import Classifier
from embeddings.transformer import NoModel, model_path

Vectors = NDArray[np.float32]
CHUNK = 64


class Absent(Exception):
    """A rival that is not here; the message says why."""


class Subject(Protocol):
    """What can be asked of one. read: everything that a request costs, in one call."""

    name: str

    def read(self, text: str) -> object: ...
    def encode(self, texts: Sequence[str]) -> Vectors | None: ...
    def categories(self, texts: Sequence[str]) -> list[str] | None: ...
    def complexity(self, text: str) -> float | None: ...


class Ours:
    """The word table with its head."""

    name = "firsttoken"

    def __init__(self) -> None:
        self.classifier = Classifier.load()

    def read(self, text: str) -> object:
        reading = self.classifier.read(text)
        return reading.confidence, reading.complexity  # found only when they are asked for

    def encode(self, texts: Sequence[str]) -> Vectors | None:
        return np.stack([self.classifier.encoder.encode(text) for text in texts])

    def categories(self, texts: Sequence[str]) -> list[str] | None:
        return [self.classifier.read(text).category for text in texts]

    def complexity(self, text: str) -> float | None:
        return self.classifier.read(text).complexity


class Keywords(Ours):
    """Cue words that vote; length for complexity. No meaning: it has no vectors."""

    name = "keywords"

    def __init__(self) -> None:
        self.classifier = Classifier.load(keywords=True)

    def encode(self, texts: Sequence[str]) -> Vectors | None:
        del texts
        return None


class Embedding:
    """A model of vectors only: its categories are the nearest mean of example prompts."""

    def __init__(self, name: str, encode: Callable[[Sequence[str]], Vectors]) -> None:
        self.name = name
        self._encode = encode
        self._names: list[str] = []
        self._means: Vectors | None = None

    def learn(self, examples: Sequence[tuple[str, str]]) -> None:
        """(text, category), at least one of each."""
        vectors = self.vectors([text for text, _ in examples])
        self._names = sorted({category for _, category in examples})
        places = np.array([self._names.index(category) for _, category in examples])
        means = np.stack([vectors[places == one].mean(0) for one in range(len(self._names))])
        self._means = means / np.linalg.norm(means, axis=1, keepdims=True)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, in pieces."""
        parts = [self._encode(texts[i : i + CHUNK]) for i in range(0, len(texts), CHUNK)]
        found: Vectors = np.concatenate(parts).astype(np.float32)
        lengths: Vectors = np.linalg.norm(found, axis=1, keepdims=True).astype(np.float32)
        found /= lengths + 1e-9
        return found

    def read(self, text: str) -> object:
        return self._encode((text,))

    def encode(self, texts: Sequence[str]) -> Vectors | None:
        return self.vectors(texts)

    def categories(self, texts: Sequence[str]) -> list[str] | None:
        if self._means is None:
            return None
        nearest = (self.vectors(texts) @ self._means.T).argmax(1)
        return [self._names[place] for place in nearest.tolist()]

    def complexity(self, text: str) -> float | None:
        del text
        return None


class Router(Embedding):
    """semantic-router: example texts of each category, and the same model to compare them by."""

    def __init__(self, encoder: Embedding) -> None:
        """Raises Absent where it is not installed."""
        try:
            self._library: Any = importlib.import_module("semantic_router")
            base: Any = importlib.import_module("semantic_router.encoders")
            self._library.IndexedRouter  # noqa: B018 - versions before 1.1 have none
        except (ImportError, AttributeError) as error:
            raise Absent(str(error)) from error

        class Encoder(base.DenseEncoder):  # type: ignore[misc]
            def __call__(self, docs: list[Any]) -> list[list[float]]:
                found: list[list[float]] = encoder.vectors(docs).tolist()
                return found

        super().__init__("semantic-router", encoder.vectors)
        self._router: Any = None
        self._encoder = Encoder(name="minilm")
        self.learn([("What is the capital of France?", "qa"), ("Write a poem", "creative")])

    def learn(self, examples: Sequence[tuple[str, str]]) -> None:
        by_name: dict[str, list[str]] = {}
        for text, name in examples:
            by_name.setdefault(name, []).append(text)
        routes = [
            self._library.Route(name=name, utterances=texts) for name, texts in by_name.items()
        ]
        self._router = self._library.IndexedRouter(encoder=self._encoder, routes=routes)

    def read(self, text: str) -> object:
        return self._router(text)

    def encode(self, texts: Sequence[str]) -> Vectors | None:
        del texts
        return None

    def categories(self, texts: Sequence[str]) -> list[str] | None:
        return [str(getattr(self._router(text), "name", None)) for text in texts]


def minilm(model: str | None) -> Embedding:
    """sentence-transformers on the CPU, by its own encode. Raises Absent."""
    try:
        path = model_path(model)
        library: Any = importlib.import_module("sentence_transformers")
        importlib.import_module("torch").set_num_threads(1)  # all are given one core
        loaded = library.SentenceTransformer(path, device="cpu")
    except (NoModel, ImportError, OSError, ValueError) as error:
        raise Absent(str(error).split("\n", 1)[0]) from error
    return Embedding(
        "minilm",
        lambda texts: np.asarray(
            loaded.encode(list(texts), show_progress_bar=False, convert_to_numpy=True)
        ),
    )


def model2vec(folder: str | None) -> Embedding:
    """A model2vec model. Raises Absent."""
    if folder is None:
        raise Absent("no model: name one with --model2vec FOLDER")
    try:
        library: Any = importlib.import_module("model2vec")
        loaded = library.StaticModel.from_pretrained(folder)
    except (ImportError, OSError, ValueError) as error:
        raise Absent(str(error).split("\n", 1)[0]) from error
    return Embedding("model2vec", lambda texts: np.asarray(loaded.encode(list(texts))))
