"""A relayed stream is the same whether its tokens go the short way, unparsed, or not."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.registry import dialect
from proxy.upstream.connection import Connection
from proxy.upstream.straight import Straight
from tests.upstream.wire import END, Client, LeanClient, chunk, opened, patience, relayed

WHERE = '"id":"c1","object":"chat.completion.chunk","created":1,"model":"m"'


def event(delta: str, finish: str = "null", more: str = "") -> bytes:
    text = f'data: {{{WHERE},"choices":[{{"index":0,"delta":{delta},"logprobs":null,'
    return f'{text}"finish_reason":{finish}}}]{more}}}\n\n'.encode()


FIRST = event('{"content":"Once"}')
TOKENS = [
    event('{"content":" %s"}' % ("word" * size)) for size in (0, 1, 1, 2, 3, 1, 70, 900, 1, 1)
]
LAST = [event("{}", '"stop"'), event("{}", "null", ',"usage":{"prompt_tokens":1}'), END]


def test_usual_tokens_go_the_short_way() -> None:
    client = LeanClient()
    ends, kept, *_ = relayed(
        [*map(chunk, TOKENS), *map(chunk, LAST), b"0\r\n\r\n"], client, "openai", FIRST
    )
    assert ends == ["complete"]
    assert client.body == kept == FIRST + b"".join(TOKENS + LAST)
    assert client.short == len(TOKENS) - 1  # the first shows where its chunk's framing is


@pytest.mark.parametrize("spoken", ["", "anthropic"])
def test_several_usual_tokens_of_one_read_go_the_short_way(spoken: str, monkeypatch) -> None:
    parse, parsed = Connection.data_received, []
    monkeypatch.setattr(
        Connection, "data_received", lambda self, data: (parsed.append(data), parse(self, data))
    )
    pieces = [chunk(one) for one in TOKENS[1:4]]
    read = b"".join(pieces)
    long, short = Client(), LeanClient()
    told = [pieces[0], read, read, chunk(LAST[0]) + chunk(END) + b"0\r\n\r\n"]
    ends = relayed(told, short, "openai", FIRST, spoken)
    assert parsed[1:] == [told[0], told[-1]]  # after the answer's head
    assert ends == relayed(told, long, "openai", FIRST, spoken)
    assert short.body == long.body


def test_the_connection_is_given_back_to_its_pool_as_it_was() -> None:
    connection, wire, race = opened()
    race.relay = relay = Straight(
        race, LeanClient(), dialect("openai").decoder(), patience(), plain=(), end_mark=END,
        strip_usage=False,
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


@pytest.mark.parametrize("spoken", ["", "anthropic", "responses"])
@settings(deadline=None, max_examples=150)
@given(st.data())
def test_the_short_way_and_the_long_one_are_the_same(spoken: str, data) -> None:
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
    assert relayed(pieces, plain, "openai", FIRST, spoken) == relayed(
        pieces, lean, "openai", FIRST, spoken
    )
    assert plain.body == lean.body


@pytest.mark.parametrize("spoken", ["", "anthropic"])
@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_never_goes_the_short_way(odd: bytes, spoken: str) -> None:
    client = LeanClient()
    usual = [chunk(one) for one in TOKENS[:3]]
    relayed([*usual, odd], client, "openai", FIRST, spoken)
    assert client.short == 2


MESSAGE = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","content":[]}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":'
    b'{"type":"text","text":""}}\n\n'
)


def delta(word: bytes) -> bytes:
    inner = b'{"type":"text_delta","text":"%b"}' % word
    told = b'{"type":"content_block_delta","index":0,"delta":%b}' % inner
    return b"event: content_block_delta\ndata: %b\n\n" % told


words = st.one_of(
    st.sampled_from([b" a", b"", b'\\"', b"\\n", b"\\u00e9", b"\xff", b'"', b"\n", b"x" * 5000]),
    st.text(max_size=6).map(str.encode),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(words, max_size=12))
def test_words_of_any_kind_are_translated_the_same_both_ways(said: list[bytes]) -> None:
    pieces = [chunk(delta(word)) for word in said]
    plain, lean = Client(), LeanClient()
    first = MESSAGE + delta(b"Once")
    assert relayed(pieces, plain, "anthropic", first, "openai") == relayed(
        pieces, lean, "anthropic", first, "openai"
    )
    assert plain.body == lean.body


def test_usual_words_go_the_short_way_and_others_do_not() -> None:
    usual = [chunk(delta(b" word%d" % number)) for number in range(10)]
    client = LeanClient()
    relayed(usual, client, "anthropic", MESSAGE + delta(b"Once"), "openai")
    assert client.short == len(usual) - 1
    broken = LeanClient()
    relayed([*usual, chunk(delta(b'"')), chunk(delta(b""))], broken, "anthropic",
            MESSAGE + delta(b"Once"), "openai")  # fmt: skip
    assert broken.short == len(usual) - 1
