"""`firsttoken cache`: what a command asks of a running proxy, over its admin API."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from proxy import config

TIMEOUT_SECONDS = 120.0  # a warming request waits for a provider
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # listening there, reached here
_EXAMPLES = """\
examples:
  firsttoken cache stats
  firsttoken cache invalidate "*capital of*" --category facts
  firsttoken cache warm answers.jsonl

A row of the file is JSON: {"request": {...}, "answer": "..."} or {"request": {...},
"response": {...}} is kept as it is; {"request": {...}} or {"prompt": "..."} is asked, so that
the answer is kept: by the caller whose key is in $FIRSTTOKEN_KEY, where keys are asked for.
"""
# What the figures of `cache stats` mean, where their names leave a doubt.
_MEANING = {
    "entries": "answers kept",
    "vectors": "of them found by meaning too",
    "bytes": "their size",
    "max_bytes": "at most",
    "evictions": "forgotten for want of room",
    "exact_hits": "asked again in the same words",
    "semantic_hits": "asked again in other words",
    "misses": "asked of a provider",
    "joined": "shared an answer under way",
    "guarded": "alike, but refused by a guard",
    "doubted": "alike, but not trusted by the verified mode",
    "second_hits": "of the semantic ones, by a second opinion",
    "second_late": "opinions that came after the first token",
    "saved_usd": "what the hits would have cost",
}


class Refused(Exception):
    """The proxy did not do it; the message says why."""


def add_parser(commands: Any) -> None:
    """Add `cache` to the commands."""
    parser = commands.add_parser(
        "cache",
        help="look at a running proxy's cache, fill it, empty it",
        description="Work on a running proxy's cache, over its admin API.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    stats = actions.add_parser("stats", help="counts and sizes")
    stats.add_argument("--json", action="store_true", help="one JSON object")
    stats.set_defaults(func=_stats)
    warm = actions.add_parser("warm", help="keep the answers of a file, or ask its questions")
    warm.add_argument("file", metavar="FILE", help="JSON lines, see firsttoken cache --help")
    warm.add_argument("--model", default="auto", help="for rows that are a prompt (default: auto)")
    warm.add_argument(
        "--tenant", help="whose cache, of rows with an answer: a key's name, or its cache_group"
    )
    warm.set_defaults(func=_warm)
    forget = actions.add_parser("invalidate", help="forget what matches; everything without any")
    forget.add_argument("pattern", nargs="?", help="a glob over prompts, case-insensitive")
    forget.add_argument("--category")
    forget.add_argument("--tag")
    forget.set_defaults(func=_invalidate)
    for action in (stats, warm, forget):
        action.add_argument("--config", metavar="FILE", help="whose host, port and admin key")
        action.add_argument("--url", help="of the proxy, where it is not the configuration's")


class Remote:
    """A running proxy."""

    def __init__(self, url: str, admin_key: str | None, caller_key: str | None) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in ("http", "https") or not host:
            raise config.ConfigError([f"--url: {url!r} is not an http(s) address"])
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(host, port, timeout=TIMEOUT_SECONDS)
        self._url = url
        self._admin_key = admin_key
        self._caller_key = caller_key

    def call(self, method: str, path: str, body: Any = None, *, as_caller: bool = False) -> Any:
        """The JSON answer. Raises Refused."""
        headers = {"Content-Type": "application/json"}
        key = self._caller_key if as_caller else self._admin_key
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        sent = None if body is None else orjson.dumps(body)
        try:
            self._connection.request(method, path, sent, headers)
            reply = self._connection.getresponse()
            raw = reply.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise Refused(f"no proxy answers at {self._url}: {error}") from error
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError:
            answer = {}
        if reply.status >= 400:
            told = answer.get("error") if isinstance(answer, dict) else None
            words = told.get("message") if isinstance(told, dict) else None
            raise Refused(str(words or f"the proxy at {self._url} answers {reply.status}"))
        return answer

    def close(self) -> None:
        """Give up the connection."""
        self._connection.close()


def _remote(args: argparse.Namespace) -> Remote:
    environ = config.environment()
    settings = config.load(args.config, environ)
    server, admin = settings.server, settings.auth.admin_key
    host = _ANYWHERE.get(server.host, server.host)
    shown = f"[{host}]" if ":" in host else host
    return Remote(
        args.url or f"http://{shown}:{server.port}",
        admin.reveal() if admin is not None else None,
        environ.get("FIRSTTOKEN_KEY"),
    )


def _stats(args: argparse.Namespace) -> int:
    try:
        with closing(_remote(args)) as remote:
            found = remote.call("GET", "/api/cache")
    except Refused as error:
        return _fail(error)
    if args.json:
        _say(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return 0
    figures = {
        name: f"{value:,.4f}" if value % 1 else f"{value:,.0f}" for name, value in found.items()
    }
    width, most = max(map(len, figures)), max(map(len, figures.values()))
    for name, figure in figures.items():
        _say(f"{name:{width}}  {figure:>{most}}  {_MEANING.get(name, '')}".rstrip())
    return 0


def _invalidate(args: argparse.Namespace) -> int:
    wanted = {name: getattr(args, name) for name in ("pattern", "category", "tag")}
    body = {name: value for name, value in wanted.items() if value is not None}
    try:
        with closing(_remote(args)) as remote:
            gone = remote.call("POST", "/api/cache/invalidate", body)["invalidated"]
    except Refused as error:
        return _fail(error)
    _say(f"{gone} forgotten")
    return 0


def _warm(args: argparse.Namespace) -> int:
    kept = asked = failed = 0
    with closing(_remote(args)) as remote:
        for number, row in _rows(args.file):
            try:
                if isinstance(row, Refused):
                    raise row
                if _is_answered(row):
                    tenant = {} if args.tenant is None else {"tenant": args.tenant}
                    remote.call("POST", "/api/cache/warm", tenant | row)
                    kept += 1
                else:
                    body = _question(row, args.model)
                    remote.call("POST", "/v1/chat/completions", body, as_caller=True)
                    asked += 1
            except Refused as error:
                failed += 1
                print(f"{args.file}:{number}: {error}", file=sys.stderr)  # noqa: T201
    _say(f"{kept} kept, {asked} asked, {failed} failed")
    return 1 if failed else 0


def _is_answered(row: dict[str, Any]) -> bool:
    return "request" in row and ("answer" in row or "response" in row)


def _question(row: dict[str, Any], model: str) -> dict[str, Any]:
    request = row.get("request")
    if isinstance(request, dict):
        return {"model": model} | request | {"stream": False}
    prompt = row.get("prompt")
    if not isinstance(prompt, str):
        raise Refused("a row needs a 'request' or a 'prompt'")
    return {"model": row.get("model") or model, "messages": [{"role": "user", "content": prompt}]}


def _rows(path: str) -> Iterator[tuple[int, dict[str, Any] | Refused]]:
    """Each row of a file with its line's number, or what is wrong with it. Raises ConfigError."""
    try:
        with Path(path).open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    row = Refused(f"not JSON: {error}")
                if not isinstance(row, dict | Refused):
                    row = Refused("not a JSON object")
                yield number, row
    except OSError as error:
        raise config.ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error


def _fail(error: Refused) -> int:
    print(f"firsttoken: {error}", file=sys.stderr)  # noqa: T201 - a command speaks
    return 1


def _say(text: str) -> None:
    print(text)  # noqa: T201 - a command speaks
