"""What an answer costs: exact decimals, with the tiers and dates that providers really have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from proxy.chat import Usage

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens. None: the provider bills these tokens as plain input."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    written: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """One price list. tiers: (prompt tokens, rates), ascending: a prompt of more tokens than that
    pays these rates for all of them. since: the first day, UTC; hours: the daily span, UTC."""

    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    since: date | None = None
    hours: tuple[time, time] | None = None

    def holds(self, at: datetime) -> bool:
        """Whether this list is in force at that moment; a naive one is UTC."""
        moment = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        if self.since is not None and moment.date() < self.since:
            return False
        if self.hours is None:
            return True
        begin, end = self.hours
        now = moment.time()
        return begin <= now < end if begin <= end else now >= begin or now < end

    def rates_for(self, prompt_tokens: int) -> Rates:
        """The rates of a prompt of this size."""
        found = self.rates
        for above, rates in self.tiers:
            if prompt_tokens > above:
                found = rates
        return found


@dataclass(frozen=True, slots=True)
class PriceList:
    """All prices of a model; of those in force, the last one counts. source: who says so."""

    prices: tuple[Price, ...] = ()
    source: str = field(default="", compare=False)

    def at(self, at: datetime) -> Price | None:
        return next((one for one in reversed(self.prices) if one.holds(at)), None)

    def cost(self, usage: Usage, at: datetime) -> Decimal | None:
        """USD, exact. None: no price is known."""
        price = self.at(at)
        return None if price is None else cost(usage, price.rates_for(usage.prompt))


FREE = PriceList((Price(Rates(Decimal(0), Decimal(0))),), "one's own machine")


def cost(usage: Usage, rates: Rates) -> Decimal:
    """USD of these tokens: cached and written ones are part of the prompt, reasoning of the
    completion. A cached count above the prompt's, as some providers send, is cut to it."""
    cached = min(max(usage.cached, 0), usage.prompt)
    written = min(max(usage.cache_written, 0), usage.prompt - cached)
    plain = usage.prompt - cached - written
    input_ = rates.input
    total = (
        plain * input_
        + cached * (input_ if rates.cached is None else rates.cached)
        + written * (input_ if rates.written is None else rates.written)
        + usage.completion * rates.output
    )
    return total / MILLION


def parse(rows: Iterable[Mapping[str, Any]], source: str) -> PriceList:
    """The price list of a snapshot's row; rows without both an input and an output are no price."""
    prices = []
    for row in rows:
        if "in" not in row and "out" not in row:
            continue
        base = _rates(row, row)
        prices.append(
            Price(
                base,
                tuple((int(above), _rates(tier, row)) for above, tier in row.get("tiers", ())),
                date.fromisoformat(row["from"]) if "from" in row else None,
                _hours(row["hours"]) if "hours" in row else None,
            )
        )
    return PriceList(tuple(prices), source)


def _rates(row: Mapping[str, Any], base: Mapping[str, Any]) -> Rates:
    def rate(name: str) -> Decimal | None:
        text = row.get(name, base.get(name))
        return None if text is None else Decimal(text)

    # An embedding model has no output price: it has no output.
    zero = Decimal(0)
    return Rates(rate("in") or zero, rate("out") or zero, rate("cached"), rate("written"))


def _hours(span: Sequence[str]) -> tuple[time, time]:
    return time.fromisoformat(span[0]), time.fromisoformat(span[1])
