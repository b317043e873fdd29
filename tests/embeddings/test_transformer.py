"""A sentence-transformers model of a few thousand weights, made here, as the embedder runs it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import embeddings.process
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
        names = ours._model.tokenizer.model_input_names
        shape = (BATCHES[1], LENGTHS[0])
        found = ours._forward({name: torch.zeros(shape, dtype=torch.long) for name in names})
    assert tuple(found.shape) == (BATCHES[1], ours.dim)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.filterwarnings("ignore")
def test_graphs_on_a_gpu_give_what_the_cpu_gives(model: Path) -> None:
    there, here = Transformer(str(model), "cuda"), Transformer(str(model), "cpu")
    there.warm()
    assert there._captures
    for count in (1, 3, BATCHES[-1] + 1):
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
