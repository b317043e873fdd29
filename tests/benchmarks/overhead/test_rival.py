"""Gateways: their files, their start, why they are skipped."""

import os

import pytest

from benchmarks.overhead import process, rival


def test_every_file_is_read():
    found = {name: rival.read(path) for name, path in rival.known().items()}
    assert {"nginx", "relay", "firsttoken", "litellm", "sglang-router", "vllm-router"} <= set(found)
    for name, one in found.items():
        assert one.name == name
        assert "{PORT}" in one.start + "".join(one.files.values())
        assert not one.needs or one.install


def test_a_bad_file_is_named(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("name = 'x'\nstart = 'x'\nunknown = 1\n")
    with pytest.raises(ValueError, match=r"bad\.toml.*unknown"):
        rival.read(path)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (
            rival.Rival("a", "no-such-program", needs=("no-such-program",), install="x"),
            "not installed",
        ),
        (rival.Rival("b", "{PYTHON} -c 'print(1); raise SystemExit(7)'"), "ended with 7"),
        (
            rival.Rival("c", "{PYTHON} -c 'import time; time.sleep(9)'", ready_seconds=0.2),
            "not ready",
        ),
    ],
)
def test_skips_have_a_reason(one, reason, tmp_path):
    search = os.environ["PATH"]
    with (
        pytest.raises(rival.Skipped, match=reason),
        rival.launched(one, tmp_path, search=search, words={"UP": "1"}),
    ):
        raise AssertionError("it cannot have started")


def test_the_process_tree():
    pids = process.tree(os.getpid())
    assert os.getpid() in pids
    assert process.cpu_seconds(pids) > 0
    assert process.memory_bytes([os.getpid()]) > 1_000_000
    assert process.machine()["cores"] >= 1
    assert process.cpu_seconds([2**30]) == 0
    assert process.core_seconds(0) > 0
    assert process.core_seconds(10_000) == 0
