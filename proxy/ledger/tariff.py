"""Prices compiled for the hot path: integers per token, and which list is in force until when.

Money is counted in pico-USD (1e-12 USD): USD per million tokens with six decimals is then a whole
number per token, so that every cost is exact and an addition is an integer's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proxy.chat import Usage
from proxy.prices import Price, PriceList, Rates

PICO = 1_000_000_000_000
TARIFFS_LIMIT = 4096  # models of patterns are clients' words: bounded
_FOREVER_S = float("inf")
_MOST = 2**62  # pico-USD in a column of 64 bits
_NO_RATES = (0, 0, 0, 0)

Column = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Whole:
    """Pico-USD per token."""

    input: int
    output: int
    cached: int
    written: int


class Tokens(Protocol):
    """What is paid for; proxy.chat.Usage is one, a row of the ledger another."""

    @property
    def prompt(self) -> int: ...
    @property
    def completion(self) -> int: ...
    @property
    def cached(self) -> int: ...
    @property
    def cache_written(self) -> int: ...


class Tariff:
    """One model's prices. Asked with a time, in Unix seconds, that only goes forward, mostly."""

    __slots__ = ("_prices", "_rates", "_since_s", "_tiers", "_until_s")

    def __init__(self, prices: PriceList) -> None:
        self._prices = prices
        self._since_s = self._until_s = 0.0
        self._rates: Whole | None = None
        self._tiers: tuple[tuple[int, Whole], ...] = ()

    def cost(self, usage: Tokens, at_s: float) -> int | None:
        """Pico-USD, exactly what proxy.prices.cost says; None where no price is known."""
        if not self._since_s <= at_s < self._until_s:
            self._turn(at_s)
        rates = self._rates
        if rates is None:
            return None
        prompt = usage.prompt
        for above, higher in self._tiers:
            if prompt > above:
                rates = higher
        total = prompt * rates.input + usage.completion * rates.output
        cached = usage.cached
        if cached > 0:
            cached = min(cached, prompt)
            total += cached * (rates.cached - rates.input)
        written = usage.cache_written
        if written > 0:
            total += min(written, prompt - max(cached, 0)) * (rates.written - rates.input)
        return total

    def flat(self, first_s: float, last_s: float) -> Whole | None:
        """What every token costs within this time, however many there are; None where that
        depends, or where nobody knows."""
        if not self._since_s <= first_s < self._until_s:
            self._turn(first_s)
        return None if self._tiers or last_s >= self._until_s else self._rates

    def _turn(self, at_s: float) -> None:
        """Take the list in force, and see when another one may come."""
        at = datetime.fromtimestamp(at_s, UTC)
        price = self._prices.at(at)
        self._rates = None if price is None else _whole(price.rates)
        self._tiers = (
            () if price is None else tuple((above, _whole(one)) for above, one in price.tiers)
        )
        turns = sorted(_turns(self._prices.prices, at))
        place = bisect_right(turns, at_s)
        self._since_s = turns[place - 1] if place else -_FOREVER_S
        self._until_s = turns[place] if place < len(turns) else _FOREVER_S


class Tariffs:
    """All tariffs of one configuration. prices: the price list of provider/model."""

    __slots__ = ("_prices", "known")

    def __init__(self, prices: Callable[[str], PriceList]) -> None:
        self._prices = prices
        self.known: dict[tuple[str, str], Tariff] = {}

    def of(self, provider: str, model: str) -> Tariff:
        """The tariff of a provider's model; one without prices where nobody knows them."""
        return self.known.get((provider, model)) or self._make(provider, model)

    def _make(self, provider: str, model: str) -> Tariff:
        if len(self.known) >= TARIFFS_LIMIT:
            self.known.clear()
        made = self.known[provider, model] = Tariff(self._prices(f"{provider}/{model}"))
        return made


def usd(pico: int) -> Decimal:
    """USD, exact."""
    return Decimal(pico).scaleb(-12)


def pico(amount_usd: Decimal | float) -> int:
    """Pico-USD of an amount, to the nearest; a float is taken as it is written."""
    exact = amount_usd if isinstance(amount_usd, Decimal) else Decimal(repr(amount_usd))
    return int(exact.scaleb(12).to_integral_value(ROUND_HALF_EVEN))


def costs(
    tariffs: Sequence[Tariff], which: Column, used: Column, at_s: NDArray[np.float64]
) -> Column:
    """Tariff.cost of many at once; -1 where no price is known. which: the tariff of each; used:
    prompt, completion, cached and written tokens by each, none below zero. At least one."""
    prompt, completion, cached, written = used
    cached = np.minimum(cached, prompt)
    written = np.minimum(written, prompt - cached)
    span_s = float(at_s.min()), float(at_s.max())
    flat = [one.flat(*span_s) for one in tariffs]
    rates = np.array([(one.input, one.output, one.cached, one.written) if one else _NO_RATES
                      for one in flat])  # fmt: skip
    input_, output, read, wrote = rates.T[:, which]
    total: Column = prompt * input_ + completion * output
    total += cached * (read - input_) + written * (wrote - input_)
    is_large = int(used.max()) * int(rates.max()) >= _MOST // len(used)
    for number, (tariff, rate) in enumerate(zip(tariffs, flat, strict=True)):
        if rate is None or is_large:
            for place in np.flatnonzero(which == number).tolist():
                cost = tariff.cost(Usage(*used[:, place].tolist()), float(at_s[place]))
                total[place] = -1 if cost is None else min(cost, _MOST)
    return total


def _whole(rates: Rates) -> Whole:
    def per_token(usd_per_mtok: Decimal) -> int:
        return pico(usd_per_mtok.scaleb(-6))

    return Whole(
        per_token(rates.input),
        per_token(rates.output),
        per_token(rates.input if rates.cached is None else rates.cached),
        per_token(rates.input if rates.written is None else rates.written),
    )


def _turns(prices: tuple[Price, ...], at: datetime) -> list[float]:
    """Moments about this one, in Unix seconds, at which another list may come into force."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    turns: list[float] = []
    for price in prices:
        if price.since is not None:
            turns.append(datetime(*price.since.timetuple()[:3], tzinfo=UTC).timestamp())
        for moment in price.hours or ():
            for day in (-1, 0, 1):
                begins = midnight + timedelta(days=day)
                turns.append(
                    begins.replace(
                        hour=moment.hour, minute=moment.minute, second=moment.second
                    ).timestamp()
                )
    return turns
