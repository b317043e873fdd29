"""The catalogue's faults that nothing else covers: names, networks, bombs, frozen processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from contextlib import asynccontextmanager, closing
from pathlib import Path

import orjson
import pytest

from benchmarks.mock import ScriptedUpstream, expected_text
from proxy import config
from proxy.app import App
from tests.conftest import ROOT, ProxyProcess
from tests.loopback.house import ask, running
from tests.loopback.test_failover import AT_ONCE, AT_THE_DEADLINE, alt

pytestmark = pytest.mark.loopback

LANES = ["fast", "aiohttp"]
CONFIG = """
[server]
port = 0
log = "off"
[local]
enabled = false
[[provider]]
name = "odd"
dialect = "openai"
base_url = "{odd}"
connect_seconds = 0.4
[[provider]]
name = "backup"
dialect = "openai"
base_url = "{backup}"
[[route]]
name = "alone"
targets = ["odd/m"]
first_token_ms = 1500
[[route]]
name = "chat"
targets = ["odd/m", "backup/mock-t4-f0-i0"]
first_token_ms = 1500
"""


@asynccontextmanager
async def deaf():
    """A port whose queue of connections is full: a connect gets no answer."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        fillers = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(sock.getsockname())
            fillers.append(one)
        await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
        for one in fillers:
            one.close()


@asynccontextmanager
async def saying(scheme: str, words: bytes | None):
    """A server that says this to everybody, and then nothing."""

    async def meet(reader, writer) -> None:
        if words is not None:
            writer.write(words)
        await reader.read(1 << 20)
        await over.wait()
        writer.close()

    over = asyncio.Event()
    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        over.set()
        server.close()
        await asyncio.sleep(0.05)


@asynccontextmanager
async def nowhere():
    yield "http://no-such-host.invalid/v1"


PLACES = {
    "connect-timeout": deaf,
    "connect-silent": lambda: saying("http", None),
    "tls-hang": lambda: saying("https", None),
    "tls-garbage": lambda: saying("https", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "dns": nowhere,
}


@pytest.mark.parametrize("fault", sorted(PLACES))
async def test_a_provider_that_cannot_be_reached_is_replaced_or_told(fault: str) -> None:
    async with ScriptedUpstream(word="alt") as backup, PLACES[fault]() as odd:
        text = CONFIG.format(odd=odd, backup=backup.base_url)
        app = App(config.parse(text, "test", {}), {})
        _, port = await app.open()
        try:
            reply = await ask(port, "alone")
            assert reply.status in (502, 504), reply.body
            assert set(reply.error) == {"message", "type", "param", "code"}
            reply = await ask(port, "chat")
            assert (reply.status, reply.text) == (200, alt())
        finally:
            app.house.limits = type(app.house.limits)(drain_s=0.2)
            await app.close()


@pytest.mark.parametrize("lane", LANES)
async def test_no_fault_reaches_a_client_without_a_fallback(lane: str) -> None:
    faults = [*AT_ONCE, *AT_THE_DEADLINE, "200-truncated-json", "truncated-content-length"]
    async with running(lane=lane, deadline=400, route="answer_ms = 1000") as house:
        for stream in (True, False):
            replies = await asyncio.gather(
                *(ask(house.port, f"alone-fault-{fault}", stream=stream) for fault in faults)
            )
            for fault, reply in zip(faults, replies, strict=True):
                if not stream and fault in ("role-only", "comments-only", "done-only"):
                    continue  # of a stream only
                assert reply.status >= 400, (fault, stream, reply.status, reply.body[:200])
                assert set(reply.error) == {"message", "type", "param", "code"}, fault
                assert b"<html" not in reply.body, fault
                assert b"sk-primary-secret" not in reply.body, fault


async def test_a_cut_whole_answer_is_replaced() -> None:
    async with running() as house:
        for fault in ("200-truncated-json", "truncated-content-length"):
            reply = await ask(house.port, f"chat-fault-{fault}", stream=False)
            assert reply.status == 200
            assert orjson.loads(reply.body)["choices"][0]["message"]["content"] == alt()


@pytest.mark.parametrize(("fault", "kept"), [("429-date", True), ("429-rubbish", False)])
async def test_only_a_time_to_wait_is_passed_on(fault: str, kept: bool) -> None:
    async with running() as house:
        reply = await ask(house.port, f"alone-fault-{fault}")
        assert reply.status == 429
        assert ("retry-after" in reply.headers) is kept
        first = house.primary.requests[0].started_at
        soon = [one for one in house.primary.requests if one.started_at - first < 1.5]
        assert len(soon) <= 2


@pytest.mark.parametrize("fault", ["hop-headers", "accel-headers"])
@pytest.mark.parametrize("lane", LANES)
async def test_a_providers_header_lines_are_not_ours(fault: str, lane: str) -> None:
    async with running(lane=lane) as house:
        reply = await ask(house.port, f"alone-fault-{fault}")
        assert reply.text == expected_text(f"fault-{fault}")
        assert not {"set-cookie", "x-accel-redirect", "x-sendfile", "x-hop"} & reply.headers.keys()


@pytest.mark.parametrize("fault", ["invalid-utf8", "half-close"])
async def test_what_is_half_wrong_ends_and_leaves_the_process_alive(fault: str) -> None:
    async with running() as house:
        reply = await ask(house.port, f"alone-fault-{fault}")
        assert reply.status == 200
        assert reply.text or reply.error
        assert (await ask(house.port, "alone-mock-t1-f0-i0")).status == 200


BOMBS = """
[server]
port = 0
log = "off"
[local]
enabled = false
[cache]
enabled = false
[[provider]]
name = "mock"
dialect = "openai"
base_url = "{url}"
[[route]]
name = "bomb-*"
targets = ["mock/fault-*"]
first_token_ms = 5000
"""


@pytest.mark.parametrize("fault", ["huge-line", "gzip-bomb"])
async def test_a_bomb_is_ended_before_it_takes_the_memory(proxy_process, fault: str) -> None:
    async with ScriptedUpstream() as upstream:
        text = BOMBS.format(url=upstream.base_url).replace('log = "off"\n', "")
        proxy = proxy_process(text, fresh=True)
        await ask(proxy.port, "bomb-ok")
        before, most = proxy.rss_bytes(), 0
        asked = asyncio.create_task(ask(proxy.port, f"bomb-{fault}"))
        while not asked.done():
            most = max(most, proxy.rss_bytes())
            await asyncio.sleep(0.01)
        reply = await asked
        assert reply.status >= 400 or reply.error is not None or reply.cut
        assert most - before < 64 << 20
        assert (await ask(proxy.port, "bomb-ok")).status == 200
        proxy.stop()


async def test_a_frozen_process_loses_no_stream(proxy_process) -> None:
    async with ScriptedUpstream() as upstream:
        text = BOMBS.format(url=upstream.base_url).replace('log = "off"\n', "")
        text = text.replace("bomb-*", "mock-*").replace("fault-*", "mock-*")
        proxy = proxy_process(text, fresh=True)
        streams = [asyncio.create_task(ask(proxy.port, "mock-t30-f20-i30")) for _ in range(20)]
        await asyncio.sleep(0.3)
        os.kill(proxy.pid, signal.SIGSTOP)
        await asyncio.sleep(1.0)
        os.kill(proxy.pid, signal.SIGCONT)
        replies = await asyncio.gather(*streams)
        assert {one.text for one in replies} == {expected_text("mock-t30-f20-i30")}
        proxy.stop()


async def test_killed_outright_it_begins_again_with_what_it_had(proxy_process, tmp_path) -> None:
    async with ScriptedUpstream() as upstream:
        text = BOMBS.format(url=upstream.base_url).replace('log = "off"\n', "")
        text = text.replace("bomb-*", "mock-*").replace("fault-*", "mock-*")
        kept = f'[cache]\npath = "{tmp_path}/cache"\n[ledger]\npath = "{tmp_path}/ledger.db"\n'
        text = text.replace("[cache]\nenabled = false\n", kept)
        proxy = proxy_process(text, fresh=True)
        for number in range(20):
            await ask(proxy.port, "mock-t4-f0-i0", text=f"question {number}", temperature=0)
        async with asyncio.timeout(30):
            while (await _rows(proxy)) < 20:
                await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)  # the cache's disk is written once a second
        os.kill(proxy.pid, signal.SIGKILL)
        proxy.process.wait()
        again = proxy_process(text, fresh=True)
        status = 504
        async with asyncio.timeout(30):  # what was kept is read while it serves
            while status == 504:
                reply = await ask(
                    again.port, "mock-t4-f0-i0", control="only-if-cached", text="question 3",
                    temperature=0,
                )  # fmt: skip
                status = reply.status
        assert (status, reply.headers["x-firsttoken-cache"]) == (200, "exact")
        assert await _rows(again) >= 20
        again.stop()


async def _rows(proxy: ProxyProcess) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    head = b"GET /api/usage?by=model&days=2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    writer.write(head + b"\r\n")
    body = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    told = orjson.loads(body)
    return int(told["total"]["requests"]) if "total" in told else 0  # its ledger is being opened


async def test_a_clock_that_jumps_moves_only_stamps(proxy_process, tmp_path) -> None:
    """The wall clock goes ten days ahead and back, for a process that does not know better."""
    async with ScriptedUpstream() as upstream:
        text = BOMBS.format(url=upstream.base_url).replace('log = "off"\n', "")
        text = text.replace("bomb-*", "mock-*").replace("fault-*", "mock-*")
        kept = f'[cache]\npath = "{tmp_path}/cache"\n[ledger]\npath = "{tmp_path}/ledger.db"\n'
        text = text.replace("[cache]\nenabled = false\n", kept)
        (tmp_path / "sitecustomize.py").write_text(JUMPS)
        paths = f"{tmp_path}:{ROOT}"
        proxy = proxy_process(text, env={"PYTHONPATH": paths}, fresh=True)
        for number in range(30):
            reply = await ask(proxy.port, "mock-t4-f0-i0", text=f"question {number}", temperature=0)
            assert reply.text == expected_text("mock-t4-f0-i0")
            assert reply.seconds < 5
        found = await ask(proxy.port, "mock-t4-f0-i0", text="question 3", temperature=0)
        assert found.headers["x-firsttoken-cache"] == "exact"
        assert "Traceback" not in proxy.output()
        assert proxy.stop() == 0


JUMPS = """
import time
_time, _began = time.time, time.monotonic()


def jumping():
    days = (10, -10, 0)[int((time.monotonic() - _began) * 20) % 3]
    return _time() + days * 86400


time.time = jumping
"""


def test_a_file_system_without_room_costs_rows_and_entries_only(proxy_process, upstream) -> None:
    room = Path("/dev/full")
    assert room.exists()
    text = BOMBS.format(url=upstream.base_url).replace('log = "off"\n', "")
    kept = '[cache]\npath = "/proc/nothing"\n[ledger]\npath = "/proc/nothing/ledger.db"\n'
    proxy = proxy_process(text.replace("[cache]\nenabled = false\n", kept), fresh=True)
    for _ in range(5):
        assert asyncio.run(ask(proxy.port, "bomb-ok")).status == 200
    time.sleep(0.5)
    assert proxy.output().count("Traceback") == 0
    assert proxy.stop() == 0
