"""What the commands say on a terminal, mistakes of their user's included."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.__main__ import main
from proxy.remote import _MEANING as MEANING

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.loopback
@pytest.mark.parametrize("command", ["serve", "mock"])
def test_a_taken_port_is_one_line(command: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "proxy", command, "--port", str(port)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    said = done.stderr.strip()
    assert said.endswith(f"cannot listen on 127.0.0.1:{port}: Address already in use")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("row", "more", "words"),
    [('{"prompt": 5}', (), "rows:1: its prompt is no text"), ("{}", (), "rows:1: is not JSON"),
     ('{"prompt": "a"}', ("b",), "not both")],
)  # fmt: skip
def test_rows_that_are_no_prompts_are_told(
    tmp_path, capsys, row: str, more: tuple[str, ...], words: str
) -> None:
    rows = tmp_path / "rows"
    rows.write_text(row)
    assert main(["classify", "--jsonl", str(rows), *more]) == 2
    assert words in capsys.readouterr().err


def test_check_refuses_what_serve_would(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("SHARED_URL", "http://127.0.0.1:6379")
    path = tmp_path / "firsttoken.toml"
    path.write_text('[shared]\nurl = "env:SHARED_URL"\n')
    assert main(["check", "--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"{path}:2: [shared]: url must begin with redis://" in said


def test_no_text_is_nothing_to_classify(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(" \n"))
    assert main(["classify"]) == 2
    assert "classify: no text" in capsys.readouterr().err


def test_a_device_that_is_none_is_refused_before_anything_is_loaded(capsys) -> None:
    assert main(["embedder", "--socket", "/tmp/none.sock", "--device", "tpu"]) == 2
    said = capsys.readouterr().err.strip()
    assert said == 'firsttoken: embedder: --device: must be auto, cpu or cuda:N, not "tpu"'


def test_a_scenario_that_is_none_is_refused(capsys) -> None:
    assert main(["mock", "--scenario", "t64"]) == 2
    assert "begins with mock or fault-" in capsys.readouterr().err


@pytest.mark.loopback
def test_the_figures_of_the_cache_are_explained(proxy_process, capsys) -> None:
    proxy = proxy_process("[local]\nenabled = false\n")
    assert main(["cache", "stats", "--url", proxy.base_url.removesuffix("/v1")]) == 0
    lines = capsys.readouterr().out.splitlines()
    figures = {line.split()[0]: line for line in lines}
    assert MEANING.keys() <= figures.keys()
    assert all(figures[name].endswith(words) for name, words in MEANING.items())
    assert len({line.index(line.split()[1]) + len(line.split()[1]) for line in lines}) == 1
