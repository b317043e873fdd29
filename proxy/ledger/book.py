"""What a ledger's database is to the thread that owns it: a seam, and what can go wrong behind it.

sqlite.py and postgres.py stand behind it. The questions of reports.py are written once, in the SQL
that both understand, with ? for values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from proxy.ledger.sheet import Sheet
    from proxy.timing import Clock

Answer = TypeVar("Answer")


class Trouble(Exception):
    """The database cannot be opened, read or written now; its words say why."""


class Lost(Trouble):
    """The open book is of no more use: it must be closed, and opened again."""


class Foreign(Trouble):
    """The database is there, and not a ledger that this version can read."""


class Slow(Trouble):
    """A question took longer than it may."""


class Cursor(Protocol):
    """What an executed statement found."""

    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...
    @property
    def rowcount(self) -> int: ...


class Reader(Protocol):
    """Whom a question is put to. Money and counts come back as whole numbers."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Cursor: ...


class Book(Protocol):
    """An open ledger. Everything here raises Trouble."""

    refused: int  # rows that the database does not take

    def write(self, sheets: Sequence[Sheet]) -> int:
        """Write as many as go at once, from the first on: how many. Where it raises: none. None of
        them is empty."""
        ...

    def answer(self, question: Callable[[Reader], Answer], seconds: float) -> Answer:
        """Put a question. Raises Slow."""
        ...

    def sweep(self, oldest_ms: int, hours_ms: int) -> bool:
        """Forget a little of the rows and days before the first, of the hours before the second
        moment; whether there is more."""
        ...

    def close(self) -> None: ...


class Place(Protocol):
    """Where a ledger is. Its name is for the log: it holds no password."""

    @property
    def name(self) -> str: ...
    def open(self) -> Book:
        """Raises Trouble."""
        ...

    def mend(self, trouble: Trouble, wall: Clock) -> bool:
        """Whether the trouble is over now, so that there is no need to wait."""
        ...
