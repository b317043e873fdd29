"""What a restart keeps: a whole proxy, stopped or killed, and started again on the same files."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.request import Request, urlopen

import orjson
import pytest

from proxy.cache.records import MAGIC

pytestmark = pytest.mark.loopback

CONFIG = """
[cache]
path = "{path}"
[local]
enabled = false
[[provider]]
name = "primary"
dialect = "openai"
base_url = "{upstream}"
key = "env:PRIMARY_KEY"
[[route]]
name = "alone-*"
targets = ["primary/*"]
"""
ENV = {"PRIMARY_KEY": "sk-primary-secret"}
SYNC_S = 1.5  # the disk is at most a second behind


def ask(proxy, text: str, *, stream: bool = False) -> tuple[str, str]:
    """How the cache took part, and the answer."""
    body = {
        "model": "alone-mock-t4-f0-i0",
        "messages": [{"role": "user", "content": text}],
        "stream": stream,
    }
    request = Request(
        f"{proxy.base_url}/chat/completions",
        data=orjson.dumps(body),
        headers={"content-type": "application/json"},
    )
    with urlopen(request, timeout=10) as reply:
        return reply.headers["x-firsttoken-cache"], reply.read().decode()


def entries(proxy) -> int:
    with urlopen(f"http://{proxy.host}:{proxy.port}/api/cache", timeout=10) as reply:
        return orjson.loads(reply.read())["entries"]


def wait_for_entries(proxy, count: int) -> None:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if entries(proxy) >= count:
            return
        time.sleep(0.02)
    raise AssertionError("what was kept was not read again")


@pytest.mark.parametrize("killed", [False, True])
def test_answers_survive(proxy_process, upstream, tmp_path: Path, killed: bool) -> None:
    config = CONFIG.format(path=tmp_path / "kept", upstream=upstream.base_url)
    first = proxy_process(config, env=ENV, fresh=True)
    asked = "Which city is the capital of France?"
    assert ask(first, asked)[0] == "miss"
    assert ask(first, "How do I sort a list in Rust?", stream=True)[0] == "miss"
    streamed = ask(first, "How do I sort a list in Rust?", stream=True)
    assert streamed[0] == "exact"
    if killed:
        time.sleep(SYNC_S)
        first.process.kill()
        first.process.wait()
    else:
        assert first.stop() == 0
    before = len(upstream.requests)
    second = proxy_process(config, env=ENV, fresh=True)
    wait_for_entries(second, 2)
    assert ask(second, "Tell me the capital of France")[0] == "semantic"
    assert ask(second, asked)[0] == "exact"
    assert ask(second, "How do I sort a list in Rust?", stream=True) == streamed
    assert not upstream.since(before)
    second.stop()


def test_a_foreign_file_is_set_aside_and_told(proxy_process, upstream, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "cache.log").write_bytes(b"SQLite format 3\x00 and more")
    config = CONFIG.format(path=kept, upstream=upstream.base_url)
    proxy = proxy_process(config, env=ENV, fresh=True)
    assert ask(proxy, "Hello there")[0] == "miss"
    assert ask(proxy, "Hello there")[0] == "exact"
    proxy.stop()
    assert "set aside" in proxy.output()
    assert (kept / "cache.log.damaged-1").read_bytes().startswith(b"SQLite")
    assert (kept / "cache.log").read_bytes().startswith(MAGIC)
