"""What systemd gives and hears, with real sockets in its place."""

from __future__ import annotations

import os
import socket

import pytest

from proxy.config import ConfigError
from proxy.service import Manager, check_reach, inherited, to_journal


@pytest.fixture(params=["path", "abstract"])
def ear(request, tmp_path):
    """A datagram socket as systemd has one, and how NOTIFY_SOCKET names it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@firsttoken-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        sock.settimeout(2)
        yield sock, name


def test_every_step_is_told(ear) -> None:
    sock, name = ear
    manager = Manager({"NOTIFY_SOCKET": name})
    manager.ready("file.toml;\nproviders: none")
    assert sock.recv(999) == (
        f"READY=1\nSTATUS=file.toml; providers: none\nMAINPID={os.getpid()}".encode()
    )
    manager.beat()
    assert sock.recv(999) == b"WATCHDOG=1"
    manager.reloading()
    assert sock.recv(999).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    manager.stopping()
    assert sock.recv(999) == b"STOPPING=1\nSTATUS=draining"
    manager.close()


def test_nobody_listens() -> None:
    before = os.listdir("/proc/self/fd")
    for environ in ({}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}):
        Manager(environ).ready("fine")
    gone = Manager({"NOTIFY_SOCKET": "/nowhere/at/all"})
    gone.ready("fine")
    gone.beat()
    gone.close()
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize(("environ", "seconds"), [
    ({}, None),
    ({"WATCHDOG_USEC": "10000000"}, 5.0),
    ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "77"}, 5.0),
    ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "78"}, None),
    ({"WATCHDOG_USEC": "0"}, None),
    ({"WATCHDOG_USEC": "soon"}, None),
])  # fmt: skip
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(environ, seconds) -> None:
    assert Manager(environ, pid=77).beat_seconds == seconds


def test_sockets_of_another_process_are_not_taken() -> None:
    assert inherited({}) == []
    assert inherited({"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid() + 1)}) == []
    assert inherited({"LISTEN_FDS": "many", "LISTEN_PID": str(os.getpid())}) == []


def test_a_descriptor_that_is_no_socket_is_refused() -> None:
    own = {"LISTEN_FDS": "1", "LISTEN_PID": "5"}
    saved = os.dup(3) if os.path.exists("/proc/self/fd/3") else None
    read, write = os.pipe()
    try:
        os.dup2(read, 3)
        with pytest.raises(ConfigError, match="descriptor 3 that was passed on"):
            inherited(own, pid=5)
    finally:
        if saved is not None:
            os.dup2(saved, 3, inheritable=False)
            os.close(saved)
        elif read != 3:
            os.close(3)
        os.close(read)
        os.close(write)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_strangers_are_not_served_by_accident(host: str) -> None:
    with pytest.raises(ConfigError, match="reachable from outside"):
        check_reach([host], is_open=False)
    check_reach([host], is_open=True)
    check_reach(["127.0.0.1", "::1"], is_open=False)


def test_levels_are_for_the_journal_only(tmp_path, monkeypatch) -> None:
    with (tmp_path / "stream").open("w") as out:
        monkeypatch.setattr("sys.stderr", out)
        found = os.fstat(out.fileno())
        assert to_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not to_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not to_journal({})
