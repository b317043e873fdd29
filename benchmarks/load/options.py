"""The options of `bench load`. Names known from vllm bench serve, guidellm and genai-perf stand
beside ours where they mean the same."""

from __future__ import annotations

import argparse

EXAMPLE = """\
examples:
  firsttoken bench load http://127.0.0.1:3456 --model chat -c 32 --duration 30
  firsttoken bench load http://127.0.0.1:3456 --model chat --rate 50 --html report.html
  firsttoken bench load URL --model m --rate 20 --slo "ttft_p99<300ms,error_rate<1%" --slo-search
  firsttoken bench load --compare http://a:8000 http://b:8000 --model m -c 16 --duration 60

Without --rate the loop is closed: -c connections, each sends again when it has its answer.
With --rate it is open: requests leave on time whatever the server does, and every latency counts
from the moment a request was due, so that a slow server cannot hide its queue."""


def add(parser: argparse.ArgumentParser) -> None:
    """All options of `bench load`."""
    parser.add_argument("url", nargs="?", help="base URL, or the whole endpoint")
    parser.add_argument(
        "--url", "-u", "--target", "--base-url", dest="url_option", help="the same as an option"
    )
    parser.add_argument("--compare", nargs=2, metavar=("URL_A", "URL_B"), help="in turns")
    parser.add_argument("--rounds", type=int, default=10, help="of --compare (default: 10)")
    _request(parser.add_argument_group("request"))
    _shape(parser.add_argument_group("load"))
    _prompts(parser.add_argument_group("prompts"))
    _output(parser.add_argument_group("output"))


def _request(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", "-m", required=True)
    group.add_argument(
        "--api",
        "--endpoint-type",
        default="chat",
        choices=["chat", "completions", "messages", "responses", "ollama"],
        help="wire format (default: chat)",
    )
    group.add_argument(
        "--stream",
        "--streaming",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="streamed answers (default)",
    )
    group.add_argument("--api-key", help="env:NAME or file:PATH")
    group.add_argument("--header", "-H", action="append", default=[], help="'Name: value'")
    group.add_argument("--extra-body", "--extra-inputs", help="JSON object merged into each body")
    group.add_argument("--insecure", action="store_true", help="do not check certificates")
    group.add_argument(
        "--check",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="compare texts of mock-... models, and require the end mark",
    )


def _shape(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--concurrency",
        "-c",
        "--max-concurrency",
        type=int,
        help="connections; of an open loop the most (default: 1, open 10000)",
    )
    group.add_argument("--rate", "-r", "--request-rate", type=float, help="requests a second")
    group.add_argument(
        "--rate-type",
        "--profile",
        choices=["constant", "poisson", "ramp", "trace", "concurrent"],
        help="of the open loop (default: constant)",
    )
    group.add_argument("--burstiness", type=float, default=1.0, help="of poisson; 1 is Poisson")
    group.add_argument("--ramp-from", "--ramp-up-start-rps", type=float, default=1.0)
    group.add_argument("--ramp-to", "--ramp-up-end-rps", type=float)
    group.add_argument("--trace", help="file of request times")
    group.add_argument(
        "--count", "-n", "--num-prompts", "--max-requests", "--request-count", type=int
    )
    group.add_argument(
        "--duration", "-d", "--max-seconds", type=float, help="seconds (default: 10 without -n)"
    )
    group.add_argument("--warmup", "--num-warmups", "--warmup-request-count", type=int, default=0)
    group.add_argument("--preconnect", type=int, default=0, help="connections of an open loop")
    group.add_argument("--timeout", type=float, default=300.0, help="seconds a request may take")
    group.add_argument("--processes", type=int, default=1, help="clients that share the load")
    group.add_argument("--slo", "--goodput", help='such as "ttft_p99<300ms,error_rate<1%%"')
    group.add_argument("--slo-search", action="store_true", help="highest rate that keeps --slo")
    group.add_argument("--seed", type=int, default=0)


def _prompts(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--prompts",
        "--dataset-path",
        "--data",
        "--input-file",
        help="ShareGPT JSON, JSONL, or text lines (default: a varied set)",
    )
    group.add_argument(
        "--input-tokens", "--random-input-len", "--synthetic-input-tokens-mean", type=int
    )
    group.add_argument("--input-spread", "--random-range-ratio", type=float, default=0.0)
    group.add_argument(
        "--output-tokens", "--random-output-len", "--output-tokens-mean", "--max-tokens", type=int
    )
    group.add_argument("--unique", action="store_true", help="number prompts, so no cache hits")
    group.add_argument("--dataset-name", help=argparse.SUPPRESS)  # vllm's; the file tells


def _output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--json", "--result-filename", "--export", help="write everything")
    group.add_argument("--csv", help="write a row for each request")
    group.add_argument("--html", help="write a report with pictures")
    group.add_argument("--name", help="of the run in reports (default: the URL)")
    group.add_argument(
        "--price", nargs=2, type=float, metavar=("IN", "OUT"), help="USD per million tokens"
    )
    group.add_argument("--quiet", "-q", action="store_true", help="no live line")


def add_report(parser: argparse.ArgumentParser) -> None:
    """The options of `bench report`."""
    parser.add_argument("results", nargs="+", help="files written by --json")
    parser.add_argument("--html", "-o", required=True)
    parser.add_argument("--title", default="Load test")
