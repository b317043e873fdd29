"""The openai package for Node, pointed at the proxy by its base URL and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import orjson
import pytest

PACKAGE = "openai@6.49.0"
SCRIPT = Path(__file__).with_name("openai_node.mjs")

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed"
    ),
]


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the package is; installed once, outside the repository."""
    place = Path(tempfile.gettempdir()) / f"firsttoken-{PACKAGE.replace('@', '-')}"
    if not (place / "node_modules" / "openai" / "package.json").exists():
        place.mkdir(exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(place), PACKAGE]
        done = subprocess.run(command, cwd=place, capture_output=True, timeout=100, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot install {PACKAGE} here")
    return place


@pytest.fixture
def run(folder):
    """Runs one scenario of the script; its outcome."""

    def scenario(name: str, proxy, model: str, key: str = "any") -> dict:
        command = ["node", str(SCRIPT), str(folder), name, proxy.base_url, model, key]
        done = subprocess.run(command, capture_output=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return orjson.loads(done.stdout)

    return scenario


def test_streams_real_tokens_and_usage(run, home, model) -> None:
    got = run("stream", home, model)
    assert got["text"].strip()
    assert got["finish"] in ("stop", "length")
    assert got["usage"]["completion_tokens"] > 0
    assert got["ids"] == 1


def test_answers_whole(run, home, model) -> None:
    got = run("whole", home, model)
    assert got["text"].strip()
    assert got["usage"]["total_tokens"] > got["usage"]["completion_tokens"] > 0
    assert got["provider"] == "local"


def test_lists_models(run, home, model) -> None:
    assert {"auto", model} <= set(run("models", home, model)["ids"])


def test_a_stream_helper_of_the_client_understands_it(run, home, model) -> None:
    got = run("helper", home, model)
    assert got["deltas"] > 1
    assert got["text"].strip()


def test_unknown_model_is_not_found(run, home, model) -> None:
    got = run("error", home, "smollm2-135m-instuct")
    assert got["thrown"] == "NotFoundError"
    assert got["code"] == "model_not_found"
    assert model in got["message"]


def test_wrong_key_is_an_authentication_error(run, locked) -> None:
    got = run("error", locked, "mock/mock-t2", "sk-wrong")
    assert got["thrown"] == "AuthenticationError"
    assert "sk-wrong" not in orjson.dumps(got).decode()
    assert "thrown" not in run("error", locked, "mock/mock-t2", "sk-right")


@pytest.mark.parametrize(
    ("name", "thrown"),
    [
        ("mock-e400", "BadRequestError"),
        ("mock-e409", "ConflictError"),
        ("mock-e422", "UnprocessableEntityError"),
        ("fault-429-7", "RateLimitError"),
        ("mock-e500", "InternalServerError"),
        ("mock-e529", "InternalServerError"),
    ],
)
def test_a_providers_refusal_keeps_its_class(run, faulty, name, thrown) -> None:
    got = run("error", faulty, f"mock/{name}")
    assert got["thrown"] == thrown
    assert got["type"]
    if name == "fault-429-7":
        assert got["retryAfter"] == "7"


@pytest.mark.parametrize("name", ["mock-t8-x4", "fault-reset-mid", "fault-error-frame-mid"])
def test_a_broken_answer_throws_and_never_looks_finished(run, faulty, name) -> None:
    got = run("broken", faulty, f"mock/{name}")
    assert got["error"]
    assert got["finish"] is None
    assert got["text"]


def test_leaving_mid_stream_ends_the_providers_work(run, faulty, upstream) -> None:
    got = run("leave", faulty, "mock/mock-t500-i20")
    assert got["seen"] == 5
    record = upstream.requests[-1]
    end = time.monotonic() + 2
    while not record.ended_at and time.monotonic() < end:
        time.sleep(0.01)
    assert record.closed_by_client
