"""A ledger in an SQLite file: opened or migrated, written in one transaction a batch, and set
aside when it is damaged.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from proxy.ledger.batch import DAY_MS, HOUR_MS, Entries
from proxy.ledger.book import Answer, Foreign, Lost, Reader, Slow, Trouble
from proxy.ledger.layout import APPLICATION_ID, PACKS_VERSION, STEPS
from proxy.ledger.pack import convert

if TYPE_CHECKING:
    from proxy.ledger.sheet import Sheet
    from proxy.timing import Clock

log = logging.getLogger("firsttoken")

MEMORY = ":memory:"
SWEEP_PACKS = 100  # deleted at once, so that a batch never waits long
ROWS_IN_MEMORY = 200_000  # without a file: about as many, of 70 bytes each
_CORRUPT = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
_STEPS_PER_LOOK = 50_000  # of SQLite's machine, between looks at the clock

_KEEP = """DELETE FROM packs WHERE id <= (SELECT max(id) FROM
    (SELECT id, sum(n) OVER (ORDER BY id DESC) AS newer FROM packs) WHERE newer > ?)"""


class Damaged(Lost):
    """The file is no database any more."""


class File:
    """A ledger's place on disk; without a path in memory."""

    def __init__(self, path: str | None, steps: Sequence[str] = STEPS) -> None:
        self.name = path or MEMORY
        self._steps = steps
        self.set_aside = 0

    def open(self) -> SqliteBook:
        """Raises Trouble."""
        try:
            connection = open_ledger(self.name, self._steps)
            return SqliteBook(connection, in_memory=self.name == MEMORY)
        except sqlite3.Error as error:
            raise _trouble(error) from error

    def mend(self, trouble: Trouble, wall: Clock) -> bool:
        """Give a damaged file another name, so that a new one can begin."""
        if not isinstance(trouble, Damaged):
            return False
        if _is_sound(self.name):
            return True  # another worker was here before us
        old = Path(self.name)
        name = f"{old.name}.corrupt-{int(wall())}"
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
        log.warning("ledger: %s was damaged; it is now %s, and a new one begins", old, name)
        return True


class SqliteBook:
    """An open file. One thread's."""

    def __init__(self, connection: sqlite3.Connection, *, in_memory: bool) -> None:
        self._connection = connection
        self._in_memory = in_memory
        self._entries = Entries(connection)
        self._unbounded = 0  # rows since the oldest ones went
        self.refused = 0

    def write(self, sheets: Sequence[Sheet]) -> int:
        """See Book.write. A sheet that SQLite does not take must not hold up all others: it is
        left out, and counted."""
        while True:
            try:
                self._write(sheets)
            except (OverflowError, ValueError, sqlite3.IntegrityError, sqlite3.DataError):
                if len(sheets) == 1:
                    self.refused += len(sheets[0])
                    return 1
                sheets = sheets[: len(sheets) // 2]
            except sqlite3.Error as error:
                raise _trouble(error) from error
            else:
                return len(sheets)

    def _write(self, sheets: Sequence[Sheet]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in chain(self._entries.rows(sheets), self._entries.sums(sheets)):
                connection.executemany(statement, values)
            if self._in_memory:
                self._bound(sum(map(len, sheets)))
            connection.execute("COMMIT")
        except BaseException:
            self._entries.forget()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _bound(self, added: int) -> None:
        """Without a file: now and then the oldest packs go, their rollups stay."""
        self._unbounded += added
        if self._unbounded >= ROWS_IN_MEMORY // 4:
            self._unbounded = 0
            self._connection.execute(_KEEP, (ROWS_IN_MEMORY,))

    def answer(self, question: Callable[[Reader], Answer], seconds: float) -> Answer:
        """See Book.answer."""
        until = monotonic() + seconds
        self._connection.set_progress_handler(lambda: monotonic() > until, _STEPS_PER_LOOK)
        try:
            return question(self._connection)
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise Slow from None
            raise _trouble(error) from error
        finally:
            self._connection.set_progress_handler(None, 0)

    def sweep(self, oldest_ms: int, hours_ms: int) -> bool:
        """See Book.sweep."""
        try:
            return self._sweep(oldest_ms, hours_ms)
        except sqlite3.Error as error:
            raise _trouble(error) from error

    def _sweep(self, oldest_ms: int, hours_ms: int) -> bool:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            gone = forget(connection, oldest_ms, hours_ms)
        return gone >= SWEEP_PACKS

    def close(self) -> None:
        self._connection.close()


def forget(reader: Reader, oldest_ms: int, hours_ms: int) -> int:
    """Delete what is past its time, of the packs the first SWEEP_PACKS: how many."""
    gone = reader.execute(
        "DELETE FROM packs WHERE id IN"
        " (SELECT id FROM packs WHERE until_ms < ? ORDER BY until_ms LIMIT ?)",
        (oldest_ms, SWEEP_PACKS),
    ).rowcount
    for table in ("days", "times", "day_times", "tag_days"):
        reader.execute(f"DELETE FROM {table} WHERE day < ?", (oldest_ms // DAY_MS,))
    reader.execute("DELETE FROM hours WHERE hour < ?", (hours_ms // HOUR_MS,))
    return gone


def open_ledger(path: str, steps: Sequence[str] = STEPS) -> sqlite3.Connection:
    """A connection to a ledger of the present version, made or migrated as needed.

    Raises sqlite3.Error for a file that cannot be opened, read or written, and Foreign for
    somebody else's database or a later version's.
    """
    connection = sqlite3.connect(
        path, timeout=5.0, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        # After kill -9 the WAL is intact; only the machine's own crash may cost the last commits.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -16000")
        _migrate(connection, path, steps)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: str, steps: Sequence[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")  # two workers may start at once: one migrates
    try:
        version = _version(connection, path, len(steps))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for step in steps[version:]:
            for statement in step.split(";"):
                connection.execute(statement)
        if version < PACKS_VERSION <= len(steps):
            convert(connection)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: str, newest: int) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and owner != APPLICATION_ID:
        raise Foreign(f"{path} is a database of another program")
    if version > newest:
        raise Foreign(f"{path} was written by a later version ({version}, not {newest})")
    return int(version)


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


def _trouble(error: sqlite3.Error) -> Trouble:
    is_damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT
    return (Damaged if is_damaged else Trouble)(str(error) or type(error).__name__)
