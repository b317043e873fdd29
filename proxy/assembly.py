"""What a configuration serves with, put together anew for each, over the parts that outlive it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from proxy import catalog, config
from proxy.accounts import allowances, hook, price
from proxy.capacity import known, provider_quotas
from proxy.chains import chains, chooser, default_chain, strong_share
from proxy.parts import Memory, keyring, reachable, rules_of
from proxy.pipeline import Pipeline, Steps
from proxy.routing.kinds import CHAINS, SAID
from proxy.routing.plan import AUTO, Names, Planner, Rule, Target
from proxy.serving import Service
from proxy.upstream.engine import Engine

if TYPE_CHECKING:
    from proxy.accounting import Accounting
    from proxy.downstream.house import House
    from proxy.sources import Sources
    from proxy.watch import Watch


class Assembly:
    """Makes services. Each takes over what the memory holds, and sets its limits and prices."""

    def __init__(
        self, house: House, memory: Memory, sources: Sources, accounting: Accounting, watch: Watch
    ) -> None:
        self._house = house
        self._memory = memory
        self._sources = sources
        self._accounting = accounting
        self._watch = watch

    def service(self, settings: config.Config, environ: Mapping[str, str]) -> Service:
        """What serves with this configuration. Raises ConfigError for what cannot be served."""
        memory = self._memory
        providers = reachable(settings, environ, local=memory.local.available)
        book = catalog.Catalog(settings, providers)
        endpoints = self._sources.endpoints(providers, environ)
        rules, terms = rules_of(settings, book)
        default = default_chain(settings, book)
        memory.limits.configure(provider_quotas(settings, providers, rules))
        memory.budgets.hedges.share = settings.routing.hedge_budget
        engine = self._engine()
        planner = self._planner(_names(settings, book, rules, default), settings, book, providers)
        self._count(rules, default, [one.name for one in settings.categories])
        reference = price(
            memory.recorder, memory.store, settings, book, [target.name for target in default]
        )
        steps = Steps(endpoints, book.model, memory.limits.limits)
        memory.strong = strong_share(settings, memory.strong)
        chooses = chooser(settings, memory.classifier, memory.strong, planner, book, engine, steps)
        pipeline = Pipeline(planner, memory.classifier, memory.cache, engine, steps, terms, chooses)
        table = allowances(settings)
        memory.quotas.configure(table)
        memory.alerts.hook = hook(settings)
        return Service(
            settings,
            keyring(settings),
            pipeline,
            book,
            reference=reference,
            quotas=None if table.is_empty else memory.quotas,
            traces=memory.traces,
            pulse=memory.pulse,
        )

    def _engine(self) -> Engine:
        house, memory = self._house, self._memory
        return Engine(
            wheel=house.wheel,
            now=house.now,
            wall=time.time,  # noqa: TID251 - the wire stamps wall time
            rand=random.random,
            breakers=memory.breakers,
            latency=memory.latency,
            gaps=memory.gaps,
            limits=memory.limits,
            budgets=memory.budgets,
            account=self._accounting.account,
            alarm=self._watch.alarm,
            lost=self._accounting.lost,
            price=self._accounting.price,
        )

    def _planner(
        self,
        names: Names,
        settings: config.Config,
        book: catalog.Catalog,
        providers: Mapping[str, catalog.Provider],
    ) -> Planner:
        memory = self._memory
        return Planner(
            names,
            memory.breakers,
            memory.latency,
            random.random,
            known(settings, book, providers, time.time),  # noqa: TID251 - prices have dates
            memory.limits,
        )

    def _count(self, rules: Sequence[Rule], default: Sequence[Target], own: Sequence[str]) -> None:
        """Let the metrics know which routes, models and categories are worth a label."""
        listed = [target.model for rule in rules for target in rule.targets]
        self._memory.tally.configure(
            [*(rule.name for rule in rules), AUTO],
            listed + [target.model for target in default],
            [*CHAINS, *SAID, *own],
        )


def _names(
    settings: config.Config,
    book: catalog.Catalog,
    rules: Sequence[Rule],
    default: tuple[Target, ...],
) -> Names:
    """What clients may write as the model."""
    return Names(
        rules=rules,
        resolve=book.resolve,
        close=book.close,
        categories=chains(settings, book),
        default=default,
        listed=tuple(target for target in default if target.provider == catalog.LOCAL),
        known=book.known,
    )
