"""A process that records is killed again and again: nothing older than a second may be missing.

    nice python -m tests.ledger.kills --kills 1000

Each child writes to the same file, at some thousand rows a second, and is killed at a moment of
chance; what it had told more than a second before must be there, each row once, and the sums too.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import signal
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from proxy.ledger import pack
from proxy.ledger.pack import Wanted
from tests.ledger.books import Ledger

ALL = 10**12
LOST_S = 1.0  # what a kill may cost
PAUSE_S = 0.0005  # between two rows


def record_forever(file: Path, kill: int, told: int) -> None:
    """The child: rows until it is killed, each told on the pipe with its time."""
    book = Ledger(file)
    book.store.start()
    number = 0
    while True:
        number += 1
        book.wall = time.time()
        book.record(id=f"{kill}-{number}")
        os.write(told, b"%d %f\n" % (number, time.monotonic()))
        time.sleep(PAUSE_S)


def kill_one(file: Path, kill: int, after_s: float) -> tuple[list[float], list[int]]:
    """The ages in seconds of the rows told, oldest first; the numbers of those that are there."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            record_forever(file, kill, write)
        finally:
            os._exit(1)
    os.close(write)
    text = b""
    end = time.monotonic() + after_s
    os.set_blocking(read, False)
    while time.monotonic() < end:
        try:
            text += os.read(read, 1 << 16)
        except BlockingIOError:
            time.sleep(0.01)
    killed_s = time.monotonic()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.set_blocking(read, True)
    while more := os.read(read, 1 << 16):
        text += more
    os.close(read)
    ages = [killed_s - float(line.split()[1]) for line in text.split(b"\n")[:-1]]
    return ages, present(file, kill)


def present(file: Path, kill: int) -> list[int]:
    """The numbers of the rows that a child left."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        left = (row["id"].split("-") for row in pack.rows(connection, ALL, Wanted()))
        ours = itertools.takewhile(lambda name: name[0] == str(kill), left)
        return sorted(int(number) for _, number in ours)


def sums_agree(file: Path) -> bool:
    """Whether the rollups say what the rows say."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        rows = cost = prompt = 0
        for row in pack.rows(connection, ALL, Wanted()):
            rows, cost, prompt = rows + 1, cost + row["cost"], prompt + row["prompt"]
        return all(
            connection.execute(f"SELECT sum(n), sum(cost), sum(prompt) FROM {table}").fetchall()
            == [(rows, cost, prompt)]
            for table in ("days", "hours")
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.ledger.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    chosen = parser.parse_args(arguments)
    rand = random.Random(7)
    lost = torn = rows = 0
    oldest_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.db"
        book = Ledger(file)
        book.store.start()
        book.rows("SELECT 1")
        book.store.close()
        for kill in range(chosen.kills):
            ages, found = kill_one(file, kill, rand.uniform(0.5, 1.6))
            missing = ages[len(found) :]
            lost += sum(age > LOST_S for age in missing)
            oldest_s = max(oldest_s, *missing, 0.0)
            torn += found != list(range(1, len(found) + 1))
            rows += len(found)
        agree = sums_agree(file)
    print(f"{chosen.kills} kills, {rows} rows: {lost} lost that were older than {LOST_S:g} s"
          f" (the oldest one {oldest_s:.2f} s),"
          f" {torn} kills with a gap, sums {'agree' if agree else 'DISAGREE'}")  # fmt: skip
    return int(bool(lost or torn or not agree or not rows))


if __name__ == "__main__":
    raise SystemExit(main())
