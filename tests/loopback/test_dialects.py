"""A client's chat through the running proxy to providers that speak another format.

Their answers are recordings where these lie beside the checkout, and made by our encoders always.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from proxy.chat import Finished, Spent, Text, ToolCall, Usage
from proxy.dialects.assemble import assemble
from proxy.dialects.fitting import fitted
from proxy.dialects.registry import dialect
from proxy.errors import ClientError
from tests.dialects.recordings import body_of, decoded, recorded, said_by, said_in

pytestmark = pytest.mark.loopback

FORMATS = ["gemini", "ollama", "cohere", "bedrock"]
KINDS = {"gemini": ("generate",), "ollama": ("chat",), "cohere": ("chat",),
         "bedrock": ("converse",)}  # fmt: skip
ENV = {"GEMINI_API_KEY": "key-gemini", "COHERE_API_KEY": "key-cohere",
       "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "aws-secret"}  # fmt: skip


class Scripted:
    """One answer for whoever asks, in pieces."""

    def __init__(self) -> None:
        self.status = 200
        self.kind = b"application/json"
        self.pieces: list[bytes] = []
        self.asked: list[tuple[str, dict[str, str], dict]] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                scripted.asked.append((self.path, headers, orjson.loads(body)))
                self.send_response_only(scripted.status)
                self.send_header("Content-Type", scripted.kind.decode())
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in scripted.pieces:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: object) -> None:
                """Nothing on the console."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def will_say(self, name: str, body: bytes, size: int, *, stream: bool) -> None:
        self.status = 200
        self.kind = dialect(name).stream_type if stream else b"application/json"
        self.pieces = [body[start : start + size] for start in range(0, len(body), size)]


@pytest.fixture(scope="module")
def scripted() -> Iterator[Scripted]:
    one = Scripted()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture(scope="module")
def proxy(proxy_process, scripted: Scripted):
    providers = "".join(
        f'[[provider]]\nname = "{name}"\ndialect = "{name}"\nbase_url = "{scripted.base_url}"\n'
        + ('region = "us-east-1"\n' if name == "bedrock" else "")
        for name in FORMATS
    )
    routes = "".join(
        f'[[route]]\nname = "to-{name}"\ntargets = ["{name}/the-model"]\ncache = false\n'
        for name in FORMATS
    )
    return proxy_process(f"[local]\nenabled = false\n{providers}{routes}", env=ENV)


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def ask(proxy, name: str, *, stream: bool, **fields):
    """(status, headers, body) of a chat with the route of this format."""
    connection = http.client.HTTPConnection(proxy.host, proxy.port, timeout=20)
    body = {"model": f"to-{name}", "stream": stream, "tools": [TOOL],
            "messages": [{"role": "user", "content": "hi"}], **fields}  # fmt: skip
    if stream:
        body["stream_options"] = {"include_usage": True}
    connection.request("POST", "/v1/chat/completions", orjson.dumps(body),
                       {"Content-Type": "application/json"})  # fmt: skip
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, answer.headers, data


def read_stream(data: bytes):
    for event in data.split(b"\n\n"):
        if event.startswith(b"data: {"):
            ChatCompletionChunk.model_validate(orjson.loads(event[6:]), strict=True)
    return said_by(decoded("openai", data, 1 << 30))


EVENTS = [Text("Hello "), Text("wörld"), ToolCall(0, "t1", "look", '{"at":"it"}'),
          Finished("tool_calls"), Spent(Usage(7, 5))]  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", FORMATS)
def test_a_stream_is_told_as_openai_tells_it(proxy, scripted, name: str, size: int) -> None:
    encoder = dialect(name).encoder(id="c", model="m", created=1, include_usage=True)
    scripted.will_say(name, encoder.encode(EVENTS) + encoder.end(), size, stream=True)
    status, headers, data = ask(proxy, name, stream=True, metadata={"a": "b"})
    assert status == 200
    assert data.endswith(b"data: [DONE]\n\n")
    said = read_stream(data)
    assert (said.text, said.calls) == ("Hello wörld", [("look", {"at": "it"})])
    assert (said.finish, said.tokens) == ("tool_calls", (7, 5))
    assert "metadata" in headers["x-firsttoken-dropped"]
    path, sent, body = scripted.asked[-1]
    expected = dialect(name).render(dialect("openai").parse(
        {"model": "m", "stream": True, "tools": [TOOL],
         "messages": [{"role": "user", "content": "hi"}]}), "the-model")  # fmt: skip
    assert path == expected.path
    assert body == expected.body
    assert sent["accept"] == dialect(name).stream_type.decode()
    authorization = sent.get("authorization", "")
    match name:
        case "gemini":
            assert sent["x-goog-api-key"] == "key-gemini"
        case "cohere":
            assert authorization == "Bearer key-cohere"
        case "bedrock":
            assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
            assert sent["x-amz-date"]
        case _:
            assert not authorization


@pytest.mark.parametrize("name", FORMATS)
def test_a_whole_answer_is_told_as_openai_tells_it(proxy, scripted, name: str) -> None:
    body = dialect(name).write_answer(assemble(EVENTS))
    scripted.will_say(name, body, 100, stream=False)
    status, _, data = ask(proxy, name, stream=False)
    assert status == 200
    told = orjson.loads(data)
    ChatCompletion.model_validate(told, strict=True)
    assert told["id"]  # though these formats or their authors did not say
    assert told["model"] == "the-model"
    assert told["created"] > 1_700_000_000
    said = said_in(dialect("openai").read_answer(told))
    assert (said.text, said.calls) == ("Hello wörld", [("look", {"at": "it"})])
    assert (said.finish, said.tokens) == ("tool_calls", (7, 5))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["gemini", "cohere", "bedrock"])
def test_a_name_that_is_too_long_comes_back_whole(proxy, scripted, name: str, stream: bool) -> None:
    long = "server__" + "tool" * 30
    tool = {"type": "function", "function": {"name": long, "parameters": {"type": "object"}}}
    (told,) = fitted(dialect("openai").parse(
        {"model": "m", "tools": [tool], "messages": [{"role": "user", "content": "hi"}]}), name
    ).tools  # fmt: skip
    events = [ToolCall(0, "t1", told.name, '{"at":"it"}'), Finished("tool_calls")]
    encoder = dialect(name).encoder(id="c", model="m", created=1, include_usage=True)
    body = encoder.encode(events) + encoder.end()
    if not stream:
        body = dialect(name).write_answer(assemble(events))
    scripted.will_say(name, body, 1 << 20, stream=stream)
    status, _, data = ask(proxy, name, stream=stream, tools=[tool])
    assert status == 200
    assert told.name in orjson.dumps(scripted.asked[-1][2]).decode()
    assert long not in orjson.dumps(scripted.asked[-1][2]).decode()
    said = (
        read_stream(data) if stream else said_in(dialect("openai").read_answer(orjson.loads(data)))
    )
    assert said.calls == [(long, {"at": "it"})]


@pytest.mark.parametrize("name", FORMATS)
def test_an_error_is_told_with_the_providers_words(proxy, scripted, name: str) -> None:
    words = "that cannot be answered here"
    body = dialect(name).write_error(ClientError(400, words))
    scripted.will_say(name, body, 100, stream=False)
    scripted.status = 400
    status, _, data = ask(proxy, name, stream=True)
    assert status == 400
    assert orjson.loads(data)["error"]["message"] == words


@pytest.mark.parametrize("name", FORMATS)
def test_every_recording_passes(proxy, scripted, name: str) -> None:
    hosts = ("gemini", "vertex") if name == "gemini" else (name,)
    played = 0
    for one in recorded(hosts, KINDS[name]):
        if one["path"] == "/v1/chat":  # Cohere's first interface is not spoken
            continue
        stream = bool(one["stream"])
        body = body_of(one)
        scripted.will_say(name, body, 977, stream=stream)
        if one["stream_format"] == "json-array":
            scripted.kind = b"application/json; charset=UTF-8"
        status, _, data = ask(proxy, name, stream=stream)
        assert status == 200, (one["id"], data)
        if stream:
            assert read_stream(data) == said_by(decoded(name, body, 1 << 30)), one["id"]
        else:
            told = orjson.loads(data)
            ChatCompletion.model_validate(told, strict=True)
            answer = dialect(name).read_answer(orjson.loads(body))
            assert said_in(dialect("openai").read_answer(told)) == said_in(answer), one["id"]
        played += 1
    if not played:
        pytest.skip("no recorded traffic beside the checkout")
    assert played >= 9
