"""A small systemd for tests: it holds the port, starts the service, and hears what it says."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HANG_SECONDS = 60.0  # a bound against hanging: a busy machine needs some of it
_EXEC = (
    "import os, resource, sys\n"
    "if most := int(os.environ.pop('DESCRIPTORS', '0')):\n"
    "    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))\n"
    "os.dup2(int(sys.argv[1]), 3)\n"
    "os.environ['LISTEN_PID'] = str(os.getpid())\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'proxy', *sys.argv[2:]])\n"
)


def lives(pid: int) -> bool:
    """Whether a process is there, be it a zombie's name only."""
    return Path(f"/proc/{pid}/cmdline").exists()


class Systemd:
    """Runs one service; use as an async context."""

    def __init__(
        self, config: Path, *, watchdog_s: float | None = None, descriptors: int = 0
    ) -> None:
        """descriptors: LimitNOFILE=; 0: what this process has."""
        self.config = config
        self.process: asyncio.subprocess.Process | None = None
        self.notes: asyncio.Queue[str] = asyncio.Queue()
        self._watchdog_s = watchdog_s
        self._descriptors = descriptors
        self._folder = tempfile.TemporaryDirectory()
        self.log = Path(self._folder.name) / "log"

    async def __aenter__(self) -> Systemd:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listening.getsockname()[1]
        path = f"{self._folder.name}/notify"
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._ear.bind(path)
        self._path = path
        asyncio.get_running_loop().add_reader(self._ear, self._hear)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        asyncio.get_running_loop().remove_reader(self._ear)
        self._ear.close()
        self.listening.close()
        self._folder.cleanup()

    def _hear(self) -> None:
        for line in self._ear.recv(4096).decode().splitlines():
            self.notes.put_nowait(line)

    async def heard(self, wanted: str, seconds: float = HANG_SECONDS) -> None:
        """Until this has been said."""
        async with asyncio.timeout(seconds):
            while await self.notes.get() != wanted:
                pass

    async def start(self, *arguments: str) -> None:
        """Start it, and wait for READY=1."""
        environ = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "LISTEN_FDS": "1",
            "NOTIFY_SOCKET": self._path,
            "DESCRIPTORS": str(self._descriptors),
        }
        if self._watchdog_s is not None:
            environ["WATCHDOG_USEC"] = str(int(self._watchdog_s * 1e6))
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _EXEC, str(self.listening.fileno()),
                "serve", "--config", str(self.config), *arguments,
                pass_fds=(self.listening.fileno(),), env=environ, cwd=self.config.parent,
                stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        await self.heard("READY=1")

    async def upgrade(self) -> int:
        """SIGUSR2; the new main process, once the old one has ended."""
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR2)
        async with asyncio.timeout(HANG_SECONDS):
            while not (note := await self.notes.get()).startswith("MAINPID="):
                pass
            pid = int(note.removeprefix("MAINPID="))
            while pid == self.process.pid:  # said with an earlier READY=1
                note = await self.notes.get()
                pid = int(note.removeprefix("MAINPID=")) if note.startswith("MAINPID=") else pid
            assert await self.process.wait() == 0
        return pid

    async def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.terminate()
        async with asyncio.timeout(HANG_SECONDS):
            return await self.process.wait()
