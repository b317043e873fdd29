"""A large ledger by hand: how fast it is written, and how fast it is summed up.

    nice python -m tests.ledger.volume --steady 20000
    nice python -m tests.ledger.volume --rows 10000000 --file /var/tmp/volume.db
    nice python -m tests.ledger.volume --rows 10000000 --url postgresql://me@localhost/volume

Rows go through the recorder and the writer's own batches, a year of them, over 300 combinations of
key, category and model. A file that is there already is only read. --steady: what a row costs when
so many come in a second.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from proxy.chat import Usage
from proxy.exchange import Exchange
from proxy.ledger import reports
from proxy.ledger.book import Book
from proxy.ledger.postgres import Server
from proxy.ledger.record import SHEET_ROWS
from proxy.ledger.reports import Period
from proxy.ledger.sheet import Sheet
from proxy.ledger.sqlite import File
from proxy.ledger.store import BATCH_SHEETS, FLUSH_SECONDS
from tests.ledger.books import NOON, Ledger, exchange, recorder, sheets

DAYS = 365
MODELS = (("openai", "gpt"), ("groq", "llama"), ("anthropic", "opus"), ("local", "tiny"))
LIMIT_S = 0.3  # for a summary


def exchanges() -> list[Exchange]:
    """One for each combination of labels."""
    rand = random.Random(1)
    made = [
        exchange(
            key=f"k{key}", category=f"c{category}", provider=provider, provider_model=model,
            cache=cache, usage=Usage(rand.randint(50, 5000), rand.randint(5, 900)),
            first_token_s=rand.lognormvariate(-1, 1),
        )
        for key in range(5)
        for category in range(5)
        for provider, model in MODELS
        for cache in ("miss", "exact", "semantic")
    ]  # fmt: skip
    rand.shuffle(made)
    return made


def batches(rows: int) -> Iterator[list[Sheet]]:
    """The rows in order of time, as many as the writer takes at once."""
    wall = [0.0]
    book = recorder(lambda: wall[0])
    some = exchanges()
    step_s = DAYS * 86_400 / rows
    for number in range(rows):
        wall[0] = NOON - DAYS * 86_400 + number * step_s
        book.record(some[number % len(some)], 1.5)
        if book.waiting == SHEET_ROWS * BATCH_SHEETS:
            yield sheets(book)
    yield sheets(book)


def write(book: Book, rows: int) -> float:
    """Rows a second of the writing alone; making their sheets is not counted."""
    spent = 0.0
    for batch in batches(rows):
        began = time.perf_counter()
        while batch:
            del batch[: book.write(batch)]
        spent += time.perf_counter() - began
    return rows / spent


def steady(file: Path, rate: int, flushes: int = 60) -> tuple[float, float]:
    """Microseconds of CPU a row, of recording and of everything that the writer does, at so many
    rows a second: medians over the flushes."""
    ledger = Ledger(file)
    some = exchanges()
    many = int(rate * FLUSH_SECONDS)
    recording, writing = [], []
    for flush in range(flushes):
        ledger.wall += FLUSH_SECONDS
        began = time.thread_time()
        for number in range(many):
            ledger.recorder.record(some[number % len(some)], 1.5)
        recorded = time.thread_time()
        ledger.store._flush()  # on this thread: its CPU is what is asked
        if flush:  # the first one makes the tables
            recording.append((recorded - began) / many)
            writing.append((time.thread_time() - recorded) / many)
    ledger.store._shut()
    return statistics.median(recording) * 1e6, statistics.median(writing) * 1e6


def summaries(book: Book) -> dict[str, tuple[float, float]]:
    """Median seconds of each summary of the whole year, and of this process's CPU in them."""
    day = int(NOON // 86_400)
    found = {}
    for by in ("total", "day", "provider", "model", "category", "key"):
        took, worked = [], []
        for _ in range(5):
            began, busy = time.perf_counter(), time.process_time()
            book.answer(
                lambda it, by=by: reports.summary(it, Period(day - DAYS - 1, day + 1), by), 60.0
            )
            took.append(time.perf_counter() - began)
            worked.append(time.process_time() - busy)
        found[by] = statistics.median(took), statistics.median(worked)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.ledger.volume", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--url")
    parser.add_argument("--steady", type=int)
    chosen = parser.parse_args(arguments)
    if chosen.steady:
        with tempfile.TemporaryDirectory() as folder:
            recording, writing = steady(Path(folder) / "ledger.db", chosen.steady)
        print(f"{recording:.2f} us of CPU to record a row, {writing:.2f} us to write it")
        return 0
    place = Server(chosen.url, time.time) if chosen.url else File(str(chosen.file))
    book = place.open()
    known = book.answer(lambda it: it.execute("SELECT sum(n) FROM packs").fetchone()[0], 600.0)
    if not known:
        print(f"{write(book, chosen.rows):.0f} rows/s", flush=True)
        known = chosen.rows
    slowest = 0.0
    for by, (seconds, busy) in summaries(book).items():
        slowest = max(slowest, seconds)
        told = f"{seconds * 1e3:.1f} ms, {busy * 1e3:.1f} ms of them CPU"
        print(f"summary by {by} over {known} rows: {told}", flush=True)
    book.close()
    return int(slowest > LIMIT_S)


if __name__ == "__main__":
    raise SystemExit(main())
