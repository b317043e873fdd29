"""`firsttoken bench resilience`: three proxies in turns, and what the first costs beyond them."""

from __future__ import annotations

import argparse
import gc
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import thread_time

import orjson

from benchmarks.overhead.process import machine
from benchmarks.resilience.subject import ROUTES, Loop, Subject

KINDS = {"whole": False, "streamed": True}
SHORT, LONG = 100, 600  # requests of two runs, whose difference holds no start
WARM = 300
_COUNTED = re.compile(r"Collected : (\d+)")


@dataclass(frozen=True, slots=True)
class Row:
    """One proxy's requests of one kind. us: CPU of one, the median of all batches; over_us: the
    median of what each batch took beyond that of the least proxy in the same round, with its
    standard error; instructions: of one request, 0: not counted."""

    name: str
    kind: str
    us: float
    over_us: float
    error_us: float
    instructions: float


def run(args: argparse.Namespace) -> int:
    """0; 2 when it cannot be measured."""
    if args.rounds < 2 or args.batch < 1:
        return _refuse("--rounds and --batch are counts")
    if args.instructions and shutil.which("valgrind") is None:
        return _refuse("valgrind is not installed")
    rows: list[Row] = []
    for kind, stream in KINDS.items():
        counted = {name: _counted(name, kind) for name in ROUTES} if args.instructions else {}
        rows += rows_of(kind, timed(args.rounds, args.batch, stream=stream), counted)
    table = markdown(rows)
    sys.stdout.write(table)
    if args.markdown:
        Path(args.markdown).write_text(table)
    if args.json:
        data = {
            "tool": "firsttoken bench resilience",
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "rows": rows,
        }
        Path(args.json).write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    return 0


def timed(rounds: int, batch: int, *, stream: bool) -> dict[str, list[float]]:
    """Microseconds of CPU a request, by proxy, one for each round; in a round in any order."""
    loop = Loop()
    subjects = [Subject(name, loop, stream=stream) for name in ROUTES]
    found: dict[str, list[float]] = {name: [] for name in ROUTES}
    order = Random(0)
    for subject in subjects:
        loop.run_until_complete(subject.open())
    try:
        for subject in subjects:
            subject.ask(WARM)
        for _ in range(rounds):
            order.shuffle(subjects)
            for subject in subjects:
                began = thread_time()
                subject.ask(batch)
                found[subject.name].append((thread_time() - began) / batch * 1e6)
    finally:
        for subject in subjects:
            loop.run_until_complete(subject.close())
        loop.close()
    return found


def rows_of(
    kind: str, times: Mapping[str, Sequence[float]], counted: Mapping[str, float]
) -> list[Row]:
    """The figures; the last proxy is the one that the others are compared with."""
    least = times[list(ROUTES)[-1]]
    rows = []
    for name in ROUTES:
        over = [one - base for one, base in zip(times[name], least, strict=True)]
        quarters = statistics.quantiles(over, n=4)
        # of a median, from the quartiles: one slow batch is the machine's, not the proxy's
        error = 1.2533 * (quarters[2] - quarters[0]) / 1.349 / len(over) ** 0.5
        rows.append(
            Row(
                name,
                kind,
                statistics.median(times[name]),
                statistics.median(over),
                error,
                counted.get(name, 0.0),
            )
        )
    return rows


def markdown(rows: Sequence[Row]) -> str:
    """One line for each proxy and kind."""
    lines = [
        "| proxy | answer | CPU a request, us | beyond the last, us | instructions a request "
        "| beyond the last |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        same = [one for one in rows if one.kind == row.kind]
        more = row.instructions - same[-1].instructions
        counts = [f"{row.instructions:,.0f}", f"{more:+,.0f}"] if row.instructions else ["-", "-"]
        cells = [row.name, row.kind, f"{row.us:.1f}", f"{row.over_us:+.2f} +- {row.error_us:.2f}"]
        lines.append(f"| {' | '.join([*cells, *counts])} |")
    return "\n".join(lines) + "\n"


def _counted(name: str, kind: str) -> float:
    """Instructions a request, from two runs under valgrind. Raises OSError."""
    short, long = (_instructions(name, kind, requests) for requests in (SHORT, LONG))
    return (long - short) / (LONG - SHORT)


def _instructions(name: str, kind: str, requests: int) -> int:
    words = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}"]
    words += [sys.executable, "-m", __spec__.name, name, kind, str(requests)]
    here = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONHASHSEED": "0",
    }
    done = subprocess.run(words, env=here, capture_output=True, text=True, check=False)
    found = _COUNTED.search(done.stderr)
    if done.returncode or found is None:
        raise OSError(f"valgrind: {done.stderr.strip()[-300:]}")
    return int(found[1])


def _drive(name: str, kind: str, requests: int) -> None:
    """One proxy and so many requests: what is counted."""
    loop = Loop()
    subject = Subject(name, loop, stream=KINDS[kind])
    loop.run_until_complete(subject.open())
    gc.disable()  # when it looks at everything is chance
    subject.ask(requests)
    loop.run_until_complete(subject.close())
    loop.close()


def _refuse(why: str) -> int:
    sys.stderr.write(f"firsttoken bench resilience: {why}\n")
    return 2


if __name__ == "__main__":
    _drive(sys.argv[1], sys.argv[2], int(sys.argv[3]))
