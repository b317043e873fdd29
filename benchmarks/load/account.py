"""One finished request becomes numbers."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.load.client import Client
from benchmarks.load.plan import Row
from benchmarks.load.tally import Tally


def account(
    tally: Tally, client: Client, end: float, goodput: Sequence[tuple[str, float]] = ()
) -> None:
    """Adds an answer that ended at `end` (time.monotonic), good or bad. goodput: what a single
    answer must keep to count as good, (ttft, tpot or total; seconds)."""
    tally.bytes += client.bytes
    tally.tokens += client.tokens
    if client.broken:
        tally.fail(client.broken, client.message())
        return
    tally.ok += 1
    due = client.due
    tally.total.pending.append(end - due)
    tally.ttfb.pending.append(client.first_byte - due)
    if client.tokens:
        tally.ttft.pending.append(client.first_token - due)
        if client.tokens > 1 and client.last_token > client.first_token:
            per_token = (client.last_token - client.first_token) / (client.tokens - 1)
            tally.tpot.pending.append(per_token)
            tally.speed.pending.append(1.0 / per_token)
    if goodput:
        tally.good += all(_time(client, name, end) <= most for name, most in goodput)
    asked, said = client.usage()
    tally.prompt_tokens += asked
    tally.completion_tokens += said
    if client.cache:
        tally.cache[client.cache] += 1


def _time(client: Client, name: str, end: float) -> float:
    """One of the times of an answer, seconds."""
    if name == "total":
        return end - client.due
    if name == "ttft":
        return client.first_token - client.due if client.tokens else end - client.due
    return (client.last_token - client.first_token) / max(1, client.tokens - 1)


def row(client: Client, start: float, end: float, error: str = "") -> Row:
    """The request as a line of a file; times in seconds after the start of the run. error: its
    name where the client does not know of it."""
    first = client.first_token - start if client.first_token else float("nan")
    return (
        client.due - start,
        first,
        end - start,
        client.sent - client.due,
        client.tokens,
        client.status,
        error or client.broken,
    )


def row_without_answer(due: float, start: float, end: float, error: str) -> Row:
    """A request that found no connection, as a line of a file."""
    return (due - start, float("nan"), end - start, end - due, 0, 0, error)
