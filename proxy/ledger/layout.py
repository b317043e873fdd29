"""The tables of a ledger, and the steps from one version of them to the next."""

from __future__ import annotations

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

# What each stage took, and the attempts that did not answer, as JSON.
_STAGES = """
ALTER TABLE rows ADD COLUMN auth_us INTEGER;
ALTER TABLE rows ADD COLUMN classify_us INTEGER;
ALTER TABLE rows ADD COLUMN cache_us INTEGER;
ALTER TABLE rows ADD COLUMN upstream_us INTEGER;
ALTER TABLE rows ADD COLUMN trail TEXT
"""

# All targets' times together: a year of days is read in a tenth of the time.
_DAY_TIMES = """
CREATE TABLE day_times(
    day INTEGER NOT NULL, kind INTEGER NOT NULL, slot INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY(day, kind, slot)) WITHOUT ROWID;
INSERT INTO day_times(day, kind, slot, n)
    SELECT day, kind, slot, sum(n) FROM times GROUP BY day, kind, slot
"""

STEPS: Sequence[str] = (
    _FIRST,
    _STAGES,
    _DAY_TIMES,
)  # step n leads from version n to n + 1; never change an old one

# Where several nodes write: which batch of a writer came last, so that one whose COMMIT was not
# answered is not written twice.
_WRITERS = "CREATE TABLE writers(id TEXT PRIMARY KEY, batch BIGINT NOT NULL, at_ms BIGINT NOT NULL)"


def postgres(step: str) -> str:
    """A step in Postgres' words."""
    return (
        step.replace("INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
        .replace("INTEGER", "BIGINT")
        .replace(" WITHOUT ROWID", "")
    )


POSTGRES_STEPS: Sequence[str] = (
    f"{postgres(_FIRST)};{_WRITERS}",
    postgres(_STAGES),
    postgres(_DAY_TIMES),
)
