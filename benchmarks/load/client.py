"""One connection of the load: sends a request, times and checks its answer, asks for the next."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import httptools
import orjson

from benchmarks.load.apis import Api

if TYPE_CHECKING:
    from benchmarks.load.run import Run

_INPUT = re.compile(rb'"(?:prompt_tokens|input_tokens|prompt_eval_count)"\s*:\s*(\d+)')
_OUTPUT = re.compile(rb'"(?:completion_tokens|output_tokens|eval_count)"\s*:\s*(\d+)')
_ERROR = re.compile(rb'"error"(?!\s*:\s*null)')
_CACHE = b"x-firsttoken-cache"
_MAX_BODY = 16 << 20  # of an answer that is not streamed, or one event of a stream
_KEPT = 2048  # bytes of a bad answer that are kept for its message


@dataclass(frozen=True, slots=True)
class Job:
    """One request, ready to send. expected: the JSON-escaped text that its answer must have."""

    request: bytes
    expected: bytes | None = None


class Client(asyncio.Protocol):
    """A connection of a run. One request at a time."""

    __slots__ = (
        "_api", "_body", "_cache", "_delimited", "_expected", "_find", "_finished", "_first_usage",
        "_now", "_parser", "_position", "_run", "_size", "_stream", "_tail", "_usage", "_wrong",
        "broken",
        "busy", "done", "due", "first_byte", "first_token", "last_token", "recorded", "sent",
        "status", "tokens", "transport",
    )  # fmt: skip

    def __init__(self, run: Run, api: Api, stream: bool) -> None:
        self._run = run
        self._api = api
        self._stream = stream
        self._find = api.token.findall
        self._parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport
        self.busy = False
        self.recorded = False
        self._reset(b"")

    def _reset(self, expected: bytes | None) -> None:
        self.first_byte = self.first_token = self.last_token = 0.0
        self.tokens = self.done = self.status = 0
        self.broken = ""
        self._expected = expected
        self._position = self._size = 0
        self._tail = self._cache = self._usage = self._first_usage = b""
        self._body: list[bytes] = []
        self._wrong = self._finished = False
        self._delimited = True

    def send(self, job: Job, due: float, now: float, *, recorded: bool) -> None:
        """Sends it; `due` is when it should have left, and what every time counts from."""
        self._reset(job.expected)
        self.busy = True
        self.recorded = recorded
        self.due = due
        self.sent = now
        self.transport.write(job.request)

    # ---- the transport's side ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.busy and not self.broken and self.status == 200 and self._delimited:
            self._check_end()  # the body ended with its connection, as it may
        elif self.busy and not self.broken:
            end = "reset" if isinstance(error, ConnectionResetError) else "closed"
            self.broken = f"{end}_early" if self.first_byte else f"{end}_before_answer"
        self._run.lost(self)

    def data_received(self, data: bytes) -> None:
        self._now = time.monotonic()
        if not self.busy:
            self.transport.abort()
            return
        if not self.first_byte:
            self.first_byte = self._now
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.give_up("not_http")

    def give_up(self, kind: str) -> None:
        """Ends the request as an error, and the connection with it."""
        self.broken = self.broken or kind
        self.transport.abort()

    # ---- the parser's side -------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower in (b"content-length", b"transfer-encoding"):
            self._delimited = False
        elif lower == _CACHE:
            self._cache = value
        elif lower == b"content-type" and self._stream and value.startswith(b"application/json"):
            self.broken = "not_a_stream"

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self._delimited = True

    def on_body(self, data: bytes) -> None:
        if self.status != 200 or not self._stream:
            self._body.append(data)
            return
        if self._tail:
            data = self._tail + data
            self._tail = b""
        if data[-1] != 10:  # cut inside a line
            if len(data) > _MAX_BODY:
                self.give_up("huge_event")
                return
            end = data.rfind(b"\n") + 1
            self._tail = data[end:]
            data = data[:end]
        texts = self._find(data)
        telling = not texts or not self.tokens  # nothing is counted between two tokens
        if texts:
            self._take(texts)
        api = self._api
        if api.done in data:
            self.done += 1
            telling = True
        tight, loose = api.finish
        if tight in data or loose in data:
            self._finished = telling = True
        if telling and api.counted in data:
            self._first_usage = self._first_usage or data
            self._usage = data
        if b'"error"' in data and not texts and _ERROR.search(data):
            self.broken = "error_event"
            self._body.append(data[:_KEPT])

    def _take(self, texts: list[bytes]) -> None:
        now = self._now
        if not self.tokens:
            self.first_token = now
        elif self.recorded:
            self._run.gaps.append(now - self.last_token)
        count = len(texts)
        if count > 1 and self.recorded:
            self._run.gaps.extend([0.0] * (count - 1))
        self.last_token = now
        self.tokens += count
        if self._expected is not None:
            text = texts[0] if count == 1 else b"".join(texts)
            if not self._expected.startswith(text, self._position):
                self._wrong = True
            self._position += len(text)

    def on_message_complete(self) -> None:
        if self.status < 200:
            return
        self._check_end()
        self._run.finished(self, keep=self._parser.should_keep_alive())

    # ---- checking ----------------------------------------------------------------------------

    def _check_end(self) -> None:
        """Names what is wrong with the complete answer, if anything."""
        self._now = time.monotonic()
        if self.status != 200:
            self.broken = f"http_{self.status}"
        elif self.broken:
            return
        elif not self._stream:
            self._check_whole()
        elif not self.tokens:
            self.broken = "no_token"
        elif self._wrong:
            self.broken = "wrong_text"
        elif self._expected is not None and self._position != len(self._expected):
            self.broken = "short_text"
        elif self.done != 1 and self._run.check_done:
            self.broken = "no_end_mark" if not self.done else "two_end_marks"
        elif not self._finished:
            self.broken = "no_finish_reason"

    def _check_whole(self) -> None:
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError:
            self.broken = "bad_json"
            return
        text, expected = self._api.whole.search(body), self._expected
        if text is None:
            self.broken = "empty_answer"
        elif expected is not None and not body.startswith(expected, text.end()):
            self.broken = "" if expected in body else "wrong_text"  # it may not be the first text
        self._usage = body

    # ---- results -----------------------------------------------------------------------------

    @property
    def ended(self) -> float:
        return self._now

    @property
    def bytes(self) -> int:
        return self._size

    @property
    def cache(self) -> str:
        return self._cache.decode("latin-1")

    def message(self) -> str:
        """What the server said about an error."""
        body = b"".join(self._body)[:_KEPT].decode("utf-8", "replace")
        return " ".join(f"status {self.status}, {self.tokens} tokens {body}".split())

    def usage(self) -> tuple[int, int]:
        """Prompt and completion tokens as the server counted them; 0 where it did not. Some say
        it all at the end, some (Anthropic) what was asked at the start, some anew in each event:
        the last word counts."""
        last = self._usage[max(0, self._usage.rfind(b'"usage"')) :]
        asked = _INPUT.search(last) or _INPUT.search(self._first_usage)
        said = _OUTPUT.search(last) or _OUTPUT.search(self._usage)
        return int(asked[1]) if asked else 0, int(said[1]) if said else 0
