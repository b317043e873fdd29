"""Addresses that never become a connection, for the faults of connecting."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

_FILL = 16  # connections that fill a backlog of 0 for certain


@contextlib.contextmanager
def refusing() -> Iterator[int]:
    """A port that refuses: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port where connecting works and nothing ever answers, TLS neither."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(1024)
        yield sock.getsockname()[1]


@contextlib.contextmanager
def full() -> Iterator[int]:
    """A port where connecting hangs: its backlog is full, so SYNs are dropped (Linux)."""
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.socket())
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        for _ in range(_FILL):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(sock.getsockname())
        yield sock.getsockname()[1]


@contextlib.contextmanager
def answering(first: bytes) -> Iterator[int]:
    """A port that sends these bytes to whoever connects, then resets: no bytes for a plain
    reset, rubbish for a TLS client."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(128)
        thread = threading.Thread(target=_answer, args=(sock, first), daemon=True)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            sock.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _answer(sock: socket.socket, first: bytes) -> None:
    while True:
        try:
            client, _ = sock.accept()
        except OSError:
            return
        with client, contextlib.suppress(OSError):
            if first:
                client.sendall(first)
                client.settimeout(0.2)
                client.recv(65536)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
