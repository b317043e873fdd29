"""What a supervisor decides, with nothing forked."""

from __future__ import annotations

import signal
import socket
from dataclasses import replace

import pytest

from proxy import config
from proxy.hearts import Heart, Hearts
from proxy.serve import Start
from proxy.supervisor import Worker, _ending, _sockets


def start(workers: int, port: int = 0, host: str = "127.0.0.1") -> Start:
    text = f'[server]\nhost = "{host}"\nport = {port}\nworkers = {workers}\n'
    return Start(config.parse(text, "test", {}), {}, {})


def close(rows) -> None:
    for row in rows:
        for sock in row:
            sock.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_every_worker_has_a_socket_on_one_port(host: str) -> None:
    rows = _sockets(start(3, host=host), 3)
    try:
        ports = {sock.getsockname()[1] for row in rows for sock in row}
        assert len(ports) == 1
        assert len({sock.fileno() for row in rows for sock in row}) == 3
        with pytest.raises(OSError, match="in use"):
            _sockets(start(2, port=ports.pop(), host=host), 2)
    finally:
        close(rows)


def test_sockets_passed_on_are_shared_out_and_none_is_left() -> None:
    rows = _sockets(start(3), 3)
    try:
        passed = replace(start(3), rows=rows, sockets=[one for row in rows for one in row])
        for workers in (1, 2, 3, 5):
            given = _sockets(passed, workers)
            assert len(given) == workers
            assert all(given)
            assert {sock for row in given for sock in row} == {row[0] for row in rows}
        with socket.create_server(("127.0.0.1", 0)) as shared:
            assert _sockets(replace(start(2), sockets=[shared]), 2) == [[shared], [shared]]
    finally:
        close(rows)


def test_hearts_are_told_apart() -> None:
    hearts = Hearts(2)
    heart = Heart(hearts, 1)
    assert (hearts.last(0), hearts.last(1)) == (0.0, 0.0)
    heart.ready("")
    assert hearts.last(0) == 0.0
    assert hearts.last(1) > 0.0
    hearts.beat(1, 0.0)
    assert hearts.last(1) == 0.0


def test_endings_are_named() -> None:
    assert _ending(3) == "exit status 3"
    assert _ending(-signal.SIGKILL) == "SIGKILL"
    assert Worker(0, []).pid == 0
