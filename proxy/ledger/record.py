"""What every exchange leaves behind: a row, appended on the loop in half a microsecond, and some
hundreds of rows at a time made into a sheet, by the ledger's thread or by whoever wants to read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

from proxy.ledger.kinds import Kinds
from proxy.ledger.recent import Recent
from proxy.ledger.row import LOST, Row, RowTuple
from proxy.ledger.sheet import Pricing, Sheet, sheet, without_usage
from proxy.ledger.tariff import PICO, Tariff, Tariffs
from proxy.models import NO_PRICES

if TYPE_CHECKING:
    from proxy.chat import Usage
    from proxy.exchange import Exchange
    from proxy.ledger.tally import Tally
    from proxy.prices import PriceList
    from proxy.timing import Clock

SHEET_ROWS = 500  # made at a stretch, in half a millisecond; then the loop may run
LATE_ROWS = 10_000  # that nobody has looked at: the thread hangs, and the loop helps itself
HELD_ROWS = 100_000  # in sheets for the writer: about 25 MB, or five seconds at full load


class Recorder:
    """Rows, until they are sheets; sheets, until the writer takes them. wall: Unix seconds.

    The list of rows is appended to by the loop and cut at its beginning under the lock, each in one
    step; sheets are made under the lock, on any thread. is_kept: whether a writer takes them; the
    tally hears of all of them, and recent of those.
    """

    __slots__ = ("_kinds", "_late", "_lock", "_pricing", "_rows", "_sheets", "_tally", "_tariffs",
                 "_wall", "dropped", "held", "is_kept", "recent")  # fmt: skip

    def __init__(self, wall: Clock, tally: Tally, *, is_kept: bool = True) -> None:
        self._wall = wall
        self._tally = tally
        self._rows: list[RowTuple] = []
        self._sheets: deque[Sheet] = deque()
        self._kinds = Kinds()
        self._lock = Lock()
        self._late = LATE_ROWS if is_kept else SHEET_ROWS
        self.is_kept = is_kept
        self.dropped = 0
        self.held = 0  # rows in sheets
        self.recent = Recent()
        tally.settle = self.settle
        self.configure(lambda _: NO_PRICES)

    def configure(
        self, prices: Callable[[str], PriceList], reference: PriceList | None = None
    ) -> None:
        """What everything costs from now on. prices: of provider/model; reference: of the model
        that savings are measured against."""
        self._tariffs = Tariffs(prices)
        # Of the sheets' own: tariffs remember what is in force, and another thread asks these.
        self._pricing = Pricing(Tariffs(prices), None if reference is None else Tariff(reference))

    # ---- for the loop ---------------------------------------------------------------------------

    def record(self, exchange: Exchange, total_s: float) -> None:
        """Write down one finished exchange."""
        options = exchange.options
        error = exchange.error
        rows = self._rows
        rows.append(
            (
                self._wall(),
                exchange.id,
                exchange.caller.name,
                exchange.route,
                exchange.category,
                exchange.provider,
                exchange.provider_model,
                options.use_case,
                exchange.cache,
                exchange.outcome,
                exchange.stream,
                exchange.status,
                exchange.attempts,
                exchange.usage,
                exchange.first_token_s,
                total_s,
                None if error is None else error.code,
                options.tags,
                exchange.auth_s,
                exchange.classify_s,
                exchange.cache_s,
                exchange.upstream_s,
                exchange.trail,
            )
        )
        if len(rows) >= self._late:
            self.settle_some()

    def lost(self, exchange: Exchange, target: str, usage: Usage, waited_s: float) -> int:
        """An attempt that was cancelled because another one won: its provider bills it all the
        same. target: provider/model; usage: our estimate. Its estimated cost in pico-USD."""
        at_s = self._wall()
        provider, _, model = target.partition("/")
        options = exchange.options
        row = Row(
            at_s, exchange.id, exchange.caller.name, exchange.route, exchange.category,
            provider, model, options.use_case, exchange.cache, LOST, exchange.stream, 0, 0, usage,
            None, waited_s, None, options.tags, 0.0, 0.0, 0.0, 0.0, (),
        )  # fmt: skip
        self._rows.append(row)
        return self._tariffs.of(provider, model).cost(usage, at_s) or 0

    def cost(self, exchange: Exchange) -> int:
        """What an exchange cost, in pico-USD: nothing where it was answered from the cache, or
        where nobody knows."""
        if exchange.cache in ("exact", "semantic"):
            return 0
        return self._worth(exchange)

    def price(self, exchange: Exchange) -> float:
        """USD of an answer as it was used, from wherever it came; 0 where nobody knows."""
        return self._worth(exchange) / PICO

    def _worth(self, exchange: Exchange) -> int:
        usage, provider = exchange.usage, exchange.provider
        if usage is None or not provider:
            return 0
        return self._tariffs.of(provider, exchange.provider_model).cost(usage, self._wall()) or 0

    # ---- for any thread -------------------------------------------------------------------------

    def settle(self) -> None:
        """Make sheets of all that is recorded."""
        while self.settle_some():
            pass

    def settle_some(self) -> bool:
        """Make one sheet of the oldest rows; whether there were any."""
        with self._lock:
            rows = self._rows[:SHEET_ROWS]
            if not rows:
                return False
            del self._rows[:SHEET_ROWS]
            made, refused = sheet(rows, self._kinds, self._pricing)
            if made:
                self._told(made)
            if refused:  # they are exchanges, if not rows of the ledger
                self.dropped += len(refused)
                self._tally.add(without_usage(refused, self._kinds, self._pricing))
        return True

    def _told(self, made: Sheet) -> None:
        self._tally.add(made)
        if not self.is_kept:
            return
        self.recent.add(made)
        if self.held + len(made) > HELD_ROWS:
            self.dropped += len(made)
        else:
            self._sheets.append(made)
            self.held += len(made)

    def first(self, most: int) -> list[Sheet]:
        """Up to so many sheets, oldest first. They stay until they are done."""
        with self._lock:
            return list(islice(self._sheets, most))

    def done(self, many: int) -> int:
        """So many sheets are written: how many rows that were."""
        with self._lock:
            rows = sum(len(self._sheets.popleft()) for _ in range(many))
            self.held -= rows
        return rows

    @property
    def waiting(self) -> int:
        """Rows that are no sheets yet."""
        return len(self._rows)
