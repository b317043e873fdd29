"""A process killed while it writes answers to disk, again and again: `python -m tests.cache.kills`.

Each start must find whole answers only, no damaged file, and of the last process all that was kept
more than a second before it was killed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from proxy.cache import disk as disks
from proxy.cache.cache import Cache
from proxy.cache.disk import Disk
from proxy.cache.entry import Entry
from proxy.cache.key import Key
from proxy.cache.policy import Settings
from proxy.cache.record import left_s

MOST = 600  # entries; older ones leave. Every start reads them all, twice a life
MERGE_BYTES = 12_000  # small: many merges are cut short
LATE_S = 1.0
LONGEST_S, LONG_SHARE = 1.4, 0.1  # most lives are too short for the last second to count
_WALL_S = 1e9
IN_MEMORY = Path("/dev/shm")  # what a killed process wrote the kernel keeps: no disk is needed


def opened(folder: Path) -> Cache:
    """A cache with all that is on disk."""
    cache = Cache(Settings(max_entries=MOST), time.monotonic)
    disk = Disk(folder, alive=lambda data: left_s(data, _WALL_S) > 0)
    cache.attach(disk, lambda: _WALL_S)
    while cache.tick(MOST):
        time.sleep(0.0005)
    return cache


def key(number: int) -> Key:
    """The number-th key."""
    return Key(b"p" * 16, number.to_bytes(16, "big"), f"What is in drawer {number}?")


def write(folder: Path, first: int, says: int) -> None:
    """Keep answers for ever, and say of each when it was kept, to a file descriptor."""
    disks.MERGE_BYTES = MERGE_BYTES
    cache = opened(folder)
    number = first
    while True:
        cache.put(key(number), None, Entry(whole=b'{"number":%d}' % number))
        os.write(says, b"%d %.6f\n" % (number, time.monotonic()))
        number += 1
        cache.tick()
        time.sleep(0.004)


def kill(folder: Path, first: int, after_s: float) -> tuple[int, int]:
    """One life and what is found after it: (entries, how many were lost that should be there).

    Raises AssertionError for a start that is not sound.
    """
    hears, says = os.pipe()
    child = os.fork()  # a process of its own would spend its life importing
    if not child:
        os.close(hears)
        try:
            write(folder, first, says)
        finally:
            os._exit(1)
    os.close(says)
    with os.fdopen(hears, "rb") as told:
        said = told.readline()
        time.sleep(after_s)  # the moment of the kill is the point
        os.kill(child, signal.SIGKILL)
        killed_s = time.monotonic()
        said += told.read()
    os.waitpid(child, 0)
    kept = [line.split() for line in said.splitlines() if line.count(b" ") == 1]
    cache = opened(folder)
    try:
        found = list(cache.exact.entries())
        assert all(
            one.whole == b'{"number":%d}' % int.from_bytes(one.exact, "big") for one in found
        )
        assert not list(folder.glob("*.damaged*"))
        due = [int(number) for number, at_s in kept if float(at_s) < killed_s - LATE_S]
        lost = sum(cache.exact.look(key(number).exact) is None for number in due[-MOST // 4 :])
        return len(found), lost
    finally:
        cache.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cache.kills", description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=1000)
    parser.add_argument(
        "--seed", type=int, default=1, help="of the moments; several can run at once"
    )
    args = parser.parse_args()
    chance, lost, entries = random.Random(args.seed), 0, 0
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        for number in range(args.rounds):
            long = chance.random() < LONG_SHARE
            after_s = chance.uniform(1.0, LONGEST_S) if long else chance.random() * 0.05
            entries, gone = kill(Path(folder), number * 100_000, after_s)
            lost += gone
    sys.stdout.write(f"{args.rounds} kills, {entries} entries at the end, {lost} lost\n")
    return 1 if lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
