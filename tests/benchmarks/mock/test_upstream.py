"""The scripted upstream over real sockets: every fault does what its name says."""

import asyncio
import socket
import time
import zlib

import httptools
import orjson
import pytest

from benchmarks.mock import Scenario, ScriptedUpstream, Trace, expected_text, ports
from benchmarks.mock.faults import NAMES

pytestmark = pytest.mark.loopback


class Reading:
    """A response as a plain client sees it."""

    def __init__(self):
        self.status = 0
        self.headers = {}
        self.body = b""
        self.complete = False
        self.error = None
        self.raw = b""
        self.ended = None  # "eof", "reset", "timeout"
        self._parser = httptools.HttpResponseParser(self)

    def on_status(self, _):
        if self._parser.get_status_code() >= 200:
            self.status = self._parser.get_status_code()

    def on_header(self, name, value):
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, data):
        self.body += data

    def on_message_complete(self):
        self.complete = self.status >= 200

    def feed(self, data):
        self.raw += data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.error = error

    @property
    def text(self):
        """The text of an OpenAI stream, read as WHATWG asks."""
        body = self.body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        body = body.replace("\r\n", "\n").replace("\r", "\n")
        text = ""
        for event in body.split("\n\n"):
            lines = [
                line[5:].removeprefix(" ") for line in event.split("\n") if line[:5] == "data:"
            ]
            data = "\n".join(lines)
            if data == "[DONE]":
                break
            try:
                choices = orjson.loads(data).get("choices", [])
            except orjson.JSONDecodeError:
                continue
            if choices:
                delta = choices[0]["delta"].get("content") or ""
                text += delta if "\ufffd" not in delta else ""
        return text


async def ask(up, model, *, stream=True, path="/v1/chat/completions", limit=15.0, quiet=1.5):
    """One request on its own connection; ends when complete, closed, or silent for `quiet`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", up.port)
    body = orjson.dumps({"model": model, "stream": stream, "messages": []})
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-1\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    reading = Reading()
    started = time.monotonic()
    while not reading.complete and time.monotonic() - started < limit:
        try:
            data = await asyncio.wait_for(reader.read(1 << 20), quiet)
        except TimeoutError:
            reading.ended = "timeout"
            break
        except ConnectionError:
            reading.ended = "reset"
            break
        if not data:
            reading.ended = "eof"
            break
        reading.feed(data)
    writer.transport.abort()
    await asyncio.sleep(0)
    return reading


def run(work):
    """Under the plain loop; the load tests run the same code under uvloop."""
    return asyncio.run(work)


def answer(model, **options):
    async def work():
        async with ScriptedUpstream() as up:
            return await ask(up, model, **options)

    return run(work())


WHOLE = [
    "mock-t5",
    "mock-t5-f10-i1",
    "mock-t5-i1-l1",
    "fault-ok",
    "fault-bad-json-chunk",
    "fault-invalid-utf8",
    "fault-utf8-split",
    "fault-byte-at-a-time",
    "fault-crlf",
    "fault-cr",
    "fault-bom",
    "fault-no-space",
    "fault-multi-line-data",
    "fault-comments-mixed",
    "fault-one-write",
    "fault-big-event",
    "fault-100-continue",
    "fault-103",
    "fault-slow-drip",
    "fault-chunk-extensions",
    "fault-trailers",
    "fault-hop-headers",
    "fault-accel-headers",
    "fault-slow-first-token-50",
    "fault-no-finish",
    "fault-no-done",
    "fault-dup-usage",
    "fault-after-done",
    "fault-400-prefill",
    "fault-stale-keepalive",
]


@pytest.mark.parametrize("model", WHOLE)
def test_the_text_is_whole(model):
    reading = answer(model)
    assert reading.status == 200
    assert reading.complete
    assert reading.text == expected_text(model)


@pytest.mark.parametrize("model", ["fault-http10-close", "fault-close-delimited"])
def test_a_body_may_end_with_its_connection(model):
    reading = answer(model)
    assert reading.ended == "eof"
    assert reading.text == expected_text(model)


def test_a_half_closed_connection_has_sent_everything():
    reading = answer("fault-half-close")
    assert reading.ended == "eof"
    assert reading.text == expected_text("fault-half-close")


@pytest.mark.parametrize(("name", "bits"), [("gzip", 31), ("deflate", 15)])
def test_packed_streams_unpack(name, bits):
    reading = answer(f"fault-{name}")
    assert reading.headers["content-encoding"] == name
    reading.body = zlib.decompress(reading.body, bits)
    assert reading.text == expected_text(f"fault-{name}")


@pytest.mark.parametrize(
    ("model", "status"),
    [
        ("mock-e503", 503),
        ("fault-500", 500),
        ("fault-529", 529),
        ("fault-503-empty", 503),
        ("fault-500-html", 500),
        ("fault-404", 404),
        ("fault-400-context", 400),
        ("fault-400-content-filter", 400),
        ("fault-redirect", 307),
        ("fault-429-7", 429),
        ("fault-401-echo-key", 401),
        ("fault-200-empty", 200),
        ("fault-200-html", 200),
        ("fault-done-only", 200),
        ("fault-empty-stream", 200),
    ],
)
def test_answers_without_a_token(model, status):
    reading = answer(model)
    assert reading.status == status
    assert reading.complete
    assert reading.text == ""


def test_details_of_refusals():
    assert answer("fault-429-7").headers["retry-after"] == "7"
    assert b"sk-1" in answer("fault-401-echo-key").body
    assert b"context_length_exceeded" in answer("fault-400-context").body
    assert answer("fault-500-html").headers["content-type"] == "text/html"
    assert answer("fault-redirect").headers["location"] == "/elsewhere"


@pytest.mark.parametrize(
    ("model", "ended", "tokens"),
    [
        ("fault-stall-before-headers", "timeout", None),
        ("fault-half-status-line", "timeout", None),
        ("fault-stall-after-headers", "timeout", 0),
        ("fault-role-only", "timeout", 0),
        ("fault-stall-mid-stream-x5", "timeout", 5),
        ("fault-reset-before-headers", "reset", None),
        ("fault-reset-after-headers", "reset", 0),
        ("fault-reset-mid-t20-x7", "reset", 7),
        ("fault-close-before-headers", "eof", None),
        ("fault-close-after-headers", "eof", 0),
        ("fault-close-mid", "eof", 10),
        ("fault-close-mid-chunk", "eof", 10),
        ("mock-t10-x4", "eof", 4),
        ("mock-t10-i1-s4", "timeout", 4),
        ("mock-t10-s0", "timeout", 0),
    ],
)
def test_breaks_come_where_they_should(model, ended, tokens):
    reading = answer(model, **({"quiet": 0.5} if ended == "timeout" else {}))
    assert reading.ended == ended
    assert not reading.complete
    if tokens is None:
        assert reading.status == 0
    else:
        assert reading.status == 200
        assert reading.text.count("tok") >= tokens
        assert reading.text.count("tok") <= tokens + 1


def test_broken_framing_is_broken():
    assert answer("fault-garbage").error is not None
    bad = answer("fault-bad-chunk-mid")
    assert bad.error is not None
    assert bad.text.count("tok") == 10
    assert answer("fault-end-mid-stream").complete


def test_comments_never_become_a_token():
    reading = answer("fault-comments-only", limit=0.4)
    assert reading.body.count(b": ping\n\n") >= 3
    assert reading.text == ""


def test_error_frames():
    assert answer("fault-error-frame-first").body.startswith(b'data: {"error"')
    mid = answer("fault-error-frame-mid")
    assert mid.text.count("tok") == 10
    assert b'data: {"error"' in mid.body
    assert b"[DONE]" not in mid.body


@pytest.mark.parametrize("stream", [True, False])
def test_done_and_then_silence(stream):
    reading = answer("fault-stall-after-done", stream=stream)
    if stream:
        assert reading.ended == "timeout"
        assert reading.text == expected_text("fault-stall-after-done")
    else:
        assert orjson.loads(reading.body)["choices"][0]["message"]["content"]


@pytest.mark.parametrize("name", sorted({*NAMES} - {"huge-line", "gzip-bomb"}))  # floods: below
def test_every_fault_answers_without_streaming_too(name):
    reading = answer(f"fault-{name}", stream=False, limit=1.0, quiet=0.2)
    assert reading.complete or reading.ended or reading.error


@pytest.mark.parametrize("name", ["huge-line", "gzip-bomb"])
def test_floods_wait_for_their_reader(name):
    async def work():
        async with ScriptedUpstream() as up:
            reader, writer = await asyncio.open_connection("127.0.0.1", up.port)
            body = orjson.dumps({"model": f"fault-{name}", "stream": True})
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
            )
            writer.write(body)
            first = await reader.read(100)
            await asyncio.sleep(0.1)
            (request,) = up.open_requests if name == "huge-line" else up.requests
            writer.transport.abort()
            await asyncio.sleep(0.1)
            return first, request

    first, request = run(work())
    assert first.startswith(b"HTTP/1.1 200")
    assert request.ended_at


def test_whole_answers_say_the_same_as_streams():
    body = orjson.loads(answer("mock-t4", stream=False).body)
    assert body["choices"][0]["message"]["content"] == expected_text("mock-t4")
    assert body["usage"]["completion_tokens"] == 4


@pytest.mark.parametrize(
    ("path", "model", "read"),
    [
        ("/v1/completions", "mock-t3", lambda b: b["choices"][0]["text"]),
        ("/v1/messages", "mock-t3", lambda b: b["content"][0]["text"]),
        ("/v1/responses", "mock-t3", lambda b: b["output"][0]["content"][0]["text"]),
        ("/api/chat", "mock-t3", lambda b: b["message"]["content"]),
        (
            "/v1beta/models/mock-t3:generateContent",
            "",
            lambda b: b["candidates"][0]["content"]["parts"][0]["text"],
        ),
    ],
)
def test_other_formats(path, model, read):
    body = orjson.loads(answer(model, stream=False, path=path).body)
    assert read(body) == expected_text("mock-t3")
    streamed = answer(model, path=path.replace(":generate", ":streamGenerate"))
    assert streamed.complete
    assert streamed.body.count(b" tok000") >= 3


def test_beside_generation():
    async def work():
        async with ScriptedUpstream() as up:
            await ask(up, "mock-t1")
            reader, writer = await asyncio.open_connection("127.0.0.1", up.port)
            writer.write(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            listed = await reader.read()
            vectors = await ask(up, "mock", path="/v1/embeddings", stream=False)
            writer.close()
            return listed, vectors

    listed, vectors = run(work())
    assert b'"mock-t1"' in listed
    assert len(orjson.loads(vectors.body)["data"]) == 1


def test_requests_are_recorded():
    async def work():
        async with ScriptedUpstream() as up:
            await ask(up, "mock-t2")
            await ask(up, "mock-t50-i20", limit=0.05, quiet=0.05)
            still = len(up.open_requests)
            await asyncio.sleep(0.05)
            return up.requests, still, up.open_requests, up.totals

    requests, _, left, totals = run(work())
    first, second = requests
    assert first.method == "POST"
    assert first.path == "/v1/chat/completions"
    assert first.headers["authorization"] == "Bearer sk-1"
    assert first.json["model"] == first.model == "mock-t2"
    assert first.stream
    assert not first.closed_by_client
    assert first.ended_at >= first.started_at > 0
    assert second.closed_by_client
    assert second.connection == 2
    assert 0 <= second.closed_at - second.started_at < 0.5
    assert left == []
    assert totals.open_requests == 0
    assert totals.requests == 2


def test_scripts_overrule_names():
    async def work():
        async with ScriptedUpstream() as up:
            up.script("chat", Scenario(status=500), Scenario(tokens=2))
            return [await ask(up, "chat") for _ in range(3)]

    one, two, three = run(work())
    assert one.status == 500
    assert two.text == three.text == expected_text("mock-t2")


def test_flaky_recovers():
    async def work():
        async with ScriptedUpstream() as up:
            return [(await ask(up, "fault-flaky-2")).status for _ in range(3)]

    assert run(work()) == [500, 500, 200]


def test_a_kept_connection_goes_stale():
    async def work():
        async with ScriptedUpstream() as up:
            reader, writer = await asyncio.open_connection("127.0.0.1", up.port)
            body = b'{"model": "fault-stale-keepalive"}'
            request = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(
                body
            )
            writer.write(request + body)
            first = await reader.read(65536)
            writer.write(request + body)
            try:
                second = await reader.read(65536)
            except ConnectionError:
                second = b""
            writer.close()
            return first, second

    first, second = run(work())
    assert first.startswith(b"HTTP/1.1 200")
    assert second == b""


def test_pipelined_requests_are_answered_in_order():
    async def work():
        async with ScriptedUpstream() as up:
            reader, writer = await asyncio.open_connection("127.0.0.1", up.port)
            for model in (b"mock-t1-f20", b"mock-t2"):
                body = b'{"model": "%b"}' % model
                writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            data = b""
            while data.count(b"HTTP/1.1 200") < 2 or not data.endswith(b"}"):
                data += await reader.read(65536)
            writer.close()
            return data

    data = run(work())
    assert data.index(b"mock-t1") < data.index(b"mock-t2")


def test_pace_is_kept():
    async def work():
        async with ScriptedUpstream() as up:
            started = time.monotonic()
            reading = await ask(up, "mock-t11-f50-i10")
            return time.monotonic() - started, reading

    took, reading = run(work())
    assert reading.complete
    assert 0.149 <= took < 0.5


def test_a_bad_request_gets_400():
    async def work():
        async with ScriptedUpstream() as up:
            reader, writer = await asyncio.open_connection("127.0.0.1", up.port)
            writer.write(b"not http at all\r\n\r\n")
            data = await reader.read()
            writer.close()
            return data

    assert run(work()).startswith(b"HTTP/1.1 400")


def test_ports_that_do_not_connect():
    with ports.refusing() as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)
    with ports.silent() as port, socket.create_connection(("127.0.0.1", port), 1) as sock:
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)
    with ports.full() as port, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port), 0.2)
    with ports.answering(b"rubbish") as port, socket.create_connection(("127.0.0.1", port)) as sock:
        assert sock.recv(100) == b"rubbish"


def test_random_times_repeat_with_their_seed():
    """Lognormal first tokens around their median, the same for the same seed."""

    def waits(seed):
        async def work():
            async with ScriptedUpstream(seed=seed) as up:
                turn = up.turn("/v1/chat/completions", {"model": "mock-f100-d0.5-h0.1"}, {}, 1)
                return [turn.first_wait() for _ in range(2000)]

        return run(work())

    some = waits(1)
    assert some == waits(1)
    assert some != waits(2)
    answered = sorted(wait for wait in some if wait != float("inf"))
    assert len(answered) == pytest.approx(1800, abs=50)
    assert answered[len(answered) // 2] == pytest.approx(0.1, rel=0.1)
    assert answered[int(len(answered) * 0.975)] == pytest.approx(0.1 * 2.66, rel=0.15)


def test_recorded_traces_are_drawn_from():
    async def work():
        async with ScriptedUpstream() as up:
            up.script("m", Scenario(tokens=4, traces=(Trace(30.0, (5.0, 40.0)),)))
            started = time.monotonic()
            reading = await ask(up, "m")
            return time.monotonic() - started, reading

    took, reading = run(work())
    assert reading.text == expected_text("mock-t4")
    assert 0.079 <= took < 0.4
