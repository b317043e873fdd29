"""Budget tiers: the most that one request may cost, and how `auto:economy` asks for one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from proxy.errors import ClientError

TIERS: Mapping[str, float] = MappingProxyType(
    {
        "ultra_economy": 0.001,
        "economy": 0.01,
        "standard": 0.05,
        "premium": 0.20,
        "enterprise": 1.00,
    }
)
"""USD a request."""


def cap_of(tier: str) -> float:
    """USD that a request of this tier may cost. Raises ClientError 400 for an unknown tier."""
    cap = TIERS.get(tier)
    if cap is None:
        raise ClientError(
            400,
            f"There is no budget tier {tier[:100]!r}: there are {', '.join(TIERS)}.",
            code="unknown_budget_tier",
            param="budget_tier",
        )
    return cap


def too_dear(cap_usd: float, least_usd: float, name: str) -> ClientError:
    """What a client is told where every target costs more than it may."""
    return ClientError(
        400,
        f"No target may answer within {cap_usd:g} USD: the cheapest, {name}, takes about"
        f" {least_usd:.6f} USD. Ask for less output, or for a higher budget tier.",
        code="budget_tier_exceeded",
        param="budget_tier",
    )
