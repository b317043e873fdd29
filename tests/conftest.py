"""What tests of the whole proxy share: a running one, in a process of its own, and a provider.

    def test_it(proxy_process):
        proxy = proxy_process(TOML)                     # started once per session for each text
        proxy = proxy_process(TOML, env={"K": "v"})     # its whole environment, besides PATH
        proxy = proxy_process(TOML, fresh=True)         # one of its own: it may be killed
        proxy.address                                   # (host, port)
        proxy.base_url                                  # http://host:port/v1
        proxy.output()                                  # all it logged so far
        proxy.stop()                                    # SIGTERM; its exit status

A config without a port gets a free one. Whatever is still running ends with the session.
`upstream` is a scripted provider beside the test, for tests that block.
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from benchmarks.mock import ScriptedUpstream

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0  # a bound against hanging: a busy machine needs some of it

# What an example takes says more of the machine than of the code.
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any")
_LISTENING = re.compile(r"listening on http://\[?([^\s\]]+)\]?:(\d+)")


def pytest_collection_finish() -> None:
    """Spare the collector what stays: thousands of tests and their modules, at every look."""
    gc.collect()
    gc.freeze()


@dataclass(slots=True)
class ProxyProcess:
    """A proxy that listens."""

    process: subprocess.Popen[bytes]
    host: str
    port: int
    log: Path

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        """What it wrote to stdout and stderr."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def rss_bytes(self) -> int:
        """Its resident memory now (Linux)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self, seconds: float = 15.0) -> int:
        """Its exit status after SIGTERM."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


Starter = Callable[..., ProxyProcess]


def _start(folder: Path, config: str, env: Mapping[str, str]) -> ProxyProcess:
    file = folder / "firsttoken.toml"
    file.write_text(_with_port(config), encoding="utf-8")
    log = folder / "proxy.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "proxy", "serve", "--config", str(file)],
            cwd=folder,  # neither our .env nor our firsttoken.toml
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), **env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        said = log.read_text(encoding="utf-8", errors="replace")
        found = _LISTENING.search(said)
        if found:
            return ProxyProcess(process, found[1], int(found[2]), log)
        if process.poll() is not None:
            raise RuntimeError(f"the proxy ended with {process.returncode}:\n{said[-800:]}")
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise RuntimeError(f"the proxy did not listen within {START_SECONDS:g} s")


def _with_port(config: str) -> str:
    if re.search(r"(?m)^port\s*=", config):
        return config
    if "[server]" in config:
        return config.replace("[server]", "[server]\nport = 0", 1)
    return f"{config}\n[server]\nport = 0\n"


@pytest.fixture(scope="session")
def proxy_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts proxies: proxy_process(config_text, *, env={}, fresh=False) -> ProxyProcess."""
    started: list[ProxyProcess] = []
    shared: dict[object, ProxyProcess] = {}

    def start(
        config: str = "", *, env: Mapping[str, str] | None = None, fresh: bool = False
    ) -> ProxyProcess:
        environ = dict(env or {})
        key = (config, tuple(sorted(environ.items())))
        known = shared.get(key)
        if known is not None and not fresh and known.process.poll() is None:
            return known
        proxy = _start(tmp_path_factory.mktemp("proxy"), config, environ)
        started.append(proxy)
        if not fresh:
            shared[key] = proxy
        return proxy

    yield start
    for proxy in started:
        if proxy.process.poll() is None:
            proxy.process.terminate()
    for proxy in started:
        try:
            proxy.process.wait(5)
        except subprocess.TimeoutExpired:
            proxy.process.kill()
            proxy.process.wait()


class UpstreamThread:
    """A scripted upstream beside the test, on a loop of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.scripted = ScriptedUpstream()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.scripted.start(), self.loop).result(5)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.scripted.close(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    @property
    def base_url(self) -> str:
        return self.scripted.base_url

    @property
    def requests(self) -> list[Any]:
        """Every request that came, as benchmarks.mock.record tells it."""
        return self.scripted.requests

    def since(self, count: int) -> list[Any]:
        """The requests that came after the first `count`."""
        return self.scripted.requests[count:]


@pytest.fixture(scope="session")
def upstream_thread() -> Iterator[UpstreamThread]:
    thread = UpstreamThread()
    thread.start()
    yield thread
    thread.close()


@pytest.fixture
def upstream(upstream_thread: UpstreamThread) -> UpstreamThread:
    """The provider, with no request remembered."""
    upstream_thread.scripted.requests.clear()
    return upstream_thread
