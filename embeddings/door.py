"""Where an embedder is asked: a Unix socket at a path, and what may become of that path."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)


class AlreadyRunning(Exception):
    """Another embedder answers at this socket."""


class Door:
    """A socket that is listened at, over whatever happens to its path."""

    def __init__(
        self, path: str, listening: socket.socket, client: Callable[[], asyncio.Protocol]
    ) -> None:
        """listening: bound to the path. client: makes the protocol of a connection."""
        self._path = path
        self._listening = listening
        self._client = client
        self._inode = inode_at(path)
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Take connections from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._client, sock=self._listening)

    async def stays(self) -> bool:
        """Whether the path leads here, if need be again; False where it is another's by now."""
        if inode_at(self._path) == self._inode:
            return True
        try:
            listening = bind(self._path)
        except (AlreadyRunning, OSError) as error:
            why = error if isinstance(error, OSError) else "another embedder answers there"
            log.error("%s is not ours any more, ending: %s", self._path, why)  # noqa: TRY400
            return False
        log.warning("%s was removed, and is made again", self._path)
        self._shut()
        self._listening, self._inode = listening, inode_at(self._path)
        await self.open()
        return True

    def close(self) -> None:
        """Take no more connections; those there are stay."""
        self._shut()
        remove(self._path, self._inode)

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()


def bind(path: str) -> socket.socket:
    """A listening socket at a path, over what a dead embedder left there.

    Raises AlreadyRunning where one answers, OSError where the path cannot be used.
    """
    if os.path.exists(path):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise OSError(f"{path} is no socket: it is left alone")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.settimeout(1.0)
            try:
                other.connect(path)
            except (ConnectionRefusedError, FileNotFoundError):
                with suppress(FileNotFoundError):
                    os.unlink(path)
            except TimeoutError as error:  # one that hangs still holds it
                raise AlreadyRunning(path) from error
            else:
                raise AlreadyRunning(path)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listening.bind(path)
    finally:
        os.umask(before)
    listening.listen(128)
    listening.setblocking(False)
    return listening


def inode_at(path: str) -> int | None:
    """The inode at a path; None: there is nothing."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def remove(path: str, inode: int | None) -> None:
    """Remove a socket, unless the path is a successor's by now."""
    if inode is not None and inode_at(path) == inode:
        with suppress(FileNotFoundError):
            os.unlink(path)
