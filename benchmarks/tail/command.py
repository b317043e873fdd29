"""`firsttoken bench tail`: one stalling provider, three policies, the price of each."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import orjson
import uvloop

from benchmarks.load import arrivals, plan, prompts
from benchmarks.load.apis import APIS
from benchmarks.load.run import Run
from benchmarks.load.tally import Tally
from benchmarks.load.target import jobs, marked, target
from benchmarks.mock.scenario import Scenario
from benchmarks.mock.upstream import ScriptedUpstream
from benchmarks.overhead import rival
from benchmarks.overhead.process import machine
from benchmarks.report import svg
from benchmarks.tail.stalling import Stalling

GATEWAY = Path(__file__).parent / "gateway.toml"
POLICIES = ("fixed", "adaptive", "hedged")
REFERENCE = "no stalls"
WAIT_SECONDS = 30.0  # for a first token, before a request counts as lost
CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Row:
    """One policy. Shares of the requests: replaced stalled and had to be asked again, or their
    answer were lost; needless were asked beside one that would have answered."""

    name: str
    tally: Tally
    replaced: float
    needless: float

    @property
    def extra(self) -> float:
        """Requests to providers beyond one for each request."""
        return self.replaced + self.needless


def run(args: argparse.Namespace) -> int:
    """0; 2 when it cannot be measured."""
    if not 0 <= args.stalled < 1 or args.requests < 1 or args.rate <= 0:
        sys.stderr.write("firsttoken bench tail: --stalled is a share, the rest above 0\n")
        return 2
    plan.raise_file_limit()
    rival.end_orderly()
    try:
        rows = uvloop.run(_measure(args))
    except (rival.Skipped, OSError) as error:
        sys.stderr.write(f"firsttoken bench tail: {error}\n")
        return 2
    table = markdown(rows)
    sys.stdout.write(table)
    if args.markdown:
        Path(args.markdown).write_text(table)
    if args.svg:
        Path(args.svg).write_text(picture(rows))
    if args.json:
        data = {
            "tool": "firsttoken bench tail",
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "median_ms": args.median_ms,
            "sigma": args.sigma,
            "stalled": args.stalled,
            "rows": {
                row.name: {
                    "ttft_ms": row.tally.ttft.summary(),
                    "failed": row.tally.failed + row.tally.unfinished,
                    "extra": round(row.extra, 4),
                    "replaced": round(row.replaced, 4),
                    "needless": round(row.needless, 4),
                }
                for row in rows
            },
        }
        Path(args.json).write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    return 0


async def _measure(args: argparse.Namespace) -> list[Row]:
    healthy = Scenario(tokens=8, first_ms=args.median_ms, first_sigma=args.sigma, interval_ms=1.0)
    # the same seed for every policy: each meets the same provider
    primary = ScriptedUpstream(record=False, name="primary")
    backup = ScriptedUpstream(record=False, name="backup", seed=1)
    async with primary, backup, AsyncExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tail-")))
        words = {
            "PRIMARY": str(primary.port),
            "BACKUP": str(backup.port),
            "FIXED": str(args.fixed_ms),
        }
        search = os.environ.get("PATH", os.defpath)  # noqa: TID251 - to find programs
        process = rival.launched(rival.read(GATEWAY), work, search=search, words=words)
        launched = await asyncio.to_thread(process.__enter__)
        stack.callback(process.__exit__, None, None, None)
        primary.script("m-reference", healthy)
        providers = (primary, backup)
        rows = [await _row(args, REFERENCE, primary.base_url, "m-reference", (primary,))]
        for policy in POLICIES:
            model = f"m-{policy}"
            stalling = Stalling(healthy, args.stalled)
            primary.script(model, stalling)
            backup.script(model, healthy)
            primary.random.seed(0)
            where = f"{policy}-{model}"
            rows.append(await _row(args, policy, launched.url, where, providers, stalling))
    return rows


async def _row(
    args: argparse.Namespace,
    name: str,
    url: str,
    model: str,
    providers: Sequence[ScriptedUpstream],
    stalling: Stalling | None = None,
) -> Row:
    before = sum(one.totals.requests for one in providers)
    rows = await _load(args, url, model)
    asked = sum(one.totals.requests for one in providers) - before
    tally = Tally()
    # one run, so that nothing ends between learning and measuring; the first rows are history
    for due, first, _, _, _, _, error in sorted(rows)[args.history :]:
        if error:
            tally.fail(error)
        else:
            tally.ok += 1
            tally.ttft.add(first - due)
    requests = args.requests + args.history
    stalled = stalling.stalled if stalling is not None else 0
    one = Row(name, tally, stalled / requests, (asked - stalled) / requests - 1.0)
    p99 = tally.ttft.quantile(0.99) * 1e3
    sys.stderr.write(
        f"{name}: p99 {p99:.0f} ms, {one.extra:+.1%} requests, {one.needless:+.1%} needless\n"
    )
    return one


async def _load(args: argparse.Namespace, url: str, model: str) -> list[plan.Row]:
    api = APIS["chat"]
    where = target(url, api)
    made = jobs(where, api, model, [marked(one) for one in prompts.varied()], stream=True)
    load = plan.Load(
        concurrency=10_000,
        preconnect=CONNECTIONS,
        arrivals=partial(arrivals.constant, args.rate),
        count=args.requests + args.history,
        request_seconds=WAIT_SECONDS,
        drain_seconds=WAIT_SECONDS,
        unique=True,
    )
    run = Run(load, where, api, made, stream=True)
    run.rows = []
    await run.execute()
    return run.rows


def markdown(rows: Sequence[Row]) -> str:
    """First-token times in milliseconds; the ratio is to the provider without stalls. The shares
    are of the requests; both together are what a provider is asked beyond one for each."""
    base = rows[0].tally.ttft.quantile(0.99)
    lines = [
        "| first token, ms | p50 | p95 | p99 | p99.9 | p99 to no stalls | lost "
        "| asked again: it stalled | needless: it would have answered |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        times = [row.tally.ttft.quantile(q) for q in (0.5, 0.95, 0.99, 0.999)]
        cells = [f"{time * 1e3:,.0f}" for time in times]
        lost = row.tally.failed + row.tally.unfinished
        lines.append(
            f"| {row.name} | {' | '.join(cells)} | {times[2] / base:.2f}x | {lost} "
            f"| {row.replaced:.1%} | {max(0.0, row.needless):.1%} |"
        )
    return "\n".join(lines) + "\n"


def picture(rows: Sequence[Row]) -> str:
    """The distributions, tails included."""
    series = [
        svg.Line(row.name, [(value * 1e3, share) for value, share in row.tally.ttft.curve()], n)
        for n, row in enumerate(rows)
    ]
    return svg.distribution("First token with stalls", series)
