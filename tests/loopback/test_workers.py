"""Several processes on one port: they answer, die, reload and end as one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from pathlib import Path

import orjson
import pytest

from benchmarks.mock import ScriptedUpstream, expected_text
from tests.conftest import ProxyProcess
from tests.loopback.house import Reply, ask, parse
from tests.loopback.systemd import Systemd, lives
from tests.loopback.test_service import CONFIG, Load
from tests.waiting import until

pytestmark = pytest.mark.loopback

WORKERS = 3
SHORT = "chat-mock-t1-f0-i0"


@pytest.fixture
async def upstream_here():
    async with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def many(proxy_process, upstream_here) -> ProxyProcess:
    text = CONFIG.format(url=upstream_here.base_url)
    return proxy_process(text.replace("[server]", f"[server]\nworkers = {WORKERS}"), fresh=True)


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


async def fetch(port: int, path: str, body: object = None, accept: str = "*/*") -> Reply:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = b"" if body is None else orjson.dumps(body)
    method = b"GET" if body is None else b"POST"
    writer.write(
        b"%b %b HTTP/1.1\r\nHost: localhost\r\nAccept: %b\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%b"
        % (method, path.encode(), accept.encode(), len(data), data)
    )
    async with asyncio.timeout(10):
        raw = await reader.read()
    writer.close()
    return parse(raw)


async def test_metrics_tell_of_all(many: ProxyProcess) -> None:
    replies = await asyncio.gather(*(ask(many.port, SHORT, stream=False) for _ in range(60)))
    assert {one.status for one in replies} == {200}
    ids = {one.headers["x-request-id"] for one in replies}
    assert len(ids) == 60
    assert len({one[:16] for one in ids}) == WORKERS, "every worker had some"
    for _ in range(4):  # whoever answers
        counts = orjson.loads((await fetch(many.port, "/metrics", accept="application/json")).body)
        assert counts["requests"] == {"total": 60, "success": 60, "failed": 0}
    text = (await fetch(many.port, "/metrics")).body.decode()
    totals = [line for line in text.splitlines() if line.startswith("firsttoken_requests_total{")]
    assert sum(float(line.rpartition(" ")[2]) for line in totals) == 60
    assert f"firsttoken_processes {WORKERS}.0" in text
    assert text.count("# TYPE firsttoken_requests_total counter") == 1
    assert text.count("# TYPE firsttoken_cache_misses_total counter") == 1


async def test_what_the_admin_changes_changes_everywhere(proxy_process) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        nowhere = f"http://127.0.0.1:{sock.getsockname()[1]}"
    text = CONFIG.format(url=nowhere).replace("[server]", f"[server]\nworkers = {WORKERS}")
    many = proxy_process(text, fresh=True)
    replies = await asyncio.gather(*(ask(many.port, SHORT, stream=False) for _ in range(60)))
    assert {one.status for one in replies} <= {502, 503}
    (row,) = orjson.loads((await fetch(many.port, "/api/breakers")).body).values()
    assert row["state"] == "OPEN"
    assert row["processes"] == ["OPEN"] * WORKERS
    await fetch(many.port, "/api/breakers/reset", {})
    for _ in range(WORKERS * 3):
        left = orjson.loads((await fetch(many.port, "/api/breakers")).body)
        assert not any(one["state"] == "OPEN" for one in left.values())


async def test_what_one_keeps_the_others_find(proxy_process, upstream_here) -> None:
    text = CONFIG.format(url=upstream_here.base_url).replace("enabled = false", "enabled = true", 1)
    many = proxy_process(text.replace("[server]", f"[server]\nworkers = {WORKERS}"), fresh=True)
    await ask(many.port, SHORT, stream=False, temperature=0)
    found = []
    async with asyncio.timeout(10):
        while not found:
            told = orjson.loads((await fetch(many.port, "/api/cache/entries")).body)
            found = told.get("entries") or told.get("data") or []
    path = f"/api/cache/entries/{found[0]['id']}"
    assert {(await fetch(many.port, path)).status for _ in range(WORKERS * 3)} == {200}
    assert (await fetch(many.port, f"{path}0")).status == 404
    assert orjson.loads((await fetch(many.port, "/api/cache")).body)["entries"] == 1
    assert orjson.loads((await fetch(many.port, "/api/cache/invalidate", {})).body) == {
        "invalidated": 1
    }
    assert (await fetch(many.port, path)).status == 404


async def test_one_is_killed_and_the_others_go_on(many: ProxyProcess) -> None:
    workers = children(many.pid)
    assert len(workers) == WORKERS
    streams = [asyncio.create_task(ask(many.port, "chat-mock-t30-f50-i50")) for _ in range(24)]
    await asyncio.sleep(0.6)
    os.kill(workers[0], signal.SIGKILL)
    slowest = 0.0
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        began = time.monotonic()
        assert (await ask(many.port, SHORT, stream=False)).status == 200
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 1.0, "0.5 s on an idle machine"
    replies = await asyncio.gather(*streams)
    whole = [one for one in replies if one.text == expected_text("mock-t30-f50-i50")]
    assert len(whole) >= 8
    assert all(one.cut for one in replies if one not in whole), "a broken answer looks broken"
    fresh = children(many.pid)
    assert len(fresh) == WORKERS
    assert workers[0] not in fresh
    assert set(workers[1:]) <= set(fresh)
    assert "SIGKILL): replaced" in many.output()


async def test_one_that_hangs_is_killed_and_replaced(proxy_process, upstream_here) -> None:
    text = CONFIG.format(url=upstream_here.base_url)
    server = f"[server]\nworkers = {WORKERS}\nhang_seconds = 2"
    many = proxy_process(text.replace("[server]", server), fresh=True)
    workers = children(many.pid)
    os.kill(workers[0], signal.SIGSTOP)
    async with asyncio.timeout(20):
        while lives(workers[0]):
            await asyncio.sleep(0.1)
        while len(children(many.pid)) < WORKERS:
            await asyncio.sleep(0.1)
    assert "hangs: killed" in many.output()
    assert set(workers[1:]) <= set(children(many.pid))
    for _ in range(WORKERS * 4):
        assert (await ask(many.port, SHORT, stream=False)).status == 200


async def test_what_each_keeps_and_is_allowed_is_told_as_one(proxy_process, upstream_here) -> None:
    text = CONFIG.format(url=upstream_here.base_url).replace("enabled = false", "enabled = true", 1)
    text += '[auth]\n[[auth.key]]\nname = "k"\nkey = "env:K"\nrequests_per_minute = 300\n'
    text = text.replace("[server]", f"[server]\nworkers = {WORKERS}\nanonymous = true")
    many = proxy_process(text, env={"K": "caller-key"}, fresh=True)
    asked = [ask(many.port, SHORT, stream=False, temperature=0, text=str(n)) for n in range(30)]
    assert {one.status for one in await asyncio.gather(*asked)} == {200}
    for _ in range(3):
        (row,) = orjson.loads((await fetch(many.port, "/api/limits")).body)["limits"]
        assert row["limit"] == 300
    shown: dict[str, object] = {}
    after = ""
    async with asyncio.timeout(10):
        while after is not None:
            path = f"/api/cache/entries?limit=4{'&after=' + after if after else ''}"
            page = orjson.loads((await fetch(many.port, path)).body)
            shown |= {row["id"]: row for row in page["entries"]}
            after = page["next"]
    assert len(shown) == 30


async def test_a_drain_ends_every_worker(many: ProxyProcess) -> None:
    streams = [asyncio.create_task(ask(many.port, "chat-mock-t20-f50-i50")) for _ in range(20)]
    await asyncio.sleep(0.4)
    os.kill(many.pid, signal.SIGTERM)
    assert {one.text for one in await asyncio.gather(*streams)} == {
        expected_text("mock-t20-f50-i50")
    }
    assert await asyncio.to_thread(many.stop) == 0


async def test_a_reload_reaches_every_worker(many: ProxyProcess) -> None:
    file = many.log.parent / "firsttoken.toml"
    file.write_text(file.read_text().replace("chat-*", "talk-*"))
    os.kill(many.pid, signal.SIGHUP)
    await asyncio.sleep(0.5)
    for _ in range(12):
        assert (await ask(many.port, "talk-mock-t1-f0-i0", stream=False)).status == 200
        assert (await ask(many.port, SHORT, stream=False)).status == 404
    os.kill(children(many.pid)[1], signal.SIGKILL)
    await asyncio.sleep(0.6)
    for _ in range(12):
        assert (await ask(many.port, "talk-mock-t1-f0-i0", stream=False)).status == 200
    file.write_text("[server]\nworkers = 1\nnonsense = 1\n")
    os.kill(many.pid, signal.SIGHUP)
    await asyncio.sleep(0.3)
    assert "configuration refused" in many.output()
    assert (await ask(many.port, "talk-mock-t1-f0-i0", stream=False)).status == 200


async def test_workers_end_with_their_supervisor(many: ProxyProcess) -> None:
    workers = children(many.pid)
    os.kill(many.pid, signal.SIGKILL)
    assert await until(lambda: not any(map(lives, workers)), 5)


def test_a_taken_port_is_said(proxy_process) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        taken = sock.getsockname()[1]
        with pytest.raises(RuntimeError, match=rf"(?s)ended with 1:.*cannot listen on .*:{taken}"):
            proxy_process(f"[server]\nworkers = 2\nport = {taken}\n", fresh=True)


async def test_an_inherited_socket_is_shared(tmp_path, upstream_here) -> None:
    file = tmp_path / "firsttoken.toml"
    file.write_text(CONFIG.format(url=upstream_here.base_url))
    async with Systemd(file, watchdog_s=0.4) as systemd:
        await systemd.start("--workers", "2")
        async with Load(systemd.port, streams=6, per_second=30) as load:
            await asyncio.sleep(0.5)
            assert await systemd.stop() == 0
            await systemd.start("--workers", "2")
            await systemd.heard("WATCHDOG=1")
            await asyncio.sleep(0.3)
        load.check()
        assert await systemd.stop() == 0
