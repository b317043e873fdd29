"""What a service manager gives a process, and what it wants to hear: sockets, watchdog, notes.

systemd's protocols, in their own few lines: sd_notify(3), sd_watchdog_enabled(3) and
sd_listen_fds(3) are environment variables, a datagram, and descriptors from 3 on.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import monotonic_ns

from proxy.config_file import ConfigError
from proxy.environment import is_loopback

FIRST_FD = 3  # SD_LISTEN_FDS_START
ROWS = "FIRSTTOKEN_LISTEN"  # descriptors from the process before, as 7,8;9,10: a row a worker
READY_FD = "FIRSTTOKEN_READY"  # where that process waits for a byte
NAMES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID",
         "LISTEN_FDNAMES", ROWS, READY_FD)  # fmt: skip


class Manager:
    """The way to systemd; every call is a no-op where nobody listens.

    Implements what proxy.life tells of a process.
    """

    def __init__(self, environ: Mapping[str, str], pid: int | None = None) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = _address(path) if path.startswith(("/", "@")) else None
        self._socket: socket.socket | None = None
        ready_fd = environ.get(READY_FD, "")
        self._ready_fd = int(ready_fd) if ready_fd.isdecimal() else None
        if self._ready_fd is not None:
            os.set_inheritable(self._ready_fd, False)
        self.beat_seconds = _watchdog(environ, os.getpid() if pid is None else pid)

    def ready(self, status: str) -> None:
        """It serves. status: a line for `systemctl status`."""
        self._tell(f"READY=1\nSTATUS={_line(status)}\nMAINPID={os.getpid()}")
        descriptor, self._ready_fd = self._ready_fd, None
        if descriptor is not None:
            with suppress(OSError):  # the process before may be gone already
                os.write(descriptor, b"1")
            os.close(descriptor)

    def reloading(self) -> None:
        """It reads its configuration; ready() must follow."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It drains."""
        self._tell("STOPPING=1\nSTATUS=draining")

    def handed_over(self, pid: int) -> None:
        """Another process serves from now on: this one has nothing more to say."""
        self._tell(f"MAINPID={pid}")
        self._address = None

    def beat(self) -> None:
        """The event loop turns."""
        self._tell("WATCHDOG=1")

    def _tell(self, note: str) -> None:
        if self._address is None:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(
                    socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
                )
            self._socket.sendto(note.encode(), self._address)
        except OSError:
            pass  # a manager that went away is no reason to stop serving

    def close(self) -> None:
        """Nothing more to tell."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _address(path: str) -> str:
    return "\0" + path[1:] if path.startswith("@") else path


def _line(text: str) -> str:
    return " ".join(text.split())


def _watchdog(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two beats, half of what systemd waits (as its manual advises), or None."""
    usec = environ.get("WATCHDOG_USEC", "")
    if not usec.isdecimal() or int(usec) == 0:
        return None
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(usec) / 2e6


def inherited(environ: Mapping[str, str], pid: int | None = None) -> list[socket.socket]:
    """The listening sockets of socket activation, in the unit's order; none where there are none.

    Raises ConfigError for a descriptor that is no listening TCP socket.
    """
    own = str(os.getpid() if pid is None else pid)
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != own or not count.isdecimal():
        return []
    return [_listening(fd) for fd in range(FIRST_FD, FIRST_FD + int(count))]


def rows(environ: Mapping[str, str]) -> list[list[socket.socket]]:
    """The sockets of the process before this one, a row for each of its workers."""
    text = environ.get(ROWS, "")
    if not text:
        return []
    try:
        numbers = [[int(fd) for fd in row.split(",")] for row in text.split(";")]
    except ValueError:
        raise ConfigError([f"{ROWS} is not a list of descriptors"]) from None
    return [[_listening(fd) for fd in row] for row in numbers]


def _listening(fd: int) -> socket.socket:
    try:
        os.set_inheritable(fd, False)  # the embedded model's process must not hold the port
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise ConfigError([f"descriptor {fd} that was passed on: {error.strerror}"]) from error
    tcp = sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
    if not (tcp and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)):
        sock.detach()  # not ours to close
        raise ConfigError([f"descriptor {fd} that was passed on is no listening TCP socket"])
    sock.setblocking(False)
    return sock


def check_reach(hosts: Iterable[str], *, is_open: bool) -> None:
    """A proxy without keys serves this machine only, whoever opened its sockets.

    hosts: the addresses it listens on. is_open: whether strangers may reach it (keys are set, or
    `anonymous`). Raises ConfigError.
    """
    for host in hosts:
        if not (is_open or is_loopback(host)):
            raise ConfigError(
                [
                    f'it listens on "{host}", which is reachable from outside, and there is no'
                    " [[auth.key]]: add one, or serve strangers with anonymous = true"
                ]
            )


def to_journal(environ: Mapping[str, str]) -> bool:
    """Whether stderr goes to the systemd journal, which understands levels (sd-daemon(3))."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))
