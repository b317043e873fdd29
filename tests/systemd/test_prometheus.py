"""The dashboard and the alert rules, judged by a real Prometheus that scrapes a real proxy."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.admin.house import House, house

FILES = Path(__file__).resolve().parents[2] / "systemd" / "container"
BOARD = orjson.loads((FILES / "grafana" / "firsttoken.json").read_bytes())
NAME = r"\b((?:firsttoken|gen_ai)_[a-z0-9_]+)"
# What only a machine with a GPU, or a proxy with an embedder, tells.
ELSEWHERE = {
    "firsttoken_cache_disk_up",  # where the cache has a path
    "firsttoken_gpu_utilisation", "firsttoken_gpu_memory_used_bytes",
    "firsttoken_gpu_temperature_celsius", "firsttoken_embedder_up",
}  # fmt: skip
LABELS = {"gen_ai_provider_name", "gen_ai_request_model", "gen_ai_token_type"}
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
with_prometheus = pytest.mark.skipif(PROMETHEUS is None, reason="no Prometheus is installed")
with_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool is installed")


def expressions() -> Iterator[str]:
    """Everything the dashboard asks, with its variables filled in."""
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            asked = target["expr"].replace("$route", ".*")
            yield asked.replace("$__rate_interval", "1m")


def rules() -> str:
    return (FILES / "alerts.yml").read_text()


def names(text: str) -> set[str]:
    found = {re.sub(r"_(bucket|sum|count)$", "", one) for one in re.findall(NAME, text)}
    return found - LABELS


async def test_everything_asked_for_is_told() -> None:
    asked = set().union(*map(names, expressions())) | names(rules())
    assert len(asked) >= 20
    async with house(cache="true") as it:
        await it.ask("hello", stream=True)
        _, text = await it.call("GET", "/metrics")
    told = names("\n".join(re.findall(r"(?m)^# TYPE (\S+)", text)))
    assert asked - told <= ELSEWHERE
    assert not [one for one in re.findall(r"(?m)^# HELP (\S+) (.+)$", text) if one[0] == one[1]]


def test_panels_do_not_overlap() -> None:
    taken = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}  # fmt: skip
        assert not taken & cells, panel["title"]
        taken |= cells


@with_promtool
@pytest.mark.parametrize("what", [("check", "rules", "alerts.yml"), ("test", "rules", "tests.yml")])
def test_promtool_likes_the_rules(tmp_path: Path, what: tuple[str, ...]) -> None:
    shutil.copy(FILES / "alerts.yml", tmp_path)
    (tmp_path / "tests.yml").write_text(CASES)
    ran = subprocess.run(
        [str(PROMTOOL), *what], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@with_promtool
async def test_promtool_likes_the_metrics() -> None:
    async with house(cache="true") as it:
        await it.ask("hello", stream=True)
        _, text = await it.call("GET", "/metrics")
    ran = await asyncio.to_thread(
        subprocess.run,
        [str(PROMTOOL), "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


@asynccontextmanager
async def scraping(it: House, folder: Path) -> AsyncIterator[str]:
    """The URL of a Prometheus that looks at this proxy four times a second."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shutil.copy(FILES / "alerts.yml", folder)
    proxy = str(it.client._base_url).removeprefix("http://").rstrip("/")
    text = (FILES / "prometheus.yml").read_text()
    text = text.replace("scrape_interval: 5s", "scrape_interval: 250ms")
    text = text.replace('"first:3456", "second:3456"', f'"{proxy}"')
    text = text.replace("/etc/prometheus/admin_key", str(folder / "key"))
    (folder / "key").write_text("sk-admin-secret")
    (folder / "prometheus.yml").write_text(text)
    process = await asyncio.create_subprocess_exec(
        str(PROMETHEUS), "--config.file=prometheus.yml", f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.path=data", "--log.level=error", cwd=folder,
    )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def query(client: aiohttp.ClientSession, url: str, expression: str) -> list[Any]:
    async with client.get(f"{url}/api/v1/query", params={"query": expression}) as answer:
        found = await answer.json()
        assert found["status"] == "success", (expression, found)
        return found["data"]["result"]


@with_prometheus
@pytest.mark.loopback
@pytest.mark.slow
async def test_a_real_prometheus_scrapes_and_every_panel_has_figures(tmp_path: Path) -> None:
    extra = '[auth]\nadmin_key = "env:ADMIN_KEY"'
    async with (
        house(cache="true", extra=extra) as it,
        aiohttp.ClientSession() as client,
        scraping(it, tmp_path) as url,
    ):
        await until_up(client, url)
        for number in range(16):  # rates need two looks with something between them
            await it.ask(f"question {number % 8}", stream=True)
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        for expression in expressions():
            figures = await query(client, url, expression)
            if names(expression) <= ELSEWHERE:
                assert figures == []
                continue
            assert figures, expression
            assert figures[0]["value"][1] != "NaN" or "/" in expression, expression
        async with client.get(f"{url}/api/v1/rules") as answer:
            groups = (await answer.json())["data"]["groups"]
        assert [one["health"] for one in groups[0]["rules"]]
        assert "err" not in {one["health"] for one in groups[0]["rules"]}
        async with client.get(f"{url}/api/v1/targets") as answer:
            (target,) = (await answer.json())["data"]["activeTargets"]
        assert target["lastError"] == ""


async def until_up(client: aiohttp.ClientSession, url: str) -> None:
    for _ in range(300):
        try:
            found = await query(client, url, "up")
        except aiohttp.ClientError:
            found = []  # it is starting
        if found and found[0]["value"][1] == "1":
            return
        await asyncio.sleep(0.1)
    raise AssertionError("Prometheus never saw the proxy up")


CASES = """
rule_files: [alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'up{job="firsttoken", instance="a"}'
        values: '1 1 0 0 0 0 0'
      - series: 'firsttoken_requests_total{route="chat", outcome="ok"}'
        values: '0+90x30'
      - series: 'firsttoken_requests_total{route="chat", outcome="error"}'
        values: '0+10x30'
      - series: 'firsttoken_requests_total{route="fine", outcome="ok"}'
        values: '0+100x30'
      - series: 'firsttoken_requests_total{route="fine", outcome="error"}'
        values: '0+1x30'
      - series: 'firsttoken_ledger_rows_dropped_total{instance="a"}'
        values: '0 0 0 0 0 0 0 0 0 0 7 7 7 7'
      - series: 'firsttoken_breakers_open{instance="a"}'
        values: '0 1x20'
      - series: 'firsttoken_breakers_open{instance="b"}'
        values: '0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0'
    alert_rule_test:
      - alertname: FirsttokenDown
        eval_time: 6m
        exp_alerts:
          - exp_labels: {severity: page, job: firsttoken, instance: a}
            exp_annotations: {summary: "a does not answer"}
      - alertname: FirsttokenErrors
        eval_time: 20m
        exp_alerts:
          - exp_labels: {severity: page, route: chat}
            exp_annotations: {summary: "10% of the requests to chat fail"}
      - alertname: FirsttokenLedgerLosesRows
        eval_time: 5m
        exp_alerts: []
      - alertname: FirsttokenLedgerLosesRows
        eval_time: 12m
        exp_alerts:
          - exp_labels: {severity: page, instance: a}
            exp_annotations: {summary: "a lost 7 rows of its ledger"}
      - alertname: FirsttokenBreakerOpen
        eval_time: 16m
        exp_alerts:
          - exp_labels: {severity: warning, instance: a}
            exp_annotations:
              summary: "1 targets are left alone for ten minutes; see /ui#/providers"
"""
