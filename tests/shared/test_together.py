"""Two proxies and a real Valkey that lives, is killed, frozen, and fails over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter

import orjson
import pytest
import trustme

from tests.loopback.test_operations import tls_in_front_of
from tests.shared.nodes import nodes, until
from tests.shared.servers import cluster, valkey, watched

pytestmark = pytest.mark.loopback

RATE = "requests_per_minute = 100"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def url(server) -> str:
    server.do("FLUSHALL")
    return server.url


async def test_a_limit_is_one_for_both_however_the_requests_come(url: str) -> None:
    async with nodes(url, key=RATE) as (one, other):
        first = (await one.burst(60))[200]
        first += (await one.burst(60 - first))[200] if first < 60 else 0
        assert first > 52, "more than half of it at one of them"
        both = await asyncio.gather(one.burst(60), other.burst(60))
        assert 98 <= first + sum(both, Counter())[200] <= 100
        await other.burst(5)
        status, headers, body = await other.ask()
        assert status == 429
        assert headers["x-ratelimit-limit-requests"] == "100"
        assert headers["x-ratelimit-remaining-requests"] == "0"
        assert orjson.loads(body)["error"]["code"] == "rate_limit_exceeded"


async def test_a_providers_limit_is_one_for_both(url: str) -> None:
    async with nodes(url, provider=RATE) as (one, other):
        first = (await one.burst(60))[200]
        first += (await one.burst(60 - first))[200] if first < 60 else 0
        assert first > 52, "more than half of it at one of them"
        for _ in range(2):
            both = await asyncio.gather(one.burst(60), other.burst(60))
            first += sum(both, Counter())[200]
        assert 98 <= first <= 100
        status, headers, body = await other.ask()
        assert status == 429
        assert 1 <= int(headers["retry-after"]) <= 60
        assert orjson.loads(body)["error"]["code"] == "target_limit_reached"


async def test_tokens_are_counted_together(url: str) -> None:
    async with nodes(url, key="tokens_per_minute = 10000") as (one, other):
        first = [(await one.ask(max_tokens=9000))[0] for _ in range(4)]
        assert 200 in first, "all of it may go to one who needs it; it used far less than it held"
        statuses = [
            (await node.ask(max_tokens=4000))[0] for node in (one, other, one, other, one, other)
        ]
        assert statuses.count(200) >= 4, "what was held and not used is free again, everywhere"
        assert (await other.ask(max_tokens=10_001))[0] == 429


async def test_money_is_one_purse(url: str) -> None:
    async with nodes(url, key="budget_usd_per_day = 1.0") as (one, other):
        for node, usd in ((one, 0.4), (other, 0.7)):
            node.app.memory.quotas.charge("caller", "chat", 0, 0, int(usd * 1e12), time.monotonic())
        for node in (one, other):
            await until(lambda node=node: _spent(node) == 1.1)
            assert (await node.ask())[0] == 429
        async with nodes(url, key="budget_usd_per_day = 1.0", count=2) as (_, late):
            await until(lambda: _spent(late) == 1.1)


def _spent(node) -> float:
    rows = node.app.memory.quotas.snapshot(time.monotonic())
    return next(row["used"] for row in rows if row["kind"] == "budget_per_day") / 1e12


async def test_what_one_sees_of_a_provider_the_other_knows(url: str) -> None:
    async with nodes(url) as (one, other):
        for _ in range(3):
            assert (await one.ask(model="lame"))[0] == 200
        breakers = other.app.memory.breakers
        target = "gone/x"
        await until(
            lambda: breakers.snapshot(time.monotonic()).get(target, {}).get("failureCount") == 2
        )
        seen = breakers.snapshot(time.monotonic())[target]
        assert (seen["state"], seen["failureCount"]) == ("CLOSED", 2), "at the brink, not over it"
        assert (await other.ask(model="lame"))[0] == 200
        assert breakers.snapshot(time.monotonic())[target]["state"] == "OPEN", "one more was enough"
        one.app.memory.breakers.reset()
        await until(lambda: target not in breakers.snapshot(time.monotonic()))
        one.app.memory.latency.observe("mock/slow", 100, 0.5, time.monotonic())
        await until(lambda: any(row["target"] == "mock/slow"
                                for row in other.app.memory.latency.snapshot()))  # fmt: skip


async def test_an_answer_kept_here_is_found_there_within_a_tenth_of_a_second(url: str) -> None:
    took = []
    async with nodes(url, cache=True) as (one, other):
        for number in range(20):
            status, _, _ = await one.ask(f"question {number}", temperature=0)
            assert status == 200
            began = time.monotonic()
            entries = other.app.memory.cache.exact
            await until(lambda number=number, entries=entries: len(entries) > number)
            took.append(time.monotonic() - began)
        _, headers, _ = await other.ask("question 7", temperature=0)
        assert headers["x-firsttoken-cache"] == "exact"
    assert sorted(took)[len(took) // 2] < 1.0, "0.05 s on an idle machine"


async def test_a_route_changed_here_is_changed_there(url: str) -> None:
    table = {"targets": ["mock/mock-t1-f0-i0"]}
    async with nodes(url) as (one, other):
        one.app.change("routes", "fresh", table)
        await until(lambda: "fresh" in other.app._changes.routes)
        assert (await other.ask(model="fresh"))[0] == 200
        other.app.change("routes", "fresh", None)
        await until(lambda: one.app._changes.routes.get("fresh", table) is None)
        assert (await one.ask(model="fresh"))[0] == 404
        one.app.change("routes", "kept", table)
        async with nodes(url, count=3) as (late, _, _):
            await until(lambda: "kept" in late.app._changes.routes)


async def test_without_the_server_both_go_on_and_find_each_other_again(tmp_path, caplog) -> None:
    caplog.set_level(logging.INFO, "firsttoken")
    with valkey(tmp_path) as server:
        async with nodes(server.url, key="requests_per_minute = 1000") as (one, other):
            statuses = Counter[int]()
            ends = asyncio.Event()

            async def load(node) -> None:
                while not ends.is_set():
                    began = time.monotonic()
                    statuses[(await node.ask())[0]] += 1
                    slowest.append(time.monotonic() - began)
                    await asyncio.sleep(0.01)

            slowest: list[float] = []
            async with asyncio.TaskGroup() as group:
                for node in (one, other):
                    group.create_task(load(node))
                await asyncio.sleep(0.3)
                server.kill()
                await until(lambda: not one.app.memory.pulse.up and not other.app.memory.pulse.up)
                assert one.app.memory.pulse.figures()["shared_up"] == 0
                await asyncio.sleep(0.3)
                server.start()
                await until(lambda: one.app.memory.pulse.up and other.app.memory.pulse.up)
                await until(lambda: one.app.memory.pulse.nodes == 2)
                ends.set()
            assert set(statuses) == {200}
            used = [node.app.memory.quotas.snapshot(time.monotonic())[0]["used"]
                    for node in (one, other)]  # fmt: skip
            await until(lambda: {node.app.memory.quotas.snapshot(time.monotonic())[0]["used"]
                                 for node in (one, other)} == {statuses[200]})  # fmt: skip
            assert used
    said = [one.getMessage() for one in caplog.records]
    assert sum("goes on alone" in one for one in said) == 2, "each said so once"
    assert sum("the shared server answers" in one for one in said) == 4


async def test_a_frozen_server_holds_nobody_up(tmp_path) -> None:
    with valkey(tmp_path) as server:
        async with nodes(server.url, key=RATE) as (one, other):
            server.freeze()
            try:
                took = await until(lambda: not one.app.memory.pulse.up)
                assert took < 2.0, "0.05 s on an idle machine"
                found = await asyncio.gather(one.burst(60), other.burst(60))
                assert sum(found, Counter()) == {200: 100, 429: 20}, "each by its part"
            finally:
                server.thaw()
            await until(lambda: one.app.memory.pulse.up)
            assert (await one.burst(5)) == {429: 5}


async def test_it_starts_and_serves_without_the_server(tmp_path) -> None:
    with valkey(tmp_path) as server:
        server.kill()
        async with nodes(server.url, count=0):
            pass
        running = asyncio.create_task(_serve_one(server.url))
        assert await running == (200, 0.0)


async def _serve_one(url: str) -> tuple[int, float]:
    from proxy import config  # noqa: PLC0415
    from proxy.app import App  # noqa: PLC0415

    text = f'[server]\nport = 0\nlog = "off"\n[local]\nenabled = false\n[shared]\nurl = "{url}"\n'
    app = App(config.parse(text, "test", {}), {})
    _, port = await app.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /health?ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    status = int((await reader.read()).split()[1])
    writer.close()
    up = app.memory.pulse.figures()["shared_up"]
    await app.close()
    return status, up


async def test_a_replica_takes_over(tmp_path) -> None:
    with watched(tmp_path) as (url, primary, replica):
        async with nodes(url, key=RATE) as (one, other):
            assert await one.burst(50) == {200: 50}
            primary.kill()
            await until(lambda: not one.app.memory.pulse.up)
            assert (await other.ask())[0] == 200
            await until(lambda: one.app.memory.pulse.up and other.app.memory.pulse.up, 30)
            assert replica.holds("role:master")
            left = await asyncio.gather(one.burst(60), other.burst(60))
            given = sum(left, Counter())[200]
            assert 39 <= given <= 59, "what was used before counts; a replica may be a pulse behind"


async def test_a_cluster_serves_as_well(tmp_path) -> None:
    with cluster(tmp_path) as url:
        async with nodes(url, key=RATE, cache=True) as (one, other):
            found = [await node.burst(80, temperature=2) for node in (one, other, one)]
            assert 98 <= sum(found, Counter())[200] <= 100, found
        async with nodes(url, cache=True) as (one, other):
            assert (await one.ask("kept", temperature=0))[0] == 200
            await until(lambda: len(other.app.memory.cache.exact))


async def test_tls_and_a_user_of_its_own(tmp_path) -> None:
    authority = trustme.CA()
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    with valkey(tmp_path) as server:
        rights = ("~{firsttoken}:*", "+@all", "-@admin", "-@dangerous", "+info")
        server.do("ACL", "SETUSER", "proxy", "on", ">s3cret", *rights)
        server.do("ACL", "SETUSER", "default", "off")
        async with tls_in_front_of(server.port, authority, "localhost") as port:
            url = f"rediss://proxy:s3cret@localhost:{port}?ssl_ca_certs={pem}"
            async with nodes(url, key=RATE) as (one, other):
                found = [await node.burst(80) for node in (one, other, one)]
                assert 98 <= sum(found, Counter())[200] <= 100
