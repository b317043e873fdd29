"""The options of `bench overhead`."""

from __future__ import annotations

import argparse

EXAMPLE = """\
examples:
  firsttoken bench overhead
  firsttoken bench overhead --rivals firsttoken nginx litellm --path ~/litellm/bin --rounds 5
  firsttoken bench overhead --quick --floor relay --limit cpu_us_per_request=6

The gateway runs alone on one core, the scripted upstream and the load on another. Ratios are to
the floor of the same run; as root everything runs at high priority."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rivals", nargs="+", help="names or TOML files (default: the floors)")
    parser.add_argument("--list", action="store_true", help="list the known ones and exit")
    parser.add_argument("--floor", default="nginx", help="ratios are to this (default: nginx)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small sizes, for CI")
    parser.add_argument("--streams", type=int, help="open at a time when paced (default: 500)")
    parser.add_argument("--seconds", type=float, help="of each scenario (default: 2)")
    parser.add_argument("--scenarios", nargs="+", help="single busy paced held (default: all)")
    parser.add_argument("--path", action="append", default=[], help="folder to find programs in")
    parser.add_argument("--cpus", default="0,1", help="gateway, load and upstream (default: 0,1)")
    parser.add_argument("--json", help="write everything")
    parser.add_argument("--markdown", help="write the table")
    parser.add_argument("--svg", help="write the picture")
    parser.add_argument(
        "--limit", action="append", default=[], metavar="FIGURE=RATIO", help="exit 3 above it"
    )
