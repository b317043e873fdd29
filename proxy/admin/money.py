"""Money and figures as the admin API shows them: in the configured currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from proxy.ledger.reports import SHARES, Figures
from proxy.ledger.tariff import usd

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Money:
    """rate: units of the currency for one USD."""

    currency: str = "USD"
    rate: Decimal = Decimal(1)

    def exact(self, pico: int) -> Decimal:
        """An amount of pico-USD in the currency."""
        return usd(pico) * self.rate

    def of(self, pico: int) -> float:
        """The same as a JSON number."""
        return float(self.exact(pico))


def date_of(day: int) -> str:
    """The date of a day counted since 1970."""
    return (EPOCH + timedelta(days=day)).isoformat()


def today(wall_s: float) -> int:
    """The number of today, UTC."""
    return int(wall_s // 86_400)


def month_of(day: int) -> tuple[int, int]:
    """The first day of a day's month, and that of the next one, counted since 1970."""
    first = (EPOCH + timedelta(days=day)).replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    return (first - EPOCH).days, (after - EPOCH).days


def name_of(by: str, name: tuple[str | int, ...]) -> str:
    """A group's name in words: a date, an hour, provider/model, or the label itself."""
    if by == "day":
        return date_of(int(name[0]))
    if by == "hour":
        return datetime.fromtimestamp(int(name[0]) * 3600, UTC).strftime("%Y-%m-%dT%H:00Z")
    return "/".join(str(part) for part in name)


def figures(found: Figures, money: Money) -> dict[str, Any]:
    """A group's figures as JSON. Times in milliseconds."""
    requests = found.requests
    timed = {
        name: {
            f"p{share * 100:g}": round(micros / 1000, 3)
            for share, micros in zip(SHARES, values, strict=False)
            if micros is not None
        }
        for name, values in (("ttft_ms", found.ttft), ("total_ms", found.total))
    }
    return {
        "requests": requests,
        "errors": found.errors,
        "error_rate": round(found.errors / requests, 6) if requests else 0.0,
        "cache_hits": found.hits,
        "hit_rate": round(found.hits / requests, 6) if requests else 0.0,
        "attempts": found.attempts,
        "lost_attempts": found.lost,
        "tokens": {
            "prompt": found.prompt,
            "completion": found.completion,
            "cached": found.cached,
            "reasoning": found.reasoning,
            "total": found.tokens,
        },
        "cost": money.of(found.cost),
        "saved_by_cache": money.of(found.saved),
        "saved_by_routing": money.of(found.saved_by_routing),
        "reference_cost": money.of(found.reference),
        "estimated": found.estimated,
        "unpriced": found.unpriced,
        "mean_ttft_ms": round(found.ttft_us / found.ttft_n / 1000, 3) if found.ttft_n else None,
        "mean_total_ms": round(found.total_us / requests / 1000, 3) if requests else None,
        **timed,
    }
