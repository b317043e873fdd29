"""The ledger's file: what goes in comes out, whatever happens to the process or to the disk."""

from __future__ import annotations

import logging
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from proxy.ledger import sqlite
from proxy.ledger.book import Book, Foreign
from proxy.ledger.layout import STEPS
from proxy.ledger.sqlite import File, open_ledger
from proxy.ledger.store import Unavailable
from tests.ledger.books import NOON, ledger, until


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_without_a_file_it_is_kept_in_memory() -> None:
    with ledger() as book:
        book.record()
        assert book.rows("SELECT sum(n) FROM days") == [(1,)]


def test_in_memory_the_oldest_rows_go_and_their_sums_stay(monkeypatch) -> None:
    monkeypatch.setattr(sqlite, "ROWS_IN_MEMORY", 100)
    with ledger() as book:
        for _ in range(12):
            for _ in range(25):
                book.record()
            book.rows("SELECT 1")  # after what was recorded
        assert book.rows("SELECT sum(n) FROM days") == [(300,)]
        ((kept,),) = book.rows("SELECT count(*) FROM rows")
    assert 100 <= kept <= 150


@pytest.mark.slow
def test_kill_9_costs_at_most_the_last_second() -> None:
    """A thousand of them by hand: python -m tests.ledger.kills"""
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.ledger.kills", "--kills", "3"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "sums agree" in ran.stdout


@pytest.mark.parametrize("damage", ["garbage", "torn"])
def test_a_corrupt_file_is_set_aside(file: Path, damage: str, caplog) -> None:
    with ledger(file) as book:
        for _ in range(200):
            book.record()
        assert book.rows("SELECT count(*) FROM rows") == [(200,)]
    content = file.read_bytes()
    if damage == "garbage":
        file.write_bytes(b"not a database, but long enough to be one. " * 200)
    else:
        file.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    with caplog.at_level(logging.WARNING), ledger(file) as book:
        book.record()
        until(lambda: book.store.written == 1)
        assert book.rows("SELECT sum(n) FROM days") == [(1,)]
        assert book.store._place.set_aside == 1
    assert len([one for one in file.parent.iterdir() if "corrupt" in one.name]) >= 1
    assert "was damaged" in caplog.text


def test_a_full_disk_does_not_stop_anything(file: Path, caplog, monkeypatch) -> None:
    monkeypatch.setattr("proxy.ledger.store.RETRY_SECONDS", 0.05)
    with ledger(file) as book:
        book.record()
        until(lambda: book.store.written == 1)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = max(one.stat().st_size for one in file.parent.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 512, before[1]))
        try:
            with caplog.at_level(logging.INFO):
                for _ in range(2000):
                    book.record()
                until(lambda: book.store.failures >= 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        until(lambda: book.store.written == 2001)
        assert not book.store.failing
        assert book.rows("SELECT count(*) FROM rows") == [(2001,)]
        assert book.store.figures()["ledger_up"] == 1.0
    lines = [one.message for one in caplog.records]
    assert len([one for one in lines if "serving goes on" in one]) == 1


class Hanging:
    """A book on something that does not answer until it is told to."""

    def __init__(self, book: Book, answers: threading.Event) -> None:
        self._book = book
        self._answers = answers

    def __getattr__(self, name: str):
        return getattr(self._book, name)

    def write(self, sheets) -> int:
        self._answers.wait(20)
        return self._book.write(sheets)


class HangingFile(File):
    answers = threading.Event()

    def open(self):
        return Hanging(super().open(), self.answers)


def test_one_that_hangs_is_told_while_it_does(file: Path, caplog, monkeypatch) -> None:
    monkeypatch.setattr("proxy.ledger.store.HUNG_SECONDS", 0.05)
    place = HangingFile(str(file))
    with caplog.at_level(logging.INFO), ledger(place=place) as book:
        book.record()
        until(lambda: bool(book.store.failing))
        assert book.store.failing == f"{place.name} does not answer"
        assert book.store.figures()["ledger_up"] == 0.0
        place.answers.set()
        until(lambda: book.store.written == 1)
        assert not book.store.failing
        assert book.store.figures()["ledger_up"] == 1.0
    assert f"ledger: {place.name}: did not answer for" in caplog.text


def test_a_folder_that_is_not_there_is_waited_for(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("proxy.ledger.store.RETRY_SECONDS", 0.05)
    file = tmp_path / "later" / "ledger.db"
    with ledger(file) as book:
        book.record()
        until(lambda: book.store.failures > 0)
        assert book.store.figures()["ledger_up"] == 0.0
        with pytest.raises(Unavailable, match="unable to open"):
            book.rows("SELECT 1")
        file.parent.mkdir()
        until(lambda: book.store.written == 1)
        assert book.rows("SELECT count(*) FROM rows") == [(1,)]


def test_somebody_elses_database_is_left_alone(file: Path) -> None:
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE theirs(a)")
    other.close()
    with pytest.raises(Foreign, match="another program"):
        open_ledger(str(file))
    with ledger(file) as book:
        book.record()
        until(lambda: "another program" in book.store.failing)
        assert book.store._place.set_aside == 0


def test_a_ledger_of_an_earlier_version_goes_on(file: Path) -> None:
    old = open_ledger(str(file), STEPS[:1])
    old.execute("INSERT INTO speeds VALUES (1, 'r', 'p', 'm', 'miss')")
    old.execute("INSERT INTO labels VALUES (1, 'k', 'r', 'c', 'p', 'm', '', 'miss', 'ok', 0, 1)")
    old.execute(
        f"INSERT INTO rows VALUES (1, {NOON * 1000:.0f}, 1, 'old', 0, 200, 1, 9, 9, 0, 0, 0, 7, 0,"
        " 7, 1, 2, 1, 2, NULL, NULL)"
    )
    old.close()
    with ledger(file) as book:
        book.record(auth_s=0.001)
        found = book.rows("SELECT id, cost, auth_us, trail FROM rows ORDER BY seq")
    assert found[0] == ("old", 7, None, None)
    assert found[1][2:] == (1000, None)


def test_a_migration_that_fails_changes_nothing(file: Path) -> None:
    open_ledger(str(file)).close()
    with pytest.raises(sqlite3.OperationalError):
        open_ledger(str(file), (*STEPS, "CREATE TABLE fine(a); CREATE TABLE rows(b)"))
    connection = open_ledger(str(file))
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert "fine" not in tables
