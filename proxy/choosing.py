"""What `auto` means for one request: which category, decided by whom, at what price, strong or not.

Beside the planner, which knows targets: this knows the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.asking import Adviser, Pending
from proxy.exchange import NO_OPTIONS
from proxy.routing.kinds import by_language
from proxy.routing.names import AUTO
from proxy.routing.signals import last_user_text, structure
from proxy.routing.tiers import cap_of

if TYPE_CHECKING:
    from proxy.exchange import Exchange, Sink
    from proxy.routing.plan import Plan, Planner, Rule
    from proxy.state.strong import StrongShare
    from proxy.upstream.runner import Runner

LEAST_CONFIDENCE = 0.30  # below it the default chain is the safer choice (embeddings/reading.py)


@dataclass(slots=True)
class Chooser:
    """own: categories that the configuration declares; source: who reads the words, embedding or
    keywords; strong: None where every request may have its category's first target."""

    planner: Planner
    own: Mapping[str, object]
    source: str
    adviser: Adviser | None = None
    strong: StrongShare | None = None

    def plan(self, rule: Rule, exchange: Exchange, now: float, said: str | None = None) -> Plan:
        """The plan for a request, with its reasons. said: what a model says its category is.

        Raises ClientError where nothing may be asked at its price.
        """
        cap = rule.cap_usd
        options = exchange.options
        if options is not NO_OPTIONS and options.budget_tier is not None:
            cap = cap_of(options.budget_tier)
        if rule.name != AUTO:
            return self.planner.plan(
                rule, exchange.category, exchange.prompt_bytes, now, exchange.body,
                exchange.caller.name, cap_usd=cap,
            )  # fmt: skip
        category, why = self._category(exchange, said)
        spare = False
        if self.strong is not None:
            spare = not self.strong.is_strong(exchange.complexity)
        plan = self.planner.plan(
            rule, category, exchange.prompt_bytes, now, exchange.body, exchange.caller.name,
            cap_usd=cap, spare=spare,
        )  # fmt: skip
        exchange.why = f"{plan.reason}, {why}"
        return plan

    def trying(self) -> Chooser:
        """One that decides alike, and whose decisions are not counted."""
        return replace(self, strong=copy(self.strong))

    def _category(self, exchange: Exchange, said: str | None) -> tuple[str, str]:
        """The category that decides, and by whose word."""
        options = exchange.options
        if options is not NO_OPTIONS and (options.category or options.use_case):
            return exchange.category, "as the request says"
        if said is not None:
            exchange.category = said
            return self._spoken(exchange), "by the router model"
        if structure(exchange.body, exchange.prompt_bytes) is not None:
            return exchange.category, "by structure"
        sure = f"{self.source} {exchange.confidence:.2f} sure"
        if exchange.confidence < LEAST_CONFIDENCE:
            return by_language("", exchange.language), f"{sure} of {exchange.category or 'nothing'}"
        return self._spoken(exchange), f"by {sure}"

    def _spoken(self, exchange: Exchange) -> str:
        category = exchange.category
        return category if category in self.own else by_language(category, exchange.language)

    # ---- asking a model --------------------------------------------------------------------

    def asks(self, rule: Rule, exchange: Exchange) -> bool:
        """Whether a model is to say what this request is."""
        adviser = self.adviser
        if adviser is None or rule.name != AUTO:
            return False
        options = exchange.options
        if options is not NO_OPTIONS and (options.category or options.use_case):
            return False
        if adviser.least is not None and exchange.confidence >= adviser.least:
            return False
        return structure(exchange.body, exchange.prompt_bytes) is None

    def ask(
        self, exchange: Exchange, sink: Sink, go: Callable[[str | None], Runner | None]
    ) -> Pending | Runner | None:
        """Let a model say what a request is, within the budget, and go on with what it says."""
        adviser = self.adviser
        assert adviser is not None
        text = last_user_text(exchange.kind, exchange.body)
        known = adviser.known(text)
        if known is not None:
            return go(known)
        if not adviser.waits:
            adviser.ask(text, lambda _: None)  # so that it can show itself faster again
            return go(None)
        heard: list[str | None] = []
        pending = Pending(exchange, sink, adviser.engine, lambda: go(heard[0]))

        def then(category: str | None) -> None:
            heard.append(category)
            pending.decided()

        adviser.ask(text, then)
        return None if pending.over else pending
