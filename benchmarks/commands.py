"""The command line of the benchmarks: `mock` and `bench`, as parsers for the main command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from benchmarks.cache.options import COMMAND as CACHE
from benchmarks.classify.options import COMMAND as CLASSIFY
from benchmarks.faults.options import COMMAND as FAULTS
from benchmarks.load.options import LOAD, REPORT
from benchmarks.mock.options import COMMAND as MOCK
from benchmarks.overhead.options import COMMAND as OVERHEAD
from benchmarks.resilience.options import COMMAND as RESILIENCE
from benchmarks.tail.options import COMMAND as TAIL
from proxy.parser import Parser

if TYPE_CHECKING:
    from benchmarks.option import Subparsers

# of bench, in this order
KINDS = (LOAD, REPORT, OVERHEAD, FAULTS, TAIL, RESILIENCE, CACHE, CLASSIFY)


def add_parsers(subparsers: Subparsers) -> None:
    """Adds `mock` and `bench`; each sets func to a callable(args) -> exit status."""
    MOCK.add(subparsers)
    bench = subparsers.add_parser(
        "bench",
        help="load tests and proofs",
        description="Load tests for any OpenAI-compatible endpoint, and this proxy's own proofs.",
        epilog="example:\n  firsttoken bench load http://127.0.0.1:3456 --model chat -c 8",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = bench.add_subparsers(dest="bench", required=True, metavar="KIND")
    for kind in KINDS:
        kind.add(kinds)


def main(argv: list[str] | None = None) -> int:
    """`python -m benchmarks`, the same commands without the proxy."""
    parser = Parser(prog="python -m benchmarks")
    add_parsers(parser.add_subparsers(dest="command", required=True))
    args = parser.parse_args(argv)
    return int(args.func(args))
