"""A small OTLP collector on loopback: it keeps the spans it is sent."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Collector:
    port: int = 0
    status: int = 200
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    heads: list[dict[str, str]] = field(default_factory=list)
    raw: bytes = b""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        elif request.headers.get("Content-Encoding") == "deflate":
            body = zlib.decompress(body)
        self.heads.append({name.lower(): value for name, value in request.headers.items()})
        if self.status == 200:
            self.raw += body
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.services |= {
                    one.value.string_value
                    for one in resource.resource.attributes
                    if one.key == "service.name"
                }
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
        return web.Response(status=self.status)

    def named(self, name: str) -> Any:
        return next(one for one in self.spans if one.name == name)


def attributes(span: Any) -> dict[str, Any]:
    """A span's attributes as plain values."""
    found = {}
    for one in span.attributes:
        kind = one.value.WhichOneof("value")
        value = getattr(one.value, kind)
        if kind == "array_value":
            value = [part.string_value for part in value.values]
        found[one.key] = value
    return found


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    application = web.Application()
    application.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    try:
        yield collector
    finally:
        await runner.cleanup()
