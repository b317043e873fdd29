"""Bodies that are not a request: each is refused in words, and never reaches a provider."""

from __future__ import annotations

import gzip
import time
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

TRIES = 3  # at most: the machine's own delays come and go, the proxy's would be there each time

pytestmark = pytest.mark.loopback

MESSAGES = '"messages":[{"role":"user","content":"hi"}]'

NOT_JSON = {
    "empty": b"",
    "cut": b'{"model":"chat",' + MESSAGES.encode(),
    "word": b"hello",
    "trailing": b'{"model":"chat",' + MESSAGES.encode() + b"}x",
    "two": b'{"model":"chat",' + MESSAGES.encode() + b"}{}",
    "single-quotes": b"{'model':'chat'}",
    "comment": b'{"model":"chat",/**/' + MESSAGES.encode() + b"}",
    "nan": b'{"model":"chat","temperature":NaN,' + MESSAGES.encode() + b"}",
    "infinity": b'{"model":"chat","temperature":Infinity,' + MESSAGES.encode() + b"}",
    "raw-newline": b'{"model":"chat","messages":[{"role":"user","content":"a\nb"}]}',
    "raw-nul": b'{"model":"chat","messages":[{"role":"user","content":"a\0b"}]}',
    "bad-utf8": b'{"model":"chat","messages":[{"role":"user","content":"\xff\xfe"}]}',
    "overlong-utf8": b'{"model":"chat","messages":[{"role":"user","content":"\xc0\xaf"}]}',
    "cut-utf8": b'{"model":"chat","messages":[{"role":"user","content":"\xe2\x82"}]}',
    "surrogate-utf8": b'{"model":"chat","messages":[{"role":"user","content":"\xed\xa0\x80"}]}',
    "utf16": ('{"model":"chat",' + MESSAGES + "}").encode("utf-16"),
    "utf16-no-bom": ('{"model":"chat",' + MESSAGES + "}").encode("utf-16-le"),
    "utf32": ('{"model":"chat",' + MESSAGES + "}").encode("utf-32"),
    "bom": b"\xef\xbb\xbf" + ('{"model":"chat",' + MESSAGES + "}").encode(),
    "lone-surrogate": rb'{"model":"chat","messages":[{"role":"user","content":"\ud800"}]}',
    "deep-arrays": b"[" * 100_000,
    "deep-closed": b"[" * 100_000 + b"]" * 100_000,
    "deep-objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep-field": b'{"model":"chat",' + MESSAGES.encode() + b',"x":' + b"[" * 50_000 + b"]" * 50_000
    + b"}",
    "form": b"model=chat&messages=hi",
    "binary": bytes(range(256)) * 16,
    "html": b"<html></html>",
}  # fmt: skip


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_json_is_refused(
    lane, exchange, refusal, upstream, post, keys, body: bytes
) -> None:
    raw = exchange(lane.address, post(body, f"Authorization: Bearer {keys[0]}"))
    assert refusal(raw, upstream).status == 400


WRONG_TYPES: dict[str, tuple[object, str]] = {
    "array": ([], ""),
    "string": ("chat", ""),
    "null": (None, ""),
    "number": (7, ""),
    "true": (True, ""),
    "no-model": ({"messages": [{"role": "user", "content": "hi"}]}, "model"),
    "no-messages": ({"model": "chat"}, "messages"),
    "nothing": ({}, "model"),
}
_FIELDS: dict[str, list[object]] = {
    "model": [None, 7, [], {}, "", True],
    "messages": [None, "hi", {}, [], [1], [None], ["hi"], [[]], [{}], [{"role": "user"}]],
    "temperature": ["hot", [], {}, True],
    "max_tokens": ["many", [], True, -1],
    "max_completion_tokens": ["many", {}],
    "top_p": ["x", []],
    "n": ["two", [], 0, -1],
    "stream": ["yes", 1, [], {}],
    "stream_options": ["usage", [], 1],
    "stop": [5, {}],
    "tools": ["x", {}],
    "response_format": ["json", [], 1],
    "logit_bias": [[], "x"],
    "firsttoken": ["x", [], {"unknown": 1}, {"cache": "maybe"}, {"first_token_ms": "soon"},
                   {"tags": 5}, {"category": []}],
}  # fmt: skip
_MESSAGES: list[object] = [
    {"role": 5, "content": "hi"},
    {"role": "user", "content": 5},
    {"role": "user", "content": {}},
    {"role": "user", "content": [5]},
    {"role": "user", "content": [{}]},
    {"role": "user", "content": [{"type": "text", "text": 5}]},
    {"role": "user", "content": None},
    {"content": "hi"},
    {"role": "nobody", "content": "hi"},
    {"role": "user", "content": [{"type": "image_url", "image_url": 5}]},
    {"role": "user", "content": [{"type": "input_audio", "input_audio": []}]},
    {"role": "assistant", "tool_calls": "call"},
    {"role": "assistant", "tool_calls": {}},
    {"role": "assistant", "tool_calls": [5]},
    {"role": "assistant", "content": "hi", "tool_calls": [5]},
    {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": "f"}]},
    {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": [5]}}]},
]


@pytest.mark.parametrize(("body", "param"), WRONG_TYPES.values(), ids=WRONG_TYPES.keys())
def test_what_is_not_a_request_is_refused(
    lane, exchange, refusal, upstream, post, body: object, param: str
) -> None:
    answer = refusal(exchange(lane.address, post(orjson.dumps(body))), upstream, status=[400])
    assert (answer.json["error"]["param"] or "") == param


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in _FIELDS.items() for value in values],
    ids=lambda value: str(value).replace("/", "_"),
)
def test_a_field_of_the_wrong_type_is_refused_and_named(
    lane, exchange, refusal, upstream, post, ask, field: str, value: object
) -> None:
    answer = refusal(exchange(lane.address, post(ask(**{field: value}))), upstream)
    assert answer.status == 400
    assert str(answer.json["error"]["param"]).startswith(field)


@pytest.mark.parametrize("message", _MESSAGES, ids=str)
def test_a_message_of_the_wrong_shape_is_refused(
    lane, exchange, refusal, upstream, post, ask, message: object
) -> None:
    answer = refusal(exchange(lane.address, post(ask(messages=[message]))), upstream, status=[400])
    assert str(answer.json["error"]["param"]).startswith("messages")


@pytest.mark.parametrize(
    "name",
    [
        "nobody",
        "chta",
        "mock/",
        "/",
        "nobody/mock-t4",
        "x" * 10_000,
        "chat\u0000",
        "ch\u00e4t",
        " chat",
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_an_unknown_model_is_404(lane, exchange, refusal, upstream, post, ask, name: str) -> None:
    answer = refusal(exchange(lane.address, post(ask(model=name))), upstream, status=[404, 400])
    if answer.status == 404:
        assert answer.json["error"]["code"] == "model_not_found"
    if name == "chta":
        assert "chat" in answer.json["error"]["message"].replace("chta", "")


EVIL = "\r\nX-Evil: 1\r\n\r\nHTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        {"model": f"chat{EVIL}"},
        {"model": f"mock/mock-t2{EVIL}"},
        {"firsttoken": {"category": f"code{EVIL}"}},
        {"firsttoken": {"use_case": f"x{EVIL}"}},
        {"firsttoken": {"tags": [f"a{EVIL}"]}},
    ],
    ids=["route", "model", "category", "use_case", "tags"],
)
def test_line_ends_of_a_body_never_reach_a_head(
    lane, exchange, answers, upstream, post, ask, change, stream: bool
) -> None:
    last = b"GET /health HTTP/1.1\r\nHost: proxy\r\n\r\n"
    found = answers(exchange(lane.address, post(ask(stream=stream, **change)) + last, wanted=2))
    assert b'"status"' in found[1].body, "no answer came between"
    assert "x-evil" not in found[0].headers
    assert found[0].status < 500
    assert len(upstream.requests) <= 1
    assert all("x-evil" not in one.headers for one in upstream.requests)


def test_a_key_given_twice_is_never_forwarded_twice(
    lane, exchange, answers, upstream, post
) -> None:
    body = (
        '{"model":"chat","model":"mock/mock-t2","temperature":0,"temperature":9,' + MESSAGES + "}"
    )
    (answer,) = answers(exchange(lane.address, post(body)))
    assert answer.status < 500
    for one in upstream.requests:
        assert one.body.count(b'"model"') == 1
        assert one.body.count(b'"temperature"') == 1


ODD_BUT_JSON = {
    "huge-number": '{"model":"chat","seed":1e999,' + MESSAGES + "}",
    "long-number": '{"model":"chat","x":' + "9" * 100_000 + "," + MESSAGES + "}",
    "many-keys": '{"model":"chat",'
    + "".join(f'"k{n}":1,' for n in range(200_000))
    + MESSAGES
    + "}",
    "many-messages": '{"model":"chat","messages":['
    + ",".join(['{"role":"user","content":"hi"}'] * 50_000)
    + "]}",
    "long-word": '{"model":"chat","messages":[{"role":"user","content":"'
    + "a" * 1_000_000
    + '"}]}',
    "brackets": '{"model":"chat","messages":[{"role":"user","content":"'
    + "((((" * 100_000
    + '"}]}',
    "spaces": '{"model":"chat","messages":[{"role":"user","content":"' + " " * 1_000_000 + '!"}]}',
    "nul": '{"model":"chat","messages":[{"role":"user","content":"a\\u0000b"}]}',
    "combining": '{"model":"chat","messages":[{"role":"user","content":"'
    + "e\u0301" * 200_000
    + '"}]}',
}


@pytest.mark.parametrize("body", ODD_BUT_JSON.values(), ids=ODD_BUT_JSON.keys())
def test_odd_but_valid_bodies_are_answered_or_refused_soon(
    lane, exchange, answers, upstream, post, ask, body: str
) -> None:
    waited: list[float] = []
    while len(waited) < TRIES and min(waited, default=9.0) >= 1.0:
        with ThreadPoolExecutor(2) as pool:
            odd = pool.submit(exchange, lane.address, post(body), seconds=30)
            time.sleep(0.01)
            began = time.monotonic()
            (healthy,) = answers(exchange(lane.address, post(ask()), seconds=30))
            waited.append(time.monotonic() - began)
            (answer,) = answers(odd.result())
        assert healthy.status == 200
        assert answer.status == 200 or 400 <= answer.status < 500
    assert min(waited) < 1.0


# ---- size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1 << 30, 10**18, (1 << 63) - 1])
def test_a_body_announced_too_large_is_refused_before_it_is_read(
    lane, exchange, refusal, upstream, post, length: int
) -> None:
    began = time.monotonic()
    answer = refusal(exchange(lane.address, post(b"{", length=length)), upstream)
    assert answer.status == 413
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("length", [1 << 64, 10**40])
def test_a_length_beyond_numbers_is_refused(
    lane, exchange, refusal, upstream, post, length: int
) -> None:
    answer = refusal(exchange(lane.address, post(b"{", length=length)), upstream)
    assert answer.status in (400, 413)


@pytest.mark.slow
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_of_a_gigabyte_is_cut_off_and_not_kept(
    lane, exchange, answers, upstream, post, framing: str
) -> None:
    before = lane.rss_bytes()
    block = b'"' + b"a" * ((1 << 20) - 1)
    chunk = b"%x\r\n%b\r\n" % (len(block), block)

    def pieces():
        if framing == "chunked":
            yield post(b"", "Transfer-Encoding: chunked", length=-1)
            yield from (chunk for _ in range(1024))
            yield b"0\r\n\r\n"
        else:
            yield post(b"", length=1 << 30)
            yield from (block for _ in range(1024))

    raw = exchange(lane.address, pieces(), seconds=20)
    found = answers(raw)
    assert [one.status for one in found] in ([413], [])  # a reset may overtake the answer
    assert lane.rss_bytes() - before < 100 << 20
    assert upstream.requests == []


def test_a_compressed_body_is_not_inflated(lane, exchange, refusal, upstream, post) -> None:
    bomb = gzip.compress(b" " * (64 << 20))
    before = lane.rss_bytes()
    refusal(
        exchange(lane.address, post(bomb, "Content-Encoding: gzip")), upstream, status=[400, 415]
    )
    assert lane.rss_bytes() - before < 32 << 20


def test_a_body_that_only_says_it_is_compressed_is_no_error_of_ours(
    lane, exchange, refusal, upstream, post, ask
) -> None:
    """aiohttp unpacked what was refused before, and logged a traceback for each."""
    body = post(orjson.dumps(ask()), "Content-Encoding: gzip")
    refusal(exchange(lane.address, body), upstream, status=[415])
    assert "Traceback" not in lane.output()


@pytest.mark.slow
def test_two_hundred_thousand_chunks_of_a_byte(lane, exchange, answers, post, ask) -> None:
    text = orjson.dumps(ask(messages=[{"role": "user", "content": "a" * 200_000}]))
    data = post(b"", "Transfer-Encoding: chunked", length=-1)
    data += b"".join(b"1\r\n%c\r\n" % byte for byte in text) + b"0\r\n\r\n"
    began = time.monotonic()
    (answer,) = answers(exchange(lane.address, data, seconds=20))
    assert answer.status == 200 or 400 <= answer.status < 500
    assert time.monotonic() - began < 5
