"""Failures met by the proxy as it comes: all that are played are passed.

Four of the sixteen; with FIRSTTOKEN_FAULTS=all every one.
"""

import os
import sys
from pathlib import Path

import orjson
import pytest

from benchmarks.commands import main
from benchmarks.faults.scenarios import SCENARIOS

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[3]
PLAYED = (
    list(SCENARIOS)
    if os.environ.get("FIRSTTOKEN_FAULTS") == "all"
    else ["S01", "S04", "S09", "S12"]
)


def test_every_scenario_that_is_played_is_passed(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    out = tmp_path / "card.json"
    status = main(
        [
            "bench", "faults", "--gateway", "firsttoken",
            "--path", str(Path(sys.executable).parent),
            "--only", *PLAYED, "--history", "2", "--json", str(out),
        ]
    )  # fmt: skip
    told = capfd.readouterr()
    verdicts = orjson.loads(out.read_bytes())["verdicts"]
    assert {name: one["score"] for name, one in verdicts.items()} == dict.fromkeys(
        PLAYED, "pass"
    ), told.err
    assert status == 0
