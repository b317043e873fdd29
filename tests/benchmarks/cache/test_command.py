"""`bench cache` at a size that a test can pay for."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from benchmarks.cache.prompts import prompt
from benchmarks.commands import main


def test_it_prints_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, pairs = tmp_path / "out.json", tmp_path / "pairs.jsonl"
    rows = [{"a": "Who wrote Emma?", "b": "who wrote Emma", "label": 1},
            {"a": "Who wrote Emma?", "b": "Who wrote Ivanhoe?", "label": 0}]  # fmt: skip
    pairs.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    arguments = ["bench", "cache", "--entries", "300", "--rounds", "20", "--lookups", "2000"]
    assert main([*arguments, "--pairs", str(pairs), "--json", str(out)]) == 0
    figures = orjson.loads(out.read_bytes())["figures"]
    assert figures["tenants"]["crossed"] == 0
    assert figures["tenants"]["hits"] > 100
    assert figures["pairs"]["wrong"] == 0
    assert figures["given pairs"]["recall"] == figures["given pairs"]["precision"] == 1.0
    assert figures["300 entries"]["hit_p50_us"] > 0
    assert "longest_stall_ms" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "cache", "--pairs", "/nowhere/pairs.jsonl"]) == 1
    assert "/nowhere/pairs.jsonl" in capsys.readouterr().err


def test_prompts_are_all_of_their_own() -> None:
    assert len({prompt(number) for number in range(50_000)}) == 50_000
