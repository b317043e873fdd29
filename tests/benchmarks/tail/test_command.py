"""The tail bench: its table, its picture, its options."""

import asyncio
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest

from benchmarks.commands import main
from benchmarks.load.tally import Tally
from benchmarks.mock import ScriptedUpstream
from benchmarks.mock.scenario import Scenario
from benchmarks.overhead import rival
from benchmarks.tail import command
from benchmarks.tail.stalling import Stalling
from tests.loopback.house import ask


def row(name, slow):
    tally = Tally()
    tally.ttft.extend([0.1] * 95 + [slow] * 5)
    return command.Row(name, tally, replaced=0.05, needless=0.01)


def test_the_table_and_the_picture():
    rows = [row("no stalls", 0.2), row("hedged", 0.3)]
    table = command.markdown(rows)
    assert "| hedged | 100 | 100 | 300 | 300 | 1.50x | 0 | 5.0% | 1.0% |" in table
    assert ElementTree.fromstring(command.picture(rows)).tag.endswith("svg")


async def test_the_stalling_provider_counts_what_it_left_unanswered():
    async with ScriptedUpstream(record=False) as upstream:
        stalling = Stalling(Scenario(tokens=2), 0.3)
        upstream.script("m", stalling)

        asked = [asyncio.create_task(ask(upstream.port, "m")) for _ in range(100)]
        answered = [await one for one in islice(asyncio.as_completed(asked), 70)]
        assert stalling.stalled == 30
        assert {answer.text for answer in answered} == {" tok0001 tok0002"}
        waiting = [one for one in asked if not one.done()]
        assert len(waiting) == stalling.stalled
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def test_the_gateway_file_and_options(capsys):
    one = rival.read(command.GATEWAY)
    assert all(f'name = "{policy}-*"' in "".join(one.files.values()) for policy in command.POLICIES)
    assert main(["bench", "tail", "--stalled", "1.5"]) == 2
    assert "--stalled" in capsys.readouterr().err


@pytest.mark.loopback
@pytest.mark.slow
def test_every_policy_is_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    out = {kind: tmp_path / f"out.{kind}" for kind in ("json", "markdown", "svg")}
    words = [word for kind, path in out.items() for word in (f"--{kind}", str(path))]
    status = main(
        [
            "bench", "tail", "--requests", "40", "--history", "40", "--rate", "50",
            "--median-ms", "20", "--sigma", "0.2", "--stalled", "0.1", *words,
        ]
    )  # fmt: skip
    told = capsys.readouterr()
    assert status == 0, told.err
    rows = orjson.loads(out["json"].read_bytes())["rows"]
    assert list(rows) == [command.REFERENCE, *command.POLICIES]
    assert {name: row["failed"] for name, row in rows.items()} == dict.fromkeys(rows, 0)
    assert rows[command.REFERENCE]["extra"] == 0
    stalled = [row["replaced"] for name, row in rows.items() if name != command.REFERENCE]
    assert min(stalled) > 0.02, "one of ten has no answer, and another one's instead"
    assert told.out == out["markdown"].read_text()
    assert "<svg" in out["svg"].read_text()
