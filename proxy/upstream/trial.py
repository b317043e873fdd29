"""Whether a provider works with a key of ours, found out as cheaply as it can be.

First its list of models, which costs nothing and which most refuse to strangers; then one token
of a model that is configured, because some show the list to everybody, and because the time to
that token is worth knowing. The token comes over the same code that serves requests.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from proxy.dialects.registry import dialect
from proxy.errors import Kind, UpstreamFailure
from proxy.exchange import ANONYMOUS, Exchange
from proxy.upstream.attempt import Attempt
from proxy.upstream.engine import Step
from proxy.upstream.errand import failure_of, read_error_answer
from proxy.upstream.request import request_for
from proxy.upstream.session import Call, translated

if TYPE_CHECKING:
    from proxy.upstream.endpoint import Endpoint
    from proxy.upstream.session import Session

WORKS, REFUSED, UNREACHABLE = "works", "refused", "unreachable"
# Dialect -> path and query of its list of models.
LISTS = {
    "openai": ("/models", ""),
    "anthropic": ("/models", "limit=1"),
    "gemini": ("/models", "pageSize=1"),
    "ollama": ("/api/tags", ""),
}
_DOWN = frozenset(
    (Kind.CONNECT, Kind.RESET, Kind.STALL, Kind.TIMEOUT, Kind.OVERLOADED, Kind.SERVER,
     Kind.PROTOCOL)
)  # fmt: skip
_PAYMENT = 402  # the key is known, whatever is owed
_NO_CREDIT = ("insufficient_quota", "billing_error", "insufficient_balance", "credit")


@dataclass(frozen=True, slots=True)
class Verdict:
    """state: WORKS, REFUSED or UNREACHABLE. latency_ms: of the first answer, connecting
    included; first_token_ms: of a token, on a connection of its own. note: never a key."""

    state: str
    latency_ms: float | None = None
    first_token_ms: float | None = None
    note: str = ""


async def tried(session: Session, endpoint: Endpoint, model: str, seconds: float) -> Verdict:
    """One key, tested. model: whose token is asked for; empty: none is known. seconds: for all."""
    began = perf_counter()
    seen = Verdict(UNREACHABLE, note=f"no answer within {seconds:g} s")
    try:
        async with asyncio.timeout(seconds):
            listed = await _listed(session, endpoint)
            if listed is not None:
                seen = listed
                if not model or listed.state != WORKS:
                    return listed
            elif not model:
                return Verdict(UNREACHABLE, note="no list of models, and no model to ask")
            seen = await _asked(endpoint, model, seen if listed is not None else None)
    except TimeoutError:
        if seen.state == WORKS:
            waited_s = perf_counter() - began
            return replace(seen, note=f"no token within {waited_s:.1f} s")
    return seen


async def _listed(session: Session, endpoint: Endpoint) -> Verdict | None:
    """What its list of models says; None where it has none."""
    found = LISTS.get(endpoint.family)
    if found is None or "raw_predict" in endpoint.quirks:
        return None
    path, query = found
    began = perf_counter()
    response = None
    try:
        with translated():
            response = await session.send(
                endpoint, Call("GET", path, query, headers={"Accept": "application/json"})
            )
            latency_ms = (perf_counter() - began) * 1e3
            if response.status < 300:
                return Verdict(WORKS, latency_ms)
            said = await read_error_answer(response)
    except UpstreamFailure as failure:
        return _verdict(failure)
    finally:
        if response is not None:
            response.close()
    refusal = failure_of(Step(endpoint.name, "", endpoint), response, said)
    return None if refusal.kind is Kind.REFUSED else _verdict(refusal, latency_ms)


async def _asked(endpoint: Endpoint, model: str, listed: Verdict | None) -> Verdict:
    """One token of a model. listed: what is known already."""
    client = dialect("openai")
    body = {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}
    exchange = Exchange("openai", body, ANONYMOUS, perf_counter())
    exchange.stream = True
    step = Step(f"{endpoint.name}/{model}", model, endpoint)
    spoken = endpoint.dialect_for(client)
    listener = _Listener()
    began = perf_counter()
    request = request_for(exchange, step, spoken, streams=True, client=client)
    attempt = Attempt(listener, 0, 0, endpoint, request, spoken, True, False)
    attempt.start()
    try:
        failure = await listener.heard
    finally:
        attempt.cancel()
    took_ms = (perf_counter() - began) * 1e3
    latency_ms = took_ms if listed is None else listed.latency_ms
    if failure is None:
        return Verdict(WORKS, latency_ms, took_ms)
    if failure.kind is Kind.EMPTY:
        return Verdict(WORKS, latency_ms, note="its one token was no text")
    return _verdict(failure, latency_ms)


class _Listener:
    """Hears of one attempt: None for a token, else why there is none."""

    def __init__(self) -> None:
        self.heard: asyncio.Future[UpstreamFailure | None] = (
            asyncio.get_running_loop().create_future()
        )

    def overdue(self, attempt: Attempt) -> None:
        """No timer is set: whoever tries has a deadline of its own."""

    def first_token(self, attempt: Attempt) -> None:
        attempt.cancel()  # what follows is not waited for
        self._hear(None)

    def answered(self, attempt: Attempt, body: bytes) -> None:
        del attempt, body
        self._hear(None)

    def failed(self, attempt: Attempt, failure: UpstreamFailure) -> None:
        del attempt
        self._hear(failure)

    def _hear(self, failure: UpstreamFailure | None) -> None:
        if not self.heard.done():
            self.heard.set_result(failure)


def _verdict(failure: UpstreamFailure, latency_ms: float | None = None) -> Verdict:
    """What a failure says about the key. Words about a key may hold part of it: they stay here."""
    status = "" if failure.status is None else f"HTTP {failure.status}"
    if failure.kind is Kind.KEY_REFUSED and failure.status != _PAYMENT:
        return Verdict(REFUSED, latency_ms, note=f"{status}: the key is not accepted")
    said = f"{failure.code or ''} {failure.detail}".lower()
    if failure.status in (402, 429) and any(one in said for one in _NO_CREDIT):
        return Verdict(REFUSED, latency_ms, note=f"{status}: no credit left")
    words = " ".join((failure.detail or failure.kind.value).split())[:80]
    note = f"{status}: {words}" if status else words
    return Verdict(UNREACHABLE if failure.kind in _DOWN else WORKS, latency_ms, note=note)
