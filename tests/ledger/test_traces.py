"""Exchanges as OpenTelemetry traces, as a collector sees them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.chat import Usage
from proxy.config import ConfigError
from proxy.ledger.traces import HELD_EXCHANGES, Traces, noted, spans
from proxy.trace import trace_of
from tests.admin.house import House, house
from tests.ledger.books import NOON, exchange, until

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def source(*numbers: int):
    left = list(numbers)
    return (lambda bits: left.pop(0) if left else 7, lambda: 0.0)


@pytest.mark.parametrize(
    ("given", "parent", "sampled"),
    [
        (GIVEN, 0xB7AD6B7169203331, True),
        (GIVEN[:-2] + "00", 0xB7AD6B7169203331, False),
        ("cc" + GIVEN[2:] + "-what-the-future-will-be-like", 0xB7AD6B7169203331, True),
        (GIVEN + "-more", 0, True),
        ("ff" + GIVEN[2:], 0, True),
        (GIVEN.upper(), 0, True),
        ("00-" + "0" * 32 + GIVEN[35:], 0, True),
        (GIVEN[:36] + "0" * 16 + "-01", 0, True),
        ("", 0, True),
        ("\r\nx: y", 0, True),
    ],
)
def test_only_a_right_header_is_followed(given: str, parent: int, sampled: bool) -> None:
    trace = trace_of(given.encode(), 1.0, source(5), 0.5)
    assert (trace.parent, trace.is_sampled) == (parent, sampled)
    assert trace.span
    assert trace.trace == (0x0AF7651916CD43DD8448EB211C80319C if parent else 5)
    line = trace.onward(b"a: b\r\n", "p/m")
    assert line.startswith(b"a: b\r\ntraceparent: 00-%032x-" % trace.trace)
    assert line.endswith(b"-01\r\n" if sampled else b"-00\r\n")


def test_a_share_is_sampled() -> None:
    assert trace_of(b"", 0.1, source(), 0.05).is_sampled
    assert not trace_of(b"", 0.1, source(), 0.15).is_sampled


def test_attempts_bear_the_ids_they_were_sent_with() -> None:
    made = exchange(model="auto", provider="gemini", provider_model="flash", attempts=3)
    made.started_s, made.auth_s, made.cache_s = 100.0, 0.001, 0.002
    made.first_token_s, made.upstream_s = 2.0, 0.5
    clock = iter([100.1, 100.6, 101.5])
    trace = trace_of(GIVEN.encode(), 1.0, (_bits(1, 2, 3, 4), clock.__next__), 0.5)
    for target in ("openai/gpt", "openai/gpt", "gemini/flash"):
        trace.onward(b"", target)
    made.missed("openai/gpt", 100.61, 101.4, "server_error")
    made.missed("openai/gpt", 100.11, 102.0, "overtaken")
    found = spans(noted(made, trace, NOON, 3.0, 5 * 10**9))
    whole, auth, cache, first, second, third = found
    assert (whole.name, whole.kind, whole.parent) == ("chat auto", "server", trace.parent)
    assert (whole.end_ns - whole.start_ns) == pytest.approx(3e9)
    assert whole.attributes["gen_ai.usage.input_tokens"] == 1000
    assert whole.attributes["firsttoken.cost_usd"] == 0.005
    assert [auth.name, cache.name] == ["auth", "cache"]
    assert len({one.id for one in found}) == len(found)
    assert [one.id for one in (first, second, third)] == [2, 3, 4]
    assert all(one.parent == whole.id for one in found[1:])
    assert first.attributes["firsttoken.ended"] == "overtaken"
    assert (first.error, second.error, third.error) == ("", "server_error", "")
    assert third.attributes["gen_ai.provider.name"] == "gcp.gemini"
    assert third.events == (("first token", third.start_ns + 500_000_000),)
    assert "gen_ai.usage.input_tokens" not in second.attributes


def _bits(*numbers: int):
    left = list(numbers)
    return lambda bits: left.pop(0)


def test_what_waits_is_bounded_and_what_fails_is_counted() -> None:
    gate, asked = [False], []

    def send(found) -> bool:
        asked.append(found)
        return gate[0]

    traces = Traces(lambda: send, lambda: NOON)
    for _ in range(HELD_EXCHANGES + 5):
        traces.note(exchange(), 1.0, 0)
    assert traces.dropped == 5
    traces.start()
    until(lambda: traces.dropped == HELD_EXCHANGES + 5)
    gate[0] = True
    traces.note(exchange(usage=Usage(1, 1)), 1.0, 0)
    traces.close()
    assert traces.figures() == {"traces_total": 1.0, "traces_dropped_total": HELD_EXCHANGES + 5.0}


def test_a_proxy_without_traces_loads_nothing_of_them() -> None:
    root = Path(__file__).resolve().parents[2]
    heavy = "('opentelemetry.exporter', 'proxy.ledger.otlp', 'psycopg')"
    code = f"import proxy.app, sys; print([one for one in {heavy} if one in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


# ---- with a collector ----------------------------------------------------------------------------

pytest.importorskip("opentelemetry.sdk", reason="the extra otlp is not installed")
from tests.ledger.collector import Collector, attributes, collecting  # noqa: E402

TRACES = '[traces]\nendpoint = "http://127.0.0.1:{port}"\nheaders = {{ x-token = "env:K" }}\n'


async def arrived(collector: Collector, many: int) -> None:
    for _ in range(200):
        if len(collector.spans) >= many:
            return
        await asyncio.sleep(0.05)
    raise AssertionError([one.name for one in collector.spans])


def sent(it: House) -> list[str]:
    """The traceparents that the provider saw."""
    return [one.headers["traceparent"] for one in it.upstream.requests]


@pytest.mark.loopback
@pytest.mark.parametrize("lane", ["true", "false"])
async def test_an_answer_is_traced_from_the_client_to_the_provider(lane: str) -> None:
    async with collecting() as collector:
        traces = TRACES.format(port=collector.port)
        async with house(extra=traces, server=f"fast_lane = {lane}", cache="true") as it:
            secret = "a very secret prompt"
            await it.ask(secret, headers={"traceparent": GIVEN})
            await it.ask(secret, headers={"traceparent": GIVEN})
            await arrived(collector, 2 * 3 + 1)
            ours = [one for one in collector.spans if one.kind == 2]  # SERVER
            assert {one.trace_id.hex() for one in ours} == {GIVEN[3:35]}
            assert {one.parent_span_id.hex() for one in ours} == {GIVEN[36:52]}
            upstream = [one for one in collector.spans if one.kind == 3]  # CLIENT
            assert sent(it) == [f"00-{GIVEN[3:35]}-{upstream[0].span_id.hex()}-01"]
            said = attributes(upstream[0])
            assert said["gen_ai.operation.name"] == "chat"
            assert said["gen_ai.provider.name"] == "primary"
            assert said["gen_ai.request.model"] == "mock-t4-f0-i0"
            assert said["gen_ai.usage.output_tokens"] == 4
            assert [one.name for one in upstream[0].events] == ["first token"]
            caches = sorted(attributes(one)["firsttoken.cache"] for one in ours)
            assert caches == ["exact", "miss"]
            assert attributes(ours[0])["http.response.status_code"] == 200
            assert {"auth", "cache", "classify"} <= {one.name for one in collector.spans}
            assert collector.services == {"firsttoken"}
            assert collector.heads[0]["x-token"] == "sk-caller"
            for word in (b"secret", b"tok0001", b"sk-primary"):
                assert word not in collector.raw
            traced = it.app.memory.traces
            assert traced is not None
            while traced.sent < 2:  # it is counted once the collector has answered
                await asyncio.sleep(0.02)
            metrics = await it.call("GET", "/metrics")
            assert "firsttoken_traces_total 2" in metrics[1]


@pytest.mark.loopback
async def test_failed_attempts_are_told_with_their_reason() -> None:
    async with collecting() as collector:
        route = '[[route]]\nname = "shaky"\ntargets = ["primary/fault-500", "backup/mock-t4"]\n'
        extra = route + TRACES.format(port=collector.port)
        async with house(extra=extra) as it:
            await it.ask("hello", model="shaky")
            await arrived(collector, 4)
            tried = [one for one in collector.spans if one.kind == 3]
            assert [one.name for one in tried] == ["chat fault-500", "chat mock-t4"]
            assert attributes(tried[0])["error.type"] == "server"
            assert [one.status.code for one in tried] == [2, 0]
            assert [one.split("-")[2] for one in sent(it)] == [one.span_id.hex() for one in tried]
            assert tried[0].end_time_unix_nano <= tried[1].end_time_unix_nano
            (row,) = (await it.get("/api/requests"))["requests"]
            assert row["attempts"] == 2
            (missed,) = row["trail"]
            assert (missed["target"], missed["why"]) == ("primary/fault-500", "server")
            assert 0 <= missed["from_ms"] <= missed["to_ms"] <= row["total_ms"]


@pytest.mark.loopback
async def test_a_collector_that_is_gone_delays_nobody(caplog) -> None:
    async with house(extra=TRACES.format(port=1)) as it:
        for _ in range(3):
            await it.ask("hello")
        traces = it.app.memory.traces
        assert traces is not None
    assert traces.sent == 0
    assert len([one for one in caplog.records if "collector" in one.getMessage()]) <= 1


async def test_the_exporter_must_be_there(monkeypatch) -> None:
    monkeypatch.setattr("proxy.parts.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="needs the exporter"):
        async with house(extra=TRACES.format(port=1)):
            pass
