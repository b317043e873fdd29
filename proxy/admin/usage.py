"""What was used and what it cost: summaries, single rows, a forecast, and files of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date
from typing import Any

import orjson
from aiohttp import web

from proxy.admin.endpoint import Call, Endpoint, Param, bad
from proxy.admin.money import EPOCH, Money, date_of, figures, month_of, name_of, today
from proxy.admin.rows import csv_of, file, file_headers, row_of, row_of_names, summary_csv
from proxy.ledger import reports
from proxy.ledger.book import Answer, Reader
from proxy.ledger.forecast import CONFIDENCE, HISTORY_DAYS, forecast
from proxy.ledger.reports import GROUPS, Period
from proxy.ledger.store import Store, Unavailable
from proxy.ledger.tariff import PICO, pico
from proxy.timing import Clock

PAGE_ROWS = 2000  # of an export, between two looks at the writing
MOST_DAYS = 3660
LAST_ROWS = 10


PERIOD = (
    Param("days", "integer", "So many days up to today.", 30, least=1, most=MOST_DAYS),
    Param("since", "string", "The first day (YYYY-MM-DD, UTC); instead of days."),
    Param("until", "string", "The last day, itself included; absent: today."),
)
LABELS = (
    Param("key", about="Only of this caller."),
    Param("route", about="Only of this route."),
    Param("category", about="Only of this category."),
    Param("provider", about="Only of this provider."),
    Param("model", about="Only of this model."),
    Param("task_type", about="Only of this use case."),
    Param("cache", about="Only with this cache result.",
          choices=("exact", "semantic", "miss", "bypass")),
    Param("outcome", about="Only with this end.",
          choices=("ok", "error", "cancelled", "broken", "lost")),
)  # fmt: skip
FORMAT = Param("format", about="How to write it.", default="json", choices=("json", "csv"))


class Usage:
    """The ledger's handlers. store, money and reference: asked anew each time, for a reload."""

    def __init__(
        self,
        store: Callable[[], Store | None],
        money: Callable[[], Money],
        reference: Callable[[], str | None],
        wall: Clock,
    ) -> None:
        self._store = store
        self.money = money
        self._reference = reference
        self._wall = wall

    def endpoints(self) -> list[Endpoint]:
        """Everything served here."""
        by = Param("by", about="What to group by.", default="day", choices=(*GROUPS, "tag"))
        return [
            Endpoint("GET", "/api/usage", self.usage, "Tokens, money, times and errors by group.",
                     (by, *PERIOD, *LABELS, FORMAT), answers=("application/json", "text/csv"),
                     group="usage"),
            Endpoint("GET", "/api/usage/export", self.export,
                     "Every row of a period, as CSV or as one JSON object a line.",
                     (*PERIOD, *LABELS, FORMAT), answers=("text/csv", "application/jsonl"),
                     group="usage"),
            Endpoint("GET", "/api/requests", self.requests, "Single rows, newest first.",
                     (Param("limit", "integer", "How many.", 100, least=1, most=1000),
                      Param("before", "integer", "The `next` of the page before.", least=0),
                      Param("id", about="Only this request."), *LABELS), group="usage"),
            Endpoint("GET", "/api/forecast", self.forecast,
                     "The spend of the coming days, with an interval of 80 %.",
                     (Param("days", "integer", "How far.", 30, least=1, most=366),),
                     group="usage"),
        ]  # fmt: skip

    # ---- handlers ---------------------------------------------------------------------------

    async def usage(self, call: Call) -> web.Response | dict[str, Any]:
        """Summaries by group, with the total of all."""
        period, wanted, by = self.period(call), _labels(call), call["by"]
        if by == "tag":
            if wanted:
                raise bad(min(wanted), "cannot be asked for together with by=tag")
            groups = await self.ask(lambda it: reports.by_tag(it, period))
        else:
            groups = await self.ask(lambda it: reports.summary(it, period, by, wanted))
        money = self.money()
        if call["format"] == "csv":
            return file(f"usage-by-{by}.csv", summary_csv(by, groups, money))
        (total,) = await self.ask(lambda it: reports.summary(it, period, "total", wanted))
        return {
            "since": date_of(period.first),
            "until": date_of(period.until - 1),
            "currency": money.currency,
            "usd_rate": float(money.rate),
            "reference_model": self._reference(),
            "by": by,
            "total": figures(total, money),
            "groups": [{"name": name_of(by, one.name), **figures(one, money)} for one in groups],
        }

    async def requests(self, call: Call) -> dict[str, Any]:
        """A page of rows."""
        wanted = _labels(call)
        if call["id"] is not None:
            wanted["id"] = call["id"]
        found = await self.ask(
            lambda it: reports.rows(it, call["limit"], before=call["before"], filters=wanted)
        )
        money = self.money()
        return {
            "currency": money.currency,
            "requests": [row_of(row, money) for row in found],
            "next": found[-1][0] if len(found) == call["limit"] else None,
        }

    async def export(self, call: Call) -> web.StreamResponse:
        """Rows as a file, page by page, however many there are."""
        period, wanted, money = self.period(call), _labels(call), self.money()
        as_csv = call["format"] == "csv"
        name = f"requests-{date_of(period.first)}.{'csv' if as_csv else 'jsonl'}"
        response = web.StreamResponse(headers=file_headers(name))
        pages = self._pages(period, wanted)
        first = await anext(pages, None)  # a ledger that cannot be read is still a 503
        await response.prepare(call.request)
        if as_csv:
            await response.write(csv_of([("time", *row_of_names(money))]))
        while first is not None:
            shown = [row_of(row, money, exact=as_csv) for row in first]
            if as_csv:
                data = csv_of([tuple(one.values()) for one in shown])
            else:
                data = b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE)
                                for one in shown)  # fmt: skip
            await response.write(data)
            first = await anext(pages, None)
        await response.write_eof()
        return response

    async def forecast(self, call: Call) -> dict[str, Any]:
        """The coming days, and what this month will have cost."""
        return await self.outlook(call["days"])

    # ---- for the predecessors' endpoints too ----------------------------------------------------

    async def outlook(self, horizon: int) -> dict[str, Any]:
        """See forecast."""
        now = today(self._wall())
        history = await self.ask(
            lambda it: reports.daily_costs(it, Period(now - HISTORY_DAYS, now))
        )
        first, after = month_of(now)
        (month,) = await self.ask(lambda it: reports.summary(it, Period(first, now + 1)))
        (day,) = await self.ask(lambda it: reports.summary(it, Period(now, now + 1)))
        money = self.money()
        found = forecast([cost / PICO for cost in history], now, max(horizon, after - now))
        rest = [one.expected for one in found.days if one.day < after]
        ahead = sum(rest) - min(day.cost / PICO, rest[0]) if rest else 0.0
        rate = float(money.rate)
        return {
            "method": found.method,
            "history_days": found.history_days,
            "currency": money.currency,
            "confidence": CONFIDENCE,
            "month_so_far": money.of(month.cost),
            "month_projected": money.of(month.cost + pico(round(ahead, 9))) if rest else None,
            "trend_per_day": found.trend_per_day * rate,
            "days": [
                {
                    "day": date_of(one.day),
                    "expected": round(one.expected * rate, 9),
                    "low": round(one.low * rate, 9),
                    "high": round(one.high * rate, 9),
                }
                for one in found.days[:horizon]
            ],
        }

    async def overview(self) -> dict[str, Any]:
        """Mean latency, spend and the last rows; nothing where the ledger cannot say."""
        period = Period(0, today(self._wall()) + 1)
        try:
            (total,) = await self.ask(lambda it: reports.summary(it, period))
            last = await self.ask(lambda it: reports.rows(it, LAST_ROWS))
        except Unavailable:
            return {}
        shown = figures(total, Money())
        return {
            "mean_latency_ms": shown["mean_total_ms"],
            "total_cost_usd": shown["cost"],
            "last_requests": [row_of(row, Money()) for row in last],
        }

    async def ask(self, question: Callable[[Reader], Answer]) -> Answer:
        """An answer from the ledger. Raises Unavailable."""
        store = self._store()
        if store is None:
            raise Unavailable("it is switched off: [ledger] enabled = false")
        return await asyncio.wrap_future(store.ask(question))

    def last_days(self, days: int) -> Period:
        """So many days up to today."""
        until = today(self._wall()) + 1
        return Period(until - days, until)

    def period(self, call: Call) -> Period:
        """The days that a call asks for. Raises ClientError."""
        until = _day("until", call["until"])
        last = today(self._wall()) if until is None else until
        first = _day("since", call["since"])
        if first is None:
            first = last - call["days"] + 1
        if first > last:
            raise bad("since", "is after until")
        return Period(first, last + 1)

    async def _pages(
        self, period: Period, wanted: Mapping[str, str]
    ) -> AsyncIterator[list[tuple[Any, ...]]]:
        before: int | None = None
        while True:
            at = before

            def page(it: Reader, at: int | None = at) -> list[tuple[Any, ...]]:
                return reports.rows(it, PAGE_ROWS, before=at, period=period, filters=wanted)

            found = await self.ask(page)
            if not found:
                return
            before = found[-1][0]
            yield found


def _labels(call: Call) -> dict[str, str]:
    return {one.name: call[one.name] for one in LABELS if call[one.name] is not None}


def _day(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return (date.fromisoformat(text) - EPOCH).days
    except ValueError:
        raise bad(name, "must be a date such as 2026-01-31") from None
