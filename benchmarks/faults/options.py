"""The options of `bench faults`."""

from __future__ import annotations

import argparse

from benchmarks.option import Command

EXAMPLE = """\
examples:
  firsttoken bench faults --gateway firsttoken
  firsttoken bench faults --gateway litellm --path ~/litellm/bin --markdown litellm.md
  firsttoken bench faults --print-config firsttoken --primary-port 9001 --backup-port 9002
  firsttoken bench faults --target http://127.0.0.1:3456 --primary-port 9001 --backup-port 9002

The gateway must map a model bench-X to model p-X of an OpenAI-compatible provider on the primary
port, and fall back to b-X on the backup port. --gateway starts one so configured;
--print-config shows how."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", help="base URL of a gateway that already runs")
    parser.add_argument("--gateway", help="firsttoken, litellm, nginx, or a TOML file: start it")
    parser.add_argument("--print-config", metavar="GATEWAY", help="print its files and exit")
    parser.add_argument("--primary-port", type=int, default=0, help="of the scripted provider")
    parser.add_argument("--backup-port", type=int, default=0)
    parser.add_argument("--only", nargs="+", help="scenarios such as S07, or variants by name")
    parser.add_argument("--no-variants", action="store_true", help="only S01 to S16")
    parser.add_argument("--history", type=int, default=50, help="normal requests before a stall")
    parser.add_argument("--header", "-H", action="append", default=[], help="'Name: value'")
    parser.add_argument("--path", action="append", default=[], help="folder to find programs in")
    parser.add_argument("--json", help="write the verdicts")
    parser.add_argument("--markdown", help="write the scorecard")


COMMAND = Command(
    "faults",
    "what a gateway survives: sixteen failures and the ways to stall",
    "Plays failing providers to a gateway and prints a scorecard.",
    EXAMPLE,
    add,
    "benchmarks.faults.command:run",
)
