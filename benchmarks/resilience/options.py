"""The options of `bench resilience`."""

from __future__ import annotations

import argparse

from benchmarks.option import Command

EXAMPLE = """\
examples:
  firsttoken bench resilience
  firsttoken bench resilience --instructions --json resilience.json --markdown resilience.md

Whole requests through three proxies in one process, in turns: everything by default (learned
deadlines, hedges, breakers, retries, continuation, a second target); fixed deadlines and one
target; and that with nothing remembered at all. CPU, and instructions where valgrind is."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=150, help="of a batch each (default: 150)")
    parser.add_argument("--batch", type=int, default=100, help="requests (default: 100)")
    parser.add_argument(
        "--instructions", action="store_true", help="count them too, by valgrind: some minutes"
    )
    parser.add_argument("--json", help="write the figures")
    parser.add_argument("--markdown", help="write the table")


COMMAND = Command(
    "resilience",
    "what deadlines, hedges, breakers and continuation cost a healthy request",
    "CPU and instructions of the same proxy with all of it, and without.",
    EXAMPLE,
    add,
    "benchmarks.resilience.command:run",
)
