"""The way to an OTLP collector, by OpenTelemetry's own exporter. Loaded only where traces are
configured, on the thread that sends them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

if TYPE_CHECKING:
    from proxy.ledger.traces import Send, Span

EXPORT_SECONDS = 5.0  # with its retries
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}


def sender(url: str, headers: Mapping[str, str], service: str) -> Send:
    """Sends spans to a collector's traces URL."""
    # It would log each failure; whoever sends says when it begins and ends.
    logging.getLogger("opentelemetry.exporter.otlp.proto.http").setLevel(logging.CRITICAL)
    logging.getLogger("opentelemetry.exporter.http.transport").setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter(endpoint=url, headers=dict(headers), timeout=EXPORT_SECONDS)
    resource = Resource.create({"service.name": service})
    scope = InstrumentationScope("firsttoken")

    def send(spans: Sequence[Span]) -> bool:
        told = [_told(span, resource, scope) for span in spans]
        return exporter.export(told) is SpanExportResult.SUCCESS

    return send


def _told(span: Span, resource: Resource, scope: InstrumentationScope) -> ReadableSpan:
    attributes = dict(span.attributes)
    if span.error:
        attributes["error.type"] = span.error
    return ReadableSpan(
        span.name,
        context=_context(span.trace, span.id),
        parent=_context(span.trace, span.parent) if span.parent else None,
        resource=resource,
        attributes=attributes,
        events=[Event(name, timestamp=at_ns) for name, at_ns in span.events],
        kind=_KINDS[span.kind],
        status=Status(StatusCode.ERROR) if span.error else Status(),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=scope,
    )


def _context(trace: int, span: int) -> SpanContext:
    return SpanContext(trace, span, is_remote=False, trace_flags=_SAMPLED)
