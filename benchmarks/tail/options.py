"""The options of `bench tail`."""

from __future__ import annotations

import argparse

from benchmarks.option import Command

EXAMPLE = """\
example:
  firsttoken bench tail --requests 2000 --stalled 0.05 --svg tail.svg

A provider whose first token takes a lognormal time and which stalls for ever in a share of the
requests, and a healthy second one: the proxy with a fixed deadline, an adaptive one, and hedges."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--requests", type=int, default=1000, help="a policy (default: 1000)")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--history", type=int, default=200, help="requests before, not counted")
    parser.add_argument("--median-ms", type=float, default=120.0, help="of the first token")
    parser.add_argument("--sigma", type=float, default=0.4, help="of its logarithm")
    parser.add_argument("--stalled", type=float, default=0.05, help="share without an answer")
    parser.add_argument("--fixed-ms", type=float, default=3000.0, help="the fixed deadline")
    parser.add_argument("--json", help="write the figures")
    parser.add_argument("--markdown", help="write the table")
    parser.add_argument("--svg", help="write the picture")


COMMAND = Command(
    "tail",
    "the first token's tail with fixed, adaptive and hedged deadlines",
    "Replays a heavy-tailed, stalling provider and shows what each policy does.",
    EXAMPLE,
    add,
    "benchmarks.tail.command:run",
)
