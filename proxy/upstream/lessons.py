"""What a winner teaches of its target: how soon it speaks, how long it is silent, if it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.errors import Kind
from proxy.upstream.continuation import Unlike

if TYPE_CHECKING:
    from proxy.errors import UpstreamFailure
    from proxy.exchange import Exchange
    from proxy.upstream.attempt import Attempt
    from proxy.upstream.engine import Engine, Terms
    from proxy.upstream.follow import Follower


def spoke(engine: Engine, name: str, exchange: Exchange, *, reasons: bool) -> None:
    """Its first token came. name: the target's; reasons: it may have thought before."""
    engine.latency.observe(
        name, exchange.prompt_bytes, exchange.upstream_s, engine.now(), reasoning=reasons
    )


def set_silence_s(terms: Terms, *, pauses: bool) -> float | None:
    """How long its answer may be silent, None where that is learned. pauses: long silences are in
    the answer's nature."""
    return terms.pausing_s if pauses else terms.between_tokens_s


def silence_s(engine: Engine, terms: Terms, name: str, *, pauses: bool) -> float:
    """How long its answer may be silent, set or learned."""
    gap_s = set_silence_s(terms, pauses=pauses)
    return engine.gaps.deadline(name, pausing=pauses) if gap_s is None else gap_s


def completed(
    engine: Engine, terms: Terms, name: str, follower: Follower | None, *, pauses: bool
) -> None:
    """Its stream is complete."""
    if follower is not None and set_silence_s(terms, pauses=pauses) is None:
        engine.gaps.observe(name, follower.longest_s, engine.now(), pausing=pauses)


def broke(  # what is known of one break
    engine: Engine,
    name: str,
    winner: Attempt,
    failure: UpstreamFailure,
    follower: Follower | None,
    *,
    pauses: bool,
) -> None:
    """Its stream broke after the first token."""
    now = engine.now()
    if isinstance(failure, Unlike):
        engine.breakers.abandoned(name, now, winner.ticket)
    else:
        engine.breakers.failed(name, failure.kind, now, ticket=winner.ticket)
    if failure.kind is Kind.STALL and follower is not None:
        engine.gaps.censored(name, now - follower.heard_s, now, pausing=pauses)
