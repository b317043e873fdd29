"""What a model's name means: a route, exact before pattern, a provider's model, or `auto`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from proxy.errors import ClientError
from proxy.routing.tiers import TIERS

AUTO = "auto"
FOUND_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Target:
    """A model at a provider, with one of the provider's keys: 0 is the first.

    name: what breakers and histories know it by. endpoint: where it is reached, one a key.
    """

    provider: str
    model: str
    weight: float = 1.0
    key: int = 0
    name: str = field(init=False, compare=False, repr=False, default="")
    endpoint: str = field(init=False, compare=False, repr=False, default="")

    def __post_init__(self) -> None:
        endpoint = endpoint_name(self.provider, self.key)
        object.__setattr__(self, "endpoint", endpoint)
        object.__setattr__(self, "name", f"{endpoint}/{self.model}")


def endpoint_name(provider: str, key: int) -> str:
    """The endpoint of one of a provider's keys; a provider's name holds no #."""
    return provider if key == 0 else f"{provider}#{key}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A route: its name, its chain, and an index into the caller's own terms for it.

    sticky: whose requests keep their order, with strategy weighted: none, key or user.
    cap_usd: the most that one request may cost.
    """

    name: str
    targets: tuple[Target, ...]
    strategy: str = "ordered"
    terms: int = 0
    cache: bool = True
    sticky: str = "none"
    cap_usd: float | None = None


def target_of(text: str) -> Target:
    """provider/model; the model may hold further slashes."""
    provider, _, model = text.partition("/")
    return Target(provider, model)


@dataclass(frozen=True, slots=True)
class Names:
    """Everything a client may ask for.

    resolve: the target, as provider/model, of a name that is no route; None for an unknown one.
    close: targets that look like an unknown name. default: the chain of `auto` where the category
    has none.
    """

    rules: Sequence[Rule]
    resolve: Callable[[str], str | None]
    close: Callable[[str], list[str]]
    categories: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)
    default: tuple[Target, ...] = ()
    listed: tuple[Target, ...] = ()  # shown in the model list by their bare ids too
    known: Callable[[], Sequence[str]] = list  # provider/model of all that is known to be reachable


class Directory:
    """Resolves names."""

    __slots__ = ("_exact", "_found", "_names", "_patterns")

    def __init__(self, names: Names) -> None:
        self._names = names
        self._exact = {rule.name: rule for rule in names.rules if "*" not in rule.name}
        patterns = [rule for rule in names.rules if "*" in rule.name]
        self._patterns = sorted(patterns, key=lambda rule: -len(rule.name))  # the closest first
        self._found: dict[str, Rule] = {}

    def rule(self, model: str, routes: frozenset[str] | None = None) -> Rule:
        """What a model's name means. routes: those the caller may use, None for all.

        Raises ClientError 404 with close matches, or 403 for a route that is not the caller's.
        """
        rule = self._exact.get(model) or self._found.get(model)
        if rule is None:
            rule = self._look_up(model)
            if len(self._found) > FOUND_LIMIT:
                self._found.clear()  # names are the client's: bounded
            self._found[model] = rule
        if routes is not None and rule.name not in routes:
            raise ClientError(
                403, f"This key may not use the route {rule.name!r}.", "permission_error",
                "route_not_allowed",
            )  # fmt: skip
        return rule

    def _look_up(self, model: str) -> Rule:
        for rule in self._patterns:
            matched = match(rule.name, model)
            if matched is not None:
                targets = tuple(
                    Target(one.provider, one.model.replace("*", matched), one.weight)
                    for one in rule.targets
                )
                return replace(rule, targets=targets)
        names = self._names
        head, colon, tier = model.partition(":")
        if head == AUTO and (not colon or tier in TIERS):
            if not names.default:
                raise _unknown(model, self.suggestions(model))
            return Rule(AUTO, names.default, cap_usd=TIERS[tier] if colon else None)
        known = names.resolve(model)
        if known is None:
            raise _unknown(model, self.suggestions(model))
        return Rule(model, (target_of(known),))

    def models(self) -> list[dict[str, str | int]]:
        """What may be asked for, in the shape of OpenAI's model list."""
        owners = {AUTO: "firsttoken"} if self._names.default else {}
        owners.update({name: "firsttoken" for name in self._exact})
        for chain in (*self._names.categories.values(), self._names.default):
            owners.update({target.name: target.provider for target in chain})
        owners.update({target.model: target.provider for target in self._names.listed})
        for name in self._names.known():
            owners.setdefault(name, name.partition("/")[0])
        return [
            {"id": name, "object": "model", "created": 0, "owned_by": owner}
            for name, owner in owners.items()
        ]

    def suggestions(self, model: str) -> list[str]:
        """Names that exist and look like this one; else the first few that exist."""
        every = [*self._exact, AUTO, *(f"{AUTO}:{tier}" for tier in TIERS)]
        for chain in (*self._names.categories.values(), self._names.default):
            every += [target.name for target in chain]
        every = list(dict.fromkeys(every))
        close = difflib.get_close_matches(model, every, 3, 0.5)
        return [*close, *self._names.close(model)][:3] or every[:3]


def match(pattern: str, name: str) -> str | None:
    """What the one star stands for, or None."""
    head, _, tail = pattern.partition("*")
    if len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail):
        return name[len(head) : len(name) - len(tail)]
    return None


def _unknown(model: str, close: list[str]) -> ClientError:
    words = f"The model {model[:100]!r} does not exist here."
    if close:
        words += f" Try {', '.join(close)}."
    return ClientError(404, words, "invalid_request_error", "model_not_found", "model")
