from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from proxy.ledger import webhook
from proxy.ledger.webhook import QUEUE_LIMIT, SIGNATURE, Alerts, Hook
from proxy.state.alerts import STORM, Alert

WALL = 1_800_000_000.0


@asynccontextmanager
async def receiver(statuses=()):
    got: list[tuple[dict[str, str], bytes]] = []
    due = list(statuses)

    async def take(request: web.Request) -> web.Response:
        got.append((dict(request.headers), await request.read()))
        return web.Response(status=due.pop(0) if due else 204)

    app = web.Application()
    app.add_routes([web.post("/hook", take)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield got, f"http://127.0.0.1:{port}/hook"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def alerts(hook: Hook | None):
    loop = asyncio.get_running_loop()
    made = Alerts(loop.time, lambda: WALL, hook)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


async def test_an_alert_is_posted_and_signed() -> None:
    async with receiver() as (got, url), alerts(Hook(url, "s3cret")) as them:
        them.tell(Alert("budget_exceeded", "key web day", "words", {"spent_usd": 1.5}))
        them.tell(Alert("budget_exceeded", "key web day", "words"))
        await until(lambda: them.posted)
    ((headers, body),) = got
    assert body == (
        b'{"event":"budget_exceeded","subject":"key web day","message":"words",'
        b'"time":"2027-01-15T08:00:00Z","spent_usd":1.5}'
    )
    at, _, given = {k.lower(): v for k, v in headers.items()}[SIGNATURE].partition(",v1=")
    assert at == "t=1800000000"
    assert given == hmac.new(b"s3cret", b"1800000000." + body, hashlib.sha256).hexdigest()


async def test_a_receiver_that_fails_is_asked_again(monkeypatch) -> None:
    monkeypatch.setattr(webhook, "FIRST_WAIT_SECONDS", 0.01)
    async with receiver([500, 302, 200]) as (got, url), alerts(Hook(url)) as them:
        them.tell(Alert("k", "s", "w"))
        await until(lambda: them.posted)
    assert len(got) == 3
    assert SIGNATURE not in {name.lower() for name in got[0][0]}


async def test_a_receiver_that_is_gone_is_given_up_without_its_url(monkeypatch, caplog) -> None:
    monkeypatch.setattr(webhook, "FIRST_WAIT_SECONDS", 0.01)
    with caplog.at_level(logging.WARNING):
        async with alerts(Hook("http://127.0.0.1:1/token-abc")) as them:
            them.tell(Alert("k", "s", "what happened"))
            await until(lambda: them.failed)
    assert "alert k: what happened" in caplog.text
    assert "could not be posted" in caplog.text
    assert "token-abc" not in caplog.text


async def test_without_a_webhook_it_is_logged(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        Alerts(lambda: 0.0, lambda: WALL).tell(Alert("k", "s", "what happened"))
    assert "what happened" in caplog.text


@pytest.mark.parametrize("many", [QUEUE_LIMIT + 40])
async def test_the_queue_is_bounded(many: int) -> None:
    now = [0.0]
    them = Alerts(lambda: now[0], lambda: WALL, Hook("http://x"))
    for number in range(many):
        now[0] += 60.0 / STORM + 0.01
        them.tell(Alert("k", f"s{number}", "w"))
    assert them.told == many
    assert them.failed == 40
