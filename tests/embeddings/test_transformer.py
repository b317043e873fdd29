"""A sentence-transformers model of a few thousand weights, made here, as the embedder runs it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import warnings
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import embeddings.process
import embeddings.transformer
from embeddings.classifier import Classifier
from embeddings.client import Client
from embeddings.process import load
from embeddings.static import build_static_embedding
from embeddings.transformer import BATCHES, LENGTHS, NoModel, Transformer, model_path

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch", reason="the extra gpu is not installed")
library = pytest.importorskip("sentence_transformers", reason="the extra gpu is not installed")
models = pytest.importorskip("sentence_transformers.models")
transformers = pytest.importorskip("transformers", reason="the extra gpu is not installed")
ROOT = Path(__file__).resolve().parents[2]

WORDS = tuple("the a cat dog house tree runs sleeps big small red blue in on under".split())  # noqa: SIM905
TEXTS = ["the cat sleeps", "a big red dog runs under the tree", "", "in the house " * 200]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A folder with a BERT of two layers, random but fixed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own
        return made_in(tmp_path_factory.mktemp("model"))


def made_in(folder: Path) -> Path:
    (folder / "vocab.txt").write_text(
        "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])
    )
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=5 + len(WORDS), hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, max_position_embeddings=128,
    )  # fmt: skip
    bert = folder / "bert"
    transformers.BertModel(config).save_pretrained(bert)
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(bert)
    word = models.Transformer(str(bert), max_seq_length=64)
    made = folder / "tiny"
    library.SentenceTransformer(modules=[word, models.Pooling(32)], device="cpu").save(str(made))
    return made


@pytest.mark.filterwarnings("ignore")
def test_vectors_are_those_of_the_library(model: Path) -> None:
    ours = Transformer(str(model), "cpu")
    theirs = library.SentenceTransformer(str(model), device="cpu").encode(
        TEXTS, normalize_embeddings=True
    )
    found = ours.encode(TEXTS)
    assert (found.shape, found.dtype, ours.dim) == ((len(TEXTS), 32), np.float32, 32)
    assert np.abs(found - theirs).max() < 1e-5
    assert np.allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_more_than_a_batch_keeps_its_order(model: Path) -> None:
    ours = Transformer(str(model), "cpu")
    texts = [f"the cat {WORDS[n % len(WORDS)]}" for n in range(BATCHES[-1] + 7)]
    found = ours.encode(texts)
    assert len(found) == len(texts)
    assert np.abs(found[-1] - ours.encode(texts[-1:])[0]).max() < 1e-5
    assert ours.encode([]).shape == (0, 32)


@pytest.mark.filterwarnings("ignore")
def test_a_pass_never_looks_at_values(model: Path) -> None:
    """What a CUDA graph could not hold fails on tensors without values, too."""
    fake = pytest.importorskip("torch._subclasses.fake_tensor")
    ours = Transformer(str(model), "cpu")
    with fake.FakeTensorMode(allow_non_fake_inputs=True), torch.inference_mode():
        shape = (len(ours.inputs), BATCHES[1], LENGTHS[0])
        found = ours.forward(torch.zeros(shape, dtype=torch.long))
    assert tuple(found.shape) == (BATCHES[1], ours.dim)


class Recorded:
    """A CUDA graph's stand-in on the CPU: a replay runs the pass again, on the same tensors."""

    def replay(self) -> None:
        self.into.copy_(self.run())


@pytest.fixture
def device(monkeypatch):
    """torch.cuda as far as a capture needs it; `streams`: those that were current, and left."""
    streams = []

    @contextmanager
    def stream(one):
        streams.append(one)
        try:
            yield
        finally:
            streams.pop()

    @contextmanager
    def capture(_, stream):
        assert streams == [stream]
        yield

    waited = SimpleNamespace(wait_stream=lambda _: None)
    for name, value in {
        "device": lambda _: nullcontext(), "stream": stream, "graph": capture,
        "current_stream": lambda: waited, "CUDAGraph": Recorded,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
    return SimpleNamespace(streams=streams, side=waited)


@pytest.mark.filterwarnings("ignore")
def test_shapes_that_are_larger_than_the_texts_change_nothing(model: Path, device) -> None:
    ours, theirs = Transformer(str(model), "cpu"), Transformer(str(model), "cpu")
    ours._captures, ours.side = True, device.side
    ours.warm()
    for graph in ours._graphs.values():
        assert graph is not None
        graph._graph.into = graph._output
        graph._graph.run = partial(ours.forward, graph._given)
    ours.forward = None  # from here on all is replayed
    for count in (1, 64, 3, 20, BATCHES[-1] + 1, 1):
        texts = [TEXTS[(n + count) % len(TEXTS)] for n in range(count)]
        assert np.abs(ours.encode(texts) - theirs.encode(texts)).max() < 1e-5


@pytest.mark.filterwarnings("ignore")
def test_a_shape_that_cannot_be_captured_is_run_as_it_is(model: Path, device, monkeypatch) -> None:
    ours = Transformer(str(model), "cpu")
    ours._captures, ours.side = True, device.side

    @contextmanager
    def refuse(*_, **__):
        raise RuntimeError("operation not permitted when stream is capturing")
        yield

    monkeypatch.setattr(torch.cuda, "graph", refuse)
    plain = Transformer(str(model), "cpu").encode(TEXTS)
    assert np.abs(ours.encode(TEXTS) - plain).max() < 1e-5
    assert list(ours._graphs.values()) == [None]
    assert device.streams == [], "no stream of a failed capture stays the current one"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.filterwarnings("ignore")
def test_graphs_on_a_gpu_give_what_the_cpu_gives(model: Path) -> None:
    there, here = Transformer(str(model), "cuda"), Transformer(str(model), "cpu")
    there.warm()
    assert there._captures
    for count in (1, 3, 20, BATCHES[-1] + 1):
        texts = [TEXTS[n % len(TEXTS)] for n in range(count)]
        cosines = (there.encode(texts) * here.encode(texts)).sum(1)
        assert cosines.min() > 0.999
    assert all(graph is not None for graph in there._graphs.values())


@pytest.mark.filterwarnings("ignore")
def test_the_word_table_loads_as_a_static_embedding(tmp_path: Path) -> None:
    classifier = Classifier.load()
    made = library.SentenceTransformer(
        modules=[build_static_embedding(classifier.encoder)], device="cpu"
    )
    made.save(str(tmp_path / "static"))
    texts = ["Write a short story about a robot", "Écris une fonction Python qui trie une liste"]
    again = library.SentenceTransformer(str(tmp_path / "static"), device="cpu")
    found = again.encode(texts, normalize_embeddings=True)
    for vector, text in zip(found, texts, strict=True):
        assert float(vector @ classifier.encoder.encode(text)) > 0.9999


@pytest.mark.filterwarnings("ignore")
def test_a_model_without_a_tokenizer_of_its_own_is_run_as_the_library_does(tmp_path: Path) -> None:
    made = build_static_embedding(Classifier.load().encoder)
    library.SentenceTransformer(modules=[made], device="cpu").save(str(tmp_path / "static"))
    found = Transformer(str(tmp_path / "static"), "cpu").encode(["a cat", "", "un chat"])
    assert found.shape[0] == 3
    assert np.allclose(np.linalg.norm(found[[0, 2]], axis=1), 1.0, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_a_model_is_given_what_it_wants_before_each_text(model: Path, tmp_path: Path) -> None:
    prompted = library.SentenceTransformer(
        str(model), device="cpu", prompts={"query": "the big "}, default_prompt_name="query"
    )
    prompted.save(str(tmp_path / "prompted"))
    found = Transformer(str(tmp_path / "prompted"), "cpu").encode(["cat"])
    plain = Transformer(str(model), "cpu").encode(["the big cat"])
    assert np.abs(found - plain).max() < 1e-5


@pytest.mark.filterwarnings("ignore")
def test_what_a_model_cannot_be_loaded_for_is_told_in_a_line(model: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(model, cut)
    weights = next(cut.rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(NoModel, match="cut: "):
        Transformer(str(cut), "cpu")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("error", "words"),
    [(MemoryError("std::bad_alloc"), "no memory"), (RuntimeError("CUDA error"), "CUDA error")],
)
def test_one_that_cannot_run_is_no_model(
    model: Path, monkeypatch, error: Exception, words: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Transformer, "forward", fail)
    with pytest.raises(NoModel, match=words):
        Transformer(str(model), "cpu")


@pytest.mark.filterwarnings("ignore")
def test_numbers_that_are_too_large_are_no_vectors(model: Path, monkeypatch) -> None:
    monkeypatch.setattr(Transformer, "forward", lambda *_: torch.full((1, 32), float("nan")))
    with pytest.raises(NoModel, match="too large"):
        Transformer(str(model), "cpu")


@pytest.mark.parametrize(
    ("error", "words"),
    [(ModuleNotFoundError("No module named 'torch'"), "pip install"),
     (ImportError("failed to map segment"), "cannot be loaded: failed to map")],
)  # fmt: skip
def test_a_library_that_is_missing_is_told_from_one_without_memory(
    monkeypatch, error: Exception, words: str
) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(embeddings.transformer.importlib, "import_module", fail)
    with pytest.raises(NoModel, match=words):
        Transformer("any", "cpu")


def test_one_that_does_not_start_leaves_no_socket_behind(tmp_path: Path) -> None:
    with pytest.raises(NoModel):
        embeddings.process.run(str(tmp_path / "e.sock"), "/nowhere/at/all", "cpu")
    assert not (tmp_path / "e.sock").exists()


def test_a_model_that_is_not_there_is_told() -> None:
    with pytest.raises(NoModel):
        Transformer("/nowhere/at/all", "cpu")
    assert model_path("mine") == "mine"


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU would be used")
@pytest.mark.filterwarnings("ignore")
def test_a_gpu_that_torch_cannot_use_is_told_or_done_without(model: Path, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(NoModel, match="sees no GPU"):
        load(str(model), "cuda")
    monkeypatch.setattr(embeddings.process, "choose_device", lambda _: "cuda")
    assert load(str(model), "auto").device == "cpu"


def started(model: Path, socket: str, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "proxy", "embedder", "--socket", socket]
    with log.open("wb") as out:
        return subprocess.Popen(
            [*command, "--model", str(model), "--device", "cpu"], cwd=ROOT, stderr=out
        )


async def test_the_command_serves_it(model: Path, tmp_path: Path) -> None:
    socket = str(tmp_path / "e.sock")
    process = started(model, socket, tmp_path / "log")
    client = Client(socket, 2.0)
    running = asyncio.create_task(client.run())
    try:
        for _ in range(600):
            if client.up:
                break
            await asyncio.sleep(0.1)
        found = await client.encode(TEXTS)
        assert found is not None, (tmp_path / "log").read_text()
        assert found.shape == (len(TEXTS), 32)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 10) == 0
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        process.kill()
        process.wait()
