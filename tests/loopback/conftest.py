"""Real sockets against a running proxy: what is sent is bytes, what comes back is bytes.

    def test_it(lane, exchange, answers, upstream):
        raw = exchange(lane.address, b"POST / HTTP/1.1\\r\\n...")   # until an answer or the end
        (answer,) = answers(raw)                                    # status, headers, body, json
        upstream.requests                                           # what reached the provider

`proxy_process` and `upstream` are in tests/conftest.py; `lane_config` makes other configurations.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httptools
import orjson
import pytest

LANES = ("fast", "aiohttp")


# ---- the proxy -----------------------------------------------------------------------------------


PROVIDER_KEY = "sk-provider-0123456789"
CLIENT_KEY = "sk-client-0123456789"


@pytest.fixture(scope="session")
def lane_config(upstream_thread: Any) -> Callable[..., str]:
    """Text of a configuration in front of the scripted upstream; every model goes there."""

    def build(lane: str, *, server: str = "", keys: bool = False, extra: str = "") -> str:
        auth = '[[auth.key]]\nname = "tester"\nkey = "env:CLIENT_KEY"\n' if keys else ""
        return f"""
[server]
fast_lane = {"true" if lane == "fast" else "false"}
{server}
{auth}
[[provider]]
name = "mock"
dialect = "openai"
base_url = "{upstream_thread.base_url}"
key = "env:PROVIDER_KEY"
[[route]]
name = "chat"
targets = ["mock/mock-t4"]
first_token_ms = 3000
cache = false
[local]
enabled = false
[cache]
enabled = false
{extra}
"""

    return build


@pytest.fixture(params=LANES)
def lane(request: pytest.FixtureRequest, proxy_process: Any, lane_config: Any) -> Any:
    """A proxy without client keys, once over each lane. Its route is `chat`."""
    return proxy_process(lane_config(request.param), env={"PROVIDER_KEY": PROVIDER_KEY})


@pytest.fixture(params=LANES)
def locked_lane(request: pytest.FixtureRequest, proxy_process: Any, lane_config: Any) -> Any:
    """A proxy that wants CLIENT_KEY, once over each lane."""
    env = {"PROVIDER_KEY": PROVIDER_KEY, "CLIENT_KEY": CLIENT_KEY}
    return proxy_process(lane_config(request.param, keys=True), env=env)


# ---- bytes ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Answer:
    """One HTTP response. headers: lower-case names; equal ones joined by a comma."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class _Reader:
    """Takes a byte stream apart into answers, 1xx left out."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self._now = Answer()
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._now = Answer()

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self._now.headers.get(key)
        self._now.headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        self._now.status = self._parser.get_status_code()
        if self._now.status >= 200:
            self.answers.append(self._now)

    def on_body(self, data: bytes) -> None:
        self._now.body += data

    def on_message_complete(self) -> None:
        self._now.complete = True

    def complete(self) -> int:
        return sum(one.complete for one in self.answers)


def _answers(raw: bytes) -> list[Answer]:
    """The responses in what came back. Fails on bytes that are not HTTP."""
    reader = _Reader()
    if raw:
        reader.feed(raw)
    return reader.answers


def _exchange(
    address: tuple[str, int],
    data: bytes | Iterable[bytes],
    *,
    seconds: float = 5.0,
    wanted: int = 1,
    half_close: bool = False,
) -> bytes:
    """Sends, and reads until `wanted` whole answers came, the peer closed, or time is up.

    data may be an iterable of pieces, sent as fast as they are taken; sending stops where the peer
    has closed. half_close ends our side after the last byte.
    """
    pieces = iter([data] if isinstance(data, bytes) else data)
    out, raw = memoryview(b""), bytearray()
    reader = _Reader()
    sending = True
    end = time.monotonic() + seconds
    with socket.create_connection(address, timeout=seconds) as sock:
        sock.setblocking(False)
        while (left := end - time.monotonic()) > 0:
            if sending and not out:
                piece = next(pieces, None)
                if piece is None:
                    sending = False
                    if half_close:
                        sock.shutdown(socket.SHUT_WR)
                else:
                    out = memoryview(piece)
            readable, writable, _ = select.select([sock], [sock] if out else [], [], left)
            if writable:
                try:
                    out = out[sock.send(out) :]
                except OSError:
                    sending, out = False, memoryview(b"")
            if readable:
                try:
                    got = sock.recv(1 << 16)
                except OSError:
                    break
                if not got:
                    break
                raw += got
                with contextlib.suppress(httptools.HttpParserError):
                    reader.feed(got)
                if reader.complete() >= wanted:
                    break
    return bytes(raw)


@pytest.fixture(scope="session")
def exchange() -> Callable[..., bytes]:
    """exchange(address, data, *, seconds=5.0, wanted=1, half_close=False) -> bytes."""
    return _exchange


@pytest.fixture(scope="session")
def answers() -> Callable[[bytes], list[Answer]]:
    """answers(raw) -> [Answer(status, headers, body)]."""
    return _answers


def _post(
    body: bytes | str | dict[str, Any],
    *lines: str,
    path: str = "/v1/chat/completions",
    length: int | None = None,
) -> bytes:
    """A POST of this body with these extra header lines; length overrules its Content-Length."""
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else None
    if data is None:
        data = orjson.dumps(body)
    head = [f"POST {path} HTTP/1.1", "Host: proxy", "Content-Type: application/json", *lines]
    if length != -1:
        head.append(f"Content-Length: {len(data) if length is None else length}")
    return "\r\n".join([*head, "", ""]).encode("utf-8", "surrogateescape") + data


def _ask(**options: Any) -> dict[str, Any]:
    """The body of a plain question to the route `chat`."""
    return {"model": "chat", "messages": [{"role": "user", "content": "hi"}]} | options


LEAKS = (b"Traceback", b"aiohttp", b"Python/", b"uvloop", b'File "', CLIENT_KEY.encode())


def _refusal(raw: bytes, upstream: Any | None = None, *, status: Iterable[int] = ()) -> Answer:
    """The one answer in raw, once it is a clean refusal: 4xx, the OpenAI error shape, no secrets.

    upstream: nothing may have reached it. status: those allowed, else any of 400 to 499.
    """
    assert raw, "the connection ended without an answer"
    found = _answers(raw)
    assert len(found) == 1, [one.status for one in found]
    answer = found[0]
    assert answer.complete
    assert answer.status in (tuple(status) or range(400, 500)), (answer.status, answer.body)
    for leak in (*LEAKS, PROVIDER_KEY.encode()):
        assert leak not in raw, leak
    assert answer.headers["content-type"].startswith("application/json")
    assert not any(char.isdigit() for char in answer.headers.get("server", ""))
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}, error
    assert isinstance(error["message"], str)
    assert 0 < len(error["message"]) < 500
    assert error["type"]
    if upstream is not None:
        assert upstream.requests == []
    return answer


@pytest.fixture(scope="session")
def post() -> Callable[..., bytes]:
    """post(body, *header_lines, path=..., length=None) -> the request's bytes."""
    return _post


@pytest.fixture(scope="session")
def ask() -> Callable[..., dict[str, Any]]:
    """ask(**options) -> a request body."""
    return _ask


@pytest.fixture(scope="session")
def refusal() -> Callable[..., Answer]:
    """refusal(raw, upstream=None, *, status=()) -> the answer, once it is a clean refusal."""
    return _refusal


@pytest.fixture(scope="session")
def keys() -> tuple[str, str]:
    """The client's key, which `locked_lane` wants, and the provider's."""
    return CLIENT_KEY, PROVIDER_KEY
