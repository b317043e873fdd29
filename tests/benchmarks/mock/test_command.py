"""The mock as a process."""

import signal
import subprocess
import sys
import urllib.request

import orjson
import pytest
import trustme

from benchmarks.commands import main

pytestmark = pytest.mark.loopback


def serve(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "mock", "--port", "0", *words],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_it_serves_until_it_is_told_to_stop(tmp_path):
    trace = tmp_path / "trace.jsonl"
    trace.write_text('{"first_ms": 5, "gaps_ms": [1, 2]}\n')
    with serve("--trace", str(trace), "--scenario", "mock-t3", "--word", "w") as process:
        url = process.stdout.readline().split()[-1]
        body = orjson.dumps({"model": "anything", "messages": []})
        with urllib.request.urlopen(f"{url}/chat/completions", data=body, timeout=5) as answer:
            value = orjson.loads(answer.read())
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert "1 requests on 1 connections" in process.stdout.read()
    assert value["choices"][0]["message"]["content"] == " w0001xx w0002xx w0003xx"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "nonsense",
        "[1]",
        '{"first_ms": 1, "gaps_ms": 2}',
        '{"first_ms": -1, "gaps_ms": []}',
    ],
)
def test_bad_traces_get_one_line(tmp_path, capsys, text):
    trace = tmp_path / "trace.jsonl"
    trace.write_text(text)
    assert main(["mock", "--trace", str(trace)]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert f"{trace}:1: wants" in err or "no rows" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "99999"], "--port is 0 to 65535"),
        (["--port", "-1"], "--port is 0 to 65535"),
        (["--trace", "/does/not/exist"], "/does/not/exist: No such file"),
        (["--host", "nosuch.invalid"], "nosuch.invalid"),
    ],
)
def test_mistakes_get_one_line(words, message, capsys):
    assert main(["mock", *words]) in (1, 2)
    err = capsys.readouterr().err
    assert message in err
    assert "Unknown error" not in err
    assert len(err.splitlines()) == 1


def test_a_taken_port_gets_one_line(capsys):
    with serve() as process:
        port = process.stdout.readline().split(":")[-1].split("/")[0]
        assert main(["mock", "--port", port]) == 1
        process.terminate()
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


def test_it_speaks_tls(tmp_path, capsys):
    pem = tmp_path / "server.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    with serve("--certificate", str(pem)) as process:
        url = process.stdout.readline().split()[-1]
        words = ["bench", "load", url, "-m", "mock-t4", "-n", "6", "-c", "2", "-q"]
        assert main(words) == 1  # nobody vouches for that certificate
        assert "certificate" in capsys.readouterr().err.lower()
        assert main([*words, "--insecure"]) == 0
        process.terminate()
    assert url.startswith("https://")
    assert "6 ok, 0 failed" in capsys.readouterr().out


def test_a_bad_certificate_gets_one_line(tmp_path, capsys):
    assert main(["mock", "--certificate", str(tmp_path / "none.pem")]) == 2
    (tmp_path / "bad.pem").write_text("nonsense")
    assert main(["mock", "--certificate", str(tmp_path / "bad.pem")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
