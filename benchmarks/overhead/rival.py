"""Gateways to measure: one TOML file each, started on one core, skipped with a reason."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.overhead import process

RIVALS = Path(__file__).parent / "rivals"
FIRST = (
    "firsttoken",
    "firsttoken-bare",
    "nginx",
    "relay",
)  # what is measured when nothing is named
POLL_SECONDS = 0.005
STOP_SECONDS = 5.0


class Skipped(Exception):
    """Why a gateway is not measured."""


@dataclass(frozen=True, slots=True)
class Rival:
    """How one gateway is started. {UP} and {PORT} are ports, {WORK} a scratch folder, {PYTHON}
    this interpreter, {HOME} the folder that its setup fills."""

    name: str
    start: str
    version: str = ""  # a command whose first line says it
    needs: tuple[str, ...] = ()  # programs that must be found
    install: str = ""  # how to get it, for the reason of a skip
    setup: tuple[str, ...] = ()  # commands that get it into {HOME}
    setup_files: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()  # scenarios beyond those that every gateway goes through
    prefixes: Mapping[str, str] = field(default_factory=dict)  # scenario -> before the model
    path: str = "/v1/chat/completions"
    model_prefix: str = ""
    headers: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    ready_model: str = "mock-t1"
    ready_seconds: float = 60.0
    excuse: str = ""  # why it probably did not start, where that is known


def read(path: Path) -> Rival:
    """A rival's file. Raises ValueError naming the file and what is wrong."""
    try:
        data = tomllib.loads(path.read_text())
        for name in ("needs", "headers", "setup", "extra"):
            data[name] = tuple(data.get(name, ()))
        return Rival(**data)
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def known() -> dict[str, Path]:
    """The files that come with the benchmarks, by name."""
    return {one.stem: one for one in sorted(RIVALS.glob("*.toml"))}


@dataclass(frozen=True, slots=True)
class Started:
    """A gateway that answers. url is its base; start_s how long its first answer took."""

    rival: Rival
    url: str
    pid: int
    start_s: float

    def cpu(self) -> float:
        return process.cpu_seconds(process.tree(self.pid))

    def memory(self) -> int:
        """Bytes that this gateway has written and shares with nobody."""
        return process.memory_bytes(process.tree(self.pid), private=True)

    def idle(self) -> int:
        """Bytes it holds with its share of what other processes hold too, such as libraries."""
        return process.memory_bytes(process.tree(self.pid))


@contextlib.contextmanager
def launched(
    rival: Rival,
    work: Path,
    *,
    search: str,
    words: Mapping[str, str],
    cpu: int | None = None,
) -> Iterator[Started]:
    """Runs it until the block ends. words: what stands for {UP} and the like in its file.
    Raises Skipped when it is not there or does not answer."""
    _require(rival, words, search)
    port, second = free_port(), free_port(1)
    work.mkdir(parents=True, exist_ok=True)
    places = {"PORT": str(port), "PORT2": str(second), "WORK": str(work)}
    words = {**words, **places, "PYTHON": sys.executable}
    for name, text in rival.files.items():
        Path(fill(name, words)).write_text(fill(text, words))
    command = shlex.split(fill(rival.start, words))
    command[0] = shutil.which(command[0], path=search) or command[0]
    env = {
        **os.environ,  # noqa: TID251 - a child process needs its PATH and HOME
        "PATH": search,
        **{name: fill(value, words) for name, value in rival.env.items()},
    }
    with (work / f"{rival.name}.log").open("wb") as log:
        begun = time.monotonic()
        child = subprocess.Popen(
            [*_pinned(cpu), *command], stdout=log, stderr=log, env=env, start_new_session=True
        )
        process.hurry(child.pid)
        try:
            _wait_ready(rival, words, child, work)
            took = time.monotonic() - begun
            yield Started(rival, f"http://127.0.0.1:{port}{rival.path}", child.pid, took)
        finally:
            stop(child)


def _require(rival: Rival, words: Mapping[str, str], search: str) -> None:
    """Raises Skipped for the first program that is missing."""
    for program in rival.needs:
        if not found(fill(program, words), search):
            raise Skipped(f"{Path(program).name} is not installed ({rival.install or 'no recipe'})")


def found(program: str, search: str) -> bool:
    """Whether a program is on the path, or a file there."""
    return Path(program).exists() if "/" in program else bool(shutil.which(program, path=search))


def version(rival: Rival, search: str, home: Path) -> str:
    """What the gateway says its version is; empty where it says nothing."""
    if not rival.version:
        return ""
    command = fill(rival.version, {"PYTHON": sys.executable, "HOME": str(home)})
    env = {**os.environ, "PATH": search}  # noqa: TID251 - as above
    try:
        done = subprocess.run(
            shlex.split(command), capture_output=True, text=True, check=False, env=env, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = (done.stdout + done.stderr).strip().splitlines()
    return said[0].strip() if said and not done.returncode else ""


def stop(child: subprocess.Popen[bytes]) -> None:
    """TERM, then KILL, for the whole session of the process."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(STOP_SECONDS)


def end_orderly() -> None:
    """Makes SIGTERM end this process as an exception, so that no gateway is left behind."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def free_port(skip: int = 0) -> int:
    """A port that is free now, below those that outgoing connections take; skip: not the first
    so many."""
    for port in range(20_000 + os.getpid() % 4000, 32_000):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            if not skip:
                return port
            skip -= 1
    raise Skipped("no free port")


def _pinned(cpu: int | None) -> list[str]:
    return ["taskset", "-c", str(cpu)] if cpu is not None and shutil.which("taskset") else []


def fill(text: str, words: Mapping[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text


def _wait_ready(
    rival: Rival, words: Mapping[str, str], child: subprocess.Popen[bytes], work: Path
) -> None:
    """Until a request through the gateway is answered with 200."""
    body = b'{"model": "%b", "messages": [{"role": "user", "content": "ready?"}]}'
    body %= (rival.model_prefix + rival.ready_model).encode()
    fields = fill("".join(f"{field}\r\n" for field in rival.headers), words).encode()
    port = int(words["PORT"])
    request = (
        b"POST %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\n%bContent-Length: %d\r\n\r\n%b"
        % (rival.path.encode(), port, fields, len(body), body)
    )
    limit = time.monotonic() + rival.ready_seconds
    said = b""
    while time.monotonic() < limit:
        if child.poll() is not None:
            why = rival.excuse or _tail(work, rival)
            raise Skipped(f"it ended with {child.returncode}: {why}")
        with contextlib.suppress(OSError):
            said = _exchange(port, request)
            if said.startswith(b"HTTP/1.1 200"):
                return
        time.sleep(POLL_SECONDS)
    first = said.partition(b"\r\n")[0].decode("latin-1") or "nothing"
    raise Skipped(f"not ready in {rival.ready_seconds:.0f} s, it said {first}")


def _exchange(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.settimeout(10)
        sock.sendall(request)
        parts = []
        while data := sock.recv(65536):
            parts.append(data)
    return b"".join(parts)


def _tail(work: Path, rival: Rival) -> str:
    lines = (work / f"{rival.name}.log").read_text(errors="replace").strip().splitlines()
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["it said nothing"])[-1][:200]
