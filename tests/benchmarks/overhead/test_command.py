"""The overhead bench end to end, with the floor that runs everywhere."""

import os
from pathlib import Path

import orjson
import pytest

from benchmarks.commands import main
from benchmarks.overhead.scenarios import Sizes

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


def test_every_scenario_is_measured(tmp_path, capsys, monkeypatch):
    small = Sizes(seconds=0.3, streams=20, tokens=5, held=20, crowd=40, requests=600)
    monkeypatch.setattr("benchmarks.overhead.scenarios.QUICK", small)
    monkeypatch.setattr("benchmarks.overhead.scenarios.CROWD", "mock-t3-f100-i300")
    out, every = tmp_path / "out.json", tmp_path / "every.toml"
    every.write_text(
        'name = "every"\nstart = "{PYTHON} -m benchmarks.overhead.relay {PORT} {UP}"\n'
        'extra = ["varied", "hits", "crowd"]\n'
    )
    code = main(
        [
            "bench", "overhead", "--rivals", str(every), "--floor", "every", "--quick", "--rounds",
            "1", "--json", str(out),
        ]
    )  # fmt: skip
    assert code == 0, capsys.readouterr().err
    figures = orjson.loads(out.read_bytes())["summary"]["every"]
    assert figures["held"] == 20
    assert figures["crowd_open"] == 40
    assert figures["crowd_lost"] == 0
    assert figures["hits_share"] == 0, "a relay keeps nothing"
    assert figures["varied_missed_share"] == 0
    assert 0 < figures["c1_p50_ms"] <= figures["c1_p99_ms"]
    assert figures["ttft_p50_ms"] <= figures["ttft_p99_ms"]
    assert figures["cpu_us_per_token"] > 0
