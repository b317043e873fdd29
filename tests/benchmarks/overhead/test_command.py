"""The overhead bench end to end, with the floor that runs everywhere."""

import os

import orjson
import pytest

from benchmarks.commands import main

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


@pytest.fixture
def pinned_back():
    """The bench pins and hurries its own process; a test must undo that."""
    cores, nice = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
    yield
    os.sched_setaffinity(0, cores)
    os.setpriority(os.PRIO_PROCESS, 0, nice)


def test_the_floor_is_measured(tmp_path, capsys, pinned_back):
    out = tmp_path / "out.json"
    code = main(
        [
            "bench", "overhead", "--rivals", "relay", "no-such.toml", "--floor", "relay",
        ]
    )  # fmt: skip
    assert code == 2
    assert "no rival 'no-such.toml'" in capsys.readouterr().err
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


def test_options_are_checked(capsys):
    assert main(["bench", "overhead", "--scenarios", "dancing"]) == 2
    assert main(["bench", "overhead", "--limit", "speed=1"]) == 2
    assert main(["bench", "overhead", "--list"]) == 0
    assert "nginx" in capsys.readouterr().out
