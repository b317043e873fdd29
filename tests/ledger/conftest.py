"""Where the tests' ledgers lie: a file, or a database of a Postgres that runs for the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.ledger.book import Place
from proxy.ledger.layout import POSTGRES_STEPS, STEPS
from proxy.ledger.postgres import Server
from proxy.ledger.sqlite import File
from tests.ledger.books import NOON

if TYPE_CHECKING:
    from tests.ledger.cluster import Cluster

POSTGRES = (pytest.mark.loopback, pytest.mark.slow)
_numbers = count()


@dataclass(frozen=True, slots=True)
class Places:
    """Ways to one ledger, one for each writer."""

    steps: Sequence[str]
    make: Callable[[Sequence[str]], Place]

    def __call__(self, more: Sequence[str] = ()) -> Place:
        """more: steps of a later version."""
        return self.make((*self.steps, *more))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    from tests.ledger.cluster import Cluster, binary  # noqa: PLC0415 - it needs psycopg

    if binary("postgres") is None:
        pytest.skip("no Postgres server is installed")
    made = Cluster()
    yield made
    made.close()


@pytest.fixture
def database(cluster: Cluster) -> str:
    name = f"ledger{next(_numbers)}"
    cluster.fresh(name)
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=POSTGRES)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    """An empty ledger in each kind of database."""
    if request.param == "sqlite":
        return Places(STEPS, lambda steps: File(str(tmp_path / "ledger.db"), steps))
    cluster = request.getfixturevalue("cluster")
    url = cluster.url(request.getfixturevalue("database"))
    return Places(POSTGRES_STEPS, lambda steps: Server(url, lambda: NOON, steps))
