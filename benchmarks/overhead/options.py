"""The options of `bench overhead`."""

from __future__ import annotations

import argparse

from benchmarks.option import Command

EXAMPLE = """\
examples:
  firsttoken bench overhead
  firsttoken bench overhead --install --peers all
  firsttoken bench overhead --peers all --publish .
  firsttoken bench overhead --peers firsttoken nginx litellm --rounds 5
  firsttoken bench overhead --peers firsttoken --scenarios varied --seconds 8 --profile
  firsttoken bench overhead --quick --floor relay --limit cpu_us_per_request=6

The gateway runs alone on one core, the scripted upstream and the load on another. Ratios are to
the floor of the same run; as root everything runs at high priority. Peers that are no system
packages live in --home; one that is not there is skipped, and the reason told."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--peers", "--rivals", nargs="+", help="names, TOML files or all (default: the floors)"
    )
    parser.add_argument("--list", action="store_true", help="list the known peers and exit")
    parser.add_argument(
        "--home", help="folder of installed peers (default: $FIRSTTOKEN_RIVALS, else the cache)"
    )
    parser.add_argument("--install", action="store_true", help="install the peers into --home")
    parser.add_argument("--path", action="append", default=[], help="folder to find programs in")
    parser.add_argument("--floor", default="nginx", help="ratios are to this (default: nginx)")
    parser.add_argument("--rounds", type=int, default=3, help="at most (default: 3)")
    parser.add_argument(
        "--minutes", type=float, default=11.0, help="begin nothing after these (default: 11)"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, for CI")
    parser.add_argument("--streams", type=int, help="open at a time when paced (default: 500)")
    parser.add_argument("--seconds", type=float, help="of each scenario (default: 2)")
    parser.add_argument(
        "--scenarios",
        nargs="+",
        help="held single busy paced varied hits translated tls crowd (default: all)",
    )
    parser.add_argument("--cpus", help="of gateway, load, upstream (default: the first two: 0,1)")
    parser.add_argument(
        "--priority", type=int, default=-15, help="nice value, where allowed (default: -15)"
    )
    parser.add_argument("--json", help="write everything")
    parser.add_argument("--markdown", help="write the tables")
    parser.add_argument("--svg", help="write the picture")
    parser.add_argument(
        "--publish", metavar="REPO", help="write benchmarks/results/overhead.* and README's table"
    )
    parser.add_argument("--redraw", metavar="JSON", help="tables and picture of an earlier run")
    parser.add_argument(
        "--profile", action="store_true", help="where a Python gateway's time goes, by py-spy"
    )
    parser.add_argument(
        "--limit", action="append", default=[], metavar="FIGURE=RATIO", help="exit 3 above it"
    )


COMMAND = Command(
    "overhead",
    "what this proxy costs, beside nginx and others",
    "CPU a request and a token, added latency, memory, start: gateways in turns.",
    EXAMPLE,
    add,
    "benchmarks.overhead.command:run",
)
