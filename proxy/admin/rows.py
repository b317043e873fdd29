"""Single rows and sums as JSON and as files that a spreadsheet opens without running them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from proxy.admin.money import Money, name_of
from proxy.ledger.reports import ROW_NAMES, Figures
from proxy.ledger.row import ESTIMATED, UNPRICED

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so
_MONEY = ("cost", "saved", "reference")
_TIMES = ("ttft_us", "total_us", "auth_us", "classify_us", "cache_us", "upstream_us")


def row_of_names(money: Money) -> tuple[str, ...]:
    """The columns of row_of after the time."""
    shown = [name for name in ROW_NAMES if name not in ("seq", "at_ms", "marks")]
    places = {name: f"{name}_{money.currency.lower()}" for name in _MONEY}
    places |= {name: name.replace("_us", "_ms") for name in _TIMES}
    return (*(places.get(name, name) for name in shown), "estimated", "unpriced")


def row_of(row: tuple[Any, ...], money: Money, *, exact: bool = False) -> dict[str, Any]:
    """A row as JSON; exact: money as decimal text."""
    values = dict(zip(ROW_NAMES, row, strict=True))
    marks = values.pop("marks")
    del values["seq"]
    at = datetime.fromtimestamp(values.pop("at_ms") / 1000, UTC)
    for name in _MONEY:
        values[name] = f"{money.exact(values[name]):f}" if exact else money.of(values[name])
    for name in _TIMES:
        values[name] = None if values[name] is None else values[name] / 1000
    values["stream"] = bool(values["stream"])
    tags = values["tags"]
    values["tags"] = (tags or "").replace("\n", ",") if exact else (tags or "").split("\n")
    if not exact:
        if not tags:
            values["tags"] = []
        values["trail"] = [
            {"target": target, "from_ms": start / 1000, "to_ms": end / 1000, "why": why}
            for target, start, end, why in orjson.loads(values["trail"] or b"[]")
        ]
    shown = dict(zip(row_of_names(money), values.values(), strict=False))
    time = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": time, **shown, "estimated": bool(marks & ESTIMATED),
            "unpriced": bool(marks & UNPRICED)}  # fmt: skip


def summary_csv(by: str, groups: Iterable[Figures], money: Money) -> bytes:
    unit = money.currency.lower()
    head = (by, "requests", "errors", "cache_hits", "prompt_tokens", "completion_tokens",
            "cached_tokens", "reasoning_tokens", f"cost_{unit}", f"saved_by_cache_{unit}",
            f"saved_by_routing_{unit}")  # fmt: skip
    lines = [
        (name_of(by, one.name), one.requests, one.errors, one.hits, one.prompt, one.completion,
         one.cached, one.reasoning, f"{money.exact(one.cost):f}", f"{money.exact(one.saved):f}",
         f"{money.exact(one.saved_by_routing):f}")
        for one in groups
    ]  # fmt: skip
    return csv_of([head, *lines])


def csv_of(lines: Iterable[Iterable[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([cell(value) for value in line] for line in lines)
    return out.getvalue().encode()


def cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value):
        return "'" + value
    return value


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()


def file_headers(name: str) -> dict[str, str]:
    kind = "text/csv; charset=utf-8" if name.endswith("csv") else "application/jsonl"
    return {
        "Content-Type": kind,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Server": "firsttoken",
    }


def file(name: str, body: bytes) -> web.Response:
    return web.Response(body=body, headers=file_headers(name))
