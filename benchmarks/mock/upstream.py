"""The scripted upstream: a provider on loopback that does what the model's name says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self

import orjson

from benchmarks.mock import faults, shapes
from benchmarks.mock.connection import Connection, RecordingConnection
from benchmarks.mock.formats import shape_of
from benchmarks.mock.record import Recorded
from benchmarks.mock.scenario import Scenario, parse, text_of
from benchmarks.mock.turn import Script, Turn, play, reply
from benchmarks.schedule import Schedule

MAX_PLANS = 4096  # model names are the client's; forget them all past this
BACKLOG = 4096
# what routers ask before they trust a worker; the list of models answers all of them
_HEALTH = ("/health", "/health_generate", "/get_model_info", "/get_server_info")
TICK_SECONDS = 0.0001  # tokens that are due within it leave together


@dataclass(slots=True)
class Plan:
    """What is the same for every request of one model, path and mode."""

    scenario: Scenario
    answer: shapes.Answer
    script: Script
    blob: bytes | None  # the whole response, where nothing is paced or broken


@dataclass(slots=True)
class _Scripted:
    steps: tuple[Scenario | Script, ...]
    used: int = 0


@dataclass(slots=True)
class Totals:
    """Counters that cost nothing to keep."""

    requests: int = 0
    connections: int = 0
    open_connections: int = 0
    open_requests: int = 0
    left_by_client: int = 0


def expected_text(model: str, word: str = "tok") -> str:
    """The whole text that a scripted upstream answers to this model name."""
    return text_of(parse(model, faults.NAMES), word)


class ScriptedUpstream:
    """An async context manager: `async with ScriptedUpstream() as up:` serves on up.port.

    record=False keeps totals only, for load; seed makes random scenarios repeat; word is the
    stem of its tokens, so that the answers of two upstreams can be told apart.
    """

    def __init__(  # noqa: PLR0913 - keywords, each with a default
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        default: Scenario | None = None,
        record: bool = True,
        seed: int = 0,
        word: str = "tok",
        name: str = "mock",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.record = record
        self.word = word
        self.name = name
        self.tls = tls
        self.default = default or Scenario()
        self.random = Random(seed)
        self.requests: list[Recorded] = []
        self.totals = Totals()
        self.seen: dict[str, int] = {}
        self.connections: set[Connection] = set()
        self.schedule: Schedule
        self._plans: dict[tuple[str, str, bool], Plan] = {}
        self._scripts: dict[str, _Scripted] = {}
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.host}:{self.port}/v1"

    @property
    def open_requests(self) -> list[Recorded]:
        """Requests still being answered."""
        return [one for one in self.requests if not one.ended_at]

    def script(self, model: str, *steps: Scenario | Script) -> None:
        """Overrules what the name of a model says. The n-th request gets the n-th step, the
        last one stays; a step is a Scenario or a script of its own (see benchmarks.mock.turn)."""
        if not steps:
            raise ValueError("script() needs at least one Scenario or script")
        self._scripts[model] = _Scripted(steps)
        self._plans.clear()

    def text(self, model: str) -> str:
        """The whole text that this upstream answers to the model's name."""
        return text_of(parse(model, faults.NAMES, self.default), self.word)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.schedule = Schedule(loop, TICK_SECONDS)
        kind = RecordingConnection if self.record else Connection
        factory: Callable[[], Connection] = lambda: kind(self)  # noqa: E731
        self._server = await loop.create_server(
            factory, self.host, self.port, backlog=BACKLOG, ssl=self.tls
        )
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stops listening and cuts what is still open."""
        if self._server is not None:
            self._server.close()
            for connection in list(self.connections):
                connection.abort()
            await asyncio.sleep(0)
            await self._server.wait_closed()
            self._server = None
        self.schedule.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # ---- answering ---------------------------------------------------------------------------

    def turn(self, path: str, body: shapes.Json, headers: dict[str, str], place: int) -> Turn:
        """The request as its script sees it."""
        model, stream = _asked(path, body)
        seen = self.seen.get(model, 0) + 1
        self.seen[model] = seen
        plan = self.plan(path, model, stream)
        return Turn(
            scenario=plan.scenario,
            answer=plan.answer,
            stream=stream,
            model=model,
            body=body,
            headers=headers,
            seen=seen,
            place=place,
            random=self.random,
            script=plan.script,
            blob=plan.blob,
        )

    def plan(self, path: str, model: str, stream: bool) -> Plan:
        scripted = self._scripts.get(model)
        if scripted is not None:
            step = scripted.steps[min(scripted.used, len(scripted.steps) - 1)]
            scripted.used += 1
            return self._build(path, model, stream, step)
        key = (path, model, stream)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = self._plans[key] = self._build(path, model, stream, None)
        return plan

    def _build(self, path: str, model: str, stream: bool, step: Scenario | Script | None) -> Plan:
        scenario = parse(model, faults.NAMES, self.default)
        script: Script | None = None
        if isinstance(step, Scenario):
            scenario = step
        elif step is not None:
            script = step
        if script is None:
            script = faults.SCRIPTS.get(scenario.fault, play)
            if scenario.status:
                script = faults.refuse(scenario.status)
        ident = f"{self.name}{len(self._plans):08d}"
        word = scenario.word or self.word
        answer = shape_of(path)(model, scenario, word, ident)
        plan = Plan(scenario, answer, script, None)
        if script is play and not _paced(scenario):
            blank = Turn(scenario, answer, stream, model, {}, {}, 1, 1, self.random, play, None)
            plan.blob = b"".join(one for one in play(blank) if isinstance(one, bytes))
        return plan

    def beside(self, method: str, path: str, body: shapes.Json) -> bytes | None:
        """The answer to what is not a generation: model lists, counts, embeddings."""
        if method in ("GET", "HEAD"):
            names = sorted(self.seen) or ["mock"]
            if path.endswith("/models") or path in _HEALTH:
                return reply(200, shapes.models(names))
            if path.endswith("/api/tags"):
                rows = [{"name": name, "model": name} for name in names]
                return reply(200, orjson.dumps({"models": rows}))
            return reply(404, orjson.dumps(shapes.error_object(404, "not_found")))
        if path.endswith("/count_tokens"):
            return reply(200, orjson.dumps({"input_tokens": shapes.PROMPT_TOKENS}))
        if path.endswith("/embeddings"):
            model, _ = _asked(path, body)
            if parse(model, faults.NAMES, self.default) == self.default:
                return reply(200, shapes.embeddings(body, model))
        return None


def _paced(s: Scenario) -> bool:
    """Whether the answer takes time or breaks: anything but one write."""
    waits = s.first_ms or s.interval_ms or s.stall_share or s.traces
    return bool(waits) or s.cut_after is not None or s.stall_after is not None


def _asked(path: str, body: shapes.Json) -> tuple[str, bool]:
    """The model's name and whether the answer is streamed, by the path's wire format."""
    model = body.get("mock") or body.get("model") or ""
    stream = body.get("stream")
    if ":" in path and path.endswith("enerateContent"):
        model = path.rsplit("/", 1)[-1].partition(":")[0]
        stream = path.endswith(":streamGenerateContent")
    elif path.endswith(("/api/chat", "/api/generate")) and stream is None:
        stream = True
    return (model if isinstance(model, str) else ""), stream is True
