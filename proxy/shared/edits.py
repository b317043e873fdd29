"""Changes by API that reach every node: a field for each route or category that was changed, and a
version that every pulse tells.

A node that joins takes what the others have, and adds what only it has; so does every node after
the server has lost its data. Of two changes to the same name the later one stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from proxy.changes import Tables

KINDS = ("routes", "categories")
SET = """
for i = 1, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i+1]) end
return redis.call('HINCRBY', KEYS[1], 'version', 1)
"""

Edit = tuple[str, Mapping[str, Any] | None]  # kind/name, its table


class Edits:
    """One process's side. current: the tables in force, routes and categories; take: put others
    in force, which may fail and then says so itself."""

    def __init__(
        self,
        key: str,
        current: Callable[[], tuple[Tables, Tables]],
        take: Callable[[Tables, Tables], None],
    ) -> None:
        self._key = key
        self._current = current
        self._take = take
        self._waiting: list[Edit] = []
        self._version = -1

    def tell(self, what: str, name: str, table: Mapping[str, Any] | None) -> None:
        """Something was changed here; table None: removed."""
        self._waiting.append((f"{what}/{name}", table))

    async def follow(self, client: Any, version: int) -> None:
        """After a pulse that told this version. Raises what the client does."""
        if self._waiting:
            await self._send(client, self._waiting)
            return  # the next pulse tells what has come of it
        if version == self._version:
            return
        joins = version < self._version or self._version < 0
        found = _tables(await client.hgetall(self._key))
        routes, categories = self._current()
        merged = {**routes, **found["routes"]}, {**categories, **found["categories"]}
        if merged != (routes, categories):
            self._take(*merged)
        self._version = version
        if joins:
            ours = zip(KINDS, (routes, categories), strict=True)
            missing = [
                (f"{kind}/{name}", table)
                for kind, tables in ours
                for name, table in tables.items()
                if name not in found[kind]
            ]
            if missing:
                await self._send(client, missing)

    async def _send(self, client: Any, edits: list[Edit]) -> None:
        values = [one for name, table in edits for one in (name, orjson.dumps(table))]
        told = len(edits)
        await client.eval(SET, 1, self._key, *values)
        if edits is self._waiting:
            del edits[:told]


def _tables(fields: Mapping[bytes, bytes]) -> dict[str, dict[str, Mapping[str, Any] | None]]:
    found: dict[str, dict[str, Mapping[str, Any] | None]] = {kind: {} for kind in KINDS}
    for field, packed in fields.items():
        kind, _, name = field.decode("utf-8", "replace").partition("/")
        if kind in found and name:
            try:
                table = orjson.loads(packed)
            except orjson.JSONDecodeError:
                continue
            if table is None or isinstance(table, dict):
                found[kind][name] = table
    return found
