"""The command line of the benchmarks: `mock` and `bench`, as parsers for the main command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from benchmarks.cache import options as cache_options
from benchmarks.classify import options as classify_options
from benchmarks.faults import options as faults_options
from benchmarks.load import options
from benchmarks.overhead import options as overhead_options
from benchmarks.resilience import options as resilience_options
from benchmarks.tail import options as tail_options

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_MOCK_EXAMPLE = """\
example:
  firsttoken mock --port 9001 &
  curl -N 127.0.0.1:9001/v1/chat/completions \\
    -d '{"model": "mock-t64-f100-i20", "stream": true, "messages": []}'

The model name is the scenario: t tokens, f first token after ms, i interval ms, b bytes a token,
d/j lognormal sigma of f/i, u0 no usage, l1 late head, e503 error status, x10 cut after 10 tokens,
s10 stall after 10, h0.05 share of requests that stall; or fault-NAME (--faults lists them)."""


def add_parsers(subparsers: Subparsers) -> None:
    """Adds `mock` and `bench`; each sets func to a callable(args) -> exit status."""
    _add_mock(subparsers)
    _add_bench(subparsers)


def _add_mock(subparsers: Subparsers) -> None:
    mock = subparsers.add_parser(
        "mock",
        help="a scripted upstream for tests and load",
        description="A provider that answers as the model's name says (OpenAI, Anthropic, Gemini "
        "and Ollama formats).",
        epilog=_MOCK_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    mock.add_argument("--host", default="127.0.0.1")
    mock.add_argument("--port", type=int, default=9001, help="0: any free one (default: 9001)")
    mock.add_argument("--scenario", default="mock", help="of models that name none")
    mock.add_argument("--trace", help="JSONL rows of first_ms and gaps_ms to draw answers from")
    mock.add_argument("--seed", type=int, default=0, help="of the random scenarios")
    mock.add_argument("--word", default="tok", help="stem of the tokens (default: tok)")
    mock.add_argument("--certificate", help="PEM file: serve TLS")
    mock.add_argument("--key", help="PEM file of its key (default: in the same file)")
    mock.add_argument("--faults", action="store_true", help="list the faults and exit")
    mock.set_defaults(func=_run_mock)


def _add_bench(subparsers: Subparsers) -> None:
    bench = subparsers.add_parser(
        "bench",
        help="load tests and proofs",
        description="Load tests for any OpenAI-compatible endpoint, and this proxy's own proofs.",
        epilog="example:\n  firsttoken bench load http://127.0.0.1:3456 --model chat -c 8",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = bench.add_subparsers(
        dest="bench", required=True, metavar="KIND", parser_class=options.Parser
    )
    load = kinds.add_parser(
        "load",
        help="load an endpoint and report",
        description="Sends requests, checks every answer, reports distributions.",
        epilog=options.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add(load)
    load.set_defaults(func=_run_load)
    report = kinds.add_parser(
        "report",
        help="results of several loads on one page",
        epilog="example:\n  firsttoken bench report before.json after.json --html both.html",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_report(report)
    report.set_defaults(func=_run_report)
    overhead = kinds.add_parser(
        "overhead",
        help="what this proxy costs, beside nginx and others",
        description="CPU a request and a token, added latency, memory, start: gateways in turns.",
        epilog=overhead_options.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    overhead_options.add(overhead)
    overhead.set_defaults(func=_run_overhead)
    faults = kinds.add_parser(
        "faults",
        help="what a gateway survives: sixteen failures and the ways to stall",
        description="Plays failing providers to a gateway and prints a scorecard.",
        epilog=faults_options.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    faults_options.add(faults)
    faults.set_defaults(func=_run_faults)
    tail = kinds.add_parser(
        "tail",
        help="the first token's tail with fixed, adaptive and hedged deadlines",
        description="Replays a heavy-tailed, stalling provider and shows what each policy does.",
        epilog=tail_options.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tail_options.add(tail)
    tail.set_defaults(func=_run_tail)
    resilience = kinds.add_parser(
        "resilience",
        help="what deadlines, hedges, breakers and continuation cost a healthy request",
        description="CPU and instructions of the same proxy with all of it, and without.",
        epilog=resilience_options.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    resilience_options.add(resilience)
    resilience.set_defaults(func=_run_resilience)
    cache = kinds.add_parser(
        "cache",
        help="what the cache costs, and whom it answers",
        description="Lookups, memory and stalls of the cache in process; pairs and tenants.",
        epilog=cache_options.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cache_options.add(cache)
    cache.set_defaults(func=_run_cache)
    classify = kinds.add_parser(
        "classify",
        help="how fast requests are understood, and how well, beside others",
        description="Latency, size and scores of the classifier and of its rivals.",
        epilog=classify_options.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    classify_options.add(classify)
    classify.set_defaults(func=_run_classify)


def _run_load(args: argparse.Namespace) -> int:
    from benchmarks.load import command  # noqa: PLC0415 - numpy is for who measures

    return command.run(args)


def _run_overhead(args: argparse.Namespace) -> int:
    from benchmarks.overhead import command  # noqa: PLC0415 - numpy is for who measures

    return command.run(args)


def _run_faults(args: argparse.Namespace) -> int:
    from benchmarks.faults import command  # noqa: PLC0415 - numpy is for who measures

    return command.run(args)


def _run_tail(args: argparse.Namespace) -> int:
    from benchmarks.tail import command  # noqa: PLC0415 - numpy is for who measures

    return command.run(args)


def _run_resilience(args: argparse.Namespace) -> int:
    from benchmarks.resilience import command  # noqa: PLC0415 - the proxy is for who measures

    return command.run(args)


def _run_classify(args: argparse.Namespace) -> int:
    from benchmarks.classify import command  # noqa: PLC0415 - numpy is for who measures

    return command.run(args)


def _run_cache(args: argparse.Namespace) -> int:
    from benchmarks.cache import command  # noqa: PLC0415 - numpy is for who measures

    return command.run(args)


def _run_report(args: argparse.Namespace) -> int:
    from benchmarks.load import command  # noqa: PLC0415 - numpy is for who measures

    return command.report(args)


def _run_mock(args: argparse.Namespace) -> int:
    from benchmarks.mock import command  # noqa: PLC0415 - the proxy's other commands do not pay

    return command.run(args)


def main(argv: list[str] | None = None) -> int:
    """`python -m benchmarks`, the same commands without the proxy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    add_parsers(parser.add_subparsers(dest="command", required=True))
    args = parser.parse_args(argv)
    return int(args.func(args))
