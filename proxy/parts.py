"""The parts of a proxy, each made from what the configuration says of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, perf_counter, thread_time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from embeddings.classifier import Classifier
from embeddings.client import Client as Embedder
from embeddings.gpu import Telemetry
from embeddings.reading import Category
from proxy import catalog, config
from proxy.accounts import allowances, place
from proxy.cache.cache import Cache
from proxy.cache.disk import Disk
from proxy.cache.policy import Settings as CacheSettings
from proxy.cache.record import left_s
from proxy.chains import target
from proxy.downstream.auth import Keyring
from proxy.downstream.house import Limits as HouseLimits
from proxy.exchange import ANONYMOUS, Caller
from proxy.ledger.journal import Journal
from proxy.ledger.record import Recorder
from proxy.ledger.store import Store
from proxy.ledger.tally import Tally
from proxy.ledger.traces import Send, Traces
from proxy.ledger.webhook import Alerts
from proxy.routing.plan import Rule
from proxy.state.admission import Admission
from proxy.state.breaker import Breakers
from proxy.state.budget import Budgets
from proxy.state.gaps import Gaps
from proxy.state.hearsay import SharedBreakers, SharedLatency
from proxy.state.latency import Latency
from proxy.state.limits import Limits
from proxy.state.pace import Pace
from proxy.state.quotas import Quotas
from proxy.state.strong import StrongShare
from proxy.timing import Clock
from proxy.together import shared_address
from proxy.upstream.engine import Terms
from proxy.upstream.local import LocalModel

if TYPE_CHECKING:
    from proxy.shared.pulse import Pulse


@dataclass(slots=True)
class Memory:
    """What survives a reload: everything learned, counted or kept."""

    breakers: Breakers
    latency: Latency
    gaps: Gaps
    budgets: Budgets
    limits: Limits
    tally: Tally
    journal: Journal
    cache: Cache
    classifier: Classifier | None
    local: LocalModel
    recorder: Recorder
    store: Store | None
    quotas: Quotas
    alerts: Alerts
    telemetry: Telemetry
    embedder: Embedder
    traces: Traces | None = None
    strong: StrongShare | None = None
    pulse: Pulse | None = None


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
        "keywords": list(why.keywords),
        "like": None if why.like is None else [why.like[0], round(why.like[1], 3)],
        "abstains": reading.abstains,
        "us": round(took_us, 1),
    }


def reachable(
    settings: config.Config, environ: Mapping[str, str], *, local: bool
) -> dict[str, catalog.Provider]:
    """The providers that requests may go to. local: whether the embedded model is installed."""
    found = catalog.providers(settings, environ)
    if not local:
        found.pop(catalog.LOCAL, None)
    return found


def check(settings: config.Config, environ: Mapping[str, str]) -> None:
    """What building a service would refuse. Raises ConfigError."""
    local = LocalModel(model_path=settings.local.model_path).available
    providers = reachable(settings, environ, local=local)
    rules_of(settings, catalog.Catalog(settings, providers))
    place(settings, lambda: 0.0)
    traces_of(settings, lambda: 0.0)
    shared_address(settings)


def is_open(settings: config.Config) -> bool:
    """Whether it may be reached from other machines."""
    return bool(settings.auth.keys or settings.server.anonymous)


def limits(settings: config.Config) -> HouseLimits:
    server = settings.server
    return HouseLimits(
        server.head_seconds, server.body_seconds, server.idle_seconds, server.drain_seconds
    )


def admission(settings: config.Config, now: Clock) -> Admission:
    """now: the loop's, which tells when its present turn began."""
    server = settings.server
    return Admission(
        most=server.max_open,
        target_s=server.max_lag_ms / 1000,
        pace=Pace(now),
        turn=lambda: (monotonic() - now(), thread_time()),
    )


def remember(settings: config.Config, now: Clock, wall: Clock) -> Memory:
    classifier = load_classifier(settings)
    tally = Tally()
    recorder = Recorder(wall, tally, is_kept=settings.ledger.enabled)
    store = Store(place(settings, wall), recorder, now, wall) if recorder.is_kept else None
    out = None if settings.server.log == "off" else sys.stderr
    is_shared = settings.shared.url is not None
    second = Embedder(*embedder(settings))
    return Memory(
        breakers=(SharedBreakers if is_shared else Breakers)(
            failures=settings.routing.breaker_failures,
            open_seconds=settings.routing.breaker_seconds,
        ),
        latency=SharedLatency() if is_shared else Latency(),
        gaps=Gaps(),
        budgets=Budgets(settings.routing.hedge_budget),
        limits=Limits(),
        tally=tally,
        journal=Journal(out, as_json=settings.server.log == "json"),
        cache=_cache(settings, classifier, second, now),
        classifier=classifier,
        local=LocalModel(
            model_path=settings.local.model_path,
            context=settings.local.context_tokens,
            parallel=settings.local.parallel,
        ),
        recorder=recorder,
        store=store,
        quotas=Quotas(allowances(settings), now(), wall()),
        alerts=Alerts(now, wall),
        telemetry=Telemetry(),
        traces=traces_of(settings, wall),
        embedder=second,
    )


def cache_settings(settings: config.Config, classifier: Classifier | None) -> CacheSettings:
    """What the cache may hold and when it may answer."""
    wanted = settings.cache
    return CacheSettings(
        enabled=wanted.enabled,
        exact=wanted.exact,
        semantic=wanted.semantic and classifier is not None,
        ttl_s=wanted.ttl_seconds,
        max_bytes=wanted.max_bytes,
        max_entry_bytes=wanted.max_entry_bytes,
        similarity=wanted.similarity,
        max_temperature=wanted.max_temperature,
        tool_calls=wanted.tool_calls,
        max_error_rate=wanted.max_error_rate,
        paced=wanted.replay == "paced",
        tokens_per_s=wanted.tokens_per_second,
    )


def _cache(
    settings: config.Config, classifier: Classifier | None, second: Embedder, now: Clock
) -> Cache:
    return Cache(
        cache_settings(settings, classifier),
        now,
        model=classifier.fingerprint if classifier is not None else "",
        similar=similar_by(classifier),
        comparer=second,
    )


def traces_of(settings: config.Config, wall: Clock) -> Traces | None:
    """Where exchanges are told as traces. Raises ConfigError where that cannot be."""
    found = settings.traces
    if found.endpoint is None:
        return None
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        where = settings.at("traces", "endpoint")
        raise config.ConfigError([f"{where}: needs the exporter: pip install 'firsttoken[otlp]'"])
    url = found.endpoint.reveal()
    if urlsplit(url).path in ("", "/"):
        url = url.rstrip("/") + "/v1/traces"  # as OTEL_EXPORTER_OTLP_ENDPOINT means it
    headers = {
        name: value if isinstance(value, str) else value.reveal()
        for name, value in found.headers.items()
    }

    def opener() -> Send:
        sender: Callable[..., Send] = import_module("proxy.ledger.otlp").sender
        return sender(url, headers, found.service_name)

    return Traces(opener, wall, found.sample)


def embedder(settings: config.Config) -> tuple[str | None, float]:
    """Where the embedder process is, None for nowhere, and how long it may take, in seconds."""
    found = settings.embeddings
    return found.socket if found.enabled else None, found.budget_ms / 1000


def similar_by(classifier: Classifier | None) -> Callable[[str, str], float] | None:
    """The cosine of two texts: by it the verified cache compares answers."""
    if classifier is None:
        return None
    encode = classifier.encoder.encode
    return lambda a, b: float(encode(a) @ encode(b))


def cache_disk(path: str, wall: Callable[[], float]) -> Disk:
    """Where the cache survives a restart. wall: unix seconds."""
    return Disk(Path(path).expanduser(), alive=lambda packed: left_s(packed, wall()) > 0)


def load_classifier(settings: config.Config) -> Classifier | None:
    """The classifier that a configuration asks for."""
    if not settings.embeddings.enabled:
        return None
    own = tuple(
        Category(one.name, one.description, tuple(one.examples), tuple(one.keywords))
        for one in settings.categories
        if one.examples or one.keywords
    )
    found = settings.embeddings
    path = found.model if found.socket is None else None  # else it is the embedder's
    return Classifier.load(
        None if path is None else Path(path), own, keywords=settings.routing.mode == "keywords"
    )


def teach(classifier: Classifier, before: config.Config, after: config.Config) -> None:
    """Let the classifier know who decides now, and what changed of the categories."""
    classifier.decide_by(keywords=after.routing.mode == "keywords")
    old = {one.name: one for one in before.categories}
    new = {one.name: one for one in after.categories}
    for name in old.keys() | new.keys():
        found = new.get(name)
        if found == old.get(name):
            continue
        if found is None or not (found.examples or found.keywords):
            classifier.remove(name)
            continue
        classifier.add(
            Category(name, found.description, tuple(found.examples), tuple(found.keywords))
        )


_FIXED = (  # read once, when the process begins; None: the whole table
    ("server", ("host", "port", "log")),
    ("cache", ("path",)),
    ("ledger", ("enabled", "path", "url", "retention_days")),
    ("local", ("model_path", "context_tokens", "parallel")),
    ("routing", ("breaker_failures", "breaker_seconds")),
    ("traces", None),
    ("shared", None),
)


def needs_restart(begun: config.Config, wanted: config.Config) -> list[str]:
    """The settings that are not as they were when the process began, which reads them once."""
    found: list[str] = []
    for table, keys in _FIXED:
        old, new = getattr(begun, table), getattr(wanted, table)
        names = keys or tuple(type(old).model_fields)
        changed = [name for name in names if getattr(old, name) != getattr(new, name)]
        found += [f"[{table}] {name}" for name in changed]
    if wanted.cache.enabled and not begun.cache.enabled:
        found.append("[cache] enabled")
    return found


def tenant_of(settings: config.Config, name: str) -> str | None:
    """Whose cached answers a key's name or cache_group means; None for nobody's."""
    auth = settings.auth
    if name == ANONYMOUS.name and (settings.server.anonymous or not auth.keys):
        return ANONYMOUS.tenant
    named = next((key for key in auth.keys if name in (key.name, key.cache_group)), None)
    return None if named is None else named.cache_group or named.name


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


def rules_of(settings: config.Config, book: catalog.Catalog) -> tuple[list[Rule], list[Terms]]:
    """The routes and their terms; the first terms are those of names that are no route.

    Raises ConfigError with every target that names a provider which is not there.
    """
    if problems := catalog.problems(settings, book.providers):
        raise config.ConfigError(problems)
    rules: list[Rule] = []
    keep_alive_s = settings.server.keep_alive_seconds
    terms = [Terms(keep_alive_s=keep_alive_s)]
    for route in settings.routes:
        targets = tuple(
            target(book, item, 1.0)
            if isinstance(item, str)
            else target(book, item.target, item.weight)
            for item in route.targets
        )
        rules.append(
            Rule(route.name, targets, route.strategy, len(terms), route.cache, route.sticky)
        )
        terms.append(
            Terms(
                first_token_s=_seconds(route.first_token_ms),
                between_tokens_s=(gap_s := _seconds(route.between_tokens_ms)),
                # what nobody wrote down is no reason to cut off a model that thinks
                pausing_s=gap_s if "between_tokens_ms" in route.model_fields_set else None,
                least_per_s=route.min_tokens_per_second,
                hedge_share=route.hedge_budget,
                answer_s=route.answer_ms / 1000,
                hedges=route.on_stall == "hedge",
                continues=route.on_break == "continue",
                stream_upstream=route.stream_upstream,
                keep_alive_s=keep_alive_s,
                strict=route.strict_params,
            )
        )
    return rules, terms


def _seconds(millis: float | str) -> float | None:
    return None if isinstance(millis, str) else millis / 1000
