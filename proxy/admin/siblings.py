"""The processes that serve beside this one on the same machine, and how to ask them all.

Each opens a Unix socket in a folder that only their common user may enter, and answers there with
the very endpoints it has for everybody; whoever is asked by a client asks the others.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector, web

log = logging.getLogger(__name__)

ASK_SECONDS = 1.0  # a sibling that hangs is left out of the picture
_HOPS = (
    "accept-encoding", "connection", "content-length", "expect", "keep-alive",
    "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
)  # fmt: skip


class Siblings:
    """The sockets of a folder. name: this process's own, unique in it."""

    def __init__(self, folder: str, name: str) -> None:
        self._own = Path(folder) / f"{name}.sock"
        self._runner: web.AppRunner | None = None

    async def open(self, application: web.Application) -> None:
        """Answer the others. Raises OSError."""
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        fresh = self._own.with_suffix(f".{os.getpid()}")
        await web.UnixSite(self._runner, str(fresh)).start()
        fresh.rename(self._own)  # over a dead one's, at once: nobody asks a socket half made

    async def close(self) -> None:
        """Leave; the folder is whoever's that made it."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Sequence[bytes]:
        """The bodies with which the others answered 200, within ASK_SECONDS."""
        others = [one for one in self._own.parent.glob("*.sock") if one != self._own]
        kept = {name: one for name, one in headers.items() if name.lower() not in _HOPS}
        found = await asyncio.gather(*(_ask(one, method, path, kept, body) for one in others))
        return [one for one in found if one is not None]


async def _ask(
    socket: Path, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> bytes | None:
    try:
        async with (
            ClientSession(
                connector=UnixConnector(path=str(socket)),
                timeout=ClientTimeout(total=ASK_SECONDS),
                auto_decompress=False,
            ) as session,
            session.request(
                method, f"http://sibling{path}", headers=headers, data=body or None
            ) as answer,
        ):
            return await answer.read() if answer.status == 200 else None
    except (ClientError, OSError, TimeoutError) as error:
        log.debug("sibling %s does not answer: %s", socket.stem, type(error).__name__)
        return None


def is_sibling(transport: asyncio.BaseTransport | None) -> bool:
    """Whether a connection came by a Unix socket: ours alone are listened on."""
    return transport is not None and isinstance(transport.get_extra_info("sockname"), str)
