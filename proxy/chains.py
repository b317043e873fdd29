"""The chains that a configuration means, and what decides between them for `auto`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from proxy import catalog, config
from proxy.asking import Adviser
from proxy.choosing import Chooser
from proxy.routing.kinds import default_chains
from proxy.routing.plan import Planner, Target, target_of
from proxy.state.strong import StrongShare

if TYPE_CHECKING:
    from embeddings.classifier import Classifier
    from proxy.pipeline import Steps
    from proxy.upstream.engine import Engine


def chains(settings: config.Config, book: catalog.Catalog) -> dict[str, tuple[Target, ...]]:
    """The chain of each category that has one: its own; the built-in one where nobody declared a
    route that `auto` would follow."""
    found: dict[str, tuple[Target, ...]] = {}
    if all("*" in route.name for route in settings.routes):
        found = default_chains(partial(_offered, book), default_chain(settings, book))
    own = {
        one.name: tuple(target(book, text, 1.0) for text in one.targets)
        for one in settings.categories
        if one.targets
    }
    return {**found, **own}


def _offered(book: catalog.Catalog, text: str) -> str | None:
    """The target that a built-in chain means, where its own provider is there."""
    provider = text.partition("/")[0]
    found = book.resolve(text)
    if found is None:
        return None
    owner = catalog.row_of(found.partition("/")[0])
    return found if owner and owner is catalog.row_of(provider) else None


def chooser(  # what decides about `auto`
    settings: config.Config,
    classifier: Classifier | None,
    strong: StrongShare | None,
    planner: Planner,
    book: catalog.Catalog,
    engine: Engine,
    steps: Steps,
) -> Chooser:
    """How requests for `auto` are understood."""
    routing = settings.routing
    own = {one.name: one for one in settings.categories}
    adviser = None
    if routing.mode in ("llm", "hybrid") and routing.router_model is not None:
        (step,) = steps.of((target(book, routing.router_model, 1.0),))

        def names() -> list[str]:
            known = [] if classifier is None else classifier.categories
            return list(dict.fromkeys([*known, *own]))

        least = routing.router_below if routing.mode == "hybrid" else None
        adviser = Adviser(engine, step, names, routing.router_ms / 1000, least)
    return Chooser(planner, own, _reader(settings, classifier), adviser, strong)


def _reader(settings: config.Config, classifier: Classifier | None) -> str:
    """Who reads the words with this configuration."""
    if classifier is None:
        return "nobody"
    by_words = settings.routing.mode == "keywords" or not classifier.trained
    return "keywords" if by_words else "embedding"


def default_chain(settings: config.Config, book: catalog.Catalog) -> tuple[Target, ...]:
    """The chain of `auto` where no category decides: the first route's, else all providers."""
    for route in settings.routes:
        if "*" not in route.name:
            return tuple(
                target(book, item if isinstance(item, str) else item.target, 1.0)
                for item in route.targets
            )
    chain = [
        Target(name, str(row["default_model"]))
        for name in book.providers
        if "default_model" in (row := catalog.row_of(name))
    ]
    if catalog.LOCAL in book.providers:
        chain.append(Target(catalog.LOCAL, catalog.LOCAL_MODEL))
    return tuple(chain)


def target(book: catalog.Catalog, text: str, weight: float) -> Target:
    """A configured target; a * in it is filled in when a name has matched."""
    found = target_of(text if "*" in text else book.resolve(text) or text)
    return Target(found.provider, found.model, weight)


def strong_share(settings: config.Config, kept: StrongShare | None) -> StrongShare | None:
    """What spares the strong model, with what it has learned where its share is the same."""
    share = settings.routing.strong_share
    if share is None:
        return None
    return kept if kept is not None and kept.share == share else StrongShare(share)
