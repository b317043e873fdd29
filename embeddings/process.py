"""The embedder: a process of its own that turns texts into vectors for every proxy on the machine.

It listens on a Unix socket, owns the model and the GPU, and nothing depends on it: whoever asks
has a deadline and another way. It ends by SIGTERM after answering what it was asked, and a new one
takes the socket over from one that died.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Protocol, cast

import orjson

from embeddings import gpu, wire
from embeddings.batcher import BATCH_TEXTS, Batcher, Overloaded
from embeddings.door import AlreadyRunning, Door, bind, inode_at, remove
from embeddings.shelf import Shelf, Store
from embeddings.transformer import NoModel, Transformer, model_path
from embeddings.wire import Kind, Vectors

log = logging.getLogger(__name__)

CLIENTS = 256
UNREAD_BYTES = 4 * 1024 * 1024  # answers that a client does not read, before it is let go
DRAIN_SECONDS = 5.0
CPU_BATCH_TEXTS = 16  # 64 of 256 tokens take some three seconds, and everybody waits for them
LOOK_SECONDS = 2.0  # between looks whether the socket's path still leads here
_WHENEVER = (1 << 64) - 1  # nanoseconds: what is to be kept has no deadline


class Model(Protocol):
    """What the process serves."""

    name: str
    device: str
    dim: int

    def encode(self, texts: Any) -> Vectors: ...
    def store(self) -> Store:
        """Where vectors are kept on its device."""
        ...


@dataclass(slots=True)
class Embedder:
    """model: used by one worker thread only."""

    model: Model
    telemetry: gpu.Telemetry
    started_s: float
    batcher: Batcher
    shelf: Shelf
    clients: set[Client]

    def state(self) -> dict[str, Any]:
        """How it does, as JSON."""
        return {
            "model": self.model.name,
            "device": self.model.device,
            "dim": self.model.dim,
            "pid": os.getpid(),
            "up_s": round(time.monotonic() - self.started_s, 1),
            "clients": len(self.clients),
            "kept": len(self.shelf),
            **asdict(self.batcher.counts),
            "gpus": [{"index": one.index, "name": one.name, **one.figures()}
                     for one in self.telemetry.gpus],
        }  # fmt: skip


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._frames = wire.Frames()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        if len(self._embedder.clients) >= CLIENTS:
            transport.abort()
            return
        self._transport = transport
        self._embedder.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._embedder.clients.discard(self)

    def data_received(self, data: bytes) -> None:
        try:
            for number, kind, payload in self._frames.feed(data):
                self._serve(number, kind, payload)
        except wire.BadFrame as error:
            log.warning("a client was let go: %s", error)
            self.close()

    def close(self) -> None:
        """Let it go."""
        if self._transport is not None:
            self._transport.abort()

    def _serve(self, number: int, kind: Kind, payload: bytes) -> None:
        match kind:
            case Kind.ENCODE:
                until_ns, texts = wire.asked(payload)
                self._ask(
                    number,
                    texts,
                    until_ns,
                    lambda vectors: wire.answer(number, vectors),
                    self._is_there,
                )
            case Kind.NEAREST:
                self._find(number, payload)
            case Kind.KEEP:
                self._keep(number, payload)
            case Kind.STATE:
                told = orjson.dumps(self._embedder.state())
                self._say(wire.frame(number, Kind.TOLD, told))
            case Kind.VECTORS | Kind.FOUND | Kind.TOLD | Kind.REFUSED:
                raise wire.BadFrame("an answer where a question was due")

    def _find(self, number: int, payload: bytes) -> None:
        until_ns, k, spaces, text = wire.near_asked(payload)
        shelf = self._embedder.shelf

        def finish(vectors: Vectors) -> bytes:
            return wire.near_answer(number, shelf.nearest(vectors[0], spaces, k))

        self._ask(number, (text,), until_ns, finish, self._is_there)

    def _keep(self, number: int, payload: bytes) -> None:
        space, texts = wire.to_keep(payload)
        shelf = self._embedder.shelf

        def finish(vectors: Vectors) -> bytes:
            shelf.keep(space, tuple(texts), vectors)
            return wire.frame(number, Kind.TOLD, orjson.dumps({"kept": len(shelf)}))

        self._ask(number, tuple(texts.values()), _WHENEVER, finish)

    def _ask(
        self,
        number: int,
        texts: Sequence[str],
        until_ns: int,
        finish: Callable[[Vectors], bytes],
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Have texts encoded in time, and say what finish makes of their vectors."""

        def answer(data: bytes | None) -> None:
            self._say(data or wire.frame(number, Kind.REFUSED, b"too late, or failed"))

        try:
            self._embedder.batcher.ask(texts, until_ns, answer, finish, wanted)
        except Overloaded:
            self._say(wire.frame(number, Kind.REFUSED, b"overloaded"))

    def _is_there(self) -> bool:
        return self._transport is not None

    def _say(self, data: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        if transport.get_write_buffer_size() > UNREAD_BYTES:
            self.close()
            return
        transport.write(data)


async def serve(
    listening: socket.socket,
    path: str,
    model: Model,
    *,
    ready: Callable[[], None] = lambda: None,
    stop: asyncio.Event | None = None,
) -> bool:
    """Serve until SIGTERM or SIGINT, or until stop is set; then answer what is asked, and end.

    False where it ended because the model only fails any more: a new process may do better. A path
    that somebody removed is made again; one that leads to another embedder is left to that.
    """
    over = stop or asyncio.Event()
    _end_by_signal(asyncio.get_running_loop(), over)
    telemetry = gpu.Telemetry()
    telemetry.start()
    with ThreadPoolExecutor(1, "model") as worker:
        door = Door(path, listening, lambda: Client(embedder))
        failure = _Failure(model, door, over)
        batcher = Batcher(
            model.encode,
            worker,
            time.monotonic_ns,
            batch_texts=BATCH_TEXTS if model.device.startswith("cuda") else CPU_BATCH_TEXTS,
            hopeless=failure.end,
            hung=failure.exit,
        )
        shelf = Shelf(model.store())
        embedder = Embedder(model, telemetry, time.monotonic(), batcher, shelf, set())
        await door.open()
        ready()
        while not await _within(LOOK_SECONDS, over.wait()):
            if not await door.stays():
                break
        door.close()
        if not await _within(DRAIN_SECONDS, batcher.drain()):
            batcher.give_up()
        for client in list(embedder.clients):
            client.close()
        telemetry.close()
    return not failure.seen


class _Failure:
    """What follows from a device that does not work any more."""

    def __init__(self, model: Model, door: Door, over: asyncio.Event) -> None:
        self._model = model
        self._door = door
        self._over = over
        self.seen = False

    def end(self) -> None:
        """It only fails."""
        self.seen = True
        log.error("%s only fails on %s any more: ending", self._model.name, self._model.device)
        self._over.set()

    def exit(self) -> None:
        """It hangs, and so would an end that waits for its thread."""
        log.error("%s hangs on %s: ending at once", self._model.name, self._model.device)
        self._door.close()
        os._exit(1)


def _end_by_signal(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    for one in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError):  # not in the main thread: a test stops it by the event
            loop.add_signal_handler(one, over.set)


async def _within(seconds: float, done: Awaitable[object]) -> bool:
    """Whether it came within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await done
    except TimeoutError:
        return False
    return True


_find_gpus = partial(gpu.find, tell=log.warning)


def choose_device(wanted: str, find: Callable[[], list[gpu.Gpu]] = _find_gpus) -> str:
    """The device to run on. auto: the least loaded GPU, which is the only one seen from then on;
    of one that is divided, CUDA takes the first part."""
    if wanted != "auto":
        return wanted
    environ = os.environ  # noqa: TID251 - CUDA reads it, and is told by it which GPU is ours
    gpus, visible = find(), environ.get("CUDA_VISIBLE_DEVICES")
    if gpu.is_counted_otherwise(gpus, visible, environ.get("CUDA_DEVICE_ORDER")):
        return "cuda"  # of those named, CUDA takes the first
    found = gpu.least_loaded(gpus, visible)
    if found is None:
        return "cpu"
    if found.divided:
        return "cuda"
    environ["CUDA_VISIBLE_DEVICES"] = found.uuid
    log.info("GPU %d, %s, is the least loaded", found.index, found.name)
    return "cuda"


def load(model: str | None, wanted: str) -> Transformer:
    """The model on its device, warm. A GPU that the driver shows and torch cannot use (another
    version, no memory left) is an error where it was named, and else a reason for the CPU.

    Raises NoModel.
    """
    path, device = model_path(model), choose_device(wanted)
    try:
        loaded = Transformer(path, device)
    except NoModel as error:
        if wanted != "auto" or device == "cpu":
            raise
        log.warning("the GPU cannot be used, the CPU is: %s", error)
        loaded = Transformer(path, "cpu")
    loaded.warm()
    return loaded


def run(path: str, model: str | None, device: str) -> int:
    """The whole process; its exit status. Raises NoModel."""
    try:
        listening = bind(path)
    except AlreadyRunning:
        log.error("another embedder answers at %s", path)  # noqa: TRY400 - nothing to trace
        return 1
    except OSError as error:
        log.error("cannot listen: %s", error)  # noqa: TRY400 - nothing to trace
        return 1
    # Whoever connects meanwhile waits in the socket's queue, within his own deadline.
    inode = inode_at(path)
    try:
        loaded = load(model, device)

        def ready() -> None:
            log.info("embedding by %s on %s at %s", loaded.name, loaded.device, path)

        well = asyncio.run(serve(listening, path, loaded, ready=ready))
    finally:
        listening.close()
        remove(path, inode)
    return 0 if well else 1


__all__ = ["AlreadyRunning", "NoModel", "bind", "choose_device", "load", "run", "serve"]
