"""A successor on the same sockets: started beside this process, which drains once it serves.

So a new version, or whatever a reload cannot change, comes in without a moment in which nobody
listens. If the successor cannot start, nothing has happened.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from proxy.service import NAMES, READY_FD, ROWS


class Successor:
    """A process that is starting."""

    def __init__(self, rows: Sequence[Sequence[int]], environ: Mapping[str, str]) -> None:
        """rows: descriptors of listening sockets, a row for each worker. Raises OSError."""
        read, write = os.pipe()
        passed = {name: one for name, one in environ.items() if name not in NAMES}
        passed[ROWS] = ";".join(",".join(map(str, row)) for row in rows)
        passed[READY_FD] = str(write)
        for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC"):
            if name in environ:
                passed[name] = environ[name]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "proxy", *sys.argv[1:]],
                env=passed,
                pass_fds=[*(fd for row in rows for fd in row), write],
                stdin=subprocess.DEVNULL,
            )
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
        os.set_blocking(read, False)
        self.descriptor = read  # readable when it serves, or has ended
        self.pid = self._process.pid

    def serves(self) -> bool | None:
        """Whether it took over; None while nobody knows. Asked until it answers, then no more."""
        try:
            said = os.read(self.descriptor, 1)
        except BlockingIOError:
            return None
        os.close(self.descriptor)
        if not said:
            self._process.wait()
        return bool(said)
