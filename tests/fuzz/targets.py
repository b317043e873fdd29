"""What is fuzzed, as functions of bytes: each fails by an exception that nobody meant.

The long runs of `python -m tests.fuzz` and the short ones of every suite go through these; the
properties that need more than bytes are Hypothesis' in the files beside.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from proxy import config
from proxy.cache.cache import Cache
from proxy.cache.entry import Entry
from proxy.cache.policy import Settings
from proxy.cache.record import left_s, pack_entry
from proxy.cache.records import MAGIC, frame, pack, read_records, unpack
from proxy.chat import Usage
from proxy.config import ConfigError
from proxy.dialects.registry import NAMES, dialect
from proxy.dialects.sse import Splitter, payload
from proxy.downstream.admit import admit
from proxy.errors import ClientError, UpstreamFailure
from proxy.exchange import ANONYMOUS
from proxy.shared.address import address
from proxy.state import hearsay
from proxy.state.hearsay import SharedBreakers, SharedLatency
from tests.fuzz import test_chunks, test_config, test_decoders, test_smuggling


@dataclass(frozen=True, slots=True)
class Target:
    """run: once for each input. seeds: right inputs; words: what is put into them."""

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()


def halves(data: bytes) -> tuple[bytes, bytes]:
    """The input cut where its checksum says: the same input is always cut alike."""
    at = zlib.crc32(data) % (len(data) + 1)
    return data[:at], data[at:]


def sse(data: bytes) -> None:
    """Cut or whole, the events are the same, and no byte is lost."""

    def split(pieces: tuple[bytes, ...]) -> list[bytes]:
        splitter = Splitter()
        found = [event for piece in pieces for event in splitter.feed(piece)]
        rest = splitter.close()
        return [*found, rest] if rest else found

    whole, cut = split((data,)), split(halves(data))
    assert b"".join(whole) == data == b"".join(cut)
    read = [[said for said in map(payload, events) if said[1]] for events in (whole, cut)]
    assert read[0] == read[1]


def chunks(data: bytes) -> None:
    """An answer ends once, whatever comes."""
    heard, released = test_chunks.read([one for one in halves(data) if one])
    assert len(heard.ends) == 1
    assert len(heard.body) <= len(data)
    assert len(released) <= 2


def head(data: bytes) -> None:
    """A request is served once, handed over, refused, or waited for."""
    street = test_smuggling.Street()
    front = test_smuggling.Taking(street, None)
    front.connection_made(street)
    for piece in halves(data):
        if piece and not (street.closed or street.handed):
            front.data_received(piece)
    assert len(street.served) <= 1
    assert not (street.served and street.handed)


def body(data: bytes) -> None:
    """A body is admitted in every dialect of a client, or refused with 4xx."""
    for kind in ("openai", "completions", "anthropic", "responses"):
        try:
            admit(kind, ANONYMOUS, {}, data, 0.0)
        except ClientError as error:
            assert 400 <= error.status < 500


def decoder(data: bytes) -> None:
    """Whatever a provider sends is told in every dialect, or fails in one way."""
    name = sorted(NAMES)[len(data) % len(NAMES)]
    reading = dialect(name).decoder()
    frames = []
    try:
        for piece in halves(data):
            frames += reading.feed(piece)
        frames += reading.close()
    except UpstreamFailure:
        return
    assert b"".join(one.raw for one in frames) == data
    test_decoders.translate(frames)


def answer(data: bytes) -> None:
    """A whole answer or error of any shape is read, or fails in one way."""
    spoken = dialect(sorted(NAMES)[len(data) % len(NAMES)])
    reading = spoken.read_error(500, data)
    assert isinstance(reading.message, str)
    with suppress(UpstreamFailure, orjson.JSONDecodeError):
        spoken.read_answer(orjson.loads(data))


def settings(data: bytes) -> None:
    """A configuration is read, or refused; no secret is shown."""
    try:
        found = config.parse(data.decode(errors="replace"), "fuzz.toml", test_config.ENVIRON)
    except ConfigError as error:
        assert not any(test_config.SECRET in line for line in error.errors)
        return
    assert test_config.SECRET not in str(found.redacted())


CACHE = Cache(Settings(ttl_s=1000.0, max_bytes=1 << 20), lambda: 0.0)


def entry(data: bytes) -> None:
    """An entry of the disk or another node is taken in, or left out."""
    left_s(data, 0.0)
    CACHE.absorb(data)


_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # disks are slow
FILE = Path(tempfile.mkdtemp(dir=_MEMORY)) / "cache.log"


def snapshot(data: bytes) -> None:
    """A file of the cache is read up to its first damage."""
    FILE.write_bytes(data)
    try:
        for (exact, packed), _ in read_records(FILE):
            assert len(exact) == 16
            if packed is not None:
                unpack(packed)
    except ValueError:
        pass


def words(data: bytes) -> None:
    """Words of other processes are heard, or left out."""
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return
    said = [one for one in found if isinstance(one, list)] if isinstance(found, list) else []
    breakers, latency = SharedBreakers(failures=3, open_seconds=60.0), SharedLatency()
    hearsay.hear(said, breakers, latency, 1.0)
    breakers.snapshot(2.0)
    latency.snapshot()


def url(data: bytes) -> None:
    """The shared server's URL is understood, or refused without being shown."""
    text = data.decode(errors="replace")
    try:
        address(text)
    except ValueError as error:
        assert "s3cret" not in str(error)


def _entry() -> bytes:
    kept = Entry(whole=b'{"id":"x"}', usage=Usage(3, 2), kind="openai", text="hi", language="en")
    kept.partition = kept.exact = b"0123456789abcdef"
    return pack_entry(kept, None, now_s=0.0, wall_s=0.0)


def _file() -> bytes:
    return MAGIC + frame(b"0" * 16, pack(_entry())) + frame(b"1" * 16, None)


JSON = (b"{", b"}", b"[", b"]", b'"', b"null", b"true", b"-1", b"1e999", b"\\ud800", b":", b",",
        b"\x00", b"\xff", b'"type":', b'"content":', b'"messages":', b'"choices":')  # fmt: skip
STREAMS = tuple(test_decoders.STREAMS.values())
REQUEST = (
    b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"},'
    b'{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}],"tools":[{"type":'
    b'"function","function":{"name":"f","parameters":{}}}],"stream":true,"max_tokens":3,'
    b'"firsttoken":{"cache":"only","tags":["a"],"first_token_ms":5}}'
)
SAID = (
    b'[["f","p/m","server",null],["b","p/m"],["r",null],["o","p/m"],["t","p/m",9,0.5,false,true]]'
)
URL = b"rediss+sentinel://user:s3cret@[::1]:1,b:2/main/3?ssl_ca_certs=/x"

TARGETS = {
    "sse": Target(sse, STREAMS, tuple(test_decoders.DICTIONARY)),
    "chunks": Target(chunks, (test_chunks.chunked([b"abc", b"data: x\n\n"]),),
                     tuple(test_chunks.DICTIONARY)),
    "head": Target(head, (test_smuggling.RIGHT + b'{"model":""}',), tuple(test_smuggling.PIECES)),
    "body": Target(body, (REQUEST,), JSON),
    "decoder": Target(decoder, STREAMS, tuple(test_decoders.DICTIONARY)),
    "answer": Target(answer, tuple(test_decoders.ANSWERS.values()), JSON),
    "config": Target(settings, (test_config.WHOLE.encode(),), tuple(test_config.DICTIONARY)),
    "entry": Target(entry, (_entry(),), JSON),
    "snapshot": Target(snapshot, (_file(),)),
    "words": Target(words, (SAID,), JSON),
    "url": Target(url, (URL, b"redis://h", b"redis+cluster://a,b"), (b"@", b":", b"/", b",")),
}  # fmt: skip
