"""`firsttoken bench overhead`: gateways in turns, round by round, one table."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks.load.plan import raise_file_limit
from benchmarks.overhead import measure, plan, process, profile, programs, publish, results, rival
from benchmarks.overhead.measure import Measured
from benchmarks.overhead.plan import Bench
from benchmarks.overhead.scenarios import Sizes


def run(args: argparse.Namespace) -> int:
    """0; 1 when nothing could be measured; 2 for bad options; 3 over a limit."""
    if args.list:
        lines = [f"{name:16} {path}" for name, path in rival.known().items()]
        sys.stdout.write("\n".join(lines) + "\n")
        return 0
    if args.redraw:
        return _redraw(args)
    try:
        bench = plan.read(args)
    except (ValueError, OSError) as error:
        return _refuse(str(error))
    if args.install:
        missing = programs.install(bench.rivals, bench.home, bench.path)
        sys.stdout.writelines(f"not installed: {one}\n" for one in missing)
        return 1 if missing else 0
    raise_file_limit()
    rival.end_orderly()
    try:
        with process.foremost(bench.priority):
            found = measure.measure(bench)
    except KeyboardInterrupt:
        return 130
    data = _data(bench, found)
    sys.stdout.write("\n" + publish.markdown(data))
    for name, stages in found.stages.items():
        sys.stdout.write("\n" + profile.table(name, stages))
    _write(args, data)
    broken = results.broken(data["ratios"], bench.rivals[0].name, bench.limits)
    sys.stdout.writelines(f"over the limit: {one}\n" for one in broken)
    if broken:
        return 3
    return 0 if len(data["summary"]) > 1 else 1


def _data(bench: Bench, found: Measured) -> publish.Json:
    """Everything that was found, as it is written to a file."""
    figures = results.summary(found.rounds)
    return {
        "tool": "firsttoken bench overhead",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": _command(sys.argv[1:]),
        "machine": process.machine(),
        "python": platform.python_version(),
        "floor": bench.floor,
        "whole": bench.sizes == Sizes(),
        "streams": bench.sizes.streams,
        "seconds": bench.sizes.seconds,
        "versions": found.versions,
        "skipped": found.skipped,
        "summary": figures,
        "ratios": results.ratios(figures, bench.floor),
        "rounds": found.rounds,
    }


def _command(words: Sequence[str]) -> str:
    """What was typed, without this machine's folders."""
    return " ".join(["firsttoken", *("PATH" if "/" in word else word for word in words)])


def _write(args: argparse.Namespace, data: publish.Json) -> None:
    """The files that were asked for."""
    if args.json:
        Path(args.json).write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    if args.markdown:
        Path(args.markdown).write_text(publish.markdown(data))
    if args.svg:
        Path(args.svg).write_text(publish.picture(data))
    if args.publish:
        publish.publish(data, Path(args.publish))


def _redraw(args: argparse.Namespace) -> int:
    """The table and the picture of an earlier run, from its JSON."""
    try:
        data = orjson.loads(Path(args.redraw).read_bytes())
        sys.stdout.write(publish.markdown(data))
        args.json = None
        _write(args, data)
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        return _refuse(f"{args.redraw} is no result of bench overhead")
    return 0


def _refuse(why: str) -> int:
    sys.stderr.write(f"firsttoken bench overhead: {why}\n")
    return 2
