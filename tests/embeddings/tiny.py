"""An embedder process with a model of a few lines: `python -m tests.embeddings.tiny PATH
[RUN_SECONDS]`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from zlib import crc32

import numpy as np

from embeddings import batcher
from embeddings.process import bind, serve
from embeddings.shelf import HostStore

DIM = 8


class Tiny:
    """The same vector for the same words; "slow" takes 300 ms, "broken" fails, "huge" wants 8 GiB
    of memory."""

    name = "tiny"
    device = "cpu"
    dim = DIM

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode(self, texts: Sequence[str]):
        self.batches.append(len(texts))
        if any("broken" in text for text in texts):
            raise RuntimeError("broken")
        if any("slow" in text for text in texts):
            time.sleep(0.3)
        if any("huge" in text for text in texts):
            np.ones(1 << 30)
        found = np.stack([self.one(text) for text in texts])
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def store(self) -> HostStore:
        return HostStore(DIM)

    @staticmethod
    def one(text: str):
        return np.random.default_rng(crc32(text.encode())).normal(size=DIM).astype(np.float32)


def main(path: str) -> None:
    ready = serve(bind(path), path, Tiny(), ready=lambda: print("ready", flush=True))
    sys.exit(not asyncio.run(ready))


if __name__ == "__main__":
    batcher.RUN_SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else batcher.RUN_SECONDS
    main(sys.argv[1])
