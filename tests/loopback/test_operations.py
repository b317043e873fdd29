"""What an operator relies on: draining, reloading, TLS, IPv6, back-pressure, forward proxies."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import ssl
from contextlib import asynccontextmanager

import aiohttp
import pytest
import trustme

from benchmarks.mock import ScriptedUpstream, expected_text
from proxy import config
from proxy.app import App
from proxy.life import Life
from proxy.service import Manager
from tests.loopback.house import ask, running
from tests.waiting import until

pytestmark = pytest.mark.loopback

MODEL = "mock-t4-f0-i0"


async def stream(port: int, model: str, host: str = "127.0.0.1"):
    reader, writer = await asyncio.open_connection(host, port)
    body = b'{"model":"%b","stream":true,"messages":[{"role":"user","content":"x"}]}'
    body %= model.encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"
        % (len(body), body)
    )
    return reader, writer


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_a_drain_lets_open_answers_end(lane: str) -> None:
    async with running(lane=lane) as house:
        asked = [asyncio.create_task(ask(house.port, "alone-mock-t20-f50-i20")) for _ in range(10)]
        assert await until(lambda: len(house.primary.requests) == 10)
        closing = asyncio.create_task(house.app.house.close())
        assert await until(lambda: house.app.house.draining)
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await asyncio.open_connection("127.0.0.1", house.port)
        replies = await asyncio.gather(*asked)
        await closing
    assert {reply.text for reply in replies} == {expected_text("mock-t20-f50-i20")}


@pytest.mark.parametrize("lane", ["fast", "aiohttp"])
async def test_a_drain_that_takes_too_long_says_so(lane: str) -> None:
    async with running(lane=lane, server="drain_seconds = 0.3") as house:
        asked = asyncio.create_task(ask(house.port, "alone-mock-t100000-f0-i20"))
        assert await until(lambda: house.primary.open_requests)
        await house.app.house.close()
        reply = await asked
    assert reply.error["code"] == "shutting_down"
    assert b"[DONE]" not in reply.body


async def config_up(port: int) -> str:
    url = f"http://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        found = re.search(r"(?m)^firsttoken_config_up (.+)$", await answer.text())
    assert found is not None
    return found[1]


async def test_a_file_that_is_gone_is_told_once_and_its_configuration_stays(
    tmp_path, caplog, monkeypatch
) -> None:
    monkeypatch.setattr("proxy.life.LOOK_SECONDS", 0.01)
    file = tmp_path / "firsttoken.toml"
    text = '[server]\nport = 0\nlog = "off"\n[local]\nenabled = false\n'
    file.write_text(text)
    app = App(config.load(str(file), {}), {})
    _, port = await app.open()
    life = asyncio.create_task(Life(app, Manager({})).run())
    caplog.set_level("INFO", "firsttoken")
    try:
        file.unlink()
        gone = f"{file} is gone: its configuration stays in force"
        assert await until(lambda: gone in caplog.messages)
        assert await config_up(port) == "0.0"
        await asyncio.sleep(0.1)
        file.write_text(text)
        assert await until(lambda: f"configuration reloaded from {file}" in caplog.messages)
        assert await config_up(port) == "1.0"
        assert caplog.messages.count(gone) == 1
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await life


async def test_a_reload_keeps_running_streams_and_serves_the_new_routes(tmp_path) -> None:
    async with ScriptedUpstream() as upstream:
        file = tmp_path / "firsttoken.toml"
        text = (
            '[server]\nport = 0\nlog = "off"\n[local]\nenabled = false\n'
            f'[[provider]]\nname = "p"\ndialect = "openai"\nbase_url = "{upstream.base_url}"\n'
            '[[route]]\nname = "old"\ntargets = ["p/mock-t20-f0-i20"]\n'
        )
        file.write_text(text)
        app = App(config.load(str(file), {}), {})
        _, port = await app.open()
        running_stream = asyncio.create_task(ask(port, "old"))
        assert await until(lambda: upstream.requests)
        file.write_text(text.replace('"old"', '"new"'))
        app.reload()
        assert (await ask(port, "new", stream=False)).status == 200
        assert (await ask(port, "old", stream=False)).status == 404
        assert await config_up(port) == "1.0"
        file.write_text("port = [broken")
        assert await config_up(port) == "0.0"
        app.reload()
        assert (await ask(port, "new", stream=False)).status == 200
        assert await config_up(port) == "0.0"
        assert (await running_stream).text == expected_text("mock-t20-f0-i20")
        await app.close()


async def test_a_reload_changes_the_cache_and_tells_what_needs_a_restart(tmp_path, caplog) -> None:
    file = tmp_path / "firsttoken.toml"
    text = '[server]\nport = 0\nlog = "off"\n[local]\nenabled = false\n[cache]\n'
    file.write_text(text)
    app = App(config.load(str(file), {}), {})
    await app.open()
    cache = app.memory.cache
    caplog.set_level("WARNING", "firsttoken")
    try:
        file.write_text(text + "ttl_seconds = 5\nmax_bytes = 9000000\nmax_error_rate = 0.02\n")
        app.reload()
        assert (cache.exact.ttl, cache.exact.max_bytes) == (5.0, 9_000_000)
        assert cache.verified.trust is not None
        learned = cache.verified.trust
        assert caplog.messages == []
        file.write_text(
            text.replace("port = 0", "port = 1")
            + f'enabled = false\nmax_error_rate = 0.01\npath = "{tmp_path}/kept"\n'
        )
        app.reload()
        assert not cache.settings.enabled
        assert cache.verified.trust is learned
        assert learned.max_error_rate == 0.01
        told = "a restart is needed for what changed in [server] port, [cache] path"
        assert caplog.messages == [told]
        file.write_text(text)
        app.reload()
        assert cache.settings.enabled
        assert cache.verified.trust is None
    finally:
        await app.close()


async def test_a_cache_that_was_off_at_the_start_stays_off(tmp_path, caplog) -> None:
    file = tmp_path / "firsttoken.toml"
    text = '[server]\nport = 0\nlog = "off"\n[local]\nenabled = false\n[cache]\nenabled = '
    file.write_text(text + "false\n")
    app = App(config.load(str(file), {}), {})
    await app.open()
    try:
        file.write_text(text + "true\n")
        app.reload()
        assert not app.memory.cache.settings.enabled
        assert "a restart is needed for what changed in [cache] enabled" in caplog.messages
    finally:
        await app.close()


async def pump(reader, writer) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (OSError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def join(reader, writer, port: int) -> None:
    """Both ways between a client's connection and a port, until either end closes."""
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))


@asynccontextmanager
async def tls_in_front_of(port: int, authority: trustme.CA, name: str):
    """A TLS terminator on loopback, as nginx would be one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    async def serve(reader, writer) -> None:
        await join(reader, writer, port)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.1)  # for the handlers to see their connections end


TLS = """
[server]
port = 0
log = "off"
[local]
enabled = false
[[provider]]
name = "p"
dialect = "openai"
base_url = "https://localhost:{port}/v1"
{ca}
[[route]]
name = "chat"
targets = ["p/mock-t4-f0-i0"]
first_token_ms = 2000
"""


@pytest.mark.parametrize(("name", "trusted", "status"),
                         [("localhost", True, 200), ("localhost", False, 502),
                          ("other.example", True, 502)])  # fmt: skip
async def test_tls_upstreams_are_checked(name: str, trusted: bool, status: int, tmp_path) -> None:
    authority = trustme.CA()
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    async with (
        ScriptedUpstream() as upstream,
        tls_in_front_of(upstream.port, authority, name) as port,
    ):
        text = TLS.format(port=port, ca=f'ca_file = "{pem}"' if trusted else "")
        app = App(config.parse(text, "test", {}), {})
        _, listening = await app.open()
        for _ in range(3):
            reply = await ask(listening, "chat")
            assert reply.status == status
            if status == 200:
                assert reply.text == expected_text(MODEL)
        if status == 200:
            assert upstream.totals.connections == 1, "the TLS connection is kept"
        await app.close()


async def test_a_forward_proxy_is_used_for_the_tunnel(tmp_path) -> None:
    authority = trustme.CA()
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    tunnels: list[bytes] = []
    async with (
        ScriptedUpstream() as upstream,
        tls_in_front_of(upstream.port, authority, "localhost") as port,
    ):

        async def connect(reader, writer) -> None:
            tunnels.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await join(reader, writer, port)

        forward = await asyncio.start_server(connect, "127.0.0.1", 0)
        way = f"http://127.0.0.1:{forward.sockets[0].getsockname()[1]}"
        text = TLS.format(port=port, ca=f'ca_file = "{pem}"\nproxy = "{way}"')
        app = App(config.parse(text, "test", {}), {})
        _, listening = await app.open()
        reply = await ask(listening, "chat")
        assert (reply.status, reply.text) == (200, expected_text(MODEL))
        assert tunnels == [b"CONNECT localhost:%d HTTP/1.1" % port]
        await app.close()
        forward.close()


async def test_it_listens_on_ipv6() -> None:
    async with running(server='host = "::1"') as house:
        reader, writer = await stream(house.port, f"alone-{MODEL}", "::1")
        async with asyncio.timeout(5):
            assert b"200 OK" in await reader.readuntil(b"\r\n")
        writer.close()


async def test_a_client_that_does_not_read_stops_its_upstream() -> None:
    async with running() as house:
        reader, writer = await stream(house.port, "alone-mock-t100000-f0-i0-b2000")
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()
        await asyncio.sleep(1.0)
        (front,) = house.app.house.fronts
        assert front._transport.get_write_buffer_size() < 4 * 1024 * 1024
        assert not house.app.memory.tally.series, "the answer is not over"
        writer.transport.abort()


async def test_what_waits_for_the_client_is_told_to_go() -> None:
    async with running(server="head_seconds = 0.2\nbody_seconds = 0.2") as house:
        line = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
        for sent in (line, line + b"Content-Length: 9\r\n\r\n{"):
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
            writer.write(sent)
            async with asyncio.timeout(4):
                assert b" 408 " in await reader.read()
            writer.close()


async def test_many_pipelined_requests_are_answered_in_order() -> None:
    async with running() as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        body = b'{"model":"nothing-%d","messages":[{"role":"user","content":"x"}]}'
        for number in range(1000, 3000):
            data = body % number
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
                % (len(data), data)
            )
        seen = b""
        async with asyncio.timeout(10):
            while b"nothing-2999" not in seen:
                seen += await reader.read(1 << 20)
        places = [seen.index(b"nothing-%d" % number) for number in range(1000, 3000)]
        assert places == sorted(places)
        writer.close()
