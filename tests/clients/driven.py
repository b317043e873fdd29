"""Client libraries driven in processes of their own: where they are installed, how they are asked.

What they need beside the extra `test` is installed once, outside the repository, in exact versions:
`python/*.txt` over this environment (litellm and instructor want an older openai than it has) and
`node/package.json`. Where there is no package index or no node, what needs them is skipped.
"""

from __future__ import annotations

import hashlib
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

HERE = Path(__file__).parent
INSTALL_SECONDS = 300
ANSWER_SECONDS = 120.0  # the first loads the library


def installed(listed: Path, *command: str) -> Path:
    """The folder where a list of packages is installed; it is made and named by its content.

    command: installs into the folder, its last argument. Skips the test where it fails.
    """
    place = _installed(listed, command)
    if place is None:
        pytest.skip(f"the packages of {listed.parent.name}/{listed.name} cannot be installed here")
    return place


@cache  # a failure, too: it is not tried again for each test
def _installed(listed: Path, command: tuple[str, ...]) -> Path | None:
    mark = hashlib.sha256(listed.read_bytes() + sys.version.encode()).hexdigest()[:12]
    place = Path(tempfile.gettempdir()) / f"firsttoken-clients-{listed.stem}-{mark}"
    if place.exists() and place.stat().st_uid == os.getuid():
        return place
    fresh = Path(tempfile.mkdtemp(prefix="firsttoken-clients-"))
    shutil.copy(listed, fresh)
    try:
        subprocess.run(
            [*command, str(fresh)],
            cwd=fresh,
            capture_output=True,
            timeout=INSTALL_SECONDS,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        shutil.rmtree(fresh)
        return None
    try:
        fresh.rename(place)
    except OSError:  # another run was faster
        shutil.rmtree(fresh)
    return place


def python_packages(name: str) -> Path:
    """Where the packages of python/NAME.txt are."""
    listed = HERE / "python" / f"{name}.txt"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:"]
    command.append("--no-compile")  # most of it is never imported: half of the time
    return installed(listed, *command, "-r", str(listed), "--target")


def node_folder() -> Path:
    """A folder of this run with the scripts of node/ beside what node/package.json names."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel", "error", "--prefix"]
    place = installed(HERE / "node" / "package.json", "npm", "install", *options)
    folder = Path(tempfile.mkdtemp(prefix="firsttoken-node-"))
    for script in (HERE / "node").glob("*.mjs"):  # node looks for packages beside the script
        shutil.copy(script, folder)
    (folder / "node_modules").symlink_to(place / "node_modules")
    return folder


@dataclass
class Driver:
    """A client library that runs and answers jobs, one after another."""

    command: list[str]
    env: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    words: Path | None = None  # what it wrote to stderr

    def run(self, scenario: str, proxy: Any, model: str, **fields: Any) -> dict[str, Any]:
        """The outcome of a scenario against a proxy."""
        job = {"scenario": scenario, "base_url": proxy.base_url, "model": model, **fields}
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(orjson.dumps(job) + b"\n")
        process.stdin.flush()
        end = time.monotonic() + ANSWER_SECONDS
        line = b""
        while not line.endswith(b"\n"):
            left = end - time.monotonic()
            ready = select.select([process.stdout], [], [], max(0.0, left))[0]
            piece = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
            if not piece:
                self.close()
                words = self.words.read_text(errors="replace")[-2000:] if self.words else ""
                raise AssertionError(f"{self.command[-1]} did not answer {job}:\n{words}")
            line += piece
        outcome: dict[str, Any] = orjson.loads(line)
        return outcome

    def _started(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            handle, name = tempfile.mkstemp(prefix="firsttoken-client-")
            self.words = Path(name)
            self.process = subprocess.Popen(
                self.command,
                env={"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir(), **self.env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=handle,
            )
            os.close(handle)
        return self.process

    def close(self) -> None:
        if self.process is None:
            return
        process, self.process = self.process, None
        process.kill()  # it has nothing to keep
        process.wait()
        for end in (process.stdin, process.stdout):
            if end is not None:
                end.close()


class Drivers:
    """The drivers of this run, each started by the first job for it."""

    def __init__(self) -> None:
        self._started: dict[str, Driver] = {}
        self._node: Path | None = None

    def __getitem__(self, name: str) -> Driver:
        """`current/by_llm`: python/by_llm.py over python/current.txt; `node/openai`: a script."""
        if name not in self._started:
            self._started[name] = self._start(*name.split("/"))
        return self._started[name]

    def _start(self, packages: str, script: str) -> Driver:
        if packages == "node":
            self._node = self._node or node_folder()
            return Driver(["node", str(self._node / f"{script}.mjs")])
        env = {"PYTHONPATH": str(python_packages(packages))} if packages != "test" else {}
        return Driver([sys.executable, str(HERE / "python" / f"{script}.py")], env)

    def close(self) -> None:
        """Ends them all."""
        for driver in self._started.values():
            driver.close()
            if driver.words is not None:
                driver.words.unlink()
        if self._node is not None:
            shutil.rmtree(self._node)
