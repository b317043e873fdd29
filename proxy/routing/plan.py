"""In which order targets are tried: a value that explains itself.

The planner is built once per configuration. For the common case, an exact route in order with no
breaker open and nothing asked for that a target lacks, a plan is a dictionary look-up.

In order: what the model cannot do, then strategy, then breakers and limits. Where a filter would
leave nobody it is not applied: the provider's own refusal says more than ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Protocol

from proxy.errors import ClientError
from proxy.routing import balance
from proxy.routing.demand import (
    OUTPUT_TOKENS,
    Demand,
    demand_of,
    is_plain,
    lacking,
    lacking_somewhere,
)
from proxy.routing.names import AUTO, Directory, Names, Rule, Target, match, target_of
from proxy.routing.signals import BYTES_PER_TOKEN
from proxy.routing.tiers import too_dear
from proxy.state.limits import Limits

if TYPE_CHECKING:
    from proxy.chat import Json
    from proxy.routing.demand import Described

__all__ = ["AUTO", "Chain", "Gates", "Known", "Names", "Plan", "Planner", "Rule", "Target", "match",
           "target_of", "turned_away"]  # fmt: skip

QUEUE_SECONDS = 1.0  # a request waits so long for a place, where every target is at its limit
CHAINS_LIMIT = 4096
_BROKEN = "breaker open"


@dataclass(frozen=True, slots=True)
class Plan:
    """The chain for one request. skipped: (target, reason). wait_s: every target is at its limit,
    and the first is free after this long."""

    rule: Rule
    targets: tuple[Target, ...]
    why: str
    skipped: tuple[tuple[str, str], ...] = ()
    wait_s: float = 0.0

    @property
    def reason(self) -> str:
        """Why these targets in this order, and why not the others, in words."""
        if not self.skipped:
            return self.why
        return f"{self.why}; passed by: " + ", ".join(f"{one} ({why})" for one, why in self.skipped)


class Doors(Protocol):
    """The breakers, as far as a plan looks at them. shut: how many are."""

    @property
    def shut(self) -> int: ...
    def blocked(self, target: str, now: float) -> bool: ...


class Speeds(Protocol):
    """The first-token times, as far as a plan looks at them."""

    def expected_s(self, target: str, now: float) -> float: ...


class Gates(Protocol):
    """The limits of endpoints, as far as a plan looks at them."""

    def limits(self, name: str) -> bool: ...
    def wait_s(self, name: str, tokens: int, now: float) -> float: ...
    def in_flight(self, name: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of targets. describe: by provider/model. price: USD of a request to
    provider/model with so many tokens in and out, None for an unknown one. pools: provider -> its
    endpoints, as (provider, key), where there is more than one."""

    describe: Callable[[str], Described] | None = None
    price: Callable[[str, int, int], float | None] | None = None
    pools: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)


class Chain:
    """Targets that are planned for again and again: what can be said of them beforehand.

    plan: the answer where nothing is in the way. simple: only breakers could be. choosy: one
    target can do what another cannot. small_bytes: a prompt up to here fits every window. lacks,
    most_output: what not every target has, and the tokens that every one can give.
    """

    __slots__ = ("choosy", "lacks", "most_output", "plan", "rule", "simple", "small_bytes",
                 "targets", "why")  # fmt: skip

    def __init__(
        self, rule: Rule, targets: tuple[Target, ...], why: str, known: Known, gates: Gates
    ) -> None:
        self.rule = rule
        self.targets = targets
        self.why = why
        self.plan = Plan(rule, targets, why)
        pooled = any(one.provider in known.pools for one in targets)
        limited = any(gates.limits(one.endpoint) for one in targets)
        ordered = len(targets) < 2 or rule.strategy == "ordered"
        self.simple = ordered and not pooled and not limited
        self.choosy = False
        self.small_bytes = 0
        self.lacks = frozenset[str]()
        self.most_output = 0
        if len(targets) > 1 and known.describe is not None:
            models = [known.describe(f"{one.provider}/{one.model}") for one in targets]
            facts = {(m.capabilities, m.context_tokens, m.max_output_tokens) for m in models}
            windows = [one.context_tokens for one in models if one.context_tokens is not None]
            outputs = [m.max_output_tokens for m in models if m.max_output_tokens is not None]
            self.choosy = len(facts) > 1
            self.lacks = lacking_somewhere(models)
            self.most_output = min(outputs, default=1 << 40)
            self.small_bytes = min(windows, default=1 << 40) * BYTES_PER_TOKEN


class Planner(Directory):
    """Resolves names and orders chains."""

    __slots__ = ("_auto", "_chains", "_gates", "_known", "_rand", "_speeds", "doors")

    def __init__(
        self,
        names: Names,
        doors: Doors,
        speeds: Speeds,
        rand: Callable[[], float],
        known: Known | None = None,
        gates: Gates | None = None,
    ) -> None:
        super().__init__(names)
        self.doors = doors
        self._speeds = speeds
        self._rand = rand
        self._known = known or Known()
        self._gates = gates or Limits()
        self._chains: dict[int, Chain] = {}
        self._auto: dict[str, Chain] = {}

    def plan(  # noqa: PLR0913 - what a request brings
        self,
        rule: Rule,
        category: str,
        prompt_bytes: int,
        now: float,
        body: Json | None = None,
        caller: str = "",
        *,
        cap_usd: float | None = None,
        spare: bool = False,
    ) -> Plan:
        """The chain for a request of this category, best target first.

        body: what is asked, for capabilities and limits; None: nothing special. caller: whose
        request it is, for routes where that decides. cap_usd: the most it may cost. spare: a
        category's first target is asked last. Raises ClientError where everything is too dear.
        """
        chain = self._chains.get(id(rule))
        if chain is None or chain.rule is not rule:
            chain = self._chain(rule, category, spare=spare)
        demand = None
        if cap_usd is not None:
            demand = demand_of(body or {}, prompt_bytes)
            chain = self._within(chain, demand, cap_usd)
        elif (
            chain.choosy
            and body is not None
            and (
                prompt_bytes > chain.small_bytes
                or not is_plain(body, chain.lacks, chain.most_output)
            )
        ):
            demand = demand_of(body, prompt_bytes)
        if demand is None and chain.simple and not self.doors.shut:
            return chain.plan
        return self._arrange(chain, demand, prompt_bytes, now, body, caller)

    def ready(self, rule: Rule) -> Plan | None:
        """The plan of every request of a rule that brings no wishes, while no breaker is open;
        None where there is more to look at."""
        if rule.name == AUTO or rule.cap_usd is not None:
            return None
        chain = self._chain(rule, "", spare=False)
        return chain.plan if chain.simple and not chain.choosy else None

    def _within(self, chain: Chain, demand: Demand, cap_usd: float) -> Chain:
        """What of a chain a request may cost. A price that nobody knows is only paid where no
        known one fits."""
        price = self._known.price
        if price is None:
            return chain
        output = demand.output or OUTPUT_TOKENS
        costs = [price(f"{one.provider}/{one.model}", demand.prompt, output)
                 for one in chain.targets]  # fmt: skip
        pairs = list(zip(costs, chain.targets, strict=True))
        fitting = [one for cost, one in pairs if cost is not None and cost <= cap_usd]
        fitting = fitting or [one for cost, one in pairs if cost is None]
        if not fitting:
            least, cheapest = min((cost or 0.0, one.name) for cost, one in pairs)
            raise too_dear(cap_usd, least, cheapest)
        if len(fitting) == len(pairs):
            return chain
        left = [(cost, one.name) for cost, one in pairs if one not in fitting]
        dear = ", ".join(name for cost, name in left if cost is not None)
        unpriced = ", ".join(name for cost, name in left if cost is None)
        why = f"{chain.why}; over {cap_usd:g} USD: {dear}" if dear else chain.why
        if unpriced:
            why += f"; at a price nobody knows: {unpriced}"
        return Chain(chain.rule, tuple(fitting), why, self._known, self._gates)

    def _chain(self, rule: Rule, category: str, *, spare: bool) -> Chain:
        if rule.name == AUTO:
            names = self._names
            targets = names.categories.get(category)
            why = f"category {category}" if targets else "default"
            if spare:
                why += ", spared the strong model"
            chain = self._auto.get(why)
            if chain is None:
                targets = targets or rule.targets
                if spare:
                    targets = (*targets[1:], *targets[:1])
                chain = Chain(rule, targets, why, self._known, self._gates)
                if len(self._auto) > CHAINS_LIMIT:
                    self._auto.clear()  # a category may be the client's word: bounded
                self._auto[why] = chain
            return chain
        if len(self._chains) > CHAINS_LIMIT:
            self._chains.clear()
        why = "route" if len(rule.targets) < 2 or rule.strategy == "ordered" else rule.strategy
        chain = self._chains[id(rule)] = Chain(rule, rule.targets, why, self._known, self._gates)
        return chain

    # ---- where something is in the way -----------------------------------------------------

    def _arrange(  # what a request brings, and where it goes
        self,
        chain: Chain,
        demand: Demand | None,
        prompt_bytes: int,
        now: float,
        body: Json | None,
        caller: str,
    ) -> Plan:
        tokens = prompt_bytes // BYTES_PER_TOKEN if demand is None else demand.prompt
        skipped: list[tuple[str, str]] = []
        targets: Sequence[Target] = chain.targets
        if demand is not None and self._known.describe is not None:
            targets = self._able(targets, demand, skipped)
        if len(targets) > 1:
            output = OUTPUT_TOKENS if demand is None else demand.output or OUTPUT_TOKENS
            who = _who(chain.rule, body, caller)
            targets = self._ordered(targets, chain.rule.strategy, who, tokens, output, now)
        if self._known.pools:
            targets = [one for target in targets for one in self._members(target)]
        return self._passable(chain, targets, tokens, now, skipped)

    def _able(
        self, targets: Sequence[Target], demand: Demand, skipped: list[tuple[str, str]]
    ) -> Sequence[Target]:
        describe = self._known.describe
        assert describe is not None
        able: list[Target] = []
        unable: list[tuple[str, str]] = []
        for one in targets:
            why = lacking(demand, describe(f"{one.provider}/{one.model}"))
            if why is None:
                able.append(one)
            else:
                unable.append((one.name, why))
        if not able:
            return targets
        skipped += unable
        return able

    def _ordered(  # the figures that strategies read
        self,
        targets: Sequence[Target],
        strategy: str,
        who: str,
        tokens: int,
        output: int,
        now: float,
    ) -> Sequence[Target]:
        match strategy:
            case "weighted":
                return (
                    balance.sticky(targets, who) if who else balance.weighted(targets, self._rand)
                )
            case "fastest":
                return balance.fastest(targets, lambda one: self._cost_s(one, now), self._rand)
            case "cheapest" if (price := self._known.price) is not None:
                return balance.cheapest(
                    targets, lambda one: price(f"{one.provider}/{one.model}", tokens, output)
                )
            case _:
                return targets

    def _cost_s(self, target: Target, now: float) -> float:
        """Expected seconds, with what already waits there before us."""
        expected = self._speeds.expected_s(target.name, now)
        return expected * (1 + self._gates.in_flight(target.endpoint))

    def _members(self, target: Target) -> Sequence[Target]:
        """A target at each endpoint of its pool, the least busy first."""
        pool = self._known.pools.get(target.provider)
        if pool is None:
            return (target,)
        at = int(self._rand() * len(pool))
        members = [
            Target(provider, target.model, target.weight, key)
            for provider, key in (*pool[at:], *pool[:at])
        ]
        busy = self._gates.in_flight
        return sorted(members, key=lambda one: busy(one.endpoint))

    def _passable(
        self,
        chain: Chain,
        targets: Sequence[Target],
        tokens: int,
        now: float,
        skipped: list[tuple[str, str]],
    ) -> Plan:
        """Leave out what is shut or full, as long as anything is left."""
        going: list[Target] = []
        full: list[tuple[float, Target]] = []
        out: list[tuple[str, str]] = []
        for one in targets:
            if self.doors.blocked(one.name, now):
                out.append((one.name, _BROKEN))
                continue
            wait = self._gates.wait_s(one.endpoint, tokens, now)
            if wait > 0:
                full.append((wait, one))
                out.append((one.name, f"at its limit for {wait:.1f} s"))
            else:
                going.append(one)
        rule, why = chain.rule, chain.why
        if going:
            if len(going) == len(chain.targets) and chain.simple and not skipped:
                return chain.plan
            return Plan(rule, tuple(going), why, (*skipped, *out))
        if full:
            full.sort(key=lambda pair: pair[0])
            first = tuple(one for _, one in full)
            out = [pair for pair in out if pair[1] == _BROKEN]
            return Plan(rule, first, "every target is at its limit", (*skipped, *out), full[0][0])
        return Plan(rule, tuple(targets), "every breaker is open", tuple(skipped))


def turned_away(plan: Plan) -> ClientError:
    """What a client is told where every target is at its limit for longer than it may wait."""
    return ClientError(
        429,
        "Every target of this route is at its configured limit. Try again soon.",
        "rate_limit_error",
        "target_limit_reached",
        headers={"retry-after": str(max(1, ceil(plan.wait_s)))},
    )


def _who(rule: Rule, body: Json | None, caller: str) -> str:
    """Whose request it is, on a route where that decides; empty: nobody's."""
    if rule.sticky == "key":
        return caller
    if rule.sticky == "user" and body is not None:
        user = body.get("user") or body.get("safety_identifier")
        if user is None and isinstance(meta := body.get("metadata"), dict):
            user = meta.get("user_id")  # Anthropic's place for it
        return user if isinstance(user, str) else ""
    return ""
