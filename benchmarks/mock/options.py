"""The options of `firsttoken mock`."""

from __future__ import annotations

import argparse

from benchmarks.option import Command

EXAMPLE = """\
example:
  firsttoken mock --port 9001 &
  curl -N 127.0.0.1:9001/v1/chat/completions \\
    -d '{"model": "mock-t64-f100-i20", "stream": true, "messages": []}'

The model name is the scenario: t tokens, f first token after ms, i interval ms, b bytes a token,
d/j lognormal sigma of f/i, u0 no usage, l1 late head, e503 error status, x10 cut after 10 tokens,
s10 stall after 10, h0.05 share of requests that stall; or fault-NAME (--faults lists them)."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9001, help="0: any free one (default: 9001)")
    parser.add_argument("--scenario", default="mock", help="of models that name none")
    parser.add_argument("--trace", help="JSONL rows of first_ms and gaps_ms to draw answers from")
    parser.add_argument("--seed", type=int, default=0, help="of the random scenarios")
    parser.add_argument("--word", default="tok", help="stem of the tokens (default: tok)")
    parser.add_argument("--certificate", help="PEM file: serve TLS")
    parser.add_argument("--key", help="PEM file of its key (default: in the same file)")
    parser.add_argument("--faults", action="store_true", help="list the faults and exit")


COMMAND = Command(
    "mock",
    "a scripted upstream for tests and load",
    "A provider that answers as the model's name says (OpenAI, Anthropic, Gemini and Ollama "
    "formats).",
    EXAMPLE,
    add,
    "benchmarks.mock.command:run",
)
