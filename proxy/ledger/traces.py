"""Exchanges as OpenTelemetry traces: noted on the loop, made into spans and sent by a thread.

A span for the exchange, one for each of its stages, one for each attempt, with the attributes of
the GenAI conventions. Never a prompt, an answer or a key.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from proxy.ledger.tariff import PICO
from proxy.trace import Trace, trace_of

if TYPE_CHECKING:
    from proxy.chat import Usage
    from proxy.exchange import Exchange, Miss
    from proxy.timing import Clock

log = logging.getLogger("firsttoken")

HELD_EXCHANGES = 10_000  # waiting to be sent; beyond, they are dropped and counted
SEND_EXCHANGES = 200  # in one message
FLUSH_SECONDS = 1.0
NAME_LIMIT = 200  # characters of what a client called its model

_SOURCE = (random.getrandbits, perf_counter)

Words = dict[str, str | int | float | bool | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Span:
    """Times in Unix nanoseconds. parent 0: none. kind: server, client or internal. error: its
    type, empty where there is none."""

    name: str
    trace: int
    id: int
    parent: int
    kind: str
    start_ns: int
    end_ns: int
    attributes: Words
    error: str = ""
    events: tuple[tuple[str, int], ...] = ()


Send = Callable[[Sequence[Span]], bool]  # whether they arrived; may take seconds


@dataclass(frozen=True, slots=True)
class Noted:
    """What of an exchange becomes spans; its body is not kept."""

    trace: Trace
    at_s: float  # Unix seconds, of its end
    began_s: float  # by perf_counter, as the tries are
    total_s: float
    stages: tuple[float, float, float]
    trail: tuple[Miss, ...]
    first_s: float | None
    upstream_s: float
    usage: Usage | None
    words: Words
    kind: str
    model: str
    provider: str
    answered_by: str
    error: str


class Traces:
    """begin and note are for the loop. opener: makes the way to the collector, on the thread."""

    def __init__(self, opener: Callable[[], Send], wall: Clock, share: float = 1.0) -> None:
        self._opener = opener
        self._wall = wall
        self._share = share
        self._waiting: deque[Noted] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self.dropped = 0
        self.sent = 0
        self._failing = False

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self, seconds: float = 3.0) -> None:
        """Send what waits, and end. Blocks for at most so long."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def begin(self, exchange: Exchange) -> None:
        """Give a request its place in a trace."""
        exchange.trace = trace_of(exchange.traceparent, self._share, _SOURCE, random.random())

    def note(self, exchange: Exchange, total_s: float, cost: int) -> None:
        """An exchange is over. cost: pico-USD."""
        trace = exchange.trace
        if trace is None:  # it came by no pipeline: an upload, an embedding
            self.begin(exchange)
            trace = exchange.trace
            assert trace is not None
        if not trace.is_sampled:
            return
        if len(self._waiting) >= HELD_EXCHANGES:
            self.dropped += 1
            return
        self._waiting.append(noted(exchange, trace, self._wall(), total_s, cost))

    def figures(self) -> dict[str, float]:
        """For the metrics."""
        return {"traces_total": float(self.sent), "traces_dropped_total": float(self.dropped)}

    # ---- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        send = self._opener()
        while not self._closing:
            self._wake.wait(FLUSH_SECONDS)
            self._send(send)
        self._send(send)

    def _send(self, send: Send) -> None:
        while self._waiting:
            many = min(SEND_EXCHANGES, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(many)]
            if send([span for one in batch for span in spans(one)]):
                self.sent += many
                self._told(failing=False)
                continue
            self.dropped += many
            self._told(failing=True)
            if self._closing:
                return

    def _told(self, *, failing: bool) -> None:
        if failing and not self._failing:
            log.warning("traces: the collector does not take them; they are dropped")
        elif self._failing and not failing:
            log.info("traces: the collector takes them again")
        self._failing = failing


# ---- from an exchange to spans -------------------------------------------------------------------

OPERATIONS = {"completions": "text_completion", "embeddings": "embeddings", "relay": "relay"}
# Providers whose name in the conventions is another one than ours.
PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "copilot": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "grok": "x_ai",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}


def noted(exchange: Exchange, trace: Trace, at_s: float, total_s: float, cost: int) -> Noted:
    """What is kept of an exchange until its spans are made."""
    error = exchange.error
    finish = (exchange.finish,) if exchange.finish else ()
    return Noted(
        trace=trace,
        at_s=at_s,
        began_s=exchange.started_s,
        total_s=total_s,
        stages=(exchange.auth_s, exchange.classify_s, exchange.cache_s),
        trail=exchange.trail,
        first_s=exchange.first_token_s,
        upstream_s=exchange.upstream_s,
        usage=exchange.usage,
        words={
            "http.response.status_code": exchange.status,
            "gen_ai.request.stream": exchange.stream,
            "gen_ai.response.finish_reasons": finish,
            "firsttoken.id": exchange.id,
            "firsttoken.caller": exchange.caller.name,
            "firsttoken.route": exchange.route,
            "firsttoken.category": exchange.category,
            "firsttoken.cache": exchange.cache,
            "firsttoken.outcome": exchange.outcome,
            "firsttoken.attempts": exchange.attempts,
            "firsttoken.why": exchange.why,
            "firsttoken.cost_usd": cost / PICO,
        },
        kind=OPERATIONS.get(exchange.kind, "chat"),
        model=exchange.model[:NAME_LIMIT],
        provider=exchange.provider,
        answered_by=exchange.provider_model,
        error="" if error is None else error.code or str(error.status),
    )


def spans(one: Noted) -> list[Span]:
    """The exchange's own span first, then its stages' and its attempts'."""
    start_ns = int((one.at_s - one.total_s) * 1e9)

    def at(seconds: float) -> int:
        return start_ns + int(seconds * 1e9)

    words = {name: value for name, value in one.words.items() if value not in ("", ())}
    answered = _answered(one)
    first = () if one.first_s is None else (("first token", at(one.first_s)),)
    trace = one.trace
    whole = Span(
        f"{one.kind} {one.model}".rstrip(), trace.trace, trace.span, trace.parent, "server",
        start_ns, at(one.total_s),
        {"gen_ai.operation.name": one.kind, "gen_ai.request.model": one.model, **answered, **words},
        one.error, first,
    )  # fmt: skip
    return [whole, *_stages(one, at), *_attempts(one, at, answered, first)]


def _stages(one: Noted, at: Callable[[float], int]) -> list[Span]:
    """Their lengths are exact; they are told one after the other, as they follow each other."""
    found, begins = [], 0.0
    for number, (name, seconds) in enumerate(
        zip(("auth", "classify", "cache"), one.stages, strict=True)
    ):
        if seconds > 0:
            span = one.trace.span ^ (number + 1) << 60 or 1
            found.append(
                Span(name, one.trace.trace, span, one.trace.span, "internal",
                     at(begins), at(begins + seconds), {})
            )  # fmt: skip
            begins += seconds
    return found


def _attempts(
    one: Noted,
    at: Callable[[float], int],
    answered: Words,
    first: tuple[tuple[str, int], ...],
) -> list[Span]:
    """A span for each request that went upstream, under the id that it was sent with."""
    ends = {}
    for target, from_s, to_s, why in one.trail:
        ends[_nearest(one, target, from_s)] = (from_s, to_s, why)
    winner = None
    if one.first_s is not None and one.upstream_s:
        winner = _nearest(one, None, one.first_s - one.upstream_s, ends)
    found = []
    for number, (span, target, sent_s) in enumerate(one.trace.tries):
        provider, _, model = target.partition("/")
        from_s, to_s, why = ends.get(number, (sent_s - one.began_s, one.total_s, ""))
        more = {"gen_ai.provider.name": PROVIDERS.get(provider, provider)}
        won = number == winner
        if why:
            more["firsttoken.ended"] = why
        found.append(
            Span(
                f"{one.kind} {model}", one.trace.trace, span, one.trace.span, "client",
                at(from_s), at(to_s),
                {"gen_ai.operation.name": one.kind, "gen_ai.request.model": model,
                 **(answered if won else {}), **more},
                "" if why in ("", "overtaken", "cancelled") else why,
                first if won else (),
            )
        )  # fmt: skip
    return found


def _nearest(one: Noted, target: str | None, from_s: float, taken: Collection[int] = ()) -> int:
    """The number of the try that began then; -1 where there is none."""
    tries = [
        (abs(sent_s - one.began_s - from_s), number)
        for number, (_, name, sent_s) in enumerate(one.trace.tries)
        if target in (None, name) and number not in taken
    ]
    return min(tries)[1] if tries else -1


def _answered(one: Noted) -> Words:
    """Who answered, and what it took."""
    if not one.provider:
        return {}
    found: Words = {
        "gen_ai.provider.name": PROVIDERS.get(one.provider, one.provider),
        "gen_ai.response.model": one.answered_by,
    }
    if one.first_s is not None:
        found["gen_ai.response.time_to_first_chunk"] = one.first_s
    usage = one.usage
    if usage is not None:
        found["gen_ai.usage.input_tokens"] = usage.prompt
        found["gen_ai.usage.output_tokens"] = usage.completion
        if usage.cached:
            found["gen_ai.usage.cache_read.input_tokens"] = usage.cached
        if usage.reasoning:
            found["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning
    return found
