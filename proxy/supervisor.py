"""Several processes on one port: they are forked ready to serve, watched, and replaced.

The supervisor loads what a worker needs once, holds one listening socket for each worker, and
serves nothing itself. A worker that dies leaves its socket, and whoever waits in it, to its
successor. What the workers know together is proxy.admin.whole's part.
"""

from __future__ import annotations

import gc
import logging
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, NoReturn

from proxy import config
from proxy.config_file import stamp
from proxy.hearts import Heart, Hearts
from proxy.parts import check
from proxy.serve import Start, run
from proxy.upgrade import Successor

if TYPE_CHECKING:
    from proxy.life import Watcher

log = logging.getLogger("firsttoken")

BACKLOG = 4096
LOOK_SECONDS = 1.0  # between two looks at hearts and at the configuration file
EARLY_LOOK_SECONDS = 0.02  # the same, while a worker starts
START_SECONDS = 60.0  # for a worker's first beat
STEADY_SECONDS = 10.0  # a worker that lived this long is replaced at once
MOST_BACKOFF_SECONDS = 5.0
GRACE_SECONDS = 5.0  # beyond drain_seconds, before the workers that are left are killed

_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)


@dataclass(slots=True)
class Worker:
    """One place in the row: its sockets stay, the processes in it come and go. Times: monotonic."""

    number: int
    sockets: Sequence[socket.socket]
    pid: int = 0
    born: float = 0.0
    failures: int = 0
    due: float = 0.0  # when the next process may start


@dataclass(slots=True)
class Supervisor:
    """Runs workers until it is told to stop."""

    start: Start
    manager: Watcher
    workers: list[Worker] = field(default_factory=list)
    _hearts: Hearts = field(init=False)
    _folder: str = ""
    _life_line: tuple[int, int] = (-1, -1)
    _stopping_since: float | None = None
    _status: int = 0
    _told: bool = False
    _successor: Successor | None = None
    _seen: object = None
    _read: object = None

    def run(self) -> int:
        """The exit status: that of the first worker where none could start. Raises OSError."""
        count = self.start.settings.server.workers
        rows = _sockets(self.start, count)
        self._hearts = Hearts(count)
        self._folder = tempfile.mkdtemp(prefix="firsttoken-")
        self._life_line = os.pipe()
        self._read = self._seen = stamp(self.start.settings.source)
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        gc.freeze()  # what the workers share is not copied by their collectors
        self.workers = [Worker(number, row) for number, row in enumerate(rows)]
        try:
            self._watch()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        return self._status

    # ---- the loop ------------------------------------------------------------------------------

    def _watch(self) -> None:
        while self.workers:
            now = monotonic()
            for worker in self.workers:
                if not worker.pid and now >= worker.due and self._stopping_since is None:
                    self._fork(worker)
            got = signal.sigtimedwait(_SIGNALS, self._patience(monotonic()))
            self._bury()
            if got is not None and got.si_signo in (signal.SIGTERM, signal.SIGINT):
                self._stop()
            elif got is not None and got.si_signo == signal.SIGHUP:
                self._reload()
            elif got is not None and got.si_signo == signal.SIGUSR2:
                self._upgrade()
            self._look_at_successor()
            self._look(monotonic())
            if self._stopping_since is not None:
                self.workers = [one for one in self.workers if one.pid]

    def _patience(self, now: float) -> float:
        """Seconds until something may have to be done."""
        starting = any(not self._hearts.last(one.number) for one in self.workers)
        if starting or self._successor is not None:
            return EARLY_LOOK_SECONDS
        waits = [one.due - now for one in self.workers if not one.pid]
        return max(0.0, min([LOOK_SECONDS, self.manager.beat_seconds or LOOK_SECONDS, *waits]))

    def _look(self, now: float) -> None:
        alive = True
        for worker in self.workers:
            last = self._hearts.last(worker.number)
            patience = self.start.settings.server.hang_seconds if last else START_SECONDS
            if worker.pid and now - (last or worker.born) > patience:
                log.error("worker %d (pid %d) hangs: killed", worker.number, worker.pid)
                os.kill(worker.pid, signal.SIGKILL)
                alive = False
        since = self._stopping_since
        drain_s = self.start.settings.server.drain_seconds
        if since is not None and now - since > drain_s + GRACE_SECONDS:
            self._tell(signal.SIGKILL)
        if alive:
            self.manager.beat()
        if not self._told and all(self._hearts.last(one.number) for one in self.workers):
            self._told = True
            host, port = self.workers[0].sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            status = f"{self.start.settings.source}; {len(self.workers)} workers"
            log.info("listening on http://%s:%d (%s)", shown, port, status)
            self.manager.ready(status)
        self._look_at_file()

    def _look_at_file(self) -> None:
        seen = stamp(self.start.settings.source)
        if seen != self._read and seen == self._seen:
            if seen is None:
                self._read = None
                log.warning(
                    "%s is gone: its configuration stays in force", self.start.settings.source
                )
            else:
                self._reload()
        self._seen = seen

    def _upgrade(self) -> None:
        if self._successor is not None or self._stopping_since is not None:
            return
        # Workers that share a socket are one row: wrapped twice, it would be closed twice.
        rows = list(dict.fromkeys(tuple(sock.fileno() for sock in one.sockets)
                                  for one in self.workers))  # fmt: skip
        try:
            self._successor = Successor(rows, self.start.environ)
        except OSError as error:
            log.error("no successor: %s", error.strerror)  # noqa: TRY400 - it says it all

    def _look_at_successor(self) -> None:
        if self._successor is None or (serves := self._successor.serves()) is None:
            return
        successor, self._successor = self._successor, None
        if not serves:
            log.error("the successor did not start: this process stays")
            return
        log.info("handed over to process %d", successor.pid)
        self.manager.handed_over(successor.pid)
        self._stop()

    # ---- workers -------------------------------------------------------------------------------

    def _fork(self, worker: Worker) -> None:
        self._hearts.beat(worker.number, 0.0)
        worker.born = monotonic()
        worker.pid = os.fork()
        if not worker.pid:
            self._work(worker)

    def _work(self, worker: Worker) -> NoReturn:
        """In the worker: serve, and never return to the supervisor's frames."""
        status = 70  # EX_SOFTWARE
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # the supervisor's alone
            os.setpgid(0, 0)  # Ctrl-C is for the supervisor, which tells everybody
            os.close(self._life_line[1])
            for sock in {sock for one in self.workers for sock in one.sockets}:
                if sock not in worker.sockets:
                    sock.close()
            place = (self._folder, str(worker.number))
            run(
                replace(
                    self.start, sockets=worker.sockets, place=place, life_line=self._life_line[0]
                ),
                Heart(self._hearts, worker.number),
            )
            status = 0
        except config.ConfigError as error:
            status = 2
            for line in error.errors:
                log.error("%s", line)  # noqa: TRY400 - a user's mistake
        except BaseException:
            log.exception("worker %d failed", worker.number)
        finally:
            logging.shutdown()
            os._exit(status)

    def _bury(self) -> None:
        for worker in self.workers:
            if not worker.pid:
                continue
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._died(worker, os.waitstatus_to_exitcode(status))

    def _died(self, worker: Worker, status: int) -> None:
        now = monotonic()
        pid, worker.pid = worker.pid, 0
        if self._stopping_since is not None:
            return
        if not self._told and status > 0:  # it cannot even start: nor will the next
            self._status = status
            self._stop()
            return
        worker.failures = 0 if now - worker.born > STEADY_SECONDS else worker.failures + 1
        pause = min(MOST_BACKOFF_SECONDS, 0.05 * 2**worker.failures) if worker.failures > 1 else 0
        worker.due = now + pause
        log.error("worker %d (pid %d) ended (%s): replaced", worker.number, pid, _ending(status))

    def _stop(self) -> None:
        if self._stopping_since is None:
            self._stopping_since = monotonic()
            self.manager.stopping()
            for worker in self.workers:
                for sock in worker.sockets:
                    sock.close()  # a queue that nobody will empty must not fill
        self._tell(signal.SIGTERM)

    def _tell(self, number: signal.Signals) -> None:
        for worker in self.workers:
            if worker.pid:
                os.kill(worker.pid, number)

    def _reload(self) -> None:
        """The workers read the file themselves; here it is kept for those to come."""
        self._read = stamp(self.start.settings.source)
        if self._stopping_since is not None:
            return
        try:
            environ = config.environment()
            source = self.start.settings.source
            settings = config.load(None if source == config.DEFAULTS else source, environ)
            settings = config.with_server(settings, self.start.overrides)
            check(settings, environ)
        except config.ConfigError as error:
            for line in error.errors:
                log.error("configuration refused: %s", line)  # noqa: TRY400 - a user's mistake
            return
        if settings.server.workers != len(self.workers):
            log.warning("[server] workers: another number of workers needs a restart")
        self.start = replace(self.start, settings=settings, environ=environ)
        self._tell(signal.SIGHUP)


def _ending(status: int) -> str:
    return f"exit status {status}" if status >= 0 else signal.Signals(-status).name


def _sockets(start: Start, workers: int) -> list[Sequence[socket.socket]]:
    """Listening sockets for each worker. systemd's are shared: they cannot be multiplied."""
    if start.rows:
        return [
            [sock for row in start.rows[number % len(start.rows) :: workers] for sock in row]
            for number in range(workers)
        ]
    if start.sockets:
        return [start.sockets] * workers
    server = start.settings.server
    found = socket.getaddrinfo(
        server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    addresses = list(dict.fromkeys((one[0], one[4]) for one in found))
    for family, address in addresses:  # another server's port must not be shared by accident
        _listen(family, address, shared=False).close()
    rows: list[Sequence[socket.socket]] = []
    port = server.port
    for _ in range(workers):
        row: list[socket.socket] = []
        for family, address in addresses:
            row.append(_listen(family, (address[0], port, *address[2:]), shared=True))
            port = port or row[0].getsockname()[1]
        rows.append(row)
    return rows


def _listen(family: int, address: tuple[object, ...], *, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setblocking(False)
    try:
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
