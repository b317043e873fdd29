"""What is written down of an exchange: a plain tuple, made on the loop in about a microsecond.

No prompt text, no answer, no key: who asked, what for, whom, how much, how fast, and how it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from proxy.chat import Usage
from proxy.exchange import Miss
from proxy.ledger.tariff import PICO

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from proxy.ledger.tariff import Tariffs
    from proxy.timing import Clock

HELD_ROWS = 100_000  # waiting for the writer: about 60 MB, or twenty seconds at full load
ESTIMATED = 1  # mark: the tokens were counted by us, not by the provider
UNPRICED = 2  # mark: nobody knows what this model costs
LOST = "lost"  # outcome of an attempt that another one overtook

_NOTHING = Usage()


class Row(NamedTuple):
    """One row. Times in seconds, at_s since 1970; money in pico-USD."""

    at_s: float
    id: str
    key: str
    route: str
    category: str
    provider: str
    model: str
    task_type: str
    cache: str
    outcome: str
    stream: bool
    status: int
    attempts: int
    prompt: int
    completion: int
    cached: int
    written: int
    reasoning: int
    cost: int
    saved: int
    first_s: float | None
    total_s: float
    marks: int
    error: str | None
    tags: tuple[str, ...]
    auth_s: float
    classify_s: float
    cache_s: float
    upstream_s: float  # of the attempt that answered, to its first token
    trail: tuple[Miss, ...]  # the attempts that did not

    @property
    def ttft_us(self) -> int | None:
        """Microseconds to the first token."""
        return None if self.first_s is None else int(self.first_s * 1e6)

    @property
    def total_us(self) -> int:
        """Microseconds to the end."""
        return int(self.total_s * 1e6)

    @property
    def cache_written(self) -> int:
        """A row is priced as a usage is."""
        return self.written


RowTuple = tuple[
    float, str, str, str, str, str, str, str, str, str, bool, int, int, int, int, int, int, int,
    int, int, float | None, float, int, str | None, tuple[str, ...], float, float, float, float,
    tuple[Miss, ...],
]  # fmt: skip  # a Row's fields, without the cost of making one


class Recorder:
    """Turns exchanges into rows and keeps them until the writer takes them.

    wall: Unix seconds. The list is the only thing shared with the writer's thread: it is appended
    to here, and cut at its beginning there, each in one step.
    """

    __slots__ = ("_rows", "_tariffs", "_wall", "dropped")

    def __init__(self, tariffs: Tariffs, wall: Clock) -> None:
        self._tariffs = tariffs
        self._wall = wall
        self._rows: list[RowTuple] = []
        self.dropped = 0

    def configure(self, tariffs: Tariffs) -> None:
        """A reload brought other prices."""
        self._tariffs = tariffs

    def record(self, exchange: Exchange, total_s: float) -> int:
        """Write down one finished exchange; what it cost, in pico-USD."""
        at_s = self._wall()
        usage = exchange.usage
        options = exchange.options
        error = exchange.error
        provider = exchange.provider
        model = exchange.provider_model
        cost = saved = marks = 0
        if usage is None:
            usage = _NOTHING
        elif provider:
            if usage.estimated:
                marks = ESTIMATED
            tariffs = self._tariffs
            tariff = tariffs.known.get((provider, model)) or tariffs.of(provider, model)
            price = tariff.cost(usage, at_s)
            if price is None:
                marks |= UNPRICED
            elif exchange.cache == "exact" or exchange.cache == "semantic":  # noqa: PLR1714 - faster
                saved = price
            else:
                cost = price
        rows = self._rows
        if len(rows) >= HELD_ROWS:
            self.dropped += 1
            return cost
        rows.append(
            (
                at_s,
                exchange.id,
                exchange.caller.name,
                exchange.route,
                exchange.category,
                provider,
                model,
                options.use_case or "",
                exchange.cache,
                exchange.outcome,
                exchange.stream,
                exchange.status,
                exchange.attempts,
                usage.prompt,
                usage.completion,
                usage.cached,
                usage.cache_written,
                usage.reasoning,
                cost,
                saved,
                exchange.first_token_s,
                total_s,
                marks,
                None if error is None else error.code,
                options.tags,
                exchange.auth_s,
                exchange.classify_s,
                exchange.cache_s,
                exchange.upstream_s,
                exchange.trail,
            )
        )
        return cost

    def price(self, exchange: Exchange) -> float:
        """USD of an answer as it was used, from wherever it came; 0 where nobody knows."""
        usage = exchange.usage
        if usage is None:
            return 0.0
        tariff = self._tariffs.of(exchange.provider, exchange.provider_model)
        return (tariff.cost(usage, self._wall()) or 0) / PICO

    def lost(self, exchange: Exchange, target: str, usage: Usage, waited_s: float) -> int:
        """An attempt that was cancelled because another one won: its provider bills it all the
        same. target: provider/model; usage: our estimate. Its estimated cost in pico-USD."""
        at_s = self._wall()
        provider, _, model = target.partition("/")
        cost = self._tariffs.of(provider, model).cost(usage, at_s)
        if len(self._rows) >= HELD_ROWS:
            self.dropped += 1
            return cost or 0
        row = Row(
            at_s, exchange.id, exchange.caller.name, exchange.route, exchange.category,
            provider, model, exchange.options.use_case or "", exchange.cache, LOST,
            exchange.stream, 0, 0, usage.prompt, usage.completion, usage.cached,
            usage.cache_written, usage.reasoning, cost or 0, 0, None, waited_s,
            ESTIMATED | (UNPRICED if cost is None else 0), None, exchange.options.tags,
            0.0, 0.0, 0.0, 0.0, (),
        )  # fmt: skip
        self._rows.append(tuple(row))  # type: ignore[arg-type]  # a NamedTuple's fields
        return cost or 0

    def take(self, most: int) -> list[RowTuple]:
        """Up to so many rows, oldest first. For the writer's thread."""
        rows = self._rows
        taken = rows[:most]
        del rows[:most]
        return taken

    @property
    def waiting(self) -> int:
        """Rows not yet taken."""
        return len(self._rows)
