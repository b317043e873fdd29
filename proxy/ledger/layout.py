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

# Rows by the hundred, see pack.py: data is a JSON array of columns, of which each is an array, or
# one number that all rows share; texts that most rows lack are an object by place. What was there
# row by row is packed after this step, and `rows_before` goes.
PACK_SEQS = 4096  # a row's seq is its pack's id times this, and its place
PACKED = ("labels", "at_ms", "stream", "status", "attempts", "prompt", "completion", "cached",
          "written", "reasoning", "cost", "saved", "reference", "ttft_us", "total_us", "auth_us",
          "classify_us", "cache_us", "upstream_us")  # fmt: skip
PACKED_TEXTS = ("error", "tags", "trail")  # behind the ids; the numbers come behind them
_PACKS = """
ALTER TABLE rows RENAME TO rows_before;
CREATE TABLE packs(
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, n INTEGER NOT NULL,
    prefix TEXT NOT NULL, kinds TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX packs_until ON packs(until_ms)
"""


def _view(source: str, seq: str, name: str, number: str, text: str) -> str:
    """The view of single rows. number, text: how a value is found; {at}: its column's place."""
    columns = [f"{seq} AS seq", f"packs.prefix || {name} AS id"]
    for at, column in enumerate(PACKED_TEXTS, 1):
        columns.append(f"{text.format(at=at)} AS {column}")
    for at, column in enumerate(PACKED, 1 + len(PACKED_TEXTS)):
        value = number.format(at=at)
        if column == "at_ms":
            value = f"packs.at_ms + {value}"
        elif column.endswith("_us"):
            value = f"nullif({value}, -1)"
        columns.append(f"{value} AS {column}")
    return f"CREATE VIEW rows AS SELECT {', '.join(columns)} FROM packs, {source}"


_SQLITE_VIEW = _view(
    "json_each(packs.data, '$[0]') AS one",
    f"packs.id * {PACK_SEQS} + one.key",
    "one.value",
    "CASE json_type(packs.data, '$[{at}]') WHEN 'array'"
    " THEN json_extract(packs.data, '$[{at}][' || one.key || ']')"
    " ELSE json_extract(packs.data, '$[{at}]') END",
    "json_extract(packs.data, '$[{at}].\"' || one.key || '\"')",
)
_POSTGRES_VIEW = _view(
    "LATERAL (SELECT packs.data::jsonb AS it OFFSET 0) AS data,"
    " LATERAL jsonb_array_elements_text(data.it -> 0) WITH ORDINALITY AS one(value, key)",
    f"packs.id * {PACK_SEQS} + one.key - 1",
    "one.value",
    "CASE jsonb_typeof(data.it -> {at}) WHEN 'array'"
    " THEN data.it -> {at} ->> (one.key - 1)::int ELSE data.it ->> {at} END::bigint",
    "(data.it -> {at} ->> (one.key - 1)::text)",
)

# step n leads from version n to n + 1; never change an old one
STEPS: Sequence[str] = (_FIRST, _STAGES, _DAY_TIMES, f"{_PACKS};{_SQLITE_VIEW}")
PACKS_VERSION = 4
BEFORE = "rows_before"  # what the step to it leaves to be packed

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
    f"{postgres(_PACKS)};{_POSTGRES_VIEW}",
)
