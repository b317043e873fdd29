"""The tail bench: its table, its picture, its options."""

from xml.etree import ElementTree

from benchmarks.commands import main
from benchmarks.load.tally import Tally
from benchmarks.overhead import rival
from benchmarks.tail import command


def row(name, slow):
    tally = Tally()
    tally.ttft.extend([0.1] * 95 + [slow] * 5)
    return command.Row(name, tally, 0.04)


def test_the_table_and_the_picture():
    rows = [row("no stalls", 0.2), row("hedged", 0.3)]
    table = command.markdown(rows)
    assert "| hedged | 100 | 100 | 300 | 300 | 1.50x | 0 | 4.0% |" in table
    assert ElementTree.fromstring(command.picture(rows)).tag.endswith("svg")


def test_the_gateway_file_and_options(capsys):
    one = rival.read(command.GATEWAY)
    assert all(f'name = "{policy}-*"' in "".join(one.files.values()) for policy in command.POLICIES)
    assert main(["bench", "tail", "--stalled", "1.5"]) == 2
    assert "--stalled" in capsys.readouterr().err
