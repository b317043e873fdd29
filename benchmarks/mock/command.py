"""`firsttoken mock`: the scripted upstream as a process."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import ssl
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import uvloop

from benchmarks.mock import faults
from benchmarks.mock.scenario import Scenario, Trace, parse
from benchmarks.mock.upstream import ScriptedUpstream

MAX_PORT = 65535


def run(args: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM. Returns the exit status."""
    if args.faults:
        sys.stdout.write("\n".join(f"fault-{name}" for name in sorted(faults.NAMES)) + "\n")
        return 0
    if not args.scenario.startswith(("mock", "fault-")):
        why = f"{args.scenario!r} is none: it begins with mock or fault-"
        sys.stderr.write(f"firsttoken mock: --scenario: {why}; see firsttoken mock --help\n")
        return 2
    if not 0 <= args.port <= MAX_PORT:
        sys.stderr.write(f"firsttoken mock: --port is 0 to {MAX_PORT}, not {args.port}\n")
        return 2
    try:
        scenario = parse(args.scenario, faults.NAMES)
        tls = _tls(args.certificate, args.key)
        if args.trace:
            scenario = replace(scenario, traces=read_traces(Path(args.trace)))
    except OSError as error:
        why = error.strerror or str(error)
        sys.stderr.write(f"firsttoken mock: {error.filename or args.certificate}: {why}\n")
        return 2
    except ValueError as error:
        sys.stderr.write(f"firsttoken mock: {error}\n")
        return 2
    try:
        return uvloop.run(_serve(args, scenario, tls))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)  # asyncio says where again
        if isinstance(error, socket.gaierror):
            why = error.strerror or why
        where = f"{args.host}:{args.port}"
        sys.stderr.write(f"firsttoken mock: cannot listen on {where}: {why}\n")
        return 1


def read_traces(path: Path) -> tuple[Trace, ...]:
    """Rows of {"first_ms": 320, "gaps_ms": [18, 22, ...]}, one JSON object a line. Raises OSError,
    or ValueError that names the line."""
    traces = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
            traces.append(Trace(float(row["first_ms"]), tuple(map(float, row["gaps_ms"]))))
        except (ValueError, KeyError, TypeError):
            why = 'wants {"first_ms": 320, "gaps_ms": [18, 22]}'
            raise ValueError(f"{path}:{number}: {why}, not {line[:80]!r}") from None
    if not traces:
        raise ValueError(f"{path}: no rows")
    return tuple(traces)


def _tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """What to serve TLS with; None for plain HTTP. Raises OSError (ssl.SSLError is one)."""
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def _serve(args: argparse.Namespace, scenario: Scenario, tls: ssl.SSLContext | None) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    upstream = ScriptedUpstream(
        host=args.host,
        port=args.port,
        default=scenario,
        record=False,
        seed=args.seed,
        word=args.word,
        tls=tls,
    )
    async with upstream:
        sys.stdout.write(f"mock upstream on {upstream.base_url}\n")
        sys.stdout.flush()
        await stop.wait()
    totals = upstream.totals
    sys.stdout.write(f"{totals.requests} requests on {totals.connections} connections\n")
    return 0
