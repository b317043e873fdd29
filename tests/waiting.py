"""Waiting for what other processes and the kernel do, where there is no clock to turn."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

SECONDS = 10.0  # a bound against hanging, not a measure: a busy machine may need some of it


async def until(true: Callable[[], object], seconds: float = SECONDS) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.005)
    return True


def waited(true: Callable[[], object], seconds: float = SECONDS) -> bool:
    """Likewise, for tests that block."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as knocking:
        return knocking.connect_ex((host, port)) == 0
