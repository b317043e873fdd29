"""The cache as its operator sees it: look through it, take one answer out, pin, forget, fill.

A cache may hold a million entries, so whatever looks at all of them does it a few hundred at a
time and lets requests through in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from re import compile as compile_pattern
from typing import Any

import orjson

from proxy.cache.cache import Cache
from proxy.cache.entry import Entry
from proxy.cache.explain import Reader, explain_texts
from proxy.cache.key import key_of
from proxy.errors import ClientError

STEP = 200  # entries looked at before requests have their turn, about half a millisecond
PREDECESSOR = "llm:cache:"  # how predecessor D's keys begin: llm:cache:TASK_TYPE:ID
_PINNED_SHARE = 0.5  # of max_bytes, at most
_KINDS = {"messages": "chat", "prompt": "completions"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are meant: all that is given must fit. pattern: a glob over the prompt,
    case-insensitive, or, where it begins like predecessor D's keys, over such a key."""

    pattern: str | None = None
    category: str | None = None
    tag: str | None = None

    def test(self) -> Callable[[Entry], bool]:
        """Whether an entry is one of them."""
        pattern = self.pattern
        glob = None if pattern is None else compile_pattern(translate(pattern.lower())).match
        by_key = pattern is not None and pattern.lower().startswith(PREDECESSOR)

        def fits(entry: Entry) -> bool:
            if self.category is not None and entry.category != self.category:
                return False
            if self.tag is not None and self.tag not in entry.tags:
                return False
            if glob is None:
                return True
            if not by_key:
                return glob(entry.text.lower()) is not None
            names = (entry.category, *entry.tags)
            return any(glob(f"{PREDECESSOR}{name}:{entry.exact.hex()}".lower()) for name in names)

        return fits


class Shelf:
    """What the admin API does with the cache."""

    def __init__(
        self,
        cache: Cache,
        reader: Reader | None,
        route_of: Callable[[str], str],
        tenant_of: Callable[[str], str | None] = str,
    ) -> None:
        """reader: makes a prompt's vector. route_of: the route that a model's name asks for;
        raises ClientError. tenant_of: whose cache a caller's name or group means."""
        self._cache = cache
        self._reader = reader
        self._route_of = route_of
        self._tenant_of = tenant_of

    def stats(self) -> Mapping[str, float]:
        """Counts and sizes."""
        return self._cache.stats()

    def explain(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """See explain.explain_texts."""
        return explain_texts(body, self._reader, self._cache.settings)

    async def browse(
        self, wanted: Wanted, *, limit: int = 100, after: str | None = None
    ) -> dict[str, Any]:
        """Entries, most recently used first, without their answers.

        after: the `next` of the page before; of several processes, all of theirs.
        """
        fits = wanted.test()
        found: list[Entry] = []
        waiting = after is not None
        last = set((after or "").split(","))
        for number, entry in enumerate(self._cache.exact.newest_first(), 1):
            if waiting:
                waiting = entry.exact.hex() not in last
            elif fits(entry):
                found.append(entry)
                if len(found) > limit:
                    break
            if number % STEP == 0:
                await asyncio.sleep(0)
        more = len(found) > limit
        shown = [self._describe(entry) for entry in found[:limit]]
        return {"entries": shown, "next": shown[-1]["id"] if more else None}

    def look(self, name: str) -> dict[str, Any]:
        """One entry with its answer. Raises ClientError 404."""
        entry = self._entry(name)
        whole: Any = self._cache.whole_of(entry)
        try:
            whole = orjson.loads(whole)
        except orjson.JSONDecodeError:
            whole = whole.decode("utf-8", "replace")
        return self._describe(entry) | {"answer": whole}

    def drop(self, name: str) -> dict[str, Any]:
        """Forget one entry. Raises ClientError 404."""
        return {"invalidated": self._cache.forget(self._entry(name).exact)}

    def pin(self, name: str, pinned: bool) -> dict[str, Any]:
        """Keep an entry whatever its age and use, or no longer. Raises ClientError 404 and 409."""
        entry = self._entry(name)
        exact = self._cache.exact
        if pinned and exact.pinned_bytes + entry.size_bytes > exact.max_bytes * _PINNED_SHARE:
            raise ClientError(
                409,
                f"Pinned answers may take {_PINNED_SHARE:.0%} of the cache, and they do.",
                code="too_many_pinned",
            )
        self._cache.pin(entry, pinned)
        return self._describe(entry)

    async def invalidate(self, wanted: Wanted) -> dict[str, Any]:
        """Forget what is wanted; how many entries that were."""
        fits = wanted.test()
        self._cache.refuse(fits)
        gone = 0
        async for entry in self._all():
            if fits(entry):
                gone += self._cache.forget(entry.exact)
        return {"invalidated": gone}

    def metrics(self) -> dict[str, Any]:
        """Predecessor D's cacheMetrics."""
        stats = self._cache.stats()
        hits, misses = stats["exact_hits"] + stats["semantic_hits"], stats["misses"]
        asked = hits + misses
        return {
            "hits": hits,
            "misses": misses,
            "hitRate": hits / asked if asked else 0.0,
            "estimatedSavingsUSD": stats["saved_usd"],
        }

    def warm(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Keep one given answer. request: a chat or completions body; response: its whole answer,
        or answer: just the text; tenant, category, tags, cost_usd: optional.

        Raises ClientError 400 for what cannot be kept.
        """
        request = row.get("request")
        if not isinstance(request, dict):
            raise _bad("request", "must be the body of a request")
        named = str(row.get("tenant") or "anonymous")
        tenant = self._tenant_of(named)
        if tenant is None:
            raise _bad("tenant", f"must be the name or the cache_group of a key, not '{named}'")
        kind = next((kind for name, kind in _KINDS.items() if name in request), None)
        key = None
        if kind is not None:
            key = key_of(
                request,
                tenant=tenant,
                route=self._route_of(str(request.get("model", ""))),
                kind=kind,
            )
        if kind is None or key is None:
            raise _bad("request", "is not one whose answer could be cached")
        reading = None if self._reader is None else self._reader.read(key.text)
        entry = Entry(
            whole=bytes(memoryview(_whole(row, request, kind))),  # as Entry.adopt_whole says
            kind=kind,
            model=str(request.get("model", "")),
            provider="warmed",
            category=str(row.get("category") or ""),
            language=str(getattr(reading, "language", "")),
            tags=tuple(str(tag) for tag in row.get("tags") or ()),
            cost_usd=float(row.get("cost_usd") or 0.0),
        )
        self._cache.put(key, None if reading is None else reading.vector, entry)
        return {"kept": True, "id": key.exact.hex()}

    # ---- inside ------------------------------------------------------------------------------

    async def _all(self) -> AsyncIterator[Entry]:
        """Every entry there is now; requests have their turn in between."""
        for part in self._cache.exact.parts():
            for number, entry in enumerate(part, 1):
                yield entry
                if number % STEP == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

    def _entry(self, name: str) -> Entry:
        try:
            entry = self._cache.exact.look(bytes.fromhex(name))
        except ValueError:
            entry = None
        if entry is None:
            raise ClientError(404, "There is no such entry in the cache.", code="not_found")
        return entry

    def _describe(self, entry: Entry) -> dict[str, Any]:
        now_s = self._cache.now_s
        shown = entry.describe()
        shown["age_s"] = round(now_s - shown.pop("created_s"), 1)
        left_s = shown.pop("expires_s") - now_s
        shown["expires_in_s"] = None if left_s == float("inf") else round(left_s, 1)
        return shown


def _bad(param: str, words: str) -> ClientError:
    return ClientError(400, f"'{param}' {words}.", code="invalid_value", param=param)


def _whole(row: Mapping[str, Any], request: Mapping[str, Any], kind: str) -> bytes:
    """A whole answer from a row, in the form the endpoint gives."""
    response, text = row.get("response"), row.get("answer")
    if isinstance(response, dict) and isinstance(response.get("choices"), list):
        return orjson.dumps(response)
    if not isinstance(text, str) or not text:
        raise _bad("answer", "must be the text of the answer, or 'response' the whole of it")
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    if kind == "chat":
        choice["message"] = {"role": "assistant", "content": text}
    else:
        choice["text"] = text
    return orjson.dumps(
        {
            "id": "warmed",
            "object": "chat.completion" if kind == "chat" else "text_completion",
            "created": 0,
            "model": request.get("model", ""),
            "choices": [choice],
        }
    )
