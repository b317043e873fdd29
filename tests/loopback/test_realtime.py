"""WebSockets through the proxy: messages both ways, closes with their codes."""

from __future__ import annotations

import asyncio

import aiohttp
import orjson
import pytest
from aiohttp import WSMsgType, web

from tests.loopback.provider import SECRET, relaying
from tests.waiting import until

pytestmark = pytest.mark.loopback

AUTH = '[[auth.key]]\nname = "t"\nkey = "env:CLIENT_KEY"\nroutes = ["two"]\n'
USAGE = {"input_tokens": 10, "output_tokens": 5, "input_token_details": {"cached_tokens": 2}}


async def talk(request, provider):
    """Echoes; does what some words say."""
    await provider.remember(request)
    socket = web.WebSocketResponse(protocols=("realtime",))
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        elif message.data == "bye":
            await socket.close(code=4001, message=b"over and out")
        elif message.data == "die":
            request.transport.abort()
        elif message.data == "use":
            done = {"type": "response.done", "response": {"usage": USAGE}}
            await socket.send_str(orjson.dumps(done).decode())
        elif message.data == "flood":
            provider.sent = 0
            for _ in range(600):
                await socket.send_bytes(b"x" * 100_000)
                provider.sent += 100_000
        else:
            await socket.send_str(message.data)
    provider.closed = socket.close_code
    return socket


async def test_messages_and_closes_pass_both_ways() -> None:
    async with relaying(talk) as house:
        headers = {"Authorization": "Bearer sk-mine", "OpenAI-Beta": "realtime=v1"}
        async with house.client.ws_connect(
            "/v1/realtime?model=one&x=1", headers=headers, protocols=("realtime", "other")
        ) as socket:
            assert socket.protocol == "realtime"
            head = socket._response.headers
            assert head["x-firsttoken-provider"] == "primary"
            assert head["x-request-id"]
            await socket.send_str("grüß dich")
            assert await socket.receive_str() == "grüß dich"
            data = bytes(range(256)) * 4000
            await socket.send_bytes(data)
            assert await socket.receive_bytes() == data
            for _ in range(2):
                await socket.send_str("use")
                assert orjson.loads(await socket.receive_str())["type"] == "response.done"
            await socket.send_str("bye")
            message = await socket.receive()
            assert (message.type, message.data, message.extra) == (
                WSMsgType.CLOSE, 4001, "over and out",
            )  # fmt: skip
        (seen,) = house.primary.seen
        assert seen.path == "/v1/realtime?model=real-model&x=1"
        assert seen.headers["authorization"] == f"Bearer {SECRET}"
        assert seen.headers["openai-beta"] == "realtime=v1"
        assert seen.headers["sec-websocket-protocol"] == "realtime,other"
        row = await house.row()
        assert (row.outcome, row.status, row.provider) == ("ok", 101, "primary")
        assert (row.prompt, row.completion) == (20, 10)


@pytest.mark.parametrize(("code", "told"), [(1000, 1000), (4002, 4002), (1001, 1001)])
async def test_the_provider_hears_the_client_s_close(code: int, told: int) -> None:
    async with relaying(talk) as house:
        async with house.client.ws_connect("/v1/realtime?model=one") as socket:
            await socket.close(code=code)
        assert await until(lambda: house.primary.closed == told)


async def test_a_client_that_vanishes_takes_its_socket_with_it() -> None:
    async with relaying(talk) as house:
        async with aiohttp.ClientSession() as other:
            host, port = house.app.address
            socket = await other.ws_connect(f"http://{host}:{port}/v1/realtime?model=one")
            socket._response.connection.transport.abort()
            await socket.receive()
        assert await until(lambda: house.primary.closed == 1001)
        assert (await house.row()).outcome == "cancelled"


async def test_a_provider_that_vanishes_is_told_as_an_error() -> None:
    async with relaying(talk) as house:
        async with house.client.ws_connect("/v1/realtime?model=one") as socket:
            await socket.send_str("die")
            message = await socket.receive()
            assert (message.type, message.data) == (WSMsgType.CLOSE, 1011)
        assert (await house.row()).outcome == "broken"


async def test_the_next_target_is_asked_before_the_client_hears_anything() -> None:
    async def refuse(request, provider):
        return web.Response(status=401, text="bad key")

    async with relaying(refuse, talk) as house:
        async with house.client.ws_connect("/v1/realtime?model=two") as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "hello"
            assert socket._response.headers["x-firsttoken-provider"] == "backup"
            await socket.close()
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await house.client.ws_connect("/v1/realtime?model=one")
        assert caught.value.status == 502


async def test_who_may_connect() -> None:
    async with relaying(talk, auth=AUTH) as house:
        for protocols, path, status in (
            ((), "/v1/realtime?model=two", 401),
            (("openai-insecure-api-key.no",), "/v1/realtime?model=two", 401),
            (("openai-insecure-api-key.sk-client-1",), "/v1/realtime?model=one", 403),
            (("openai-insecure-api-key.sk-client-1",), "/v1/realtime", 403),
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await house.client.ws_connect(path, protocols=protocols)
            assert caught.value.status == status
        offered = ("realtime", "openai-insecure-api-key.sk-client-1")
        async with house.client.ws_connect("/v1/realtime?model=two", protocols=offered) as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "hello"
        (seen,) = house.primary.seen
        assert seen.headers["sec-websocket-protocol"] == "realtime"


async def test_what_is_no_websocket_is_told_so() -> None:
    async with relaying(talk) as house, house.client.get("/v1/realtime?model=one") as answer:
        assert answer.status == 426
        assert (await answer.json())["error"]["code"] == "upgrade_required"


async def test_a_client_that_reads_slowly_slows_the_provider() -> None:
    async with (
        relaying(talk) as house,
        house.client.ws_connect("/v1/realtime?model=one", max_msg_size=0) as socket,
    ):
        await socket.send_str("flood")
        await asyncio.sleep(0.7)
        assert house.primary.sent < 40_000_000  # of 60 MB; what was sent lies in the kernel
        for _ in range(600):
            assert len(await socket.receive_bytes()) == 100_000


async def test_a_shutdown_ends_open_sockets() -> None:
    async with (
        relaying(talk) as house,
        house.client.ws_connect("/v1/realtime?model=one") as socket,
    ):
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"
        house.app.house.limits = type(house.app.house.limits)(drain_s=0.1)
        closing = asyncio.create_task(house.app.house.close())
        message = await socket.receive(timeout=3)
        assert message.type is WSMsgType.CLOSE
        assert message.data == 1001
        await closing
