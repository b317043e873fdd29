"""The overhead bench end to end, with the floor that runs everywhere."""

import os
from pathlib import Path

import orjson
import pytest

from benchmarks.commands import main

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


def test_the_floor_is_measured(tmp_path, capsys):
    out = tmp_path / "out.json"
    before = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
    code = main(
        [
            "bench", "overhead", "--rivals", "relay", "no-such.toml", "--floor", "relay",
        ]
    )  # fmt: skip
    assert code == 2
    assert "no peer 'no-such.toml'" in capsys.readouterr().err
    code = main(
        [
            "bench", "overhead", "--rivals", "relay", "--floor", "relay", "--quick",
            "--rounds", "1",
            "--scenarios", "busy", "held", "--seconds", "0.3", "--json", str(out),
            "--limit", "cpu_us_per_request=1.5",
        ]
    )  # fmt: skip
    assert code == 0
    assert "CPU µs a request" in capsys.readouterr().out
    figures = orjson.loads(out.read_bytes())["summary"]["relay"]
    assert 1 < figures["cpu_us_per_request"] < 1000
    assert figures["held"] == 200
    assert figures["kb_per_stream"] > 0
    assert (os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)) == before


def test_options_are_checked(capsys):
    assert main(["bench", "overhead", "--scenarios", "dancing"]) == 2
    assert main(["bench", "overhead", "--limit", "speed=1"]) == 2
    assert main(["bench", "overhead", "--list"]) == 0
    assert "nginx" in capsys.readouterr().out
    assert main(["bench", "overhead", "--limit", "cpu_us_per_request=much"]) == 2
    assert main(["bench", "overhead", "--cpus", "0,99"]) == 2
    assert main(["bench", "overhead", "--cpus", "first"]) == 2
    assert main(["bench", "overhead", "--rounds", "0"]) == 2
    assert main(["bench", "overhead", "--redraw", "no-such.json"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_earlier_run_is_drawn_again(tmp_path, capsys):
    saved, picture = tmp_path / "a.json", tmp_path / "a.svg"
    saved.write_bytes(b"[]")
    assert main(["bench", "overhead", "--redraw", str(saved)]) == 2
    run = Path(__file__).parents[3] / "benchmarks/results/overhead.json"
    assert main(["bench", "overhead", "--redraw", str(run), "--svg", str(picture)]) == 0
    assert "| CPU µs a request |" in capsys.readouterr().out
    assert "nginx" in picture.read_text()
