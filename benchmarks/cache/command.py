"""Runs `bench cache` and prints its table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson

from benchmarks.cache import quality, speed
from benchmarks.overhead.process import machine
from embeddings.classifier import Classifier

_LIMITS_US = {10_000: 60, 100_000: 120, 1_000_000: 250}


def run(args: argparse.Namespace) -> int:
    """Measure and report; the exit status."""
    classifier = Classifier.load()
    if classifier.fingerprint == "":
        _say("bench cache: no word table, nothing to measure")
        return 1
    figures: dict[str, Mapping[str, float]] = {
        **{name: quality.own(classifier, path) for name, path in quality.FILES.items()},
        "pairs apart": quality.apart(classifier),
    }
    if args.second:
        encode = _second_opinion()
        if encode is None:
            return 1
        for name, path in quality.FILES.items():
            figures[f"{name}, second opinion"] = quality.second(path, classifier, encode)
    if args.pairs:
        try:
            rows = [orjson.loads(line) for line in Path(args.pairs).read_bytes().splitlines()]
            figures["given pairs"] = quality.labelled(rows, classifier)
        except (OSError, orjson.JSONDecodeError, KeyError) as error:
            _say(f"bench cache: {args.pairs}: {error!r}")
            return 1
    figures["tenants"] = quality.tenants(args.lookups, classifier)
    for count in args.entries:
        _say(f"filling {count:,} entries")
        indexed = count <= args.indexed
        figures[f"{count} entries"] = speed.measure(count, args.rounds, classifier, indexed=indexed)
        _write(args.json, figures)  # of a run that is cut short this much stays
    for name, found in figures.items():
        sys.stdout.write(f"{name}\n")
        for what, value in found.items():
            sys.stdout.write(f"  {what:24}{value:14,.3f}{_limit(name, what)}\n")
    _write(args.json, figures)
    return 0


def _second_opinion() -> quality.Encode | None:
    """The packaged model on the CPU, or None where it is not installed."""
    from embeddings.transformer import NoModel, Transformer, model_path  # noqa: PLC0415 - torch

    try:
        return Transformer(model_path(None), "cpu").encode
    except NoModel as error:
        _say(f"bench cache: {error}")
        return None


def _write(path: str | None, figures: Mapping[str, Mapping[str, float]]) -> None:
    if path:
        told = {"machine": machine(), "figures": figures}
        Path(path).write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def _limit(name: str, what: str) -> str:
    """What the figure should be."""
    if what in ("hit_p50_us", "refused_p50_us", "nearest_p50_us"):
        limit = _LIMITS_US.get(int(name.split(maxsplit=1)[0]))
        return f"   (<= {limit})" if limit else ""
    if what.startswith("recall_"):
        return "   (>= 0.8)" if "second" in name else "   (>= 0.6)"
    return {
        "exact_p50_us": "   (<= 5)",
        "longest_stall_ms": "   (<= 1)",
        "indexing_stall_ms": "   (<= 1)",
        "memory_bytes_each": "   (<= 1,200)",
        "wrong": "   (0)" if name != "given pairs" else "",
        "crossed": "   (0)",
        "told_apart": "   (0.5)",
        "precision": "   (>= 0.95)",
        "recall": "   (>= 0.1)",
    }.get(what, "")
