"""The ledger's thread: rows into SQLite in batches, answers out of it, and what happens when the
disk does not play along. Serving never waits for it.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from proxy.ledger.batch import DAY_MS, HOUR_MS, Batches, Reference
from proxy.ledger.layout import Foreign, open_ledger
from proxy.ledger.recent import Recent
from proxy.ledger.record import HELD_ROWS

if TYPE_CHECKING:
    from proxy.ledger.record import Recorder, RowTuple
    from proxy.timing import Clock

log = logging.getLogger("firsttoken")

FLUSH_SECONDS = 0.25  # a killed process loses what came after the last flush
BATCH_ROWS = 5000  # one transaction: about 50 ms
RETRY_SECONDS = 5.0  # after a failure
SWEEP_SECONDS = 3600.0  # between looks for rows past their retention
SWEEP_ROWS = 5000  # deleted at once, so that a batch never waits long
ASKS_LIMIT = 256  # questions waiting
ANSWER_SECONDS = 10.0  # a report that takes longer is given up
HOURS_KEPT_DAYS = 62  # the hourly rollup; the daily one is kept as long as the rows
ROWS_IN_MEMORY = 200_000  # without a file: the oldest rows go, their rollups stay
_CORRUPT = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
_STEPS_PER_LOOK = 50_000  # of SQLite's machine, between looks at the clock

Answer = TypeVar("Answer")


class Unavailable(Exception):
    """The ledger cannot be read now; its words say why."""


class Store:
    """Owns the connection, which only its thread touches. path None: in memory."""

    def __init__(
        self,
        path: str | None,
        recorder: Recorder,
        now: Clock,
        wall: Clock,
        *,
        retention_days: int = 400,
        reference: Reference | None = None,
    ) -> None:
        self._path = path or ":memory:"
        self._recorder = recorder
        self._now = now
        self._wall = wall
        self._retention_days = retention_days
        self._reference = reference
        self._asks: queue.Queue[Callable[[], None] | None] = queue.Queue(ASKS_LIMIT)
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._connection: sqlite3.Connection | None = None
        self._batches: Batches | None = None
        self._pending: list[RowTuple] = []
        self._retry_at = self._sweep_at = 0.0
        self.recent = Recent()
        self._closing = False
        self.failing = ""  # why, while it fails
        self.written = 0
        self.failures = 0
        self.set_aside = 0

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

    def ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Future[Answer]:
        """Run a question beside the writing, after all rows recorded so far are in.

        The future fails with Unavailable where the file cannot be read, or where too many ask.
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

    def configure(self, retention_days: int, reference: Reference | None) -> None:
        """A reload: from the next batch on."""
        self._retention_days = retention_days
        self._reference = reference

    def figures(self) -> dict[str, float]:
        """For the metrics: names ending in _total count."""
        batches = self._batches
        refused = batches.refused if batches is not None else 0
        return {
            "ledger_rows_total": float(self.written),
            "ledger_rows_dropped_total": float(self._recorder.dropped + refused),
            "ledger_failures_total": float(self.failures),
            "ledger_waiting_rows": float(self._recorder.waiting + len(self._pending)),
            "ledger_up": 0.0 if self.failing else 1.0,
        }

    # ---- the thread -----------------------------------------------------------------------------

    def _wake(self) -> None:
        try:
            self._asks.put_nowait(None)
        except queue.Full:
            return  # it is awake

    def _run(self) -> None:
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
        if self._connection is not None:
            self._connection.close()

    def _flush(self) -> None:
        """Write what waits, as far as that goes. A disk that fails does not blind the live view."""
        fresh = self._recorder.take(max(0, HELD_ROWS - len(self._pending)))
        self.recent.add(fresh)
        self._pending += fresh
        if self._now() < self._retry_at:
            return
        try:
            self._open()
            while self._pending:
                assert self._batches is not None
                self._batches.write(self._pending[:BATCH_ROWS])
                self.written += len(self._pending[:BATCH_ROWS])
                del self._pending[:BATCH_ROWS]
        except (sqlite3.Error, Foreign, OSError) as error:
            self._failed(error)
        else:
            self._recovered()

    def _open(self) -> None:
        if self._connection is None:
            self._connection = open_ledger(self._path)
            self._batches = Batches(self._connection, self._reference)
        assert self._batches is not None
        self._batches.reference = self._reference

    def _failed(self, error: Exception) -> None:
        """Try again later; one line in the log when it begins, none while it lasts."""
        self.failures += 1
        self._retry_at = self._now() + RETRY_SECONDS
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT and self._put_aside():
            return
        if not self.failing:
            log.error("ledger: %s: %s; serving goes on, rows wait in memory", self._path, error)
        self.failing = str(error) or type(error).__name__

    def _recovered(self) -> None:
        if self.failing:
            log.info("ledger: %s: written again", self._path)
            self.failing = ""

    def _put_aside(self) -> bool:
        """Give a damaged file another name, so that a new one can begin."""
        if self._connection is not None:
            self._connection.close()
            self._connection = self._batches = None
        if _is_sound(self._path):
            self._retry_at = 0.0  # another worker was here before us
            return True
        old = Path(self._path)
        name = f"{old.name}.corrupt-{int(self._wall())}"
        try:
            old.rename(old.with_name(name))
            for tail in ("-wal", "-shm"):
                beside = old.with_name(old.name + tail)
                if beside.exists():
                    beside.rename(old.with_name(name + tail))
        except OSError as error:
            log.error("ledger: %s is damaged and cannot be set aside: %s", old, error)  # noqa: TRY400
            return False
        self.set_aside += 1
        self._retry_at = 0.0
        log.warning("ledger: %s was damaged; it is now %s, and a new one begins", old, name)
        return True

    def _answer(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        connection = self._connection
        if connection is None:
            raise Unavailable(f"the ledger cannot be opened: {self.failing}")
        until = self._now() + ANSWER_SECONDS
        connection.set_progress_handler(lambda: self._now() > until, _STEPS_PER_LOOK)
        try:
            return question(connection)
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise Unavailable("the report took too long: ask for less") from None
            raise Unavailable(f"the ledger cannot be read: {error}") from error
        finally:
            connection.set_progress_handler(None, 0)

    # ---- retention ------------------------------------------------------------------------------

    def _sweep(self) -> None:
        connection = self._connection
        if connection is None or self.failing or self._now() < self._sweep_at:
            return
        try:
            more = self._sweep_some(connection)
        except sqlite3.Error as error:
            self._failed(error)
            return
        self._sweep_at = self._now() + (0.0 if more else SWEEP_SECONDS)

    def _sweep_some(self, connection: sqlite3.Connection) -> bool:
        """Forget a little of what is past its time; whether there is more."""
        oldest_ms = int(self._wall() * 1000) - self._retention_days * DAY_MS
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            gone = connection.execute(
                "DELETE FROM rows WHERE seq IN"
                " (SELECT seq FROM rows WHERE at_ms < ? ORDER BY at_ms LIMIT ?)",
                (oldest_ms, SWEEP_ROWS),
            ).rowcount
            if self._path == ":memory:":
                gone += connection.execute(
                    "DELETE FROM rows WHERE seq <= (SELECT max(seq) FROM rows) - ?",
                    (ROWS_IN_MEMORY,),
                ).rowcount
            for table in ("days", "times", "tag_days"):
                connection.execute(f"DELETE FROM {table} WHERE day < ?", (oldest_ms // DAY_MS,))
            hours_ms = max(oldest_ms, int(self._wall() * 1000) - HOURS_KEPT_DAYS * DAY_MS)
            connection.execute("DELETE FROM hours WHERE hour < ?", (hours_ms // HOUR_MS,))
        return gone >= SWEEP_ROWS


def _is_sound(path: str) -> bool:
    try:
        connection = open_ledger(path)
    except (sqlite3.Error, Foreign):
        return False
    try:
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False
    finally:
        connection.close()
