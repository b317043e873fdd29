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
import stat
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import orjson

from embeddings import gpu, wire
from embeddings.batcher import BATCH_TEXTS, Batcher, Overloaded
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


class AlreadyRunning(Exception):
    """Another embedder answers at this socket."""


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


def bind(path: str) -> socket.socket:
    """A listening socket at a path, over what a dead embedder left there.

    Raises AlreadyRunning where one answers, OSError where the path cannot be used.
    """
    if os.path.exists(path):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise OSError(f"{path} is no socket: it is left alone")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.settimeout(1.0)
            try:
                other.connect(path)
            except (ConnectionRefusedError, FileNotFoundError):
                with suppress(FileNotFoundError):
                    os.unlink(path)
            except TimeoutError as error:  # one that hangs still holds it
                raise AlreadyRunning(path) from error
            else:
                raise AlreadyRunning(path)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listening.bind(path)
    finally:
        os.umask(before)
    listening.listen(128)
    listening.setblocking(False)
    return listening


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
    loop = asyncio.get_running_loop()
    over = stop or asyncio.Event()
    _end_by_signal(loop, over)
    telemetry = gpu.Telemetry()
    telemetry.start()
    inode = os.stat(path).st_ino
    with ThreadPoolExecutor(1, "model") as worker:
        lost: list[str] = []

        def hopeless() -> None:
            lost.append(model.device)
            log.error("%s only fails on %s any more: ending", model.name, model.device)
            over.set()

        size = BATCH_TEXTS if model.device.startswith("cuda") else CPU_BATCH_TEXTS
        batcher = Batcher(
            model.encode, worker, time.monotonic_ns, batch_texts=size, hopeless=hopeless
        )
        shelf = Shelf(model.store())
        embedder = Embedder(model, telemetry, time.monotonic(), batcher, shelf, set())
        server = await loop.create_unix_server(lambda: Client(embedder), sock=listening)
        ready()
        while not await _within(LOOK_SECONDS, over.wait()):
            if _leads_to(path) == inode:
                continue
            server.close()
            try:
                listening = bind(path)
            except (AlreadyRunning, OSError) as error:
                log.error("%s is taken, ending: %s", path, error)  # noqa: TRY400 - nothing to trace
                break
            log.warning("%s was removed, and is made again", path)
            inode = os.stat(path).st_ino
            server = await loop.create_unix_server(lambda: Client(embedder), sock=listening)
        server.close()
        _remove(path, inode)
        if not await _within(DRAIN_SECONDS, batcher.drain()):
            batcher.give_up()
        for client in list(embedder.clients):
            client.close()
        telemetry.close()
    return not lost


def _end_by_signal(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    for one in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError):  # not in the main thread: a test stops it by the event
            loop.add_signal_handler(one, over.set)


def _remove(path: str, inode: int) -> None:
    """Remove the socket, unless it is a successor's by now."""
    if _leads_to(path) == inode:
        with suppress(FileNotFoundError):
            os.unlink(path)


def _leads_to(path: str) -> int | None:
    """The inode at a path; None: there is none."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


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
    inode = os.stat(path).st_ino
    try:
        loaded = load(model, device)

        def ready() -> None:
            log.info("embedding by %s on %s at %s", loaded.name, loaded.device, path)

        well = asyncio.run(serve(listening, path, loaded, ready=ready))
    finally:
        listening.close()
        _remove(path, inode)
    return 0 if well else 1


__all__ = ["AlreadyRunning", "NoModel", "bind", "choose_device", "load", "run", "serve"]
