"""How long a subject takes for a text, how large it is, and what it loads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from time import perf_counter_ns

import numpy as np
import orjson

from benchmarks.classify.subjects import Subject
from benchmarks.load.prompts import varied
from embeddings.modelfile import SHIPPED

LONG_WORDS = 2000
BUDGET_NS = 5_000_000_000  # for one subject's texts; slow ones get fewer rounds

_FRESH = """
import sys, time, numpy, orjson
def rss():
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmRSS"))
before = rss()
import embeddings.classifier as c
began = time.perf_counter()
c.Classifier.load()
took = time.perf_counter() - began
heavy = [n for n in ("torch", "sentence_transformers", "transformers") if n in sys.modules]
print(orjson.dumps([took, (rss() - before) / 1024, heavy]).decode())
"""


def texts() -> tuple[list[str], str]:
    """Short texts of ten to sixty words, and one of two thousand."""
    short = []
    for one in varied():
        words = one.text.split()
        short.append(" ".join((words * 6)[: max(10, min(60, len(words) * 3))]))
    words = " ".join(short).split()
    long = " ".join((words * (LONG_WORDS // len(words) + 1))[:LONG_WORDS])
    return short, long


def times(subject: Subject, rounds: int) -> dict[str, float]:
    """Microseconds of one text at a time, p50 and p99."""
    short, long = texts()
    found: dict[str, float] = {}
    for name, chosen in (("short", short), ("long", [long] * 20)):
        taken = _timed(subject, chosen, rounds)
        p50, p99 = np.percentile(taken, (50, 99)) / 1e3
        found |= {f"{name}_p50_us": float(p50), f"{name}_p99_us": float(p99)}
    return found


def _timed(subject: Subject, chosen: Sequence[str], rounds: int) -> list[int]:
    read = subject.read
    read(chosen[0])
    taken: list[int] = []
    over = perf_counter_ns() + BUDGET_NS
    for _ in range(rounds):
        for text in chosen:
            began = perf_counter_ns()
            read(text)
            taken.append(perf_counter_ns() - began)
        if perf_counter_ns() > over:
            break
    return taken


def sizes() -> dict[str, float]:
    """Of our own: the file, and loading it in a fresh process."""
    said = subprocess.run([sys.executable, "-c", _FRESH], capture_output=True, check=True).stdout
    took, rss_mb, heavy = orjson.loads(said)
    return {
        "file_mb": SHIPPED.stat().st_size / 1e6,
        "load_s": took,
        "rss_mb": rss_mb,
        "heavy": float(len(heavy)),
    }
