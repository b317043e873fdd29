"""Every way a request can fail, and what each failure means for the next step."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Consequences of a failure: hand over? count against the breaker? what the client sees."""

    next_target: bool
    trips: bool
    status: int
    alarm: bool = False
    passes_on: bool = False  # the provider's own status and words go to the client


MEANING: Mapping[Kind, Meaning] = {
    Kind.CONNECT: Meaning(next_target=True, trips=True, status=502),
    Kind.RESET: Meaning(next_target=True, trips=True, status=502),
    Kind.STALL: Meaning(next_target=True, trips=True, status=504),
    Kind.TIMEOUT: Meaning(next_target=True, trips=True, status=504),
    Kind.CONFLICT: Meaning(next_target=True, trips=False, status=409, passes_on=True),
    Kind.RATE_LIMITED: Meaning(next_target=True, trips=False, status=429, passes_on=True),
    Kind.OVERLOADED: Meaning(next_target=True, trips=True, status=503, passes_on=True),
    Kind.SERVER: Meaning(next_target=True, trips=True, status=502, passes_on=True),
    Kind.PROTOCOL: Meaning(next_target=True, trips=True, status=502),
    Kind.EMPTY: Meaning(next_target=True, trips=True, status=502),
    Kind.ERROR_FRAME: Meaning(next_target=True, trips=True, status=502),
    Kind.KEY_REFUSED: Meaning(next_target=True, trips=True, status=502, alarm=True),
    Kind.MODEL_UNKNOWN: Meaning(next_target=True, trips=False, status=502, alarm=True),
    Kind.CONTEXT_LENGTH: Meaning(next_target=True, trips=False, status=400, passes_on=True),
    Kind.CONTENT_FILTER: Meaning(next_target=False, trips=False, status=400, passes_on=True),
    Kind.REFUSED: Meaning(next_target=False, trips=False, status=400, passes_on=True),
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
