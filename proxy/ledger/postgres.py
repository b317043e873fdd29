"""A ledger in Postgres, for several nodes that account as one.

Every node writes its own rows; what they add up together is guarded by one advisory lock, so that
no two of them wait for each other in a circle. A batch whose COMMIT was not answered, because the
server died, is looked for before it is written again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from proxy.ledger.batch import DAY_MS, Entries
from proxy.ledger.book import Answer, Foreign, Lost, Reader, Slow, Trouble
from proxy.ledger.layout import PACKS_VERSION, POSTGRES_STEPS
from proxy.ledger.pack import convert
from proxy.ledger.sqlite import SWEEP_PACKS, forget

if TYPE_CHECKING:
    import psycopg

    from proxy.ledger.sheet import Sheet
    from proxy.timing import Clock

SCHEMES = ("postgres", "postgresql")
SCHEMA = "firsttoken"  # of the database, so that others' tables may lie beside ours
LOCK = 0x46544C31  # the advisory lock of everything that nodes share: "FTL1"
WRITE_MS = 60_000  # a statement that takes longer is given up
CONNECTION = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,  # ms; a network that swallows everything is a dead server
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "firsttoken",
}

_WROTE = """INSERT INTO writers(id, batch, at_ms) VALUES (?, ?, ?)
    ON CONFLICT(id) DO UPDATE SET batch = excluded.batch, at_ms = excluded.at_ms"""


class Server:
    """A ledger's place: a database by its URL. wall: Unix seconds."""

    def __init__(self, url: str, wall: Clock, steps: Sequence[str] = POSTGRES_STEPS) -> None:
        self._url = url
        self._wall = wall
        self._steps = steps
        self.writer = token_hex(8)
        self.batch = 0  # the number of the last one begun
        self.doubtful = 0  # its sheets, while nobody knows whether they are in
        parts = urlsplit(url)
        self.name = f"postgres {parts.hostname or 'socket'}{parts.path or '/'}"

    def open(self) -> PostgresBook:
        """Raises Trouble. Blocks for up to the connection's timeout."""
        driver = import_module("psycopg")
        try:
            connection = driver.connect(self._url, autocommit=True, **CONNECTION)
        except driver.Error as error:
            raise Lost(_words(error)) from error
        try:
            return PostgresBook(connection, self, self._wall)
        except driver.Error as error:
            connection.close()
            raise Trouble(_words(error)) from error
        except BaseException:
            connection.close()
            raise

    def migrate(self, reader: Reader) -> None:
        """Make the tables, or lead them to the present version, within a transaction."""
        reader.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))  # nodes start at once: one does
        reader.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        reader.execute(f"SET search_path TO {SCHEMA}, pg_temp")
        reader.execute("CREATE TABLE IF NOT EXISTS version(number INTEGER NOT NULL)")
        found = reader.execute("SELECT number FROM version").fetchone()
        version = 0 if found is None else int(found[0])
        if version > len(self._steps):
            raise Foreign(
                f"{self.name} was written by a later version ({version}, not {len(self._steps)})"
            )
        for step in self._steps[version:]:
            for statement in filter(str.strip, step.split(";")):
                reader.execute(statement)
        if version < PACKS_VERSION <= len(self._steps):
            convert(reader)
        if version < len(self._steps):
            reader.execute("DELETE FROM version")
            reader.execute("INSERT INTO version VALUES (?)", (len(self._steps),))

    def mend(self, trouble: Trouble, wall: Clock) -> bool:
        """Only the server's own people can."""
        del trouble, wall
        return False


class Session:
    """A connection that is asked as SQLite's is: ? for values, whole numbers back."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        """Raises psycopg.Error."""
        return self._connection.execute(_told(sql).encode(), values)

    def executemany(self, sql: str, values: Sequence[Sequence[Any]], /) -> None:
        """In one go and back. Raises psycopg.Error."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_told(sql).encode(), values)


class PostgresBook:
    """An open connection. One thread's."""

    def __init__(self, connection: psycopg.Connection[Any], server: Server, wall: Clock) -> None:
        """Raises psycopg.Error and Foreign."""
        self._driver = import_module("psycopg")
        self._connection = connection
        self._server = server
        self._wall = wall
        self._session = Session(connection)
        connection.adapters.register_loader("numeric", _whole_numbers())
        connection.execute(f"SET statement_timeout = {WRITE_MS}".encode())
        connection.execute(b"SET TIME ZONE 'UTC'")
        with connection.transaction():
            server.migrate(self._session)
        connection.execute(f"SET search_path TO {SCHEMA}, pg_temp".encode())
        self._entries = Entries(self._session, self._alone)
        self.refused = 0

    # ---- writing --------------------------------------------------------------------------------

    def write(self, sheets: Sequence[Sheet]) -> int:
        """See Book.write."""
        driver, server = self._driver, self._server
        try:
            done = self._is_in()
            if done:
                return done
            while True:
                try:
                    self._write(sheets)
                except (OverflowError, ValueError, driver.DataError, driver.IntegrityError):
                    self._entries.forget()
                    server.doubtful = 0  # the server has answered: nothing is in
                    if len(sheets) == 1:
                        self.refused += len(sheets[0])
                        return 1
                    sheets = sheets[: len(sheets) // 2]
                else:
                    server.doubtful = 0
                    return len(sheets)
        except driver.Error as error:
            self._entries.forget()
            raise Lost(_words(error)) from error

    def _is_in(self) -> int:
        """How many sheets of an earlier batch turn out to be written, though nobody said so."""
        server = self._server
        doubtful, server.doubtful = server.doubtful, 0
        if not doubtful:
            return 0
        try:
            found = self._session.execute(
                "SELECT batch FROM writers WHERE id = ?", (server.writer,)
            ).fetchone()
        except BaseException:
            server.doubtful = doubtful
            raise
        return doubtful if found is not None and found[0] == server.batch else 0

    def _write(self, sheets: Sequence[Sheet]) -> None:
        server = self._server
        with self._connection.transaction():
            for statement, values in self._entries.rows(sheets):
                self._session.executemany(statement, values)
            self._alone()
            for statement, values in self._entries.sums(sheets):
                self._session.executemany(statement, values)
            server.batch += 1
            self._session.execute(_WROTE, (server.writer, server.batch, int(self._wall() * 1000)))
            server.doubtful = len(sheets)  # from here on it may be in and nobody told

    def _alone(self) -> None:
        """Wait until no other node adds up; until the end of the transaction."""
        self._session.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))

    # ---- the rest -------------------------------------------------------------------------------

    def answer(self, question: Callable[[Reader], Answer], seconds: float) -> Answer:
        """See Book.answer."""
        driver = self._driver
        try:
            with self._connection.transaction():
                self._session.execute("SET TRANSACTION READ ONLY")
                self._session.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
                return question(self._session)
        except driver.errors.QueryCanceled:
            raise Slow from None
        except driver.Error as error:
            raise Lost(_words(error)) from error

    def sweep(self, oldest_ms: int, hours_ms: int) -> bool:
        """See Book.sweep."""
        try:
            with self._connection.transaction():
                self._alone()
                gone = forget(self._session, oldest_ms, hours_ms)
                old_ms = int(self._wall() * 1000) - 30 * DAY_MS
                self._session.execute("DELETE FROM writers WHERE at_ms < ?", (old_ms,))
        except self._driver.Error as error:
            raise Lost(_words(error)) from error
        return gone >= SWEEP_PACKS

    def close(self) -> None:
        self._connection.close()


def _told(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def _words(error: psycopg.Error) -> str:
    """The first line of what the server or the driver says."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _whole_numbers() -> type:
    """What reads sums of BIGINT, which Postgres gives as NUMERIC, as the whole numbers they are."""
    base = import_module("psycopg.adapt").Loader

    class WholeNumbers(base):  # type: ignore[misc, valid-type]  # its module is loaded by need
        def load(self, data: bytes) -> int:
            return int(bytes(data))

    return WholeNumbers
