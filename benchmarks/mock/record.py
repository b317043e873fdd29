"""What the scripted upstream remembers of each request."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from benchmarks.mock.shapes import Json


@dataclass(slots=True)
class Recorded:
    """One request as it came. Times are time.monotonic() seconds; 0.0 until they happen."""

    method: str
    path: str  # with its query
    headers: dict[str, str]  # lower-case names; the last of equal ones
    connection: int  # connections are numbered from 1 as they come
    body: bytes = b""
    model: str = ""
    stream: bool = False
    started_at: float = 0.0  # the request was complete
    ended_at: float = 0.0  # the answer ended, or its connection did
    closed_by_client: bool = False  # the client left before the answer ended
    closed_at: float = 0.0  # when it left

    @property
    def json(self) -> Json:
        value: Json = orjson.loads(self.body)
        return value
