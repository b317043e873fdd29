"""As a service: started on an inherited socket, watched, reloaded and restarted under load."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from benchmarks.mock import ScriptedUpstream, expected_text
from tests.loopback.house import ask
from tests.loopback.load import SHORT, Load
from tests.loopback.systemd import Systemd, lives

pytestmark = pytest.mark.loopback

CONFIG = """
[server]
drain_seconds = 20
[cache]
enabled = false
[local]
enabled = false
[[provider]]
name = "p"
dialect = "openai"
base_url = "{url}"
[[route]]
name = "chat-*"
targets = ["p/*"]
"""


@pytest.fixture
async def service(tmp_path):
    async with ScriptedUpstream() as upstream:
        file = tmp_path / "firsttoken.toml"
        file.write_text(CONFIG.format(url=upstream.base_url))
        async with Systemd(file, watchdog_s=0.4) as systemd:
            yield systemd


async def test_restarts_under_load_lose_nothing(service: Systemd) -> None:
    await service.start()
    async with Load(service.port, streams=10, per_second=40) as load:
        for _ in range(3):
            await asyncio.sleep(0.3)
            assert await service.stop() == 0
            await service.start()
        await asyncio.sleep(0.3)
    load.check()
    assert len(load.replies) > 60
    assert await service.stop() == 0


async def test_reloads_under_load_lose_nothing(service: Systemd) -> None:
    await service.start()
    async with Load(service.port, streams=10, per_second=40) as load:
        for _ in range(5):
            await asyncio.sleep(0.1)
            service.process.send_signal(signal.SIGHUP)
            await service.heard("READY=1")
    load.check()
    assert await service.stop() == 0


async def test_the_watchdog_is_fed_by_the_loop(service: Systemd) -> None:
    await service.start()
    for _ in range(3):
        await service.heard("WATCHDOG=1", 1.0)
    service.process.send_signal(signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        for _ in range(4):
            await service.heard("WATCHDOG=1", 0.5)
    service.process.send_signal(signal.SIGCONT)
    await service.heard("WATCHDOG=1", 1.0)
    assert await service.stop() == 0
    await service.heard("STOPPING=1")


async def test_a_saved_file_is_read_and_a_broken_one_is_not(service: Systemd) -> None:
    await service.start()
    text = service.config.read_text()
    service.config.write_text("port = [broken")
    await asyncio.sleep(2.5)
    assert (await ask(service.port, SHORT, stream=False)).status == 200
    assert "configuration refused" in service.log.read_text()
    service.config.write_text(text.replace("chat-*", "talk-*"))
    async with asyncio.timeout(5):
        while (await ask(service.port, "talk-mock-t1-f0-i0", stream=False)).status != 200:
            await asyncio.sleep(0.1)
    assert (await ask(service.port, SHORT, stream=False)).status == 404
    assert await service.stop() == 0


async def test_it_is_not_ready_from_the_signal_on(service: Systemd) -> None:
    await service.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"GET /health?ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 200 " in await reader.readuntil(b"\r\n")
    await reader.readuntil(b'"ready"}')
    stream = asyncio.create_task(ask(service.port, "chat-mock-t20-f50-i50"))
    await asyncio.sleep(0.3)
    service.process.terminate()
    await service.heard("STOPPING=1")
    writer.write(b"GET /health?ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 503 " in await reader.readuntil(b"\r\n")
    writer.close()
    assert (await stream).text == expected_text("mock-t20-f50-i50")
    assert await service.process.wait() == 0


async def test_asked_twice_it_ends_the_answers(service: Systemd) -> None:
    await service.start()
    stream = asyncio.create_task(ask(service.port, "chat-mock-t100000-f0-i50"))
    await asyncio.sleep(0.3)
    service.process.terminate()
    await service.heard("STOPPING=1")
    service.process.send_signal(signal.SIGINT)
    async with asyncio.timeout(5):
        assert (await stream).error["code"] == "shutting_down"
        assert await service.process.wait() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_successor_takes_over_under_load(service: Systemd, workers: str) -> None:
    await service.start("--workers", workers)
    pids = [service.process.pid]
    async with Load(service.port, streams=8, per_second=30) as load:
        await asyncio.sleep(0.4)
        pids.append(await service.upgrade())
        await asyncio.sleep(0.4)
    load.check()
    assert len(load.replies) > 20
    assert "handed over" in service.log.read_text()
    os.kill(pids[1], signal.SIGTERM)
    async with asyncio.timeout(10):
        while lives(pids[1]):
            await asyncio.sleep(0.05)


async def test_a_successor_that_cannot_start_changes_nothing(service: Systemd) -> None:
    await service.start()
    good = service.config.read_text()
    service.config.write_text("nonsense = 1\n")
    service.process.send_signal(signal.SIGUSR2)
    async with asyncio.timeout(10):
        while "the successor did not start" not in service.log.read_text():
            await asyncio.sleep(0.05)
    service.config.write_text(good)
    assert (await ask(service.port, SHORT, stream=False)).status == 200
    assert await service.stop() == 0
