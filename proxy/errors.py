"""Every way a request can fail, and what each failure means for the next step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What went wrong upstream. MEANING says what follows from it."""

    CONNECT = "connect"  # refused, unreachable, DNS, TLS
    RESET = "reset"  # the connection ended before the answer did
    STALL = "stall"  # a deadline passed without a token
    TIMEOUT = "timeout"  # 408 and 504
    CONFLICT = "conflict"  # 409
    RATE_LIMITED = "rate_limited"  # 429
    OVERLOADED = "overloaded"  # 503 and 529
    SERVER = "server"  # any other 5xx
    PROTOCOL = "protocol"  # bytes that are not HTTP, or not the dialect
    EMPTY = "empty"  # a finished answer without a token
    ERROR_FRAME = "error_frame"  # an error object inside a 200
    KEY_REFUSED = "key_refused"  # 401 and 403: our key, not the client's
    MODEL_UNKNOWN = "model_unknown"  # 404
    CONTEXT_LENGTH = "context_length"  # a larger window may take it
    CONTENT_FILTER = "content_filter"  # propagated, never routed around
    REFUSED = "refused"  # any other 4xx: the request itself is wrong


@dataclass(frozen=True, slots=True)
class Meaning:
    """Consequences of a failure: hand over? what the client sees. What it does to the target's
    breaker is proxy.state.breaker's to say."""

    next_target: bool
    status: int
    alarm: bool = False
    passes_on: bool = False  # the provider's own status and words go to the client


MEANING: Mapping[Kind, Meaning] = {
    Kind.CONNECT: Meaning(next_target=True, status=502),
    Kind.RESET: Meaning(next_target=True, status=502),
    Kind.STALL: Meaning(next_target=True, status=504),
    Kind.TIMEOUT: Meaning(next_target=True, status=504),
    Kind.CONFLICT: Meaning(next_target=True, status=409, passes_on=True),
    Kind.RATE_LIMITED: Meaning(next_target=True, status=429, passes_on=True),
    Kind.OVERLOADED: Meaning(next_target=True, status=503, passes_on=True),
    Kind.SERVER: Meaning(next_target=True, status=502, passes_on=True),
    Kind.PROTOCOL: Meaning(next_target=True, status=502),
    Kind.EMPTY: Meaning(next_target=True, status=502),
    Kind.ERROR_FRAME: Meaning(next_target=True, status=502),
    Kind.KEY_REFUSED: Meaning(next_target=True, status=502, alarm=True),
    Kind.MODEL_UNKNOWN: Meaning(next_target=True, status=502, alarm=True),
    Kind.CONTEXT_LENGTH: Meaning(next_target=True, status=400, passes_on=True),
    Kind.CONTENT_FILTER: Meaning(next_target=False, status=400, passes_on=True),
    Kind.REFUSED: Meaning(next_target=False, status=400, passes_on=True),
}


class UpstreamFailure(Exception):
    """One attempt failed. Carries the provider's own words, never our guess."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        status: int | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{kind.value}: {detail}")
        self.kind = kind
        self.detail = detail
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


@dataclass(slots=True)
class ClientError(Exception):
    """A request that gets an error answer: what the caller's dialect renders."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message


RETRY_STATUS: frozenset[Kind] = frozenset(
    {
        Kind.CONNECT,
        Kind.RESET,
        Kind.TIMEOUT,
        Kind.CONFLICT,
        Kind.RATE_LIMITED,
        Kind.OVERLOADED,
        Kind.SERVER,
        Kind.EMPTY,
        Kind.ERROR_FRAME,
        Kind.PROTOCOL,
    }
)  # worth another try on the same target when no other is left

_WAIT = re.compile(  # Retry-After: seconds, or a date (RFC 9110 5.6.7)
    r"\d{1,9}(?:\.\d+)?|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
)

_WORDS: Mapping[Kind, str] = {
    Kind.CONNECT: "The provider could not be reached.",
    Kind.RESET: "The provider closed the connection before it answered.",
    Kind.STALL: "The provider did not begin to answer in time.",
    Kind.TIMEOUT: "The provider timed out.",
    Kind.PROTOCOL: "The provider's answer could not be understood.",
    Kind.EMPTY: "The provider's answer was empty.",
    Kind.ERROR_FRAME: "The provider failed while answering.",
    Kind.KEY_REFUSED: "The provider refused the proxy's credentials.",
    Kind.MODEL_UNKNOWN: "The provider does not know the model that is configured.",
}

_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}

# What the client may learn: the more it says about the request itself, the sooner it is told.
_TELLING = (
    Kind.CONTENT_FILTER,
    Kind.CONTEXT_LENGTH,
    Kind.REFUSED,
    Kind.RATE_LIMITED,
    Kind.OVERLOADED,
)


def telling(failures: Sequence[UpstreamFailure]) -> UpstreamFailure:
    """Of all attempts' failures the one the client should hear of: else the last."""
    for kind in _TELLING:
        for failure in failures:
            if failure.kind is kind:
                return failure
    return failures[-1]


def to_client(failure: UpstreamFailure) -> ClientError:
    """The client's view of an upstream failure: never our key, never another's HTML."""
    meaning = MEANING[failure.kind]
    status = meaning.status
    message = _WORDS.get(failure.kind, failure.detail)
    if meaning.passes_on:
        if failure.status is not None and failure.status >= 400:
            status = failure.status
        if failure.detail:
            message = failure.detail
    return ClientError(
        status=status,
        message=message or "The provider failed.",
        type=_TYPES.get(status, "upstream_error"),
        # What the provider calls a refusal of our key, a client would take for one of its own.
        code=(not meaning.alarm and failure.code) or f"upstream_{failure.kind.value}",
        headers={name: value for name, value in failure.headers.items() if _tells(name, value)},
    )


def _tells(name: str, value: str) -> bool:
    """Whether a client can make something of a header."""
    return name != "retry-after" or _WAIT.fullmatch(value) is not None
