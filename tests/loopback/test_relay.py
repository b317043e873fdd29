"""Calls that are no completions: relayed byte for byte, with the target's model and our key."""

from __future__ import annotations

import asyncio
import gzip
import io
import os

import aiohttp
import orjson
import pytest
from aiohttp import web

from tests.loopback.provider import SECRET, relaying
from tests.waiting import until

pytestmark = pytest.mark.loopback

AUTH = '[[auth.key]]\nname = "t"\nkey = "env:CLIENT_KEY"\nroutes = ["two"]\n'


def large(body):
    """A request's arguments: aiohttp wants large bodies as files."""
    return {
        "data": io.BytesIO(orjson.dumps(body)),
        "headers": {"Content-Type": "application/json"},
    }


async def test_json_goes_to_the_model_s_target_and_the_answer_comes_back_as_it_is() -> None:
    audio = os.urandom(300_000)

    async def speak(request, provider):
        await provider.remember(request)
        return web.Response(body=audio, content_type="audio/mpeg", headers={"Set-Cookie": "a=1"})

    async with relaying(speak) as house:
        given = {"model": "one", "input": "hello", "speed": 1.5, "firsttoken": {"tags": ["x"]}}
        use = {"x-firsttoken-use-case": "reading"}
        async with house.client.post("/v1/audio/speech", json=given, headers=use) as answer:
            assert answer.status == 200
            assert await answer.read() == audio
            assert answer.headers["content-type"] == "audio/mpeg"
            assert answer.headers["content-length"] == str(len(audio))
            assert answer.headers["x-firsttoken-provider"] == "primary"
            assert answer.headers["x-firsttoken-route"] == "one"
            assert answer.headers["x-firsttoken-attempts"] == "1"
            assert answer.headers["x-request-id"].startswith("req_")
            assert "set-cookie" not in answer.headers
        (seen,) = house.primary.seen
        assert seen.path == "/v1/audio/speech"
        assert seen.json == {"model": "real-model", "input": "hello", "speed": 1.5}
        row = await house.row()
        assert (row.provider, row.model, row.route, row.outcome, row.status) == (
            "primary", "real-model", "one", "ok", 200,
        )  # fmt: skip
        assert (row.tags, row.task_type) == (("x",), "reading")


async def test_only_known_header_lines_pass() -> None:
    sent = {
        "Authorization": "Bearer sk-client-secret",
        "x-api-key": "sk-client-secret",
        "Cookie": "a=1",
        "X-Forwarded-For": "10.0.0.1",
        "Proxy-Authorization": "Basic eA==",
        "OpenAI-Organization": "org-x",
        "OpenAI-Beta": "assistants=v2",
        "Range": "bytes=0-1",
        "Accept-Encoding": "gzip",
        "User-Agent": "spy/1",
    }
    async with relaying() as house:
        async with house.client.get(
            "/v1/files/f-1/content?key=sk-client-secret&x=%261", headers=sent
        ):
            pass
        (seen,) = house.primary.seen
    assert seen.path == "/v1/files/f-1/content?x=%261"
    assert {name: seen.headers.get(name) for name in seen.headers} == {
        "host": f"127.0.0.1:{house.primary.port}",
        "authorization": f"Bearer {SECRET}",
        "user-agent": "firsttoken",
        "accept": "*/*",
        "accept-encoding": "gzip",
        "openai-beta": "assistants=v2",
        "range": "bytes=0-1",
    }


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "POST", "HEAD", "OPTIONS"])
async def test_every_method_passes_with_the_first_provider_where_no_model_is_named(
    method: str,
) -> None:
    async with relaying() as house:
        body = None if method in ("GET", "HEAD") else b'{"a": 1}'
        kind = {"Content-Type": "application/json"} if body else {}
        async with house.client.request(
            method, "/v1/batches/b-1", data=body, headers=kind
        ) as answer:
            assert answer.status == 200
            assert answer.headers["x-firsttoken-provider"] == "primary"
        (seen,) = house.primary.seen
    assert (seen.method, seen.body) == (method, body or b"")


async def test_a_provider_can_be_named() -> None:
    async with relaying() as house:
        name = {"x-firsttoken-provider": "backup"}
        async with house.client.get("/v1/files", headers=name) as answer:
            assert answer.headers["x-firsttoken-provider"] == "backup"
        name = {"x-firsttoken-provider": "nobody"}
        async with house.client.get("/v1/files", headers=name) as answer:
            assert answer.status == 404
            assert "primary, backup" in (await answer.json())["error"]["message"]


@pytest.mark.parametrize("model_first", [True, False])
@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_a_multipart_upload_streams_with_the_target_s_model(
    model_first: bool, size: int
) -> None:
    async def transcribe(request, provider):
        form = await request.post()
        provider.seen.append(form["model"])
        data = form["file"].file.read()
        assert form["file"].filename == "a-b.wav"
        usage = {"type": "tokens", "input_tokens": 5, "output_tokens": 6}
        return web.json_response({"text": str(len(data)), "usage": usage})

    async with relaying(transcribe) as house:
        form = aiohttp.FormData()
        if model_first:
            form.add_field("model", "one")
        form.add_field(
            "file", io.BytesIO(os.urandom(size)), filename="a-b.wav", content_type="audio/wav"
        )
        if not model_first:
            form.add_field("model", "one")
        form.add_field("language", "fr")
        async with house.client.post("/v1/audio/transcriptions", data=form) as answer:
            assert answer.status == 200, await answer.text()
            assert (await answer.json())["text"] == str(size)
        assert house.primary.seen == ["real-model"]
        row = await house.row()
        assert (row.prompt, row.completion) == (5, 6)


async def test_a_file_without_a_model_streams_to_the_first_provider() -> None:
    async with relaying() as house:
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", io.BytesIO(b"x" * 2_000_000), filename="a.jsonl")
        async with house.client.post("/v1/files", data=form) as answer:
            assert answer.status == 200
        (seen,) = house.primary.seen
    assert b'name="purpose"' in seen.body
    assert seen.body.count(b"x") > 2_000_000 - 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503, 529, 401, 403, 404])
async def test_a_failing_target_hands_over(status: int) -> None:
    async def fail(request, provider):
        await provider.remember(request)
        return web.json_response({"error": {"message": f"bad key {SECRET}"}}, status=status)

    async with relaying(fail) as house:
        async with house.client.post("/v1/moderations", json={"model": "two"}) as answer:
            assert answer.status == 200
            assert answer.headers["x-firsttoken-provider"] == "backup"
            assert answer.headers["x-firsttoken-attempts"] == "2"
        assert house.primary.seen[0].json["model"] == "real-model"
        assert house.backup.seen[0].json["model"] == "other-model"


async def test_an_unreachable_or_dying_target_hands_over() -> None:
    async def die(request, provider):
        await provider.remember(request)
        request.transport.abort()

    async with relaying(die) as house:
        async with house.client.post("/v1/moderations", json={"model": "two"}) as answer:
            assert answer.headers["x-firsttoken-provider"] == "backup"
        house.primary.port = 1
        async with house.client.post("/v1/rerank", json={"model": "two"}) as answer:
            assert answer.headers["x-firsttoken-provider"] == "backup"


async def test_a_large_body_is_sent_once() -> None:
    async def fail(request, provider):
        await provider.remember(request)
        return web.json_response({"error": {"message": "busy", "code": "busy"}}, status=503)

    async with relaying(fail) as house:
        given = large({"model": "two", "input": "x" * 2_000_000})
        async with house.client.post("/v1/moderations", **given) as answer:
            assert answer.status == 503
            assert (await answer.json())["error"]["code"] == "busy"
        assert len(house.primary.seen) == 1
        assert house.backup.seen == []


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_our_fault_and_says_nothing(status: int) -> None:
    async def refuse(request, provider):
        return web.json_response({"error": {"message": f"bad key {SECRET}"}}, status=status)

    async with relaying(refuse) as house:
        for path in ("/v1/files", "/v1/moderations?model=one"):
            async with house.client.get(path) as answer:
                text = await answer.text()
                assert answer.status == 502
                assert SECRET not in text
                assert orjson.loads(text)["error"]["code"] == "upstream_key_refused"
                assert answer.headers["x-request-id"]


async def test_a_provider_s_refusal_passes_word_for_word() -> None:
    said = gzip.compress(b'{"error": {"message": "no such file", "odd": 1}}')

    async def refuse(request, provider):
        return web.Response(
            body=said, status=404, content_type="application/json",
            headers={"Content-Encoding": "gzip", "retry-after": "7", "x-secret": "1"},
        )  # fmt: skip

    async with relaying(refuse) as house, house.client.get("/v1/files/nothing") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"] == {"message": "no such file", "odd": 1}
        assert answer.headers["retry-after"] == "7"
        assert "x-secret" not in answer.headers


async def test_a_page_of_html_becomes_an_error_object() -> None:
    async def page(request, provider):
        return web.Response(text="<h1>nginx</h1>", status=502, content_type="text/html")

    async with relaying(page) as house, house.client.get("/v1/files") as answer:
        assert answer.status == 502
        assert "nginx" not in await answer.text()
        assert (await answer.json())["error"]["code"] == "upstream_server"


async def test_a_client_that_leaves_takes_the_call_with_it() -> None:
    async def think(request, provider):
        await provider.remember(request)
        await asyncio.sleep(30)

    async with relaying(think) as house:
        asked = asyncio.create_task(
            house.client.post("/v1/images/generations", json={"model": "one"})
        )
        assert await until(lambda: house.primary.seen)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert await until(lambda: house.primary.left == 1, 0.5)
        row = await house.row()
        assert row.outcome == "cancelled"


async def test_a_client_that_reads_slowly_slows_the_provider() -> None:
    sent = 0

    async def flood(request, provider):
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(400):
            await response.write(b"x" * 262_144)
            sent += 262_144
        return response

    async with relaying(flood) as house:
        async with house.client.get("/v1/files/f/content") as answer:
            assert answer.status == 200
            await asyncio.sleep(0.5)
            assert sent < 30_000_000  # of 105 MB; the rest is the kernel's buffers
            size = 0
            async for piece in answer.content.iter_any():
                size += len(piece)
        assert size == 400 * 262_144


async def test_a_provider_that_reads_slowly_slows_the_client() -> None:
    go = asyncio.Event()
    sent = 0

    async def wait(request, provider):
        await go.wait()
        size = 0
        async for piece in request.content.iter_any():
            size += len(piece)
        return web.json_response({"size": size})

    async def pieces():
        nonlocal sent
        for _ in range(400):
            yield b"x" * 262_144
            sent += 262_144

    async with relaying(wait, server="max_body_bytes = 200000000") as house:
        kind = {"Content-Type": "application/octet-stream"}
        asked = asyncio.create_task(
            house.client.put("/v1/uploads/u/parts", data=pieces(), headers=kind)
        )
        await asyncio.sleep(0.5)
        assert 0 < sent < 40_000_000  # of 105 MB; the rest is the kernel's buffers
        go.set()
        async with await asked as answer:
            assert await answer.json() == {"size": 400 * 262_144}


async def test_an_answer_that_comes_before_the_body_did_is_passed_on() -> None:
    async def refuse(request, provider):
        return web.json_response({"error": {"message": "too much"}}, status=413)

    async def pieces():
        for _ in range(40):
            yield b"x" * 100_000
            await asyncio.sleep(0.005)

    async with relaying(refuse) as house:
        kind = {"Content-Type": "application/octet-stream"}
        async with house.client.put("/v1/uploads/u", data=pieces(), headers=kind) as answer:
            assert answer.status == 413
            assert (await answer.json())["error"]["message"] == "too much"


async def test_a_client_that_leaves_while_it_uploads_takes_the_call_with_it() -> None:
    async def read(request, provider):
        provider.seen.append(request.path)
        await request.read()

    async with relaying(read) as house:
        _, writer = await asyncio.open_connection("127.0.0.1", house.app.address[1])
        writer.write(
            b"PUT /v1/uploads/u HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"
            + b"x" * 3000
        )
        assert await until(lambda: house.primary.seen)
        writer.close()
        assert await until(lambda: house.primary.left == 1, 1.0)
        assert (await house.row()).outcome == "cancelled"


async def test_an_answer_that_breaks_off_is_cut() -> None:
    async def break_off(request, provider):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        await asyncio.sleep(0.05)
        request.transport.abort()
        return response

    async with relaying(break_off) as house:
        with pytest.raises(aiohttp.ClientPayloadError):
            async with house.client.get("/v1/files/f/content") as answer:
                await answer.read()
        row = await house.row()
        assert row.outcome == "broken"


async def test_a_key_with_routes_uses_only_those() -> None:
    async with relaying(auth=AUTH, headers={"Authorization": "Bearer sk-client-1"}) as house:
        async with house.client.post("/v1/moderations", json={"model": "two"}) as answer:
            assert answer.status == 200
        for call in (
            house.client.post("/v1/moderations", json={"model": "one"}),
            house.client.post("/v1/moderations", json={"model": "backup/x"}),
            house.client.get("/v1/files"),
            house.client.post(
                "/v1/moderations",
                json={"model": "two"},
                headers={"x-firsttoken-provider": "backup"},
            ),
        ):
            async with call as answer:
                assert answer.status == 403
        form = aiohttp.FormData()
        form.add_field("model", "one")
        form.add_field("file", io.BytesIO(b"x"), filename="a.wav")
        form = form()
        for method, path, body in (
            ("GET", "/v1/files?model=two", None),
            ("DELETE", "/v1/files/f-1?model=two", None),
            ("POST", "/v1/files?model=two", form),
            ("POST", "/v1/moderations?model=two", b'{"model": "one"}'),
            ("POST", "/v1/audio/transcriptions?model=two", form),
            ("PUT", "/v1/x?model=two", b'["model"]'),
        ):
            kind = {"Content-Type": form.content_type if body is form else "application/json"}
            async with house.client.request(method, path, data=body, headers=kind) as answer:
                assert answer.status == 403, (method, path)
        async with house.client.get("/v1/files", headers={"Authorization": "Bearer no"}) as answer:
            assert answer.status == 401
        assert len(house.primary.seen) == 1
        assert house.backup.seen == []


async def test_a_model_s_name_is_explained_without_asking_anybody() -> None:
    async with relaying(auth=AUTH, headers={"Authorization": "Bearer sk-client-1"}) as house:
        async with house.client.get("/v1/models/two") as answer:
            assert await answer.json() == {
                "id": "two", "object": "model", "created": 0, "owned_by": "firsttoken",
            }  # fmt: skip
        async with house.client.get("/v1/models/one") as answer:
            assert answer.status == 403
        async with house.client.get(
            "/v1/models/two", headers={"anthropic-version": "2023-06-01"}
        ) as answer:
            assert (await answer.json())["type"] == "model"
    async with relaying() as house:
        async with house.client.get("/v1/models/primary/a%2Fb") as answer:
            assert (await answer.json())["id"] == "primary/a/b"
            assert (await house.client.get("/v1/models/nobody")).status == 404
        async with house.client.delete("/v1/models/ft:mine") as answer:
            assert answer.status == 200
        (seen,) = house.primary.seen
        assert (seen.method, seen.path) == ("DELETE", "/v1/models/ft:mine")


async def test_the_list_of_models_is_the_callers_in_its_own_form() -> None:
    key = {"Authorization": "Bearer sk-client-1"}
    async with relaying(auth=AUTH, headers=key) as house, house.client.get("/v1/models") as answer:
        assert [one["id"] for one in (await answer.json())["data"]] == ["two"]
    headers = {"anthropic-version": "2023-06-01"}
    async with relaying(headers=headers) as house:
        async with house.client.get("/v1/models") as answer:
            whole = await answer.json()
        names = [one["id"] for one in whole["data"]]
        assert {"one", "two"} <= set(names)
        assert whole["data"][0] == {"type": "model", "id": names[0], "display_name": names[0],
                                    "created_at": "1970-01-01T00:00:00Z"}  # fmt: skip
        assert (whole["has_more"], whole["first_id"]) == (False, names[0])
        seen: list[str] = []
        more = True
        while more:
            query = {"limit": "2", **({"after_id": seen[-1]} if seen else {})}
            async with house.client.get("/v1/models", params=query) as answer:
                page = await answer.json()
            seen += [one["id"] for one in page["data"]]
            more = page["has_more"]
            assert page["last_id"] == seen[-1]
        assert seen == names


async def test_a_full_target_is_passed_by_until_its_answer_ended() -> None:
    go = asyncio.Event()

    async def wait(request, provider):
        await provider.remember(request)
        await go.wait()

    async with relaying(wait, limits="max_concurrent = 1") as house:
        given = {"json": {"model": "two"}}
        first = asyncio.create_task(house.client.post("/v1/moderations", **given))
        assert await until(lambda: house.primary.seen)
        async with house.client.post("/v1/moderations", **given) as answer:
            assert answer.headers["x-firsttoken-provider"] == "backup"
        async with house.client.post("/v1/moderations", json={"model": "one"}) as answer:
            assert answer.status == 429
        go.set()
        async with await first as answer:
            assert answer.headers["x-firsttoken-provider"] == "primary"
            await answer.read()
        for _ in range(3):
            async with house.client.post("/v1/moderations", **given) as answer:
                assert answer.headers["x-firsttoken-provider"] == "primary"
                await answer.read()


@pytest.mark.parametrize("path", ["/v1/%2e%2e/admin", "/v1/a/%2E/b", "/v1/a/..%2fb", "/v1/..%5cb"])
async def test_a_path_does_not_climb(path: str) -> None:
    async with relaying() as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.app.address[1])
        writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert house.primary.seen == []


async def test_what_is_too_large_or_no_json_is_refused() -> None:
    async with relaying(server="max_body_bytes = 1500000") as house:
        big = large({"model": "two", "i": "x" * 1_600_000})
        async with house.client.post("/v1/moderations", **big) as answer:
            assert answer.status == 413

        async def endless():
            for _ in range(100):
                yield b"x" * 50_000

        async with house.client.put(
            "/v1/uploads/u", data=endless(), headers={"Content-Type": "text/plain"}
        ) as answer:
            assert answer.status == 413
        kind = {"Content-Type": "application/json"}
        async with house.client.post("/v1/moderations", data=b"{", headers=kind) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (400, "invalid_json")
        async with house.client.post("/v1/moderations", json={"model": "nobody"}) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (
                404,
                "model_not_found",
            )
