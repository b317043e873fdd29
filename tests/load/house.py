"""A proxy and a provider in processes of their own, for runs that take long."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
[server]
port = {port}
log = "off"
{server}
[cache]
enabled = {cache}
max_bytes = 8388608
[local]
enabled = false
[ledger]
path = "{ledger}"
[[provider]]
name = "mock"
dialect = "openai"
base_url = "http://127.0.0.1:{upstream}/v1"
[[route]]
name = "mock-*"
targets = ["mock/mock-*"]
first_token_ms = 20000
"""


@dataclass(slots=True)
class Process:
    """One that listens. worker: the process that does the work, where it is another; upstream: the
    provider behind a proxy."""

    process: subprocess.Popen[bytes]
    port: int
    worker: int | None = None
    upstream: Process | None = None

    @property
    def pid(self) -> int:
        return self.worker or self.process.pid

    def rss_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _start(folder: Path, port: int, *words: str) -> Process:
    log = folder / f"{words[0]}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "proxy", *words],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        listening(process, port)
    except RuntimeError as error:
        raise RuntimeError(f"{words[0]}: {log.read_text(errors='replace')[-800:]}") from error
    return Process(process, port)


def listening(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until it does. Raises RuntimeError, and kills it."""
    end = time.monotonic() + 180  # on a busy machine
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    raise RuntimeError("did not start")


@contextmanager
def provider() -> Iterator[Process]:
    """The scripted provider."""
    with TemporaryDirectory() as name:
        port = free_port()
        running = _start(Path(name), port, "mock", "--port", str(port))
        try:
            yield running
        finally:
            running.process.terminate()
            running.process.wait(60)


@contextmanager
def house(server: str = "", *, cache: bool = False, extra: str = "") -> Iterator[Process]:
    """The proxy, in front of the scripted provider."""
    with TemporaryDirectory() as name, provider() as upstream:
        folder, port = Path(name), free_port()
        file = folder / "firsttoken.toml"
        words = {"server": server, "cache": "true" if cache else "false"}
        words["ledger"] = str(folder / "ledger.db")
        file.write_text(CONFIG.format(port=port, upstream=upstream.port, **words) + extra)
        proxy = _start(folder, port, "serve", "--config", str(file))
        proxy.upstream = upstream
        try:
            yield proxy
        finally:
            proxy.process.terminate()
            proxy.process.wait(60)
