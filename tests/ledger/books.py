"""Exchanges and ledgers for the tests, with a clock that they turn."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from proxy.chat import Usage
from proxy.exchange import Caller, Exchange, Options
from proxy.ledger.book import Place, Reader
from proxy.ledger.layout import LABELS
from proxy.ledger.record import Recorder
from proxy.ledger.sheet import NUMBERS, Sheet
from proxy.ledger.sqlite import File
from proxy.ledger.store import Store
from proxy.ledger.tally import Tally
from proxy.prices import Price, PriceList, Rates

NOON = 1_780_000_000.0 // 86_400 * 86_400 + 43_200  # some noon, UTC


def price(input_: str, output: str, cached: str | None = None) -> PriceList:
    return PriceList(
        (Price(Rates(Decimal(input_), Decimal(output), Decimal(cached) if cached else None)),)
    )


PRICES = {
    "openai/gpt": price("2.5", "10", "1.25"),
    "groq/llama": price("0.05", "0.08"),
    "local/tiny": price("0", "0"),
    "anthropic/opus": price("15", "75"),
}


def prices(name: str) -> PriceList:
    return PRICES.get(name, PriceList())


def recorder(wall: Callable[[], float] = lambda: NOON, tally: Tally | None = None) -> Recorder:
    made = Recorder(wall, Tally() if tally is None else tally)
    made.configure(prices, PRICES["anthropic/opus"])
    return made


def exchange(**fields: Any) -> Exchange:
    """A finished exchange; the fields that are given replace the usual ones."""
    caller = Caller(fields.pop("key", "web"), "t")
    options = Options(tags=fields.pop("tags", ()), use_case=fields.pop("task_type", None))
    made = Exchange("openai", {}, caller, 0.0, options)
    made.provider, made.provider_model = "openai", "gpt"
    made.route, made.category, made.outcome, made.status = "chat", "code", "ok", 200
    made.attempts, made.first_token_s, made.stream = 1, 0.25, True
    made.usage = Usage(1000, 200)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


class Ledger:
    """A store with its recorder, and a wall clock at .wall."""

    def __init__(
        self, path: Path | None = None, *, place: Place | None = None, **settings: Any
    ) -> None:
        self.wall = NOON
        self.recorder = recorder(lambda: self.wall)
        self.store = Store(
            place or File(str(path) if path else None),
            self.recorder,
            time.monotonic,
            lambda: self.wall,
            **settings,
        )

    def record(self, total_s: float = 1.0, **fields: Any) -> int:
        """What it cost, in pico-USD."""
        done = exchange(**fields)
        self.recorder.record(done, total_s)
        return self.recorder.cost(done)

    def ask(self, question: Callable[[Reader], Any]) -> Any:
        return self.store.ask(question).result(20)

    def rows(self, sql: str) -> list[Any]:
        return self.ask(lambda connection: connection.execute(sql).fetchall())


def sheets(book: Recorder) -> list[Sheet]:
    """All that was recorded, as the ledger's writer takes it."""
    book.settle()
    taken = book.first(10**6)
    book.done(len(taken))
    return taken


def rows(book: Recorder) -> list[SimpleNamespace]:
    """All that was recorded, oldest first: the columns of sheets, and texts by their names."""
    return [SimpleNamespace(**row) for taken in sheets(book) for row in _rows(taken)]


def _rows(taken: Sheet) -> Iterator[dict[str, Any]]:
    for place, kind in enumerate(taken.kinds.tolist()):
        yield {
            **dict(zip(LABELS, taken.names[kind], strict=True)),
            **dict(zip(NUMBERS, taken.numbers[:, place].tolist(), strict=True)),
            "id": taken.ids[place], "error": taken.errors.get(place),
            "tags": taken.tags.get(place, ()), "trail": taken.trails.get(place),
        }  # fmt: skip


@contextlib.contextmanager
def ledger(
    path: Path | None = None, *, place: Place | None = None, **settings: Any
) -> Iterator[Ledger]:
    made = Ledger(path, place=place, **settings)
    made.store.start()
    try:
        yield made
    finally:
        made.store.close()


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for the ledger's thread."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)
