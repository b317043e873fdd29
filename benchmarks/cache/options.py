"""The options of `bench cache`."""

from __future__ import annotations

import argparse

from benchmarks.option import Command

EXAMPLE = """\
examples:
  firsttoken bench cache
  firsttoken bench cache --entries 10000 100000 1000000 --json cache.json
  firsttoken bench cache --pairs questions.jsonl --lookups 1000000

A million entries take two minutes of CPU and 2 GB, and their index two more. Times are CPU times of
this process, so that a busy machine spoils them less. Rows of --pairs hold a, b and label (1: one
answer serves both)."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--entries", type=int, nargs="+", default=[10_000, 100_000], help="kept while asking"
    )
    parser.add_argument(
        "--indexed",
        type=int,
        default=100_000,
        help="entries up to which the index for an embedder is made too (default: 100000)",
    )
    parser.add_argument("--rounds", type=int, default=2000, help="lookups timed (default: 2000)")
    parser.add_argument(
        "--lookups", type=int, default=20_000, help="randomised, by tenants (default: 20000)"
    )
    parser.add_argument("--pairs", metavar="FILE", help="labelled pairs of prompts, JSON lines")
    parser.add_argument(
        "--second", action="store_true", help="with a second opinion too (needs the extra gpu)"
    )
    parser.add_argument("--json", help="write the figures")


COMMAND = Command(
    "cache",
    "what the cache costs, and whom it answers",
    "Lookups, memory and stalls of the cache in process; pairs and tenants.",
    EXAMPLE,
    add,
    "benchmarks.cache.command:run",
)
