"""The parts of a proxy, each made from what the configuration says of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

from embeddings.classifier import Classifier
from embeddings.reading import Category
from proxy import catalog, config
from proxy.cache.cache import Cache
from proxy.cache.policy import Settings as CacheSettings
from proxy.downstream.auth import Keyring
from proxy.downstream.house import Limits
from proxy.exchange import Caller
from proxy.ledger.journal import Journal
from proxy.ledger.tally import Tally
from proxy.routing.plan import Rule, Target, target_of
from proxy.state.breaker import Breakers
from proxy.state.budget import HedgeBudget
from proxy.state.latency import Latency
from proxy.timing import Clock
from proxy.upstream.engine import Terms
from proxy.upstream.local import LocalModel

GAP_SECONDS = 10.0  # between tokens, where a route says auto


@dataclass(slots=True)
class Memory:
    """What survives a reload: everything learned, counted or kept."""

    breakers: Breakers
    latency: Latency
    hedges: HedgeBudget
    tally: Tally
    journal: Journal
    cache: Cache
    classifier: Classifier | None
    local: LocalModel


def classify(classifier: Classifier | None, text: str) -> dict[str, Any]:
    """One text's reading as JSON, with the microseconds it took."""
    if classifier is None:
        return {"error": "classification is switched off"}
    classifier.read(text)  # words seen for the first time are looked up once, then known
    began = perf_counter()
    reading = classifier.read(text)
    took_us = (perf_counter() - began) * 1e6
    why = classifier.explain(text)
    return {
        "category": reading.category,
        "confidence": round(reading.confidence, 4),
        "complexity": round(reading.complexity, 4),
        "language": reading.language,
        "source": reading.source,
        "scores": {name: round(score, 4) for name, score in why.scores.items()},
        "words": [[word, round(weight, 3)] for word, weight in why.words],
        "cues": list(why.cues),
        "us": round(took_us, 1),
    }


def check(settings: config.Config, environ: Mapping[str, str]) -> list[str]:
    """What a configuration means, in lines. Raises ConfigError for what only shows here."""
    providers = catalog.providers(settings, environ)
    rules_of(settings, frozenset(providers))
    lines = [f"{settings.source}: ok", f"listens on {settings.server.host}:{settings.server.port}"]
    for one in providers.values():
        key = "no key" if one.key is None else "key set"
        where = "starts when needed" if one.name == catalog.LOCAL else f"{one.host}:{one.port}"
        lines.append(f"provider {one.name:12} {one.dialect:10} {where:40} {key}")
    lines += [
        f"route    {route.name:12} {route.strategy:10} "
        + " -> ".join(item if isinstance(item, str) else item.target for item in route.targets)
        for route in settings.routes
    ]
    return lines


def limits(settings: config.Config) -> Limits:
    server = settings.server
    return Limits(
        server.head_seconds, server.body_seconds, server.idle_seconds, server.drain_seconds
    )


def remember(settings: config.Config, now: Clock) -> Memory:
    classifier = load_classifier(settings)
    out = None if settings.server.log == "off" else sys.stderr
    return Memory(
        breakers=Breakers(
            failures=settings.routing.breaker_failures,
            open_seconds=settings.routing.breaker_seconds,
        ),
        latency=Latency(),
        hedges=HedgeBudget(settings.routing.hedge_budget),
        tally=Tally(),
        journal=Journal(out, as_json=settings.server.log == "json"),
        cache=Cache(
            CacheSettings(
                enabled=settings.cache.enabled,
                semantic=settings.cache.semantic and classifier is not None,
                ttl_s=settings.cache.ttl_seconds,
                max_bytes=settings.cache.max_bytes,
                similarity=settings.cache.similarity,
                max_temperature=settings.cache.max_temperature,
            ),
            now,
            word_vector=classifier.encoder.word_vector if classifier is not None else None,
        ),
        classifier=classifier,
        local=LocalModel(
            model_path=settings.local.model_path,
            context=settings.local.context_tokens,
            parallel=settings.local.parallel,
        ),
    )


def load_classifier(settings: config.Config) -> Classifier | None:
    """The classifier that a configuration asks for."""
    if not settings.embeddings.enabled:
        return None
    own = tuple(
        Category(one.name, one.description, tuple(one.examples), tuple(one.keywords))
        for one in settings.categories
        if one.examples or one.keywords
    )
    path = settings.embeddings.model
    return Classifier.load(None if path is None else Path(path), own)


def keyring(settings: config.Config) -> Keyring:
    callers: dict[bytes, Caller] = {}
    for key in settings.auth.keys:
        digest = (
            bytes.fromhex(key.key_sha256)
            if key.key_sha256 is not None
            else sha256(key.key.reveal().encode()).digest()  # type: ignore[union-attr]
        )
        routes = None if key.routes is None else frozenset(key.routes)
        callers[digest] = Caller(key.name, key.cache_group or key.name, routes)
    admin = settings.auth.admin_key
    return Keyring(
        callers,
        sha256(admin.reveal().encode()).digest() if admin is not None else None,
        is_open=settings.server.anonymous,
    )


def rules_of(settings: config.Config, providers: frozenset[str]) -> tuple[list[Rule], list[Terms]]:
    rules: list[Rule] = []
    terms = [Terms()]
    problems: list[str] = []
    for route in settings.routes:
        targets: list[Target] = []
        for item in route.targets:
            text, weight = (item, 1.0) if isinstance(item, str) else (item.target, item.weight)
            target = target_of(text)
            if not target.model or target.provider not in providers:
                known = ", ".join(sorted(providers))
                problems.append(
                    f"{settings.source}: [[route]] {route.name!r} targets: {text!r}: "
                    f"no provider {target.provider!r} (there are: {known})"
                )
            targets.append(Target(target.provider, target.model, weight))
        rules.append(Rule(route.name, tuple(targets), route.strategy, len(terms), route.cache))
        terms.append(
            Terms(
                first_token_s=None
                if route.first_token_ms == "auto"
                else route.first_token_ms / 1000,
                between_tokens_s=GAP_SECONDS
                if route.between_tokens_ms == "auto"
                else route.between_tokens_ms / 1000,
                answer_s=route.answer_ms / 1000,
                hedges=route.on_stall == "hedge",
                continues=route.on_break == "continue",
                stream_upstream=route.stream_upstream,
            )
        )
    problems += [
        f"{settings.source}: [[category]] {category.name!r} targets: {text!r}: "
        f"no provider {target_of(text).provider!r}"
        for category in settings.categories
        for text in category.targets
        if target_of(text).provider not in providers
    ]
    if problems:
        raise config.ConfigError(problems)
    return rules, terms


def default_chain(
    settings: config.Config, providers: Mapping[str, catalog.Provider]
) -> tuple[Target, ...]:
    """The chain of `auto` where no category decides: first route, else all providers."""
    for route in settings.routes:
        if "*" not in route.name:
            return tuple(
                target_of(item if isinstance(item, str) else item.target) for item in route.targets
            )
    chain = [
        Target(name, row["default_model"])
        for name, row in catalog.rows().items()
        if name in providers and "default_model" in row
    ]
    if catalog.LOCAL in providers:
        chain.append(Target(catalog.LOCAL, catalog.LOCAL_MODEL))
    return tuple(chain)
