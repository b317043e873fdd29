"""Recorded provider traffic, where it lies beside the checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import orjson

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "wire"


@cache
def recorded(*kinds: str) -> list[dict]:
    """The recorded successes of these kinds, in the order of their files."""
    return [
        one
        for path in sorted(WIRE.glob("*/*-200-*.json"))
        if path.name.split("-")[0] in kinds
        for one in [orjson.loads(path.read_bytes())]
        if one.get("response_body")
    ]


def asked(one: dict) -> dict:
    """What was asked for; nothing where the recorder did not keep it whole."""
    try:
        body = orjson.loads(one.get("request_body") or b"null")
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def payloads(body: str) -> list[dict]:
    """The data of every event, read as plainly as can be."""
    lines = body.replace("\r\n", "\n").split("\n")
    data = [line[5:].strip() for line in lines if line.startswith("data:")]
    return [orjson.loads(one) for one in data if one and one != "[DONE]"]


def told_again(body: str, decoder, target) -> bytes:
    """A recorded stream, read event by event and written in another format."""
    encoder = target.encoder(id="msg_1", model="m", created=1, include_usage=True)
    again = b""
    for event in body.replace("\r\n", "\n").split("\n\n"):
        for frame in decoder.feed(event.encode() + b"\n\n") if event else ():
            again += encoder.encode(frame.events)
    return again + encoder.end()
