"""The life of a serving process: its signals, its heart beats, its configuration file's changes.

SIGTERM and SIGINT end it, SIGHUP and a changed file reload it; whoever watches over it (systemd,
or the supervisor of several workers) hears of each step.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING, Protocol

from proxy.config_file import stamp
from proxy.upgrade import Successor

if TYPE_CHECKING:
    from proxy.app import App

log = logging.getLogger("firsttoken")

LOOK_SECONDS = 1.0  # between two looks at the configuration file
BEAT_SECONDS = 1.0  # between two heart beats, where nobody asks for another pace


class Watcher(Protocol):
    """Who watches over a process. beat_seconds: the pace it wants, or None."""

    beat_seconds: float | None

    def ready(self, status: str) -> None: ...
    def reloading(self) -> None: ...
    def stopping(self) -> None: ...
    def beat(self) -> None: ...
    def handed_over(self, pid: int) -> None: ...


class Life:
    """Runs an open App until it is told to stop, then drains it."""

    def __init__(self, app: App, watcher: Watcher, *, alone: bool = True) -> None:
        """alone: no supervisor looks after the configuration's file, and upgrades."""
        self._app = app
        self._watcher = watcher
        self._wheel = app.house.wheel
        self._alone = alone
        self._successor: Successor | None = None
        self._stop = asyncio.Event()
        self._read = self._seen = stamp(app.source)
        self._pace_s = watcher.beat_seconds or BEAT_SECONDS

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; returns when every answer has ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        self._beat()
        if self._alone:
            loop.add_signal_handler(signal.SIGUSR2, self.upgrade)
            self._look()
        self._watcher.ready(self._app.summary)
        await self._stop.wait()
        await self._app.close()

    def hang_on(self, descriptor: int) -> None:
        """End with the process that holds the other end of a pipe."""
        loop = asyncio.get_running_loop()

        def orphaned() -> None:
            loop.remove_reader(descriptor)
            self.stop()

        loop.add_reader(descriptor, orphaned)

    def stop(self) -> None:
        """Not ready any more, from this moment on; asked twice, it does not wait for answers."""
        if self._stop.is_set():
            self._app.house.hurry()
            return
        self._app.house.draining = True
        self._watcher.stopping()
        self._stop.set()

    def reload(self) -> None:
        """Read the configuration again; a draining process keeps its own."""
        if self._stop.is_set():
            return
        self._read = stamp(self._app.source)
        self._watcher.reloading()
        self._app.reload()
        self._watcher.ready(self._app.summary)

    def upgrade(self) -> None:
        """Start a successor on the same sockets, and drain when it serves."""
        if self._successor is not None or self._stop.is_set():
            return
        try:
            started = Successor([self._app.house.descriptors], self._app.environ)
        except OSError as error:
            log.error("no successor: %s", error.strerror)  # noqa: TRY400 - it says it all
            return
        self._successor = started
        asyncio.get_running_loop().add_reader(started.descriptor, self._succeeded)

    def _succeeded(self) -> None:
        successor = self._successor
        assert successor is not None
        asyncio.get_running_loop().remove_reader(successor.descriptor)
        if successor.serves():
            log.info("handed over to process %d", successor.pid)
            self._watcher.handed_over(successor.pid)
            self.stop()
        else:
            log.error("the successor did not start: this process stays")
            self._successor = None

    def _look(self) -> None:
        seen = stamp(self._app.source)
        # Once two looks agree: a file that is gone or still growing may be being written.
        if seen != self._read and seen == self._seen:
            if seen is None:
                self._read = None
                log.warning("%s is gone: its configuration stays in force", self._app.source)
            else:
                self.reload()
        self._seen = seen
        self._wheel.arm(LOOK_SECONDS, self._look)

    def _beat(self) -> None:
        self._watcher.beat()  # from the wheel: a loop that hangs is a heart that stops
        self._wheel.arm(self._pace_s, self._beat)
