"""The resilience bench: three proxies without sockets answer, and their table says what of it."""

from __future__ import annotations

import orjson
import pytest

from benchmarks.commands import main
from benchmarks.resilience import command
from benchmarks.resilience.subject import ROUTES, Loop, Subject


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("stream", [False, True])
def test_every_proxy_answers_whole_and_streamed(name: str, stream: bool) -> None:
    loop = Loop()
    subject = Subject(name, loop, stream=stream)
    loop.run_until_complete(subject.open())
    before = subject.answered_bytes
    subject.ask(3)
    each = (subject.answered_bytes - before) / 3
    assert each > (2000 if stream else 300)
    assert loop.asked == []
    loop.run_until_complete(subject.close())
    loop.close()


def test_the_table_compares_with_the_one_that_remembers_nothing() -> None:
    times = {name: [10.0 + place + extra for extra in (0.0, 1.0, 2.0)]
             for place, name in enumerate(reversed(ROUTES))}  # fmt: skip
    counted = dict.fromkeys(ROUTES, 1000.0) | {"everything": 1500.0}
    rows = command.rows_of("whole", times, counted)
    assert [row.over_us for row in rows] == [2.0, 1.0, 0.0]
    table = command.markdown(rows)
    assert "| everything | whole | 13.0 | +2.00 +- 0.00 | 1,500 | +500 |" in table


def test_it_runs_as_a_command(tmp_path, capsys) -> None:
    out = tmp_path / "found.json"
    assert main(["bench", "resilience", "--rounds", "2", "--batch", "2", "--json", str(out)]) == 0
    assert "| everything | streamed |" in capsys.readouterr().out
    assert len(orjson.loads(out.read_bytes())["rows"]) == 2 * len(ROUTES)
    assert main(["bench", "resilience", "--rounds", "1"]) == 2
