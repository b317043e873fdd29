"""One streamed request to the gateway under test, and everything a client could notice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httptools
import orjson

READ_BYTES = 1 << 16


@dataclass(slots=True)
class Outcome:
    """What came back. Times in seconds after the request was sent; 0.0 until they happen."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    text: str = ""
    model: str = ""
    usage: dict[str, Any] | None = None
    finish: str = ""
    done: bool = False  # [DONE] came
    error: str = ""  # an error event, or the error object of the answer
    complete: bool = False  # the response ended as HTTP wants it
    hung: bool = False  # the probe gave up
    first_token_s: float = 0.0
    total_s: float = 0.0

    def whole(self, text: str) -> bool:
        """Exactly this text, properly ended, and no error."""
        return self.text == text and self.complete and not self.error and bool(self.finish)

    @property
    def clean_error(self) -> bool:
        """An error that a client can see: a status, or an event without a happy end."""
        if self.status >= 400:
            return bool(self.error)
        return bool(self.error) and not self.done

    @property
    def cut(self) -> bool:
        """The connection broke, so at least the client knows."""
        return self.status == 200 and not self.complete and not self.hung

    def line(self) -> str:
        """For a scorecard: what happened, in a few words."""
        if self.hung:
            return f"no end after {self.total_s:.1f} s, {self.text.count(' ')} tokens"
        what = f"status {self.status}, {self.text.count(' ')} tokens"
        if self.error:
            what += f", error: {self.error[:60]}"
        elif not self.complete:
            what += ", cut off"
        return f"{what}, {self.total_s:.2f} s"


class _Reader:
    """Parses the response as it comes."""

    def __init__(self, outcome: Outcome, started: float) -> None:
        self.outcome = outcome
        self.started = started
        self.parser = httptools.HttpResponseParser(self)
        self._rest = b""

    def on_status(self, _: bytes) -> None:
        self.outcome.status = self.parser.get_status_code()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.outcome.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_message_complete(self) -> None:
        self.outcome.complete = self.outcome.status >= 200

    def on_body(self, data: bytes) -> None:
        self.outcome.body += data
        self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._event(line[5:].strip())

    def _event(self, data: bytes) -> None:
        out = self.outcome
        if data == b"[DONE]":
            out.done = True
            return
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            return
        if not isinstance(event, dict):
            return
        if event.get("error"):
            out.error = _message(event["error"])
        out.model = event.get("model") or out.model
        out.usage = event.get("usage") or out.usage
        for choice in event.get("choices") or ():
            piece = (choice.get("delta") or {}).get("content")
            if piece:
                out.first_token_s = out.first_token_s or time.monotonic() - self.started
                out.text += piece
            out.finish = choice.get("finish_reason") or out.finish


async def ask(
    url: str, model: str, *, limit: float, headers: Mapping[str, str], number: int = 0
) -> Outcome:
    """Sends one chat request and reads until the end, or for `limit` seconds."""
    parts = urlsplit(url)
    body = orjson.dumps(
        {
            "model": model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": f"Question {number}: what is a bridge?"}],
        }
    )
    fields = {"Content-Type": "application/json", "Cache-Control": "no-store", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{lines}"
    outcome = Outcome()
    started = time.monotonic()
    try:
        async with asyncio.timeout(limit):
            await _exchange(parts.hostname or "", parts.port or 80, head, body, outcome)
    except TimeoutError:
        outcome.hung = True
    except (OSError, httptools.HttpParserError) as error:
        outcome.error = outcome.error or (str(error) if not outcome.status else "")
    outcome.total_s = time.monotonic() - started
    if outcome.status >= 400:
        outcome.error = _error_of(outcome.body)
    return outcome


async def _exchange(host: str, port: int, head: str, body: bytes, outcome: Outcome) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        parsed = _Reader(outcome, time.monotonic())
        while not outcome.complete:
            data = await reader.read(READ_BYTES)
            if not data:
                return
            parsed.parser.feed_data(data)
    finally:
        writer.close()


def _error_of(body: bytes) -> str:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return _message(value.get("error")) if isinstance(value, dict) else ""


def _message(error: object) -> str:
    if isinstance(error, dict):
        return str(error.get("message") or error.get("type") or error)
    return str(error or "")
