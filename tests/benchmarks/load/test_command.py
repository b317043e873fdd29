"""The commands as a user types them."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from xml.etree import ElementTree

import orjson
import pytest
import uvloop

from benchmarks.commands import main
from benchmarks.mock import ScriptedUpstream

pytestmark = pytest.mark.loopback


@pytest.fixture(scope="module")
def served():
    """A scripted upstream in a thread."""
    ready, stop = threading.Event(), []
    found = []

    async def serve():
        end = asyncio.Event()
        stop.append((asyncio.get_running_loop(), end))
        async with ScriptedUpstream() as up:
            found.append(up)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    ready.wait(10)
    yield found[0]
    loop, end = stop[0]
    loop.call_soon_threadsafe(end.set)
    thread.join(10)


@pytest.fixture
def mock(served):
    """Its base URL."""
    return served.base_url


def bench(*words):
    return main(["bench", *words])


def test_a_run_with_all_outputs(mock, tmp_path, capsys):
    files = {kind: str(tmp_path / f"out.{kind}") for kind in ("json", "csv", "html")}
    words = [part for kind, name in files.items() for part in (f"--{kind}", name)]
    code = bench(
        "load", mock, "-m", "mock-t8-f2-i1", "-c", "4", "-n", "40", *words, "--price", "1", "2"
    )
    out = capsys.readouterr().out
    assert code == 0
    assert "40 ok, 0 failed" in out
    assert "first token" in out
    assert "cost: $0.0011" in out
    result = orjson.loads((tmp_path / "out.json").read_bytes())
    assert result["tally"]["ok"] == 40
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 41
    page = (tmp_path / "out.html").read_text()
    assert page.count("<svg") >= 7
    assert "<script" not in page
    assert "http" not in page.replace(mock, "").replace("http://www.w3.org/2000/svg", "")
    for start in range(page.count("<svg")):
        piece = page.split("<svg")[start + 1].split("</svg>")[0]
        assert ElementTree.fromstring(f"<svg{piece}</svg>").tag.endswith("svg")
    assert bench("report", files["json"], files["json"], "--html", str(tmp_path / "two.html")) == 0
    assert (tmp_path / "two.html").stat().st_size > 10_000


def test_promises(mock, capsys):
    words = ["load", mock, "-m", "mock-t2-f2", "-n", "10", "--slo"]
    assert bench(*words, "ttft_p99<5s,error_rate<1%") == 0
    assert bench(*words, "ttft_p99<1us") == 3
    assert "MISS ttft_p99<1us" in capsys.readouterr().out


def test_the_search_for_a_rate(mock, capsys, tmp_path):
    files = {kind: tmp_path / f"best.{kind}" for kind in ("json", "csv", "html")}
    code = bench(
        "load", mock, "-m", "mock-t1-f20", "-c", "2", "--rate", "10", "-d", "0.2", "--slo-search",
        "--slo", "ttft_p99<500ms",
        *(part for kind, file in files.items() for part in (f"--{kind}", str(file))),
    )  # fmt: skip
    assert code == 0
    ok = orjson.loads(files["json"].read_bytes())["tally"]["ok"]
    assert len(files["csv"].read_text().splitlines()) == ok + 1
    assert "<svg" in files["html"].read_text()
    rate = float(capsys.readouterr().out.rsplit(":", 1)[1].split()[0])
    assert 10 <= rate <= 400  # two connections of 50 requests/s, plus what half a second forgives


def test_a_comparison(mock, capsys, tmp_path):
    html = str(tmp_path / "ab.html")
    words = ["-m", "mock-t2-f1", "-c", "2", "-n", "40", "--rounds", "2", "--html", html]
    assert bench("load", "--compare", mock, mock, *words) == 0
    out = capsys.readouterr().out
    assert "B/A" in out
    assert "ttft p50" in out
    assert "Comparison" in (tmp_path / "ab.html").read_text()
    saved = str(tmp_path / "ab.json")
    assert bench("load", "--compare", mock, mock, *words, "--json", saved) == 0
    assert bench("report", saved, "--html", html) == 0
    page = (tmp_path / "ab.html").read_text()
    assert "Side by side" in page
    assert f"1. {mock}" in page and f"2. {mock}" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-m", "m"], "which URL"),
        (["ftp://x", "-m", "m"], "not an http"),
        (["http://x", "-m", "m", "--api-key", "sk-naked"], "not the key itself"),
        (["http://x", "-m", "m", "--api-key", "env:NOT_SET_ANYWHERE"], "has no NOT_SET"),
        (["http://x", "-m", "m", "--extra-body", "{"], "not JSON"),
        (["http://x", "-m", "m", "--prompts", "/does/not/exist"], "No such file"),
        (["http://x", "-m", "m", "--rate-type", "poisson"], "needs --rate"),
        (["http://x", "-m", "m", "--slo", "ttft<soon"], "cannot read"),
        (["http://x", "-m", "m", "--slo-search"], "needs --slo"),
        (["http://x", "-m", "m", "-n", "0"], "must be positive"),
        (["http://x", "-m", "m", "-c", "0"], "--concurrency must be positive"),
        (["http://x", "-m", "m", "--rate", "0"], "needs --rate above 0"),
        (["http://x", "-m", "m", "--rate", "-3"], "needs --rate above 0"),
        (["http://x", "-m", "m", "--processes", "0"], "must be positive"),
        (["http://x", "-m", "m", "--warmup", "-1"], "must not be negative"),
        (["http://x", "-m", "m", "--output-tokens", "0"], "must be positive"),
        (["http://x", "-m", "m", "--goodput", "speed:3"], "try ttft:300"),
        (["http://x:y", "-m", "m"], "http://x:y"),
        (["http://x", "-m", "m", "-H", "nonsense"], "not a header"),
        (["http://127.0.0.1:1", "-m", "m"], "refused"),
        (["http://.example", "-m", "m"], "no host can be called so"),
        (["http://" + "a" * 70, "-m", "m"], "no host can be called so"),
        (["http://x", "-m", "\udcff"], "must be UTF-8"),
        (["http://x", "-m", "m", "-H", "X: \udcff"], "must be UTF-8"),
        (["http://x", "-m", "m", "-d", "nan"], "--duration must be a number"),
        (["http://x", "-m", "m", "--rate", "3", "--burstiness", "nan"], "above 0"),
        (["http://x", "-m", "m", "--ramp-to", "inf"], "a ramp needs"),
        (["http://x", "-m", "m", "--json", "/does/not/exist"], "--json: /does/not/exist: No such"),
        (["http://x", "-m", "m", "--html", "/"], "--html: /: Is a directory"),
        (["--compare", "http://x", "http://y", "-m", "m", "--slo", "ttft<1s"], "--slo does not go"),
        (["--compare", "http://x", "http://y", "-m", "m", "--csv", "a.csv"], "--csv does not go"),
        (
            ["http://x", "-m", "m", "--slo", "ttft<1s", "--slo-search", "--rate-type", "ramp"],
            "sets the rate itself",
        ),
        (
            ["http://127.0.0.1:1", "-m", "m", "--rate-type", "concurrent", "--rate", "inf"],
            "refused",
        ),
    ],
)
def test_mistakes_get_one_line(words, message, capsys):
    assert bench("load", *words) in (1, 2)
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_several_processes(mock):
    words = ["-m", "mock-t2", "-c", "4", "-n", "200", "--processes", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "bench", "load", mock, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "200 ok, 0 failed" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--modle", "m"], "unknown: --modle (did you mean --model?)"),
        (["-m", "m", "--concurency", "3"], "did you mean --concurrency?"),
        (["-m", "m", "-c", "many"], "invalid int value: 'many'"),
        (["-m", "m", "--rate-type", "sweep"], "there is no 'sweep' (one of constant, poisson,"),
    ],
)
def test_wrong_flags_get_one_line(words, message, capsys):
    with pytest.raises(SystemExit) as end:
        bench("load", "http://x", *words)
    assert end.value.code == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_the_words_of_other_tools(mock, capsys, tmp_path):
    """vllm bench serve, guidellm and genai-perf, as their users type them."""
    host = mock.removesuffix("/v1")
    vllm = (
        f"--backend openai-chat --base-url {host} --endpoint /v1/chat/completions --model mock-t2 "
        "--dataset-name random --random-input-len 32 --random-output-len 8 --num-prompts 6 "
        "--request-rate inf --max-concurrency 3 --goodput ttft:5000 e2el:9000 --header X-A=b "
        "--num-warmups 1 --disable-tqdm"
    )
    assert bench("load", *vllm.split()) == 0
    assert "6 ok" in (out := capsys.readouterr().out)
    assert "6 of 6 answers" in out
    guidellm = (
        f"--target {host} --model mock-t2 --rate-type concurrent --rate 2 --max-requests 6 "
        f"--data prompt_tokens=32,output_tokens=4 --output-path {tmp_path / 'g.json'}"
    )
    assert bench("load", *guidellm.split()) == 0
    assert orjson.loads((tmp_path / "g.json").read_bytes())["concurrency"] == 2
    genai = (
        f"-m mock-t2 --endpoint-type chat --endpoint v1/chat/completions -u {host} --streaming "
        "--concurrency 2 --request-count 6 --synthetic-input-tokens-mean 32 "
        "--output-tokens-mean 4 --extra-inputs temperature:0.5 --extra-inputs user:me "
        "--random-seed 3 --warmup-request-count 2"
    )
    assert bench("load", *genai.split()) == 0
    assert "6 ok" in capsys.readouterr().out


def test_ctrl_c_tells_what_there_was(mock, served):
    words = ["-m", "mock-t2-f5", "-c", "4", "-d", "60"]
    command = [sys.executable, "-m", "benchmarks", "bench", "load", mock, *words]
    for processes in ("1", "2"):
        before, limit = served.totals.requests, time.monotonic() + 60
        child = subprocess.Popen(
            [*command, "--processes", processes],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        while served.totals.requests < before + 20 and time.monotonic() < limit:
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=60)
        assert child.returncode == 130
        assert "ended early" in out and "0 failed" in out
        assert err == ""


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_command_alone_ends_it_well(mock, served, processes, number):
    """As CI and `timeout` send it: not to the whole group."""
    words = ["-m", "mock-t2-f5", "-c", "4", "-d", "60", "--processes", processes]
    before, limit = served.totals.requests, time.monotonic() + 60
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "bench", "load", mock, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while served.totals.requests < before + 20 and time.monotonic() < limit:
        time.sleep(0.02)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "ended early" in out and "0 failed" in out
    assert err == ""


def test_a_comparison_that_ends_early_tells_its_whole_rounds(mock, served):
    words = ["--compare", mock, mock, "-m", "mock-t2-f5", "-n", "4000", "--rounds", "400"]
    before, limit = served.totals.requests, time.monotonic() + 60
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "bench", "load", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while served.totals.requests < before + 40 and time.monotonic() < limit:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "of 400 rounds" in out and "B/A" in out
    assert err == ""


def test_a_comparison_names_the_side_that_is_not_there(mock, capsys):
    words = ["-m", "mock-t2", "-n", "4", "--rounds", "2"]
    assert bench("load", "--compare", mock, "http://127.0.0.1:1", *words) == 1
    assert "http://127.0.0.1:1: " in capsys.readouterr().err


def test_a_page_shows_errors_and_no_empty_figures(mock, tmp_path):
    html = tmp_path / "errors.html"
    assert bench("load", mock, "-m", "fault-500", "-n", "8", "-q", "--html", str(html)) == 1
    page = html.read_text()
    assert "nan" not in page
    assert "milliseconds" not in page and "Distributions" not in page
    assert ">errors</text>" in page
    assert bench("load", mock, "-m", "fault-close-mid", "-n", "8", "-q", "--html", str(html)) == 1
    assert "nan" not in html.read_text()


def test_the_names_of_many_runs_stand_clear_of_the_title(mock, tmp_path):
    files = []
    for number in range(5):
        files.append(str(tmp_path / f"{number}.json"))
        words = ["-m", "mock-t4-i1", "-n", "3", "-q", "--name", f"a rather long name {number}"]
        assert bench("load", mock, *words, "--json", files[-1]) == 0
    html = tmp_path / "five.html"
    assert bench("report", *files, "--html", str(html)) == 0
    picture = html.read_text().split('aria-label="Gap between tokens"')[1].split("</svg>")[0]
    names = re.findall(r'y="([\d.]+)" text-anchor="start">(a rat.*… ?\w* \d)<', picture)
    assert len({name for _, name in names}) == 5
    assert all(float(y) > 250 for y, _ in names)


def test_a_single_answer_is_drawn(mock, tmp_path):
    html = tmp_path / "one.html"
    assert bench("load", mock, "-m", "mock-t4-i1", "-n", "1", "-q", "--html", str(html)) == 0
    page = html.read_text()
    assert "<circle" in page
    curve = page.split('aria-label="First token"')[1].split("<path")[1].split("/>")[0]
    assert "L" in curve


def test_a_page_of_nothing_is_none(tmp_path, capsys):
    (tmp_path / "none.json").write_text("[]")
    html = str(tmp_path / "page.html")
    assert bench("report", str(tmp_path / "none.json"), "--html", html) == 2
    assert "no runs" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["mock"], ["bench"], ["bench", "load"], ["bench", "report"]])
def test_help_has_an_example(words, capsys):
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    assert end.value.code == 0
    assert "example" in capsys.readouterr().out


def test_the_list_of_faults(capsys):
    assert main(["mock", "--faults"]) == 0
    assert "fault-stall-mid-stream\n" in capsys.readouterr().out
