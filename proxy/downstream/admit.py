"""From a client's head and body to an exchange: the checks that both lanes share."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import orjson

from proxy.dialects.registry import DIALECTS
from proxy.errors import ClientError
from proxy.exchange import NO_OPTIONS, Exchange, Options
from proxy.trace import HEADER as TRACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.exchange import Caller

HOT = {
    b"/v1/chat/completions": "openai",
    b"/chat/completions": "openai",
    b"/v1/completions": "completions",
    b"/v1/messages": "anthropic",
    b"/v1/responses": "responses",
}  # paths of the lean lane, and the dialect they speak

BETA = b"anthropic-beta"
_BETA_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_., ")
OPTION_PREFIX = b"x-firsttoken-"
_CACHE_WORDS = ("bypass", "refresh", "only")
_OPTION_NAMES = frozenset(Options.__slots__) - {"cache_control"}
_OPTION_HEADERS = frozenset(
    {
        b"cache-control",
        *(OPTION_PREFIX + name.encode() for name in _OPTION_NAMES),
        *(OPTION_PREFIX + name.replace("_", "-").encode() for name in _OPTION_NAMES),
    }
)

READ = _OPTION_HEADERS | {BETA, TRACE}  # headers that are looked at here


def admit(
    kind: str, caller: Caller, head: Mapping[bytes, bytes], body: bytes, started_s: float
) -> Exchange:
    """One exchange of a caller whose key was looked at. head: the request's headers, lower-case
    names; those that are not READ may be left out. Raises ClientError."""
    authorised = perf_counter()
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ClientError(
            400, f"The body is not valid JSON: {error}", code="invalid_json"
        ) from None
    if type(parsed) is not dict:
        raise ClientError(400, "The body must be a JSON object.", code="invalid_type")
    DIALECTS[kind].check(parsed)
    options = NO_OPTIONS
    if "firsttoken" in parsed or (head and not _OPTION_HEADERS.isdisjoint(head)):
        options = options_of(parsed.pop("firsttoken", None), head)
    exchange = Exchange(
        kind, parsed, caller, started_s, options, parsed["model"], len(body), authorised - started_s
    )
    if head:
        if kind == "anthropic" and BETA in head:
            exchange.beta = _beta(head[BETA])
        if TRACE in head:
            exchange.traceparent = head[TRACE]
    if parsed.get("stream"):
        exchange.stream = True
        stream_options = parsed.get("stream_options")
        if stream_options is not None:
            exchange.wants_usage = bool(stream_options.get("include_usage"))
    return exchange


def _beta(value: bytes) -> bytes:
    """A list of names, and nothing else: it is the one header value that goes upstream."""
    if not _BETA_BYTES.issuperset(value) or len(value) > 1000:
        raise ClientError(400, "The anthropic-beta header is not a list of names.")
    return b"anthropic-beta: %b\r\n" % value


def options_of(asked: Any, head: Mapping[bytes, bytes]) -> Options:
    """What a body's `firsttoken` object and the head ask for. Raises ClientError 400."""
    values: dict[str, Any] = {}
    for name, value in head.items():
        if name.startswith(OPTION_PREFIX):
            option = name[len(OPTION_PREFIX) :].decode("latin-1").replace("-", "_")
            if option in _OPTION_NAMES:
                values[option] = value.decode("latin-1")
    if asked is not None:
        if type(asked) is not dict:
            raise _bad("firsttoken", "must be an object")
        unknown = asked.keys() - _OPTION_NAMES
        if unknown:
            raise _bad(f"firsttoken.{min(unknown)}", "is not an option")
        values.update(asked)
    control = head.get(b"cache-control")
    if control is not None and "cache" not in values:
        values["cache_control"] = control.decode("latin-1")
    return _checked(values) if values else NO_OPTIONS


def _checked(values: dict[str, Any]) -> Options:
    for name in ("use_case", "budget_tier", "cache", "category"):
        value = values.get(name)
        if value is not None and not (isinstance(value, str) and len(value) <= 100):
            raise _bad(f"firsttoken.{name}", "must be a short string")
    if values.get("cache") not in (None, *_CACHE_WORDS):
        raise _bad("firsttoken.cache", f"must be one of {', '.join(_CACHE_WORDS)}")
    tags = values.get("tags")
    if isinstance(tags, str):
        tags = [tag.strip() for tag in tags.split(",") if tag.strip()]
    if tags is not None:
        if not (isinstance(tags, list) and len(tags) <= 20 and all(_is_tag(tag) for tag in tags)):
            raise _bad("firsttoken.tags", "must be up to 20 short strings")
        values["tags"] = tuple(tags)
    first = values.get("first_token_ms")
    if first is not None:
        try:
            values["first_token_ms"] = float(first)
        except (TypeError, ValueError):
            raise _bad("firsttoken.first_token_ms", "must be a number of milliseconds") from None
        if not 1 <= values["first_token_ms"] <= 600_000:
            raise _bad("firsttoken.first_token_ms", "must be between 1 and 600000")
    return Options(**values)


def _is_tag(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100


def _bad(param: str, words: str) -> ClientError:
    return ClientError(400, f"'{param}' {words}.", code="invalid_option", param=param)
