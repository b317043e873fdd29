"""Where the time of a Python gateway goes: `bench overhead --profile`, looked at by py-spy.

py-spy comes from pip and reads a process from outside. Its shares hold on a busy machine, too, as
everything is slowed alike; the microseconds are those that the bench measures without it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

RATE = 200  # samples a second
# stage -> what its files begin with; the innermost frame that belongs anywhere decides
STAGES = (
    ("semantic cache", ("proxy/cache/semantic", "proxy/cache/gist", "proxy/cache/idioms",
                        "proxy/cache/guard", "embeddings/index", "embeddings/stages", "faiss/")),
    ("classification", ("embeddings/", "proxy/choosing", "proxy/asking")),
    ("exact cache, storing, evicting", ("proxy/cache/", "proxy/reuse")),
    ("ledger, metrics, limits", ("proxy/ledger/", "proxy/accounting", "proxy/accounts",
                                 "proxy/state/", "prometheus_client/")),
    ("plan and race", ("proxy/routing/", "proxy/upstream/lanes", "proxy/upstream/runner",
                       "proxy/upstream/attempt", "proxy/timing", "proxy/pipeline")),
    ("upstream connection", ("proxy/upstream/",)),
    ("client connection", ("proxy/downstream/", "proxy/exchange", "proxy/headers")),
    ("wire formats", ("proxy/dialects/", "proxy/chat")),
)  # fmt: skip
REST = "event loop"


def stages(stacks: Iterable[str]) -> Counter[str]:
    """Samples by stage. stacks: py-spy's raw format, `frame;frame;... count` a line, of which only
    those of the event loop's thread count."""
    found: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if "asyncio/runners.py" in stack:
            found[_stage(stack.split(";"))] += int(count)
    return found


def _stage(frames: list[str]) -> str:
    for frame in reversed(frames):
        where = frame.rpartition("(")[2]
        for name, beginnings in STAGES:
            if where.startswith(beginnings):
                return name
    return REST


def table(name: str, found: Counter[str]) -> str:
    """The share of each stage."""
    whole = found.total() or 1
    lines = [f"| {name}: stage | share of its time |", "|---|--:|"]
    lines += [f"| {stage} | {count / whole:.0%} |" for stage, count in found.most_common()]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def watched(pid: int, out: Path) -> Iterator[Counter[str]]:
    """Looks at a process until the block ends; then what is yielded holds the samples by stage.
    Raises OSError where py-spy is missing."""
    spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:{os.defpath}")
    if spy is None:
        raise OSError("py-spy is not installed (pip install py-spy)")
    found: Counter[str] = Counter()
    command = [
        spy,
        "record",
        "--nonblocking",
        "-r",
        str(RATE),
        "-d",
        "600",
        "-f",
        "raw",
        "-o",
        str(out),
    ]
    child = subprocess.Popen(
        [*command, "-p", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield found
    finally:
        child.send_signal(signal.SIGINT)  # it writes what it has seen
        child.wait()
        if out.exists():
            found.update(stages(out.read_text().splitlines()))
