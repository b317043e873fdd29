"""The ledger's thread: rows into its database in batches, answers out of it, and what happens when
the disk or the server does not play along. Serving never waits for it.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from time import sleep
from typing import TYPE_CHECKING

from proxy.ledger.batch import DAY_MS
from proxy.ledger.book import Answer, Book, Lost, Place, Reader, Slow, Trouble
from proxy.ledger.record import SHEET_ROWS
from proxy.ledger.tariff import PICO

if TYPE_CHECKING:
    from proxy.ledger.record import Recorder
    from proxy.ledger.sheet import Sheet
    from proxy.timing import Clock

log = logging.getLogger("firsttoken")

FLUSH_SECONDS = 0.25  # a killed process loses what came after the last flush
PAUSE_SECONDS = 0.0002  # between sheets: enough for the loop to take the interpreter
BATCH_SHEETS = 10  # one transaction: some milliseconds
RETRY_SECONDS = 5.0  # after a failure
HUNG_SECONDS = 5.0  # a batch that takes longer is on its way to something that hangs
SWEEP_SECONDS = 3600.0  # between looks for rows past their retention
ASKS_LIMIT = 256  # questions waiting
ANSWER_SECONDS = 10.0  # a report that takes longer is given up
HOURS_KEPT_DAYS = 62  # the hourly rollup; the daily one is kept as long as the rows


class Unavailable(Exception):
    """The ledger cannot be read now; its words say why."""


class Store:
    """Owns the open book, which only its thread touches."""

    def __init__(
        self,
        place: Place,
        recorder: Recorder,
        now: Clock,
        wall: Clock,
        *,
        retention_days: int = 400,
    ) -> None:
        self._place = place
        self._recorder = recorder
        self._now = now
        self._wall = wall
        self._retention_days = retention_days
        self._asks: queue.Queue[Callable[[], None] | None] = queue.Queue(ASKS_LIMIT)
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._book: Book | None = None
        self._refused = 0  # of books that are closed
        self._retry_at = self._sweep_at = 0.0
        self.recent = recorder.recent
        self._closing = False
        self._failing = ""  # why, while it fails
        self._since: float | None = None  # when the batch began that is being written
        self.written = 0
        self.failures = 0

    # ---- for the loop ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self, seconds: float = 5.0) -> None:
        """Write what waits, and end. Blocks for at most so long."""
        self._closing = True
        if self._thread.is_alive():
            self._wake()
            self._thread.join(seconds)

    def ask(self, question: Callable[[Reader], Answer]) -> Future[Answer]:
        """Run a question beside the writing, after all rows recorded so far are in.

        The future fails with Unavailable where the ledger cannot be read, or where too many ask.
        """
        answer: Future[Answer] = Future()

        def run() -> None:
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(self._answer(question))
                except Exception as error:  # noqa: BLE001 - whoever asked hears of it
                    answer.set_exception(error)

        try:
            self._asks.put_nowait(run)
        except queue.Full:
            answer.set_exception(Unavailable("too many reports are asked for at once"))
        return answer

    def configure(self, retention_days: int) -> None:
        """A reload: from the next batch on."""
        self._retention_days = retention_days

    @property
    def failing(self) -> str:
        """Why nothing is written now; empty where all is well."""
        since = self._since
        if since is not None and self._now() - since > HUNG_SECONDS:
            return f"{self._place.name} does not answer"
        return self._failing

    def figures(self) -> dict[str, float]:
        """For the metrics: names ending in _total count."""
        book = self._book
        refused = self._refused + (book.refused if book is not None else 0)
        return {
            "ledger_rows_total": float(self.written),
            "ledger_rows_dropped_total": float(self._recorder.dropped + refused),
            "ledger_failures_total": float(self.failures),
            "ledger_waiting_rows": float(self._recorder.waiting + self._recorder.held),
            "ledger_up": 0.0 if self.failing else 1.0,
            "cost_usd_total": self.recent.cost / PICO,
            "saved_usd_total": self.recent.saved / PICO,
        }

    # ---- the thread -----------------------------------------------------------------------------

    def _wake(self) -> None:
        try:
            self._asks.put_nowait(None)
        except queue.Full:
            return  # it is awake

    def _run(self) -> None:
        self._flush()  # opened before anything is recorded, which may take long on a busy machine
        while not self._closing:
            try:
                job = self._asks.get(timeout=FLUSH_SECONDS)
            except queue.Empty:
                job = None
            self._flush()
            if job is not None:
                job()
            self._sweep()
        self._retry_at = 0.0
        self._flush()
        while not self._asks.empty():
            job = self._asks.get_nowait()
            if job is not None:
                job()
        self._shut()

    def _flush(self) -> None:
        """Write what waits, as far as that goes. A disk that fails does not blind the live view."""
        recorder = self._recorder
        for more in range(recorder.waiting // SHEET_ROWS + 1):  # what comes meanwhile: next time
            if more:
                sleep(PAUSE_SECONDS)
            recorder.settle_some()
        if self._now() < self._retry_at:
            return
        try:
            book = self._open()
            while batch := recorder.first(BATCH_SHEETS):
                self.written += recorder.done(self._write(book, batch))
        except Trouble as trouble:
            self._failed(trouble)
        else:
            self._recovered()

    def _write(self, book: Book, batch: Sequence[Sheet]) -> int:
        self._since = began = self._now()
        try:
            return book.write(batch)
        finally:
            self._since = None
            took = self._now() - began
            if took > HUNG_SECONDS:
                log.warning("ledger: %s: did not answer for %.0f s", self._place.name, took)

    def _open(self) -> Book:
        if self._book is None:
            self._book = self._place.open()
        return self._book

    def _shut(self) -> None:
        book, self._book = self._book, None
        if book is not None:
            self._refused += book.refused
            book.close()

    def _failed(self, trouble: Trouble) -> None:
        """Try again later; one line in the log when it begins, none while it lasts."""
        self.failures += 1
        if isinstance(trouble, Lost):
            self._shut()
        if self._place.mend(trouble, self._wall):
            self._retry_at = 0.0
            return
        self._retry_at = self._now() + RETRY_SECONDS
        if not self._failing:
            log.error(
                "ledger: %s: %s; serving goes on, rows wait in memory", self._place.name, trouble
            )
        self._failing = str(trouble) or type(trouble).__name__

    def _recovered(self) -> None:
        if self._failing:
            log.info("ledger: %s: written again", self._place.name)
            self._failing = ""

    def _answer(self, question: Callable[[Reader], Answer]) -> Answer:
        book = self._book
        if book is None:
            raise Unavailable(f"the ledger cannot be opened: {self._failing}")
        try:
            return book.answer(question, ANSWER_SECONDS)
        except Slow:
            raise Unavailable("the report took too long: ask for less") from None
        except Trouble as trouble:
            raise Unavailable(f"the ledger cannot be read: {trouble}") from trouble

    def _sweep(self) -> None:
        """Now and then, forget what is past its retention."""
        book = self._book
        if book is None or self._failing or self._now() < self._sweep_at:
            return
        now_ms = int(self._wall() * 1000)
        oldest_ms = now_ms - self._retention_days * DAY_MS
        try:
            more = book.sweep(oldest_ms, max(oldest_ms, now_ms - HOURS_KEPT_DAYS * DAY_MS))
        except Trouble as trouble:
            self._failed(trouble)
            return
        self._sweep_at = self._now() + (0.0 if more else SWEEP_SECONDS)
