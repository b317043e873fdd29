"""What is told of GPUs and the embedder, there or not; and that a proxy never waits for either."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings.gpu import Gpu
from tests.admin.house import house


async def test_without_gpu_and_embedder() -> None:
    async with house() as it:
        assert (await it.get("/api/embedder")) == {"configured": False}
        assert "firsttoken_embedder" not in await it.get("/metrics")


async def test_an_embedder_that_is_away_costs_nothing(tmp_path: Path) -> None:
    extra = f'[embeddings]\nsocket = "{tmp_path}/none.sock"\nmodel = "a/sentence-model"\n'
    async with house(extra=extra) as it:
        await it.ask()
        found = await it.get("/api/embedder")
        assert (found["configured"], found["up"], found["state"]) == (True, False, None)
        assert found["in_time"] is False
        assert "firsttoken_embedder_up 0.0" in await it.get("/metrics")
        classified = await it.post("/api/classify", {"text": "Write a haiku about rain"})
        assert classified["source"] == "embedding", "the word table is not the embedder's model"


async def test_gpus_are_told() -> None:
    async with house() as it:
        it.app.memory.telemetry.gpus = (Gpu(0, "GPU-aa", "H200", 0.5, power_watts=99.0),)
        assert (await it.get("/api/gpus"))["gpus"] == [
            {"index": 0, "uuid": "GPU-aa", "name": "H200", "utilisation": 0.5, "power_watts": 99.0}
        ]
        assert 'firsttoken_gpu_power_watts{gpu="0",name="H200"} 99.0' in await it.get("/metrics")


async def test_a_reload_moves_to_another_embedder_and_another_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIMARY_KEY", "sk-primary-secret")
    path = tmp_path / "f.toml"
    first = f'[embeddings]\nsocket = "{tmp_path}/one.sock"\n'
    async with house(extra=first, path=path) as it:
        assert it.app.memory.embedder.path == f"{tmp_path}/one.sock"
        text = {"text": "Write a haiku about rain"}
        assert (await it.post("/api/classify", text))["source"] == "embedding"
        written = path.read_text()
        path.write_text(written.replace("one.sock", "two.sock"))
        it.app.reload()
        assert it.app.memory.embedder.path == f"{tmp_path}/two.sock"
        path.write_text(written.replace(first, '[routing]\nmode = "keywords"\n'))
        it.app.reload()
        assert (await it.get("/api/embedder")) == {"configured": False}
        assert (await it.post("/api/classify", text))["source"] == "keywords"
        path.write_text(written)
        it.app.reload()
        assert (await it.post("/api/classify", text))["source"] == "embedding"
