"""`firsttoken bench overhead`: gateways in turns, round by round, one table."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks.load.plan import raise_file_limit
from benchmarks.overhead import process, results, rival, scenarios
from benchmarks.overhead.scenarios import Sizes, Way

PRIORITY = -15  # nice, where allowed: other work on the machine must not wait in our figures
SETTLE_SECONDS = 0.5  # after the start, before memory is read


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured how."""

    rivals: tuple[rival.Rival, ...]
    floor: str
    rounds: int
    sizes: Sizes
    scenarios: tuple[str, ...]
    search: str
    gateway_cpu: int | None
    load_cpu: int | None
    upstream_cpu: int | None
    limits: dict[str, float]


def run(args: argparse.Namespace) -> int:
    """0; 1 when nothing could be measured; 2 for bad options; 3 over a limit."""
    if args.list:
        lines = [f"{name:16} {path}" for name, path in rival.known().items()]
        sys.stdout.write("\n".join(lines) + "\n")
        return 0
    try:
        bench = read(args)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"firsttoken bench overhead: {error}\n")
        return 2
    raise_file_limit()
    rival.end_orderly()
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    rounds, skipped, versions = measure(bench)
    figures = results.summary(rounds)
    table = results.markdown(figures, bench.floor, skipped)
    sys.stdout.write("\n" + table)
    write(args, bench, rounds, figures, skipped, versions)
    over = results.ratios(figures, bench.floor)
    broken = results.broken(over, bench.rivals[0].name, bench.limits) if bench.limits else []
    sys.stdout.writelines(f"over the limit: {one}\n" for one in broken)
    if broken:
        return 3
    return 0 if len(figures) > 1 else 1


def read(args: argparse.Namespace) -> Bench:
    """Raises ValueError with a line for the user."""
    files = rival.known()
    found = []
    for name in args.rivals or rival.FIRST:
        path = files.get(name, Path(name))
        if not path.exists():
            raise ValueError(f"no rival {name!r}; known are {', '.join(files)}, or a TOML file")
        found.append(rival.read(path))
    names = tuple(args.scenarios or scenarios.SCENARIOS)
    for name in names:
        if name not in scenarios.SCENARIOS:
            raise ValueError(f"no scenario {name!r}; known are {', '.join(scenarios.SCENARIOS)}")
    sizes = scenarios.QUICK if args.quick else Sizes()
    if args.streams:
        sizes = replace(sizes, streams=args.streams)
    if args.seconds:
        sizes = replace(sizes, seconds=args.seconds)
    cpus = _cpus(args.cpus)
    limits = {}
    for text in args.limit:
        figure, _, value = text.partition("=")
        if figure not in results.FIGURES or not value:
            raise ValueError(f"--limit {text!r}; figures are {', '.join(results.FIGURES)}")
        limits[figure] = float(value)
    return Bench(
        rivals=tuple(found),
        floor=args.floor,
        rounds=max(1, args.rounds),
        sizes=sizes,
        scenarios=names,
        search=os.pathsep.join([*args.path, os.environ.get("PATH", os.defpath)]),  # noqa: TID251
        gateway_cpu=cpus[0],
        load_cpu=cpus[1],
        upstream_cpu=cpus[2],
        limits=limits,
    )


def _cpus(text: str) -> tuple[int | None, int | None, int | None]:
    """Cores of the gateway, the load and the upstream; None where the machine has just one."""
    if (os.cpu_count() or 1) < 2:
        return None, None, None
    numbers = [int(part) for part in text.split(",")]
    if len(numbers) == 1:
        return numbers[0], None, None
    return numbers[0], numbers[1], numbers[-1]


# ---- measuring ---------------------------------------------------------------------------------


def measure(
    bench: Bench,
) -> tuple[list[dict[str, dict[str, float]]], dict[str, str], dict[str, str]]:
    """All rounds, who was skipped and why, and the versions of the others."""
    skipped: dict[str, str] = {}
    versions: dict[str, str] = {}
    rounds: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory(prefix="overhead-") as scratch, _upstream(bench) as port:
        if bench.load_cpu is not None:
            os.sched_setaffinity(0, {bench.load_cpu})
        for number in range(bench.rounds):
            one: dict[str, dict[str, float]] = {}
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            one[results.DIRECT] = _figures(bench, Way(url), results.DIRECT)
            shift = number % len(bench.rivals)
            for each in bench.rivals[shift:] + bench.rivals[:shift]:
                if each.name in skipped:
                    continue
                try:
                    one[each.name] = _through(bench, each, port, Path(scratch) / each.name)
                except (rival.Skipped, RuntimeError, OSError) as error:
                    skipped[each.name] = str(error)
                    sys.stderr.write(f"{each.name} skipped: {error}\n")
                    continue
                if each.name not in versions:
                    versions[each.name] = rival.version(each, bench.search)
            ordered = [results.DIRECT, *(each.name for each in bench.rivals)]
            rounds.append({name: one[name] for name in ordered if name in one})
    return rounds, skipped, versions


def _through(bench: Bench, each: rival.Rival, port: int, work: Path) -> dict[str, float]:
    words = {"UP": str(port)}
    with rival.launched(
        each, work, search=bench.search, words=words, cpu=bench.gateway_cpu
    ) as gateway:
        time.sleep(SETTLE_SECONDS)
        headers = tuple(field.replace("{UP}", str(port)) for field in each.headers)
        way = Way(gateway.url, each.model_prefix, headers, gateway.cpu, gateway.memory)
        figures = {"start_s": gateway.start_s, "idle_mb": gateway.memory() / 1e6}
        core = bench.gateway_cpu
        begun, own = time.monotonic(), gateway.cpu()
        busy = process.core_seconds(core) if core is not None else 0.0
        figures |= _figures(bench, way, each.name)
        if core is not None:
            others = process.core_seconds(core) - busy - (gateway.cpu() - own)
            figures["others_share"] = max(0.0, others / (time.monotonic() - begun))
        return figures


def _figures(bench: Bench, way: Way, name: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    for kind in bench.scenarios:
        try:
            figures |= scenarios.SCENARIOS[kind](way, bench.sizes)
        except RuntimeError as error:  # answers were wrong or missing: no figure, but the others
            sys.stderr.write(f"{name}: {kind} failed: {error}\n")
    shown = " ".join(f"{key}={value:.4g}" for key, value in figures.items())
    sys.stderr.write(f"{name}: {shown}\n")
    return figures


@contextlib.contextmanager
def _upstream(bench: Bench) -> Iterator[int]:
    """The scripted upstream as a process on its own core; its port."""
    port = rival.free_port()
    command = [sys.executable, "-m", "benchmarks", "mock", "--port", str(port)]
    if bench.upstream_cpu is not None and shutil.which("taskset"):
        command = ["taskset", "-c", str(bench.upstream_cpu), *command]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        if child.stdout is None or not child.stdout.readline():
            raise OSError("the scripted upstream did not start")
        yield port
    finally:
        rival.stop(child)
        if child.stdout is not None:
            child.stdout.close()


# ---- files -------------------------------------------------------------------------------------


def write(
    args: argparse.Namespace,
    bench: Bench,
    rounds: list[dict[str, dict[str, float]]],
    figures: dict[str, dict[str, float]],
    skipped: dict[str, str],
    versions: dict[str, str],
) -> None:
    """The files that were asked for."""
    if args.json:
        data = {
            "tool": "firsttoken bench overhead",
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": process.machine(),
            "python": platform.python_version(),
            "floor": bench.floor,
            "streams": bench.sizes.streams,
            "seconds": bench.sizes.seconds,
            "versions": versions,
            "skipped": skipped,
            "summary": figures,
            "ratios": results.ratios(figures, bench.floor),
            "rounds": rounds,
        }
        Path(args.json).write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    if args.markdown:
        Path(args.markdown).write_text(results.markdown(figures, bench.floor, skipped))
    if args.svg:
        Path(args.svg).write_text(results.picture(figures))
