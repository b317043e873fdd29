"""The tables of the ledger's SQLite file, and the steps from one version of them to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

APPLICATION_ID = 0x46544C31  # "FTL1": this file is a ledger of ours

LABELS = ("key", "route", "category", "provider", "model", "task_type", "cache", "outcome", "marks")
SUMS = ("attempts", "prompt", "completion", "cached", "written", "reasoning", "cost", "saved",
        "reference", "total_us")  # fmt: skip

_ROLLUP = """
CREATE TABLE {name}(
    {unit} INTEGER NOT NULL, labels INTEGER NOT NULL, n INTEGER NOT NULL,
    attempts INTEGER NOT NULL, prompt INTEGER NOT NULL, completion INTEGER NOT NULL,
    cached INTEGER NOT NULL, written INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    cost INTEGER NOT NULL, saved INTEGER NOT NULL, reference INTEGER NOT NULL,
    total_us INTEGER NOT NULL, ttft_n INTEGER NOT NULL, ttft_us INTEGER NOT NULL,
    PRIMARY KEY({unit}, labels)) WITHOUT ROWID;
"""

_FIRST = f"""
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE labels(
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, route TEXT NOT NULL, category TEXT NOT NULL,
    provider TEXT NOT NULL, model TEXT NOT NULL, task_type TEXT NOT NULL, cache TEXT NOT NULL,
    outcome TEXT NOT NULL, marks INTEGER NOT NULL, speed INTEGER NOT NULL,
    UNIQUE(key, route, category, provider, model, task_type, cache, outcome, marks));
CREATE TABLE speeds(
    id INTEGER PRIMARY KEY, route TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    cache TEXT NOT NULL, UNIQUE(route, provider, model, cache));
CREATE TABLE rows(
    seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, labels INTEGER NOT NULL, id TEXT NOT NULL,
    stream INTEGER NOT NULL, status INTEGER NOT NULL, attempts INTEGER NOT NULL,
    prompt INTEGER NOT NULL, completion INTEGER NOT NULL, cached INTEGER NOT NULL,
    written INTEGER NOT NULL, reasoning INTEGER NOT NULL, cost INTEGER NOT NULL,
    saved INTEGER NOT NULL, reference INTEGER NOT NULL, ttft_us INTEGER, total_us INTEGER NOT NULL,
    ttft_slot INTEGER, total_slot INTEGER NOT NULL, error TEXT, tags TEXT);
CREATE INDEX rows_at ON rows(at_ms);
{_ROLLUP.format(name="hours", unit="hour")}
{_ROLLUP.format(name="days", unit="day")}
CREATE TABLE times(
    speed INTEGER NOT NULL, kind INTEGER NOT NULL, slot INTEGER NOT NULL, day INTEGER NOT NULL,
    n INTEGER NOT NULL, PRIMARY KEY(speed, kind, slot, day)) WITHOUT ROWID;
CREATE TABLE tag_days(
    day INTEGER NOT NULL, tag TEXT NOT NULL, n INTEGER NOT NULL, prompt INTEGER NOT NULL,
    completion INTEGER NOT NULL, cost INTEGER NOT NULL, saved INTEGER NOT NULL,
    PRIMARY KEY(day, tag)) WITHOUT ROWID;
"""

STEPS: Sequence[str] = (_FIRST,)  # step n leads from version n to n + 1; never change an old one


class Foreign(Exception):
    """The file is a database, and not a ledger that this version can read."""


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
        for step in steps[version:]:
            for statement in step.split(";"):
                connection.execute(statement)
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
