"""How a serving process begins: its logs, its descriptors, its sockets, then its life."""

from __future__ import annotations

import logging
import os
import resource
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proxy import config
from proxy.service import Manager, inherited, rows, to_journal

if TYPE_CHECKING:
    import socket

    from proxy.life import Watcher

log = logging.getLogger("firsttoken")

# A thread that wants the interpreter waits this long before it asks for it. Every event of the loop
# has to ask where a thread beside it works (ledger, compression, disk, index), and Python's 5 ms
# are a hundred tokens; those threads work in milliseconds a second, so that asking costs nothing.
SWITCH_SECONDS = 0.0002
_PRIORITY = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}  # of syslog(3)


class _ForJournal(logging.Formatter):
    """Lines that begin with their level, as sd-daemon(3) wants them."""

    def format(self, record: logging.LogRecord) -> str:
        priority = f"<{_PRIORITY.get(record.levelname, 6)}>"
        return priority + super().format(record).replace("\n", f"\n{priority}")


@dataclass(frozen=True, slots=True)
class Start:
    """What a process serves, and where: sockets that listen already, else [server] host, port.

    overrides: what of [server] the command line decided. place: a folder where processes that
    serve the same find each other, and this one's name there. life_line: a descriptor that ends
    with the supervisor; None where there is none. rows: the sockets by the workers that had them
    in the process before.
    """

    settings: config.Config
    environ: Mapping[str, str]
    overrides: Mapping[str, Any]
    sockets: Sequence[socket.socket] = ()
    place: tuple[str, str] | None = None
    life_line: int | None = None
    rows: Sequence[Sequence[socket.socket]] = ()


def serve(path: str | None, overrides: Mapping[str, Any]) -> int:
    """Run the proxy until it is told to stop; the exit status. Raises ConfigError."""
    environ = config.environment()
    settings = config.with_server(config.load(path, environ), overrides)
    start_log(settings, environ)
    raise_descriptors()
    folder = environ.get("FIRSTTOKEN_SIBLINGS")
    place = (folder, environ.get("FIRSTTOKEN_NAME") or str(os.getpid())) if folder else None
    passed = rows(environ)
    sockets = [sock for row in passed for sock in row] or inherited(environ)
    start = Start(settings, environ, overrides, sockets, place, rows=passed)
    try:
        if settings.server.workers > 1:
            return _supervise(start)
        run(start, Manager(environ))
    except OSError as error:
        where = f"{settings.server.host}:{settings.server.port}"
        why = os.strerror(error.errno) if error.errno else str(error)  # asyncio says where again
        print(f"firsttoken: cannot listen on {where}: {why}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _supervise(start: Start) -> int:
    # Before numpy loads: threads of its own would not survive the fork, and the workers are the
    # parallelism here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251 - the library reads it there
    import uvloop  # noqa: PLC0415, F401 - loaded once, for all workers

    import proxy.app  # noqa: PLC0415, F401
    from proxy.supervisor import Supervisor  # noqa: PLC0415 - most processes have none

    return Supervisor(start, Manager(start.environ)).run()


def run(start: Start, watcher: Watcher) -> None:
    """One process's whole life. Raises OSError where it cannot listen, and ConfigError."""
    import uvloop  # noqa: PLC0415 - only a server needs it

    sys.setswitchinterval(SWITCH_SECONDS)
    uvloop.run(_life(start, watcher))


async def _life(start: Start, watcher: Watcher) -> None:
    from proxy.admin.siblings import Siblings  # noqa: PLC0415 - aiohttp loads for serve only
    from proxy.app import App  # noqa: PLC0415
    from proxy.life import Life  # noqa: PLC0415

    app = App(start.settings, start.environ, start.overrides)
    siblings = None if start.place is None else Siblings(*start.place)
    host, port = await app.open(start.sockets, siblings)
    life = Life(app, watcher, alone=start.life_line is None)
    if start.life_line is None:
        shown = f"[{host}]" if ":" in host else host
        log.info("listening on http://%s:%d (%s)", shown, port, app.summary)
    else:
        life.hang_on(start.life_line)
    await life.run()


def start_log(settings: config.Config, environ: Mapping[str, str]) -> None:
    """Everything that is said goes to stderr, with levels where the journal reads it."""
    shape = "%(name)s %(message)s" if to_journal(environ) else "%(levelname)s %(name)s %(message)s"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((_ForJournal if to_journal(environ) else logging.Formatter)(shape))
    level = logging.INFO if settings.server.log != "off" else logging.WARNING
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("faiss").setLevel(logging.WARNING)  # it tells what it looked for in vain


def raise_descriptors() -> None:
    """As many descriptors as the system allows: each stream holds two."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # a sandbox may forbid it: then it is as it is
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
