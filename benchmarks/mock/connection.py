"""One client of the scripted upstream: HTTP/1.1 in, scripts out, with back-pressure."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import httptools
import orjson

from benchmarks.mock.record import Recorded
from benchmarks.mock.shapes import Json, error_object
from benchmarks.mock.turn import Act, Step, reply

if TYPE_CHECKING:
    from benchmarks.mock.upstream import ScriptedUpstream

_LINGER_NONE = struct.pack("ii", 1, 0)  # close() sends RST and drops what is unsent
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_Request = tuple[bytes, bytes, bytes, dict[str, str], bool]  # method, url, body, headers, keep


class Connection(asyncio.Protocol):
    """Answers one request after the other; requests sent early wait their turn."""

    def __init__(self, up: ScriptedUpstream) -> None:
        self.up = up
        self.number = 0
        self.place = 0
        self.transport: asyncio.Transport
        self.headers: dict[str, str] = {}
        self.busy = False
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body: list[bytes] = []
        self._waiting: deque[_Request] = deque()
        self._steps: Iterator[Step] | None = None
        self._due = 0.0
        self._paused = False
        self._asleep = False
        self._keep = True
        self._record: Recorded | None = None

    # ---- the transport's side ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        totals = self.up.totals
        totals.connections += 1
        totals.open_connections += 1
        self.number = totals.connections
        self.up.connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self.up.totals.open_connections -= 1
        self.up.connections.discard(self)
        if self._steps is not None or self.busy:
            self._steps = None
            self.up.totals.left_by_client += 1
            self._ended(left=True)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.write(reply(400, orjson.dumps(error_object(400, "bad_request"))))
            self.transport.close()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._steps is not None and not self._asleep:
            self._advance()

    def abort(self) -> None:
        self.transport.abort()

    # ---- the parser's side -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._url = b""
        self._body = []
        self.headers = {}

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        parser = self._parser
        keep = parser.should_keep_alive()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._waiting.append((parser.get_method(), self._url, body, self.headers, keep))
        if not self.busy:
            self._start()

    # ---- answering ---------------------------------------------------------------------------

    def _start(self) -> None:
        method, url, raw, headers, self._keep = self._waiting.popleft()
        self.busy = True
        self.place += 1
        up = self.up
        up.totals.requests += 1
        up.totals.open_requests += 1
        body = _object(raw)
        path = url.partition(b"?")[0].decode("latin-1")
        record = self._record
        if up.record:
            record = self._record = Recorded(
                method=method.decode(),
                path=url.decode("latin-1"),
                headers=headers,
                connection=self.number,
                body=raw,
                started_at=time.monotonic(),
            )
            up.requests.append(record)
        response = up.beside(method.decode(), path, body) if _is_beside(method, path) else None
        if response is not None:
            self.transport.write(response)
            self._finish()
            return
        turn = up.turn(path, body, headers, self.place)
        if record is not None:
            record.model, record.stream = turn.model, turn.stream
        blob = turn.blob
        if blob is not None:
            self.transport.write(blob)
            self._finish()
            return
        self._due = time.monotonic()
        self._steps = turn.script(turn)
        self._advance()

    def _advance(self) -> None:
        """Takes steps until one must be waited for."""
        self._asleep = False
        steps = self._steps
        if steps is None or self._paused:
            return
        transport = self.transport
        for step in steps:
            if isinstance(step, bytes):
                transport.write(step)
                if self._paused:
                    return  # resume_writing goes on
            elif isinstance(step, float):
                self._due += step
                if self._due > time.monotonic():
                    self._asleep = True
                    self.up.schedule.at(self._due, self._wake)
                    return
            elif self._act(step):
                return
        self._steps = None
        self._finish()

    def _wake(self) -> None:
        if self._steps is not None:
            self._advance()

    def _act(self, act: Act) -> bool:
        """Does it; True when the script ends here."""
        match act:
            case Act.STALL:
                self._asleep = True
                return True
            case Act.HALF_CLOSE:
                self.transport.write_eof()
                return False
            case Act.CLOSE:
                self._steps = None
                self._ended(left=False)
                self.transport.close()
            case Act.RESET:
                self._steps = None
                self._ended(left=False)
                sock = self.transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
                self.transport.abort()
        return True

    def _finish(self) -> None:
        self._ended(left=False)
        if not self._keep:
            self.transport.close()
        elif self._waiting:
            self._start()

    def _ended(self, *, left: bool) -> None:
        self.busy = False
        self.up.totals.open_requests -= 1
        if self._record is not None:
            now = time.monotonic()
            self._record.ended_at = now
            if left:
                self._record.closed_by_client = True
                self._record.closed_at = now
            self._record = None


class RecordingConnection(Connection):
    """The same, with the header fields: scripts see them and up.requests keeps them."""

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self.headers.get("expect", "").lower() == "100-continue":
            self.transport.write(_CONTINUE)


def _object(raw: bytes) -> Json:
    """A body's JSON object; an empty one where it is none."""
    try:
        value = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_beside(method: bytes, path: str) -> bool:
    return method != b"POST" or path.endswith(("/embeddings", "/count_tokens"))
