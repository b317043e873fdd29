"""How long a subject takes for a text, how large it is, and what it loads."""

from __future__ import annotations

import gc
import itertools
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns, process_time_ns

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.classify.subjects import Subject
from embeddings.build.prompts import write_prompts
from embeddings.modelfile import SHIPPED

FEWEST, MOST, TEXTS = 10, 60, 240
LONG_WORDS = 2000
_FULL_TEXTS, _LONG_TEXTS = 50, 20
_EACH = 60  # prompts written of each kind and language, of which TEXTS are kept
_PASSAGES = (
    "The harbour was closed on Monday because of the storm, and the ferries stayed at the quay.",
    "Sales of the new model rose by twelve per cent in the second quarter, to 4,300 machines.",
    "Ms Keller asked the council to repair the bridge before the winter.",
    "Le train de Lyon est arrivé avec vingt minutes de retard à cause d'un arbre sur la voie.",
    "La recette demande trois œufs, deux cents grammes de farine et un peu de sel.",
    "Our service answers within one day; please keep your order number at hand.",
)
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
    """Varied prompts, English and French, of ten to sixty words, and one text of two thousand."""
    written = (one.text for one in write_prompts(_PASSAGES, _EACH))
    short = [text for text in written if FEWEST <= len(text.split()) <= MOST][:TEXTS]
    return short, cut_out(short, LONG_WORDS)


def cut_out(written: Sequence[str], size: int, start: int = 0) -> str:
    """So many words of the texts one after the other, from a word on."""
    words = " ".join(written).split()
    start %= len(words)
    again = itertools.chain.from_iterable(itertools.repeat(words))
    return " ".join(itertools.islice(again, start, start + size))


def times(subject: Subject, rounds: int) -> dict[str, float]:
    """Microseconds of one text at a time, as a serving process would spend them.

    p50 and p99 are CPU time of all threads, wall is what passed, least is the middle text's best
    round; new: words that this process never met before.
    """
    short, long = texts()
    found: dict[str, float] = {}
    gc.collect()
    gc.freeze()  # as the proxy does once it serves
    try:
        new = _timed(subject, short, 1)
        found["short_new_us"] = float(np.median(new.cpu_us))
        full = [cut_out(short, MOST, MOST * number) for number in range(_FULL_TEXTS)]
        kinds = (("short", short), ("full", full), ("long", [long] * _LONG_TEXTS))
        for name, chosen in kinds:
            taken = _timed(subject, chosen, rounds)
            for kind, values in (("", taken.cpu_us), ("wall_", taken.wall_us)):
                p50, p99 = np.percentile(values, (50, 99))
                found |= {f"{name}_{kind}p50_us": float(p50), f"{name}_{kind}p99_us": float(p99)}
            rows = len(values) // len(chosen) * len(chosen)
            if rows:
                least = taken.wall_us[:rows].reshape(-1, len(chosen)).min(0)
                found[f"{name}_least_us"] = float(np.median(least))
    finally:
        gc.unfreeze()
    return found


@dataclass(frozen=True, slots=True)
class _Taken:
    cpu_us: NDArray[np.float64]
    wall_us: NDArray[np.float64]


def _timed(subject: Subject, chosen: Sequence[str], rounds: int) -> _Taken:
    """Every text in turn, each round again, until the budget is spent."""
    read = subject.read
    floor_ns = min(_clocked(len, "")[0] for _ in range(1000))  # of the clocks themselves
    taken: list[tuple[int, int]] = []
    over = perf_counter_ns() + BUDGET_NS
    for text in itertools.chain.from_iterable(itertools.repeat(chosen, rounds)):
        taken.append(_clocked(read, text))
        if perf_counter_ns() > over:
            break
    cpu, wall = np.array(taken, float).T / 1e3
    return _Taken(cpu - floor_ns / 1e3, wall)


def _clocked(read: Callable[[str], object], text: str) -> tuple[int, int]:
    """CPU and wall nanoseconds of one call."""
    used, began = process_time_ns(), perf_counter_ns()
    read(text)
    ended, spent = perf_counter_ns(), process_time_ns()
    return spent - used, ended - began


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
