"""What is sent to a target: the client's body with the target's model, or its translation."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from proxy.dialects.content import asks_for_nothing
from proxy.dialects.fitting import fitted

if TYPE_CHECKING:
    from proxy.chat import Json
    from proxy.dialects.dialect import Dialect
    from proxy.exchange import Exchange
    from proxy.upstream.endpoint import Wants
    from proxy.upstream.engine import Step

_NINE = re.compile(r"[a-zA-Z0-9]{9}")

# Below the base URL, where a client's body passes in its own dialect.
PATHS = {
    "openai": "/chat/completions",
    "completions": "/completions",
    "responses": "/responses",
    "anthropic": "/messages",
}


def counts_itself(exchange: Exchange, step: Step, *, streams: bool) -> bool:
    """Whether usage is asked of the provider though the client did not ask for it."""
    endpoint = step.endpoint
    return (
        streams
        and not exchange.wants_usage
        and endpoint.family == "openai"
        and "no_stream_options" not in endpoint.quirks
    )


def request_for(
    exchange: Exchange,
    step: Step,
    dialect: Dialect,
    *,
    streams: bool,
    client: Dialect | None = None,
) -> bytes:
    """The whole request. Rendering the parsed body again drops what was said twice in it.

    dialect: what the provider is spoken to in. client: what the body is in; absent: the same.
    """
    endpoint = step.endpoint
    if client is None or client is dialect:
        path = PATHS[dialect.name]
        if exchange.dropped:
            exchange.dropped = ()  # by another target
        body = {**exchange.body, "model": step.model}
        if streams:
            body["stream"] = True
            if counts_itself(exchange, step, streams=True):
                body["stream_options"] = {
                    **(body.get("stream_options") or {}),
                    "include_usage": True,
                }
    else:
        path, body = _told(exchange, step, dialect, client, streams=streams)
    wants = endpoint.wants.get(step.model) or endpoint.learn(step.model)
    if wants.watched and not body.keys().isdisjoint(wants.watched):
        _adapt(body, exchange, wants)
    if endpoint.relocates:
        path = endpoint.located(path, body, stream=streams)
    more = exchange.beta if exchange.beta and endpoint.family == "anthropic" else b""
    if exchange.trace is not None:
        more = exchange.trace.onward(more, step.name)
    return endpoint.request(
        path,
        orjson.dumps(body),
        stream=streams,
        accepts=dialect.stream_type,
        more=more,
    )


def _told(
    exchange: Exchange, step: Step, dialect: Dialect, client: Dialect, *, streams: bool
) -> tuple[str, Json]:
    """Path and body in another dialect than the client's. Notes what was dropped."""
    request = replace(
        client.parse(exchange.body),
        stream=streams,
        include_usage="no_stream_options" not in step.endpoint.quirks,
    )
    rendered = dialect.render(fitted(request, dialect.name), step.model)
    exchange.dropped = tuple(sorted({*rendered.dropped, *request.ignored}))
    return rendered.path, rendered.body


def _adapt(body: Json, exchange: Exchange, wants: Wants) -> None:
    """Changes an OpenAI-shaped body to what this provider takes. Notes what was dropped."""
    for old, new in wants.renames:
        if old in body:
            value = body.pop(old)
            if body.get(new) is None:
                body[new] = value
    if "messages" in body:
        if wants.as_system:
            body["messages"] = _as_system(body["messages"])
        if wants.nine_ids:
            body["messages"] = [_with_nine(one) for one in body["messages"]]
    found = wants.refuses(body) & body.keys()
    if found:
        lost = [name for name in found if _asks(name, body.pop(name))]
        exchange.dropped = tuple(sorted({*exchange.dropped, *lost}))


def _asks(name: str, value: Any) -> bool:
    """Whether its loss is to be told of. Who asks for counts only gets them all the same, as
    everywhere where they cannot be asked for."""
    if name == "stream_options" and isinstance(value, dict):
        return not value.keys() <= {"include_usage"}
    return not asks_for_nothing(name, value)


def _as_system(messages: list[Json]) -> list[Json]:
    for one in messages:
        if one.get("role") == "developer":
            return [
                {**two, "role": "system"} if two.get("role") == "developer" else two
                for two in messages
            ]
    return messages


def _with_nine(message: Json) -> Json:
    """A turn whose ids of calls are such as Mistral makes itself: it refuses any other."""
    if message.get("tool_call_id"):
        return {**message, "tool_call_id": _nine(message["tool_call_id"])}
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or not calls:
        return message
    told = [{**one, "id": _nine(one.get("id"))} for one in calls if isinstance(one, dict)]
    return {**message, "tool_calls": told}


def _nine(given: Any) -> str:
    text = str(given or "")
    if _NINE.fullmatch(text):
        return text
    return blake2b(text.encode(errors="replace"), digest_size=5).hexdigest()[:9]
