"""Streams and short requests that go on while something happens to the proxy."""

from __future__ import annotations

import asyncio

import orjson

from benchmarks.mock import expected_text
from tests.loopback.house import Reply, ask, parse

STREAM, SHORT = "chat-mock-t10-f50-i50", "chat-mock-t1-f0-i0"


def is_whole(raw: bytes) -> bool:
    """Whether these bytes are an answer to its end."""
    head, found, rest = raw.partition(b"\r\n\r\n")
    if not found:
        return False
    if b"Transfer-Encoding: chunked" in head:
        return rest.endswith(b"0\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return len(rest) >= int(length or b"0")


class Kept:
    """Short requests on kept connections. One that ended before a byte of an answer came is asked
    for once more, as every client does whose kept connection was closed meanwhile."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, model: str) -> Reply:
        if self._idle:
            line = self._idle.pop()
            reply = await self._try(model, *line)
            if reply is not None:
                return reply
        line = await asyncio.open_connection("127.0.0.1", self._port)
        return await self._try(model, *line) or Reply(0, {}, b"", 0.0, cut=True)

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()

    async def _try(
        self, model: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Reply | None:
        body = orjson.dumps(
            {"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        )
        raw = b""
        try:
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
                b"\r\n%b" % (len(body), body)
            )
            async with asyncio.timeout(20):
                while not is_whole(raw) and (data := await reader.read(65536)):
                    raw += data
        except (ConnectionError, TimeoutError):
            pass
        if not raw:
            writer.close()
            return None
        reply = parse(raw)
        if reply.cut or reply.headers.get("connection") == "close":
            writer.close()
        else:
            self._idle.append((reader, writer))
        return reply


class Load:
    """So many streams at a time, one connection each, and short requests a second, until it is
    stopped. kept: every second short request goes over a kept connection."""

    def __init__(self, port: int, *, streams: int, per_second: float, kept: bool = False) -> None:
        self._port = port
        self._streams = streams
        self._per_second = per_second
        self._kept = Kept(port) if kept else None
        self._over = asyncio.Event()
        self.replies: list[tuple[str, Reply]] = []

    async def __aenter__(self) -> Load:
        self._tasks = [asyncio.create_task(self._stream()) for _ in range(self._streams)]
        self._tasks.append(asyncio.create_task(self._requests()))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await asyncio.gather(*self._tasks)
        if self._kept is not None:
            self._kept.close()

    async def _one(self, model: str, kept: Kept | None = None) -> None:
        asked = ask(self._port, model) if kept is None else kept.ask(model)
        self.replies.append((model, await asked))

    async def _stream(self) -> None:
        while not self._over.is_set():
            await self._one(STREAM)

    async def _requests(self) -> None:
        number = 0
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            while not self._over.is_set():
                number += 1
                kept = self._kept if number % 2 else None
                group.create_task(self._one(SHORT, kept))
                await asyncio.sleep(max(0.0, began + number / self._per_second - loop.time()))

    def wrong(self) -> list[tuple[str, Reply]]:
        """What was lost or cut, or says something else."""
        return [
            (model, reply)
            for model, reply in self.replies
            if reply.cut or reply.text != expected_text(model.removeprefix("chat-"))
        ]

    def check(self) -> None:
        wrong = self.wrong()
        assert not wrong, (len(wrong), len(self.replies), wrong[:3])
