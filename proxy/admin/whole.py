"""What several processes know, told as one: sums of counts, the worst of states.

A table says which endpoints are asked of every sibling and how their answers become one. An
endpoint that is not in it is served by whoever got the request: its answer is the same everywhere
(the configuration, the ledger's file).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from proxy.errors import ClientError

if TYPE_CHECKING:
    from proxy.admin.siblings import Siblings

Merge = Callable[[Sequence[bytes]], bytes]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PROCESSES = (
    b"# HELP firsttoken_processes Serving processes that answered\n"
    b"# TYPE firsttoken_processes gauge\n"
)
# Shares, percentiles, moments and settings: of them a sum means nothing.
_MEAN = re.compile(
    r"(_rate|_share|_ratio|_seconds|(?<!_per)_s|similarity|threshold|^time)$|^p[0-9.]+$"
)
_STATES = ("CLOSED", "HALF_OPEN", "OPEN")  # from good to bad


def whole(siblings: Siblings) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
    """Middleware: endpoints of the table answer for all processes, and act in all."""

    @web.middleware
    async def render(request: web.Request, handler: Handler) -> web.StreamResponse:
        merge = _TABLE.get((request.method, _place(request)))
        if merge is None:
            return await handler(request)
        try:
            response = await handler(request)
        except ClientError as error:
            # What lies in one process's memory is not found by the others.
            if merge is not first or error.status != 404 or not (found := await ask(request)):
                raise
            return web.Response(body=found[0], content_type="application/json")
        body = response.body if isinstance(response, web.Response) else None
        if response.status != 200 or not isinstance(body, bytes):
            return response
        if merge is metrics and response.content_type == "application/json":
            merge = added
        assert isinstance(response, web.Response)
        response.body = merge([body, *await ask(request)])
        return response

    async def ask(request: web.Request) -> Sequence[bytes]:
        asked = await request.read()
        return await siblings.ask(request.method, request.path_qs, request.headers, asked)

    return render


def _place(request: web.Request) -> str:
    """The path as its route has it: /api/cache/entries/{id}."""
    resource = request.match_info.route.resource
    return request.path if resource is None else resource.canonical


def metrics(texts: Sequence[bytes]) -> bytes:
    """Expositions in Prometheus' text format, each sample summed over all of them; up is what is up
    for all."""
    families: dict[bytes, dict[bytes, float]] = {}
    for text in texts:
        comments = b""
        for line in text.splitlines():
            if line.startswith(b"#"):
                comments = line + b"\n" if line.startswith(b"# HELP") else comments + line + b"\n"
                continue
            samples = families.setdefault(comments, {})
            name, _, value = line.rpartition(b" ")
            if name.endswith(b"_up"):
                samples[name] = min(samples.get(name, 1.0), float(value))
            else:
                samples[name] = samples.get(name, 0.0) + float(value)
    families[_PROCESSES] = {b"firsttoken_processes": float(len(texts))}
    return b"".join(
        comments + b"".join(b"%b %r\n" % (name, value) for name, value in samples.items())
        for comments, samples in families.items()
    )


def first(bodies: Sequence[bytes]) -> bytes:
    """One answer stands for all: what was asked has been done everywhere."""
    return bodies[0]


def added(bodies: Sequence[bytes]) -> bytes:
    """JSON objects of numbers, summed; where a sum means nothing, their mean, or the least."""
    return orjson.dumps(_sum([orjson.loads(body) for body in bodies]))


def _sum(values: Sequence[Any], name: str = "") -> Any:
    found = [one for one in values if one is not None]
    if not found:
        return None
    first = found[0]
    if isinstance(first, Mapping):
        keys = dict.fromkeys(key for one in found for key in one)
        return {key: _sum([one[key] for one in found if key in one], key) for key in keys}
    if isinstance(first, list) and first and isinstance(first[0], Mapping):
        return [_sum(list(rows)) for rows in zip(*found, strict=False)]  # second by second
    if isinstance(first, int | float) and not isinstance(first, bool):
        numbers = [one for one in found if isinstance(one, int | float)]
        if name.endswith("_up"):
            return min(numbers)
        return sum(numbers) / len(numbers) if _MEAN.search(name) else sum(numbers)
    return first


def breakers(bodies: Sequence[bytes]) -> bytes:
    """For each target the worst of its breakers, with the counts of all."""
    every: dict[str, list[dict[str, Any]]] = {}
    for body in bodies:
        for target, row in orjson.loads(body).items():
            every.setdefault(target, []).append(row)
    return orjson.dumps({target: _worst(rows) for target, rows in sorted(every.items())})


def _worst(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    worst = max(rows, key=lambda row: _STATES.index(row["state"]))
    counts = {name: sum(row[name] for row in rows) for name in ("failureCount", "successCount")}
    return {**worst, **counts, "processes": [row["state"] for row in rows]}


def listed(bodies: Sequence[bytes]) -> bytes:
    """JSON lists of rows, with the process each row is from."""
    return orjson.dumps(
        [{**row, "process": number} for number, body in enumerate(bodies)
         for row in orjson.loads(body)]
    )  # fmt: skip


def entries(bodies: Sequence[bytes]) -> bytes:
    """A page of each process's entries, one that several keep only once. The next page begins
    after what each showed last."""
    pages = [orjson.loads(body) for body in bodies]
    found = {row["id"]: row for page in pages for row in page["entries"]}
    nexts = [page["next"] for page in pages if page["next"] is not None]
    return orjson.dumps({"entries": list(found.values()), "next": ",".join(nexts) or None})


def limits(bodies: Sequence[bytes]) -> bytes:
    """Rates that are divided among the processes are summed; of what all share the highest."""
    pages = [orjson.loads(body) for body in bodies]
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for page in pages:
        for row in page["limits"]:
            known = rows.setdefault((row["scope"], row["name"], row["kind"]), row)
            if known is row:
                continue
            divided = row["kind"].endswith("per_minute") and not row["shared"]
            for name in ("limit", "used"):
                known[name] = (known[name] + row[name]) if divided else max(known[name], row[name])
            known["reset_seconds"] = max(known["reset_seconds"], row["reset_seconds"])
    return orjson.dumps({**pages[0], "limits": list(rows.values())})


_TABLE: Mapping[tuple[str, str], Merge] = {
    ("GET", "/metrics"): metrics,
    ("GET", "/api/cache"): added,
    ("GET", "/api/cache/entries"): entries,
    ("GET", "/api/limits"): limits,
    ("GET", "/api/now"): added,
    ("GET", "/api/past"): added,
    ("GET", "/api/breakers"): breakers,
    ("GET", "/api/deadlines"): listed,
    ("GET", "/api/deadlines/tokens"): listed,
    ("POST", "/api/breakers/reset"): breakers,
    ("POST", "/api/breakers/open"): breakers,
    ("POST", "/circuit-breaker/reset/{model}"): first,
    ("POST", "/api/cache/invalidate"): added,
    ("DELETE", "/api/cache"): added,
    ("GET", "/api/cache/entries/{id}"): first,
    ("DELETE", "/api/cache/entries/{id}"): first,
    ("POST", "/api/cache/entries/{id}/pin"): first,
    ("POST", "/api/trpc/llmAnalytics.cacheInvalidate"): first,
}
