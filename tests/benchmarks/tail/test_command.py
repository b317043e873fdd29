"""The tail bench: its table, its picture, its options."""

import asyncio
from xml.etree import ElementTree

from benchmarks.commands import main
from benchmarks.load.tally import Tally
from benchmarks.mock import ScriptedUpstream
from benchmarks.mock.scenario import Scenario
from benchmarks.overhead import rival
from benchmarks.tail import command
from benchmarks.tail.stalling import Stalling
from tests.loopback.house import ask
from tests.waiting import until


def row(name, slow):
    tally = Tally()
    tally.ttft.extend([0.1] * 95 + [slow] * 5)
    return command.Row(name, tally, 0.06, 0.01)


def test_the_table_and_the_picture():
    rows = [row("no stalls", 0.2), row("hedged", 0.3)]
    table = command.markdown(rows)
    assert "| hedged | 100 | 100 | 300 | 300 | 1.50x | 0 | 6.0% | 1.0% |" in table
    assert ElementTree.fromstring(command.picture(rows)).tag.endswith("svg")


async def test_the_stalling_provider_counts_what_it_left_unanswered():
    async with ScriptedUpstream(record=False) as upstream:
        stalling = Stalling(Scenario(tokens=2), 0.3)
        upstream.script("m", stalling)

        asked = [asyncio.create_task(ask(upstream.port, "m")) for _ in range(100)]
        assert await until(lambda: stalling.stalled + sum(one.done() for one in asked) == 100)
        answered = [one.result().text for one in asked if one.done()]
        for one in asked:
            one.cancel()
        assert stalling.stalled == 30
        assert answered == [" tok0001 tok0002"] * 70


def test_the_gateway_file_and_options(capsys):
    one = rival.read(command.GATEWAY)
    assert all(f'name = "{policy}-*"' in "".join(one.files.values()) for policy in command.POLICIES)
    assert main(["bench", "tail", "--stalled", "1.5"]) == 2
    assert "--stalled" in capsys.readouterr().err
