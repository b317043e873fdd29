"""`firsttoken bench faults`: the scripted providers, the gateway between, a scorecard."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import uvloop

from benchmarks.faults import scorecard
from benchmarks.faults.scenarios import SCENARIOS
from benchmarks.faults.stage import NORMAL, Score, Stage, Verdict
from benchmarks.faults.variants import VARIANTS, variant
from benchmarks.load.apis import APIS
from benchmarks.load.target import target
from benchmarks.mock.upstream import ScriptedUpstream
from benchmarks.overhead import rival
from benchmarks.overhead.process import machine

GATEWAYS = Path(__file__).parent / "gateways"


def run(args: argparse.Namespace) -> int:
    """0 when everything passed; 1 when not; 2 for bad options."""
    if args.print_config:
        return _print(args)
    if bool(args.target) == bool(args.gateway):
        sys.stderr.write("firsttoken bench faults: give --target URL or --gateway NAME\n")
        return 2
    if args.target and not (args.primary_port and args.backup_port):
        sys.stderr.write(
            "firsttoken bench faults: --target needs --primary-port and --backup-port, the ports "
            "that the gateway's providers point at\n"
        )
        return 2
    try:
        chosen = _chosen(args)
        gateway = _read(args.gateway) if args.gateway else None
    except (ValueError, OSError) as error:
        sys.stderr.write(f"firsttoken bench faults: {error}\n")
        return 2
    rival.end_orderly()
    try:
        verdicts = uvloop.run(_play(args, gateway, chosen))
    except (rival.Skipped, OSError, ValueError) as error:
        sys.stderr.write(f"firsttoken bench faults: {error}\n")
        return 2
    name = gateway.name if gateway else args.target
    card = scorecard.markdown(name, verdicts, _titles())
    sys.stdout.write(card)
    if args.markdown:
        Path(args.markdown).write_text(card)
    if args.json:
        data = {
            "tool": "firsttoken bench faults",
            "gateway": name,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "verdicts": scorecard.as_json(verdicts),
        }
        Path(args.json).write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    return 0 if all(one.score is Score.PASS for one in verdicts.values()) else 1


def known() -> dict[str, Path]:
    return {one.stem: one for one in sorted(GATEWAYS.glob("*.toml"))}


def _read(name: str) -> rival.Rival:
    path = known().get(name, Path(name))
    if not path.exists():
        raise ValueError(f"no gateway {name!r}; known are {', '.join(known())}, or a TOML file")
    return expanded(rival.read(path))


def expanded(gateway: rival.Rival) -> rival.Rival:
    """Lines with {NAME} in its files repeated for every scenario, for gateways that want each
    model listed."""
    names = ["ready", "alive", *(name.lower() for name in SCENARIOS), *(f"v-{v}" for v in VARIANTS)]
    files = {}
    for path, text in gateway.files.items():
        lines = []
        for line in text.splitlines():
            repeated = "{NAME}" in line
            lines += [line.replace("{NAME}", name) for name in names] if repeated else [line]
        files[path] = "\n".join(lines) + "\n"
    return replace(gateway, files=files)


def _print(args: argparse.Namespace) -> int:
    try:
        gateway = _read(args.print_config)
    except ValueError as error:
        sys.stderr.write(f"firsttoken bench faults: {error}\n")
        return 2
    words = {"PRIMARY": str(args.primary_port or 9001), "BACKUP": str(args.backup_port or 9002)}
    for name, text in gateway.files.items():
        sys.stdout.write(f"# {Path(name).name}\n{rival.fill(text, words).lstrip()}\n")
    sys.stdout.write(f"# start: {rival.fill(gateway.start, words)}\n")
    return 0


def _chosen(args: argparse.Namespace) -> list[str]:
    everything = [*SCENARIOS, *(() if args.no_variants else VARIANTS)]
    if not args.only:
        return everything
    names = [one.upper() if one.upper() in SCENARIOS else one for one in args.only]
    for one in names:
        if one not in (*SCENARIOS, *VARIANTS):
            raise ValueError(f"no scenario {one!r}; there are {', '.join((*SCENARIOS, *VARIANTS))}")
    return names


def _titles() -> Mapping[str, str]:
    return {
        name: (play.__doc__ or "").partition(":")[0].strip().rstrip(".")
        for name, play in SCENARIOS.items()
    }


async def _play(
    args: argparse.Namespace, gateway: rival.Rival | None, chosen: list[str]
) -> dict[str, Verdict]:
    primary = ScriptedUpstream(port=args.primary_port, default=NORMAL, name="primary")
    backup = ScriptedUpstream(port=args.backup_port, default=NORMAL, name="backup")
    verdicts = {}
    async with primary, backup, AsyncExitStack() as stack:
        url, headers = await _endpoint(args, gateway, primary, backup, stack)
        stage = Stage(primary, backup, url, headers, args.history)
        for name in chosen:
            play = SCENARIOS.get(name)
            one = await (play(stage) if play else variant(stage, name))
            if not primary.requests:
                one = Verdict(Score.PARTIAL, "the primary was never asked, so nothing was tested")
            verdicts[name] = one
            mark = scorecard.MARKS[one.score]
            sys.stderr.write(f"{name:26} {mark:8} {one.seconds:6.2f} s  {one.why}\n")
            primary.requests.clear()
            backup.requests.clear()
    return verdicts


async def _reach(host: str, port: int) -> None:
    """Raises OSError where nobody listens: then no verdict means anything."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise OSError(f"nobody listens on {host}:{port} ({error.strerror})") from error
    writer.close()


async def _endpoint(
    args: argparse.Namespace,
    gateway: rival.Rival | None,
    primary: ScriptedUpstream,
    backup: ScriptedUpstream,
    stack: AsyncExitStack,
) -> tuple[str, dict[str, str]]:
    """The URL under test and the header fields it wants; starts the gateway if it is ours to."""
    fields = list(args.header)
    base = args.target
    if gateway is not None:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        search = os.pathsep.join([*args.path, os.environ.get("PATH", os.defpath)])  # noqa: TID251
        words = {"PRIMARY": str(primary.port), "BACKUP": str(backup.port)}
        process = rival.launched(gateway, work, search=search, words=words)
        # in a thread: the gateway's first request must find our providers awake
        launched = await asyncio.to_thread(process.__enter__)
        stack.callback(process.__exit__, None, None, None)
        base = launched.url
        fields += gateway.headers
    where = target(base, APIS["chat"], fields)
    await _reach(where.host, where.port)
    pairs = (one.partition(":") for one in where.headers)
    return (
        f"http://{where.host}:{where.port}{where.path}",
        {name.strip(): value.strip() for name, _, value in pairs},
    )
