"""A passed-through stream is the same whether its tokens go the short way, unparsed, or not."""

from __future__ import annotations

from itertools import pairwise

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.registry import dialect
from proxy.timing import Wheel
from proxy.upstream.connection import Connection
from proxy.upstream.straight import Straight

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
WHERE = '"id":"c1","object":"chat.completion.chunk","created":1,"model":"m"'
END = b"data: [DONE]\n\n"


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

    def end(self) -> None: ...

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
        self.relay: Straight | None = None
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


def wheel() -> Wheel:
    return Wheel(lambda: 0.0, lambda at, back: type("H", (), {"cancel": lambda self: None})())


def relayed(pieces: list[bytes], sink: Client, name: str = "openai", first: bytes = b""):
    """Relay these bytes, which follow a stream's head and first event."""
    connection = Connection(lambda _, keep: None)
    wire = Wire(connection)
    connection.connection_made(wire)
    race = Race(connection)
    connection.send(b"GET / HTTP/1.1\r\n\r\n", race)
    connection.data_received(HEAD)
    spoken = dialect(name)
    decoder = spoken.decoder()
    race.relay = relay = Straight(
        race, sink, decoder, plain=spoken.plain, end_mark=END, strip_usage=False, gap_s=60,
        least_per_s=None, now=lambda: 0.0, wheel=wheel(),
    )  # fmt: skip
    sink.body += relay.begin(decoder.feed(first or event('{"content":"Once"}')), b"")
    relay.begun()
    connection.hand_on(relay)
    for piece in pieces:
        if wire.is_open:
            wire.reader.data_received(piece)
    if wire.is_open:
        wire.reader.connection_lost(None)
    return race.ends, relay.text, relay.usage, relay.finish


def event(delta: str, finish: str = "null", more: str = "") -> bytes:
    text = f'data: {{{WHERE},"choices":[{{"index":0,"delta":{delta},"logprobs":null,'
    return f'{text}"finish_reason":{finish}}}]{more}}}\n\n'.encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


TOKENS = [
    event('{"content":" %s"}' % ("word" * size)) for size in (0, 1, 1, 2, 3, 1, 70, 900, 1, 1)
]
LAST = [event("{}", '"stop"'), event("{}", "null", ',"usage":{"prompt_tokens":1}'), END]


def test_usual_tokens_go_the_short_way() -> None:
    client = LeanClient()
    ends, kept, *_ = relayed([*map(chunk, TOKENS), *map(chunk, LAST), b"0\r\n\r\n"], client)
    assert ends == ["complete"]
    assert client.body == kept == event('{"content":"Once"}') + b"".join(TOKENS + LAST)
    assert client.short == len(TOKENS) - 1  # the first shows where its chunk's framing is


def test_the_connection_is_given_back_to_its_pool_as_it_was() -> None:
    connection = Connection(lambda _, keep: None)
    wire = Wire(connection)
    connection.connection_made(wire)
    race = Race(connection)
    connection.send(b"", race)
    connection.data_received(HEAD)
    race.relay = relay = Straight(
        race, LeanClient(), dialect("openai").decoder(), plain=(), end_mark=END,
        strip_usage=False, gap_s=60, least_per_s=None, now=lambda: 0.0, wheel=wheel(),
    )  # fmt: skip
    connection.hand_on(relay)
    assert wire.reader is relay
    connection.take_back(race)
    assert wire.reader is connection


ODD = [
    b"5\r\nhello\r\n",  # no event
    b"0\r\n\r\n",
    b"1\r\n\n\r\n1\r\n\n\r\n",
    chunk(b": ping\n\n"),
    chunk(b'data: {"error":{"message":"no"}}\n\n'),
    chunk(TOKENS[1] + TOKENS[2]),
    chunk(TOKENS[1].replace(b"\n\n", b"\r\n\r\n")),
    chunk(TOKENS[1][:-1]),
    chunk(b"\n"),
    b"%X\r\n%b\r\n" % (len(TOKENS[1]), TOKENS[1]),
    b"0%x\r\n%b\r\n" % (len(TOKENS[1]), TOKENS[1]),
    b"%x;a=b\r\n%b\r\n" % (len(TOKENS[1]), TOKENS[1]),
    b"%x\r\n%b\r\n" % (len(TOKENS[1]) + 1, TOKENS[1]),  # a size that is not so
    b"%x\r\n%b\r\n" % (len(TOKENS[1]) - 1, TOKENS[1]),
    b"%x\r\n%b\n\n" % (len(TOKENS[1]), TOKENS[1]),
    TOKENS[1],  # no framing at all
    TOKENS[1] + b"\r\n",
    b"\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    *map(chunk, LAST),
    chunk(event('{"content":"x"}').replace(b'"x"}', b'"x"}},\n\n{"delta":{"content":"y"}')),
]

USUAL = [
    *map(chunk, TOKENS),
    chunk(event('{"content":"a\\nb"}')),
    chunk(event('{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":""}}]}')),
]


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_the_short_way_and_the_long_one_are_the_same(data) -> None:
    parts = data.draw(
        st.lists(
            st.one_of(st.sampled_from(USUAL), st.sampled_from(ODD)),
            max_size=12,
        )
    )
    cuts = data.draw(st.sampled_from(["as they are", "joined", "cut"]))
    pieces = list(parts)
    if cuts == "joined":
        many = data.draw(st.integers(2, 4))
        pieces = [b"".join(parts[at : at + many]) for at in range(0, len(parts), many)]
    elif cuts == "cut":
        whole = b"".join(parts)
        at = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
        ends = [0, *at, len(whole)]
        pieces = [whole[a:b] for a, b in pairwise(ends) if b > a]
    plain, lean = Client(), LeanClient()
    assert relayed(pieces, plain) == relayed(pieces, lean)
    assert plain.body == lean.body


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_never_goes_the_short_way(odd: bytes) -> None:
    client = LeanClient()
    usual = [chunk(one) for one in TOKENS[:3]]
    relayed([*usual, odd], client)
    assert client.short == 2
