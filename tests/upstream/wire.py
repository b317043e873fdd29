"""A relay between a connection whose transport goes nowhere and a client that remembers."""

from __future__ import annotations

import httptools

from proxy.dialects.registry import dialect
from proxy.timing import Wheel
from proxy.upstream.connection import Connection
from proxy.upstream.follow import Patience
from proxy.upstream.relay import Relay
from proxy.upstream.straight import Straight
from proxy.upstream.translated import Translated

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Wire:
    """A transport that goes nowhere, and whoever reads from it."""

    def __init__(self, connection: Connection) -> None:
        self.reader = connection
        self.is_open = True
        self.swaps = 0

    def set_protocol(self, reader) -> None:
        self.reader = reader
        self.swaps += 1

    def write(self, data: bytes) -> None: ...

    def abort(self) -> None:
        self.is_open = False

    close = abort


class Client:
    """A sink that takes events only."""

    def __init__(self) -> None:
        self.body = b""
        self.short = 0

    def write(self, data: bytes) -> None:
        assert data
        self.body += data

    def end(self, last: bytes = b"") -> None: ...

    def on_body(self, data: bytes) -> None:
        self.body += data


class LeanClient(Client):
    """A sink that takes chunks as they are, too; it reads each as a client does."""

    def wire(self, data: bytes) -> None:
        self.short += 1
        parser = httptools.HttpResponseParser(self)
        parser.feed_data(HEAD + data + b"0\r\n\r\n")


class Race:
    """What stands behind a connection and a relay, as the attempt and its runner do."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.relay: Relay | None = None
        self.ends: list[str] = []

    def on_head(self, status, kind, headers) -> None: ...

    def on_body(self, data: bytes) -> None:
        raise AssertionError("the relay takes the body")

    def on_end(self) -> None:
        self.relay.close()

    def on_lost(self, kind, detail, *, untouched) -> None:
        self.relay.lost(kind, detail)

    def complete(self) -> None:
        self.ends.append("complete")
        self.connection.abort()

    def broken(self, failure) -> None:
        self.ends.append(failure.kind.value)
        self.connection.abort()


def patience() -> Patience:
    """A minute for each token, on a clock that stands still."""
    wheel = Wheel(lambda: 0.0, lambda at, back: type("H", (), {"cancel": lambda self: None})())
    return Patience(60, None, wheel, lambda: 0.0)


def opened() -> tuple[Connection, Wire, Race]:
    """A connection whose answer's head has come, what it reads from, and who asked."""
    connection = Connection(lambda _, keep: None)
    wire = Wire(connection)
    connection.connection_made(wire)
    race = Race(connection)
    connection.send(b"GET / HTTP/1.1\r\n\r\n", race)
    connection.data_received(HEAD)
    return connection, wire, race


def relayed(pieces: list[bytes], sink: Client, provider: str, first: bytes, client: str = ""):
    """Relay these bytes, which follow a stream's head and first events. client: its dialect, where
    it is another. How it ended, and what is known of the answer."""
    connection, wire, race = opened()
    spoken = dialect(provider)
    decoder = spoken.decoder()
    if client:
        encoder = dialect(client).encoder(id="i", model="m", created=1, include_usage=True)
        race.relay = relay = Translated(race, sink, decoder, patience(), encoder)
    else:
        race.relay = relay = Straight(
            race, sink, decoder, patience(), plain=spoken.plain, end_mark=END, strip_usage=False
        )
    sink.body += relay.begin(decoder.feed(first), b"")
    relay.begun()
    connection.hand_on(relay)
    for piece in pieces:
        if wire.is_open:
            wire.reader.data_received(piece)
    if wire.is_open:
        wire.reader.connection_lost(None)
    sink.body += relay.rest  # which the end brings
    return race.ends, relay.text, relay.usage, relay.finish
