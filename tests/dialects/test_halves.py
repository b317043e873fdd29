"""Characters beyond 16 bits, whose two halves providers escape in one event and the next."""

from __future__ import annotations

import orjson
import pytest

from proxy.dialects.assemble import assemble
from proxy.dialects.registry import dialect

WORD = r"a\ud83d"  # the first half of U+1F600
REST = r"\ude00b"
STREAMS = {
    "openai": b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n',
    "anthropic": b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
                 b'"delta":{"type":"text_delta","text":"%b"}}\n\n',
    "responses": b'data: {"type":"response.output_text.delta","delta":"%b"}\n\n',
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":"%b"}]}}]}\r\n\r\n',
    "cohere": b'data: {"type":"content-delta","delta":{"message":{"content":{"text":"%b"}}}}\n\n',
}  # fmt: skip


def read(name: str, *words: str):
    decoder = dialect(name).decoder()
    data = b"".join(STREAMS[name] % one.encode() for one in words)
    return [event for frame in decoder.feed(data) for event in frame.events]


@pytest.mark.parametrize("name", STREAMS)
def test_two_halves_are_one_character(name: str) -> None:
    assert assemble(read(name, WORD, REST)).choices[0].text == "a😀b"


@pytest.mark.parametrize("name", STREAMS)
def test_a_half_that_stands_alone_is_unreadable_and_no_more(name: str) -> None:
    events = read(name, REST, "c", WORD, "d")
    assert assemble(events).choices[0].text == "\ufffdbca\ufffdd"
    encoder = dialect("openai").encoder(id="c", model="m", created=1, include_usage=False)
    assert encoder.encode(events)


def test_whole_pairs_and_other_signs_stay() -> None:
    assert assemble(read("openai", r"\ud83d\ude00 é", "ü😀")).choices[0].text == "😀 éü😀"


def test_the_same_in_a_calls_arguments_and_a_thought() -> None:
    chunk = {
        "choices": [
            {
                "index": 0,
                "delta": {
                    "reasoning_content": "@",
                    "tool_calls": [{"index": 0, "function": {"arguments": "@"}}],
                },
            }
        ]
    }
    text = orjson.dumps(chunk).decode()
    data = "".join(f"data: {text.replace('@', one)}\n\n" for one in (WORD, REST)).encode()
    events = [event for frame in dialect("openai").decoder().feed(data) for event in frame.events]
    (choice,) = assemble(events).choices
    assert (choice.reasoning, choice.calls[0].arguments) == ("a😀b", "a😀b")


def test_a_broken_event_is_still_broken() -> None:
    assert read("openai", r'\ud83d"x') == []


@pytest.mark.parametrize("half", [r"\ud83d", r"\ude00", r"\uD83D"])
@pytest.mark.parametrize(
    "delta",
    [
        b'"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"%b","arguments":"{"}}]}',
        b'"delta":{"tool_calls":[{"index":0,"id":"%b","function":{"name":"f","arguments":"{"}}]}',
        b'"delta":{"content":"a"},"logprobs":{"content":[{"token":"%b","logprob":-1}]}',
        b'"delta":{"content":"a"},"finish_reason":"%b"',
    ],
)
@pytest.mark.parametrize("other", ["openai", "anthropic", "responses", "gemini"])
def test_half_a_character_where_no_words_are_can_be_told(half, delta, other: str) -> None:
    event = b'data: {"choices":[{"index":0,%b}]}\n\n' % (delta % half.encode())
    decoder = dialect("openai").decoder()
    frames = decoder.feed(event + STREAMS["openai"] % b"b")
    encoder = dialect(other).encoder(id="c", model="m", created=1, include_usage=False)
    said = b"".join(encoder.encode(frame.events) for frame in frames) + encoder.end()
    assert b"b" in said
    assert b"".join(frame.raw for frame in frames).startswith(event)
