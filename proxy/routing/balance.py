"""The order inside a chain: by weight, by speed, by price. Chance and figures are arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.routing.plan import Target

Rand = Callable[[], float]  # uniform [0, 1)


def weighted(targets: Sequence[Target], rand: Rand) -> tuple[Target, ...]:
    """Each place drawn by weight from those that are left (exponential keys, one pass)."""
    keys = {one: -log(1.0 - rand()) / one.weight for one in targets}
    return tuple(sorted(targets, key=keys.__getitem__))


def sticky(targets: Sequence[Target], who: str) -> tuple[Target, ...]:
    """The same, drawn by whose request it is: weighted rendezvous hashing.

    The same caller keeps its order while the targets stay, in every process; a target that goes
    moves only its own callers, and a weight that grows draws callers only to it.
    """
    keys = {one: -log(_uniform(who, one.name)) / one.weight for one in targets}
    return tuple(sorted(targets, key=keys.__getitem__))


def fastest(
    targets: Sequence[Target], cost: Callable[[Target], float], rand: Rand
) -> tuple[Target, ...]:
    """The better of two taken at random goes first, the others follow by cost.

    Two choices are enough to keep the load from running after one figure that many read at once
    (Mitzenmacher). cost: expected seconds; 0 for a target that is worth finding out about.
    """
    costs = {one: cost(one) for one in targets}
    ranked = sorted(targets, key=costs.__getitem__)
    if len(ranked) < 3:
        return tuple(ranked)
    one = int(rand() * len(ranked))
    other = (one + 1 + int(rand() * (len(ranked) - 1))) % len(ranked)
    first = ranked.pop(min(one, other))
    return (first, *ranked)


def cheapest(
    targets: Sequence[Target], price: Callable[[Target], float | None]
) -> tuple[Target, ...]:
    """By price, ties as configured; those whose price nobody knows come last."""
    prices = {one: price(one) for one in targets}

    def rank(one: Target) -> tuple[bool, float]:
        known = prices[one]
        return known is None, known or 0.0

    return tuple(sorted(targets, key=rank))


def _uniform(who: str, target: str) -> float:
    """A number in (0, 1) that belongs to this pair."""
    digest = blake2b(f"{who}\0{target}".encode("utf-8", "replace"), digest_size=8).digest()
    return (int.from_bytes(digest) + 0.5) / 2.0**64
