"""The options of `bench load`. Names known from vllm bench serve, guidellm and genai-perf stand
beside ours where they mean the same."""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.option import Command

EXAMPLE = """\
examples:
  firsttoken bench load http://127.0.0.1:3456 --model chat -c 32 --duration 30
  firsttoken bench load http://127.0.0.1:3456 --model chat --rate 50 --html report.html
  firsttoken bench load URL --model m --rate 20 --slo "ttft_p99<300ms,error_rate<1%" --slo-search
  firsttoken bench load --compare http://a:8000 http://b:8000 --model m -c 16 --duration 60

Without --rate the loop is closed: -c connections, each sends again when it has its answer.
With --rate it is open: requests leave on time whatever the server does, and every latency counts
from the moment a request was due, so that a slow server cannot hide its queue."""
# other tools' names of wire formats
APIS = {
    "chat": "chat",
    "openai-chat": "chat",
    "completions": "completions",
    "openai": "completions",
    "vllm": "completions",
    "messages": "messages",
    "anthropic": "messages",
    "responses": "responses",
    "ollama": "ollama",
}


def add(parser: argparse.ArgumentParser) -> None:
    """All options of `bench load`."""
    parser.add_argument("url", nargs="?", help="base URL, or the whole endpoint")
    parser.add_argument(
        "--url", "-u", "--target", "--base-url", dest="url_option", help="the same as an option"
    )
    parser.add_argument("--compare", nargs=2, metavar=("URL_A", "URL_B"), help="in turns")
    parser.add_argument("--rounds", type=int, default=10, help="of --compare (default: 10)")
    _request(parser.add_argument_group("request"))
    load = parser.add_argument_group("load")
    _arrivals(load)
    _measure(load)
    _prompts(parser.add_argument_group("prompts"))
    _output(parser.add_argument_group("output"))


def _request(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", "-m", required=True)
    group.add_argument(
        "--api",
        "--endpoint-type",
        "--backend",
        default="chat",
        choices=list(APIS),
        metavar="FORMAT",
        help="chat, completions, messages, responses or ollama (default: chat)",
    )
    group.add_argument("--endpoint", help="path, where it is not the usual one of the format")
    group.add_argument(
        "--stream",
        "--streaming",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="streamed answers (default)",
    )
    group.add_argument("--api-key", help="env:NAME or file:PATH")
    group.add_argument(
        "--header", "-H", action="append", default=[], help="'Name: value' or Name=value"
    )
    group.add_argument(
        "--extra-body",
        "--extra-inputs",
        action="append",
        default=[],
        metavar="JSON",
        help="object merged into each body, or name:value",
    )
    group.add_argument("--insecure", action="store_true", help="do not check certificates")
    group.add_argument(
        "--check",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="compare texts of mock-... models, and require the end mark",
    )


_WHOLE: dict[str, Any] = {"type": int, "metavar": "N"}
_RATE: dict[str, Any] = {"type": float, "metavar": "RPS"}


def _arrivals(group: argparse._ArgumentGroup) -> None:
    """When requests leave."""
    group.add_argument(
        "--concurrency",
        "-c",
        "--max-concurrency",
        help="connections; of an open loop the most (default: 1, open 10000)",
        **_WHOLE,
    )
    group.add_argument(
        "--rate", "-r", "--request-rate", help="requests a second; inf: all", **_RATE
    )
    group.add_argument(
        "--rate-type",
        "--profile",
        choices=["constant", "poisson", "ramp", "trace", "concurrent", "synchronous", "throughput"],
        metavar="KIND",
        help="constant (default), poisson, ramp or trace with --rate; concurrent, synchronous and "
        "throughput are closed loops",
    )
    group.add_argument("--burstiness", type=float, default=1.0, help="of poisson; 1 is Poisson")
    group.add_argument("--ramp-from", "--ramp-up-start-rps", default=1.0, **_RATE)
    group.add_argument("--ramp-to", "--ramp-up-end-rps", **_RATE)
    group.add_argument("--trace", help="file of request times")
    group.add_argument("--preconnect", default=0, help="connections of an open loop", **_WHOLE)
    group.add_argument("--processes", default=1, help="clients that share the load", **_WHOLE)


def _measure(group: argparse._ArgumentGroup) -> None:
    """How long it goes on, and what it must keep."""
    group.add_argument(
        "--count", "-n", "--num-prompts", "--max-requests", "--request-count", **_WHOLE
    )
    group.add_argument(
        "--duration",
        "-d",
        "--max-seconds",
        type=float,
        metavar="SECONDS",
        help="(default: 10 without -n)",
    )
    group.add_argument(
        "--warmup",
        "--num-warmups",
        "--warmup-request-count",
        default=0,
        help="requests before, not counted",
        **_WHOLE,
    )
    group.add_argument("--timeout", type=float, default=300.0, help="seconds a request may take")
    group.add_argument("--slo", help='exit 3 if broken: "ttft_p99<300ms,error_rate<1%%"')
    group.add_argument("--slo-search", action="store_true", help="highest rate that keeps --slo")
    group.add_argument(
        "--goodput",
        nargs="+",
        default=[],
        metavar="NAME:MS",
        help="count the answers that keep all of: ttft:300 tpot:50 e2el:5000",
    )
    group.add_argument("--seed", "--random-seed", default=0, **_WHOLE)


def _prompts(group: argparse._ArgumentGroup) -> None:
    tokens: dict[str, Any] = {"type": int, "metavar": "TOKENS"}
    group.add_argument(
        "--prompts",
        "--dataset-path",
        "--data",
        "--input-file",
        metavar="FILE",
        help="ShareGPT JSON, JSONL, or text lines (default: a varied set); or "
        "prompt_tokens=256,output_tokens=128",
    )
    group.add_argument(
        "--input-tokens", "--random-input-len", "--synthetic-input-tokens-mean", **tokens
    )
    group.add_argument(
        "--input-spread", "--random-range-ratio", type=float, default=0.0, help="0.2: +- 20 %%"
    )
    group.add_argument(
        "--output-tokens", "--random-output-len", "--output-tokens-mean", "--max-tokens", **tokens
    )
    group.add_argument("--unique", action="store_true", help="number prompts, so no cache hits")
    group.add_argument("--dataset-name", help=argparse.SUPPRESS)  # vllm's; the file tells


def _output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--json", "--result-filename", "--export", "--output-path", help="write everything"
    )
    group.add_argument("--csv", help="write a row for each request")
    group.add_argument("--html", help="write a report with pictures")
    group.add_argument("--name", help="of the run in reports (default: the URL)")
    group.add_argument(
        "--price", nargs=2, type=float, metavar=("IN", "OUT"), help="USD per million tokens"
    )
    group.add_argument("--quiet", "-q", "--disable-tqdm", action="store_true", help="no live line")


def add_report(parser: argparse.ArgumentParser) -> None:
    """The options of `bench report`."""
    parser.add_argument("results", nargs="+", help="files written by --json")
    parser.add_argument("--html", "-o", required=True)
    parser.add_argument("--title", default="Load test")


LOAD = Command(
    "load",
    "load an endpoint and report",
    "Sends requests, checks every answer, reports distributions.",
    EXAMPLE,
    add,
    "benchmarks.load.command:run",
)
REPORT = Command(
    "report",
    "results of several loads on one page",
    "Puts what --json wrote of several loads on one page.",
    "example:\n  firsttoken bench report before.json after.json --html both.html",
    add_report,
    "benchmarks.load.command:report",
)
