"""Where the load goes: a URL taken apart, and requests written for it."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

import orjson

from benchmarks.load.apis import Api, Json
from benchmarks.load.client import Job
from benchmarks.load.prompts import Prompt
from benchmarks.mock import faults
from benchmarks.mock.scenario import parse, text_of

_SEQUENCE = "%%SEQ%%"


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint. url as the user wrote it."""

    url: str
    host: str
    port: int
    path: str
    tls: ssl.SSLContext | None
    headers: tuple[str, ...]  # "Name: value"


def target(
    url: str,
    api: Api,
    headers: Sequence[str] = (),
    *,
    verify: bool = True,
    endpoint: str = "",
) -> Target:
    """Reads a URL: a base such as http://host:8000/v1, a bare host, or the whole endpoint; with
    endpoint, just its host. Raises ValueError with a reason."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an http or https URL")
    path = parts.path.rstrip("/")
    if endpoint:
        path = "/" + endpoint.lstrip("/")
    elif not path.endswith(api.path):
        base = path or ("" if api.name == "ollama" else "/v1")
        path = base + api.path
    if parts.query:
        path += f"?{parts.query}"
    try:
        parts.hostname.encode("idna")
    except UnicodeError as error:
        raise ValueError(f"{url!r}: no host can be called so") from error
    tls = None
    if parts.scheme == "https":
        tls = ssl.create_default_context()
        if not verify:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
    fields = list(headers)
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        fields.append(f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    for field in fields:
        if ":" not in field or any(char in field for char in "\r\n\0"):
            raise ValueError(f"{field!r} is not a header like 'Name: value'")
    try:
        port = parts.port or (443 if tls else 80)
    except ValueError as error:
        raise ValueError(f"{url!r}: {error}") from error
    return Target(url, parts.hostname, port, path, tls, tuple(fields))


def jobs(
    where: Target,
    api: Api,
    model: str,
    prompts: Sequence[Prompt],
    *,
    stream: bool,
    extra: Json | None = None,
    check_text: bool = True,
) -> list[Job]:
    """A request for each prompt. A model of the scripted upstream also tells the right text."""
    expected = _expected(model) if check_text else None
    accept = "text/event-stream" if stream else "application/json"
    host = where.host if ":" not in where.host else f"[{where.host}]"
    lines = [
        f"POST {where.path} HTTP/1.1",
        f"Host: {host}:{where.port}",
        "Content-Type: application/json",
        f"Accept: {accept}",
        *where.headers,
    ]
    head = "\r\n".join(lines).encode()
    made = []
    for prompt in prompts:
        body = orjson.dumps({**api.body(model, prompt, stream), **(extra or {})})
        made.append(Job(b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body), expected))
    return made


def numbered(job: Job, number: int) -> Job:
    """The same request with its own number in place of the mark, so that no cache knows it."""
    request = job.request.replace(_SEQUENCE.encode(), b"%07d" % (number % 10_000_000), 1)
    return Job(request, job.expected)


def marked(prompt: Prompt) -> Prompt:
    """The prompt with a place for a number."""
    return replace(prompt, text=f"{_SEQUENCE} {prompt.text}")


def _expected(model: str) -> bytes | None:
    """The text of a mock model, JSON-escaped; None for any other and for faults."""
    if "mock-" not in model:
        return None
    scenario = parse(model, faults.NAMES)
    return orjson.dumps(text_of(scenario))[1:-1]
