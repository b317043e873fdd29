"""More clients than there is room for: refused at once, and nobody inside notices."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import orjson
import pytest

from benchmarks.mock import ScriptedUpstream, expected_text
from proxy.downstream.door import connections
from tests.loopback.house import ask, parse, running
from tests.loopback.systemd import Systemd
from tests.loopback.test_service import CONFIG

pytestmark = pytest.mark.loopback

LINE = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(("descriptors", "clients"), [(64, 20), (1024, 480), (20_000, 9_375)])
def test_every_client_has_a_descriptor_for_its_provider(descriptors: int, clients: int) -> None:
    assert connections(descriptors) == clients


async def test_one_too_many_is_told_so() -> None:
    async with running() as house:
        house.app.house.limits = replace(house.app.house.limits, connections=2)
        inside = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99999\r\n\r\n" * 9)
        async with asyncio.timeout(3):
            reply = parse(await reader.read())
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert orjson.loads(reply.body)["error"]["code"] == "overloaded"
        writer.close()
        inside[0][1].close()
        await asyncio.sleep(0.05)
        assert (await ask(house.port, "alone-mock-t1-f0-i0", stream=False)).status == 200
        inside[1][1].close()
        assert house.app.house.turned_away == 1


async def test_who_does_not_leave_is_shown_out() -> None:
    async with running() as house:
        house.app.house.limits = replace(house.app.house.limits, connections=0)
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        async with asyncio.timeout(3):
            assert b"503" in await reader.read()
            while house.app.house._full:
                await asyncio.sleep(0.05)
        writer.close()


async def test_late_loops_let_in_less() -> None:
    async with running(server="max_lag_ms = 20") as house:
        gate = house.app.house.admission
        loop = asyncio.get_running_loop()

        def block() -> None:
            end = loop.time() + 0.06
            while loop.time() < end:
                pass
            loop.call_later(0.0, block)

        block()
        async with asyncio.timeout(5):
            while not gate.overloaded:
                await asyncio.sleep(0)
        assert gate.limit < 100


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


async def test_without_descriptors_it_neither_spins_nor_drops(tmp_path) -> None:
    async with ScriptedUpstream() as upstream:
        file = tmp_path / "firsttoken.toml"
        file.write_text(CONFIG.format(url=upstream.base_url))
        async with Systemd(file, descriptors=64) as systemd:
            await systemd.start()
            streams = [
                asyncio.create_task(ask(systemd.port, "chat-mock-t30-f50-i50")) for _ in range(5)
            ]
            await asyncio.sleep(0.4)
            crowd = [await asyncio.open_connection("127.0.0.1", systemd.port) for _ in range(100)]
            await asyncio.sleep(0.1)
            before = cpu_seconds(systemd.process.pid)
            await asyncio.sleep(1.0)
            assert cpu_seconds(systemd.process.pid) - before < 0.5
            assert {one.text for one in await asyncio.gather(*streams)} == {
                expected_text("mock-t30-f50-i50")
            }
            for _, writer in crowd:
                writer.close()
            async with asyncio.timeout(5):
                while (await ask(systemd.port, "chat-mock-t1-f0-i0", stream=False)).status != 200:
                    await asyncio.sleep(0.05)
            assert await systemd.stop() == 0
            assert "Traceback" not in systemd.log.read_text()
