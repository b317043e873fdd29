"""The body of a call that is relayed: read as far as its model's name, then passed on as it comes.

JSON is read whole, because the model may stand anywhere in it. Of a multipart body as much is
held as comes before the field `model`; the rest streams. Anything else is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from proxy.downstream.household import too_large
from proxy.downstream.multipart import Multipart, boundary_of
from proxy.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from proxy.chat import Json

REPLAY_LIMIT_BYTES = 1024 * 1024  # a body up to here can be sent to another target too
FIELD = "model"


class Upload:
    """One request's body. model: what it names, else what the query does, empty for none; told:
    the body names it. error: why it could not be read to its end, where that showed while it was
    being sent."""

    __slots__ = (
        "_held",
        "_limit",
        "_request",
        "_scanner",
        "_size",
        "_whole",
        "asked",
        "content_type",
        "error",
        "json",
        "model",
        "told",
    )  # fmt: skip

    def __init__(self, request: web.Request, limit: int) -> None:
        self._request = request
        self._limit = limit
        self._held: list[bytes | None] = []  # None: the model's name belongs here
        self._scanner: Multipart | None = None
        self._size = 0  # bytes read so far
        self._whole = not request.body_exists
        self.json: Json | None = None
        self.error: ClientError | None = None
        self.content_type = request.headers.get("Content-Type", "")
        self.model = model_in(request.query_string)
        self.told = False
        self.asked: Any = None  # JSON's `firsttoken` object

    async def open(self, *, names_model: bool) -> None:
        """Read as much as is needed. names_model: whether such a call may name a model. Raises
        ClientError 400, 413 or 415."""
        request = self._request
        if self._whole:
            return
        if request.content_length is not None and request.content_length > self._limit:
            raise too_large(self._limit)
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise ClientError(415, "Compressed request bodies are not accepted.")
        kind = request.content_type
        if kind == "application/json" or kind.endswith("+json"):
            await self._read_all()
            self._read_json()
        elif kind == "multipart/form-data" and names_model:
            self._scanner = Multipart(boundary_of(self.content_type), FIELD.encode())
            await self._seek()
        if self._is_small:
            await self._read_all()  # nothing, where it was read already

    @property
    def replayable(self) -> bool:
        """Whether it can be sent more than once."""
        return self._whole and self._size <= REPLAY_LIMIT_BYTES

    @property
    def size_bytes(self) -> int:
        """As announced, else as read so far."""
        return max(self._request.content_length or 0, self._size)

    def body(self, model: str) -> bytes | AsyncIterator[bytes] | None:
        """What is sent to a target with this model; empty: as it came."""
        if self.json is not None:
            return orjson.dumps({**self.json, FIELD: model} if model else self.json)
        if self._whole:
            return self._filled(model) or None
        return self._stream(model)

    def length(self, model: str) -> int | None:
        """Bytes of a body that streams; None where nobody knows."""
        announced = self._request.content_length
        if self._whole or announced is None:
            return None
        grown = len((model or self.model).encode()) - len(self.model.encode())
        return announced + self._held.count(None) * grown

    def _filled(self, model: str) -> bytes:
        name = (model or self.model).encode()
        return b"".join(name if piece is None else piece for piece in self._held)

    @property
    def _is_small(self) -> bool:
        announced = self._request.content_length
        return announced is not None and announced <= REPLAY_LIMIT_BYTES

    async def _seek(self) -> None:
        """Read until the model's name was seen, or everything was."""
        async for piece in self._request.content.iter_any():
            self._take(piece)
            scanner = self._scanner
            if scanner is not None and scanner.value is not None:
                self.model = scanner.value
                self.told = True
                return
        self._end()

    async def _read_all(self) -> None:
        async for piece in self._request.content.iter_any():
            self._take(piece)
        self._end()

    def _take(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise too_large(self._limit)
        self._held += [data] if self._scanner is None else self._scanner.feed(data)

    def _end(self) -> None:
        if self._scanner is not None:
            self._held += self._scanner.finish()
        self._whole = True

    def _read_json(self) -> None:
        raw = self._filled("")
        try:
            found = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise ClientError(
                400, f"The body is not valid JSON: {error}", code="invalid_json"
            ) from None
        if not isinstance(found, dict):
            return
        self.asked = found.pop("firsttoken", None)
        name = found.get(FIELD)
        if name is not None and not isinstance(name, str):
            raise ClientError(400, "'model' must be a string.", code="invalid_type", param=FIELD)
        if name or self.asked is not None:
            self.json = found
            self.model = name or self.model
            self.told = bool(name)

    async def _stream(self, model: str) -> AsyncIterator[bytes]:
        """What was held, then what comes. A body that turns out wrong sets error and raises."""
        yield self._filled(model)
        self._held.clear()
        try:
            async for piece in self._request.content.iter_any():
                self._take(piece)
                data = self._filled(model)
                self._held.clear()
                if data:
                    yield data
            self._end()
            if self._held:
                yield self._filled(model)
        except ClientError as error:
            self.error = error
            raise


def model_in(query: str) -> str:
    """The model that a query names. Raises ClientError where it names two."""
    names = [value for name, value in parse_qsl(query) if name == FIELD]
    if len(names) > 1:
        raise ClientError(400, "'model' is in the query twice.", code="invalid_query", param=FIELD)
    return names[0] if names else ""
