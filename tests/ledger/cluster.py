"""A real Postgres of the test's own: a cluster in a temporary folder, on a free port."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg


def binary(name: str) -> str | None:
    """Where a command of Postgres is; Debian keeps the server's beside the path."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return shutil.which(name) or (found[-1] if found else None)


class Cluster:
    """One server. Postgres refuses to run as root: there it runs as nobody."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="firsttoken-pg-"))
        self._data = self._folder / "data"
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._folder, self._user)
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "tester", "--no-sync")
        self._server: subprocess.Popen[bytes] | None = None
        for tries_left in reversed(range(3)):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            try:
                self.start()
                break
            except ChildProcessError:  # somebody else took the port meanwhile
                if not tries_left:
                    raise

    def _run(self, name: str, *words: object) -> None:
        command = [str(binary(name)), *map(str, words)]
        subprocess.run(
            command, check=True, user=self._user, cwd=self._folder, stdout=subprocess.DEVNULL
        )

    def start(self) -> None:
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": self._folder,
                    "fsync": "off", "shared_buffers": "64MB"}  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._server = subprocess.Popen(
            [str(binary("postgres")), "-D", str(self._data), "-p", str(self.port), *options],
            user=self._user, cwd=self._folder, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 30
        while not self._answers():
            if self._server.poll() is not None:
                raise ChildProcessError("Postgres has ended")
            assert time.monotonic() < end, "Postgres does not start"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast, with a checkpoint. SIGQUIT: as if it had crashed."""
        server, self._server = self._server, None
        if server is not None:
            server.send_signal(how)
            server.wait(30)

    def url(self, database: str) -> str:
        return f"postgresql://tester@127.0.0.1:{self.port}/{database}"

    def fresh(self, database: str) -> str:
        """The URL of a new database."""
        self.execute("postgres", f"CREATE DATABASE {database}")
        return self.url(database)

    def execute(self, database: str, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(sql)  # type: ignore[arg-type]
            return found.fetchall() if found.description else []

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)
