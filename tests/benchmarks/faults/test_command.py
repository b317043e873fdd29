"""The suite end to end, with a relay as the gateway: it forwards and knows nothing."""

import subprocess
import sys

import orjson
import pytest

from benchmarks.commands import main
from benchmarks.faults import command, scorecard
from benchmarks.faults.scenarios import SCENARIOS
from benchmarks.faults.stage import Score, Verdict
from benchmarks.faults.variants import VARIANTS
from benchmarks.mock.faults import NAMES
from benchmarks.overhead import rival
from tests.waiting import listens, waited

pytestmark = pytest.mark.loopback


def test_there_are_sixteen_scenarios_and_known_variants():
    assert list(SCENARIOS) == [f"S{number:02d}" for number in range(1, 17)]
    assert set(VARIANTS) <= set(NAMES)
    assert all(play.__doc__ for play in SCENARIOS.values())


def test_gateway_files_are_read():
    assert set(command.known()) == {"firsttoken", "litellm", "nginx"}
    for path in command.known().values():
        one = rival.read(path)
        text = "".join(one.files.values())
        assert "{PRIMARY}" in text
        assert "{BACKUP}" in text


def test_a_relay_is_judged(tmp_path, capsys):
    primary, gateway = rival.free_port(), 0
    code = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
    gateway = int(subprocess.check_output([sys.executable, "-c", code]))
    relay = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.overhead.relay", str(gateway), str(primary)]
    )
    assert waited(lambda: listens(gateway))
    names = ["S03", "S08", "S11", "S13", "s05", "500-html", "reset-after-headers"]
    out = tmp_path / "card.json"
    try:
        status = main(
            [
                "bench", "faults", "--target", f"http://127.0.0.1:{gateway}", "--history", "1",
                "--primary-port", str(primary), "--backup-port", str(primary + 1),
                "--json", str(out), "--markdown", str(tmp_path / "card.md"), "--only", *names,
            ]
        )  # fmt: skip
    finally:
        relay.terminate()
        relay.wait(5)
    assert status == 1
    verdicts = orjson.loads(out.read_bytes())["verdicts"]
    assert {name: one["score"] for name, one in verdicts.items()} == {
        "S03": "safe",
        "S08": "safe",
        "S11": "pass",
        "S13": "pass",
        "S05": "fail",
        "500-html": "fail",
        "reset-after-headers": "fail",
    }
    card = (tmp_path / "card.md").read_text()
    assert "2 pass, 0 partial, 2 safe, 3 fail" in card
    assert card in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--target URL or --gateway NAME"),
        (["--target", "http://x", "--gateway", "nginx"], "--target URL or --gateway NAME"),
        (["--target", "http://x"], "--primary-port"),
        (["--gateway", "no-such"], "no gateway"),
        (["--gateway", "nginx", "--only", "S99"], "no scenario"),
        (["--print-config", "no-such"], "no gateway"),
    ],
)
def test_mistakes_get_one_line(words, message, capsys):
    assert main(["bench", "faults", *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_the_config_is_shown(capsys):
    assert main(["bench", "faults", "--print-config", "firsttoken", "--primary-port", "7001"]) == 0
    out = capsys.readouterr().out
    assert 'base_url = "http://127.0.0.1:7001/v1"' in out
    assert 'base_url = "http://127.0.0.1:9002/v1"' in out


def test_gateways_that_list_their_models_get_them_all():
    one = command.expanded(rival.read(command.known()["litellm"]))
    (text,) = one.files.values()
    assert "bench-s16" in text
    assert "second-v-role-only" in text
    assert "{NAME}" not in text


def test_the_scorecard():
    card = scorecard.markdown("x", {"S01": Verdict(Score.PASS, "a|b", 1.5)}, {"S01": "429"})
    assert "| S01 | 429 | pass | 1.50 | a/b |" in card
