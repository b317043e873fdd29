"""The short way to read a stream's usual event says what the long way says, or nothing."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.chat import Reasoning, Spent, Text
from proxy.dialects.registry import dialect
from tests.dialects.recordings import WIRE, body_of, recorded
from tests.fuzz.bytes import mutated

CHUNK = (
    b'data: {"id":"c","created":1,"choices":[{"index":0,"delta":{%b},"finish_reason":null}]%b}\n\n'
)
DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":%b%b}\n\n'
)
GEMINI = (
    b'data: {"candidates": [{"content": {"parts": [{"text": "%b"}],"role": "model"},"index": 0}]'
    b',"usageMetadata": {"promptTokenCount": 2,"totalTokenCount": %b},"responseId": "r"}\r\n\r\n'
)
LINE = b'{"model":"m","created_at":"%b","message":{"role":"assistant","%b":"%b"},"done":false}\n'

# dialect -> usual events: what comes before, two of them with other words, and what they hold
USUAL: dict[str, tuple[str, bytes, bytes, bytes, type]] = {
    "chat": (
        "openai", b"", CHUNK % (b'"content":"one"', b""), CHUNK % (b'"content":"t\\no"', b""), Text
    ),
    "chat, padded": (
        "openai", b"",
        CHUNK % (b'"content":"one"', b',"usage":null,"obfuscation":"x7"'),
        CHUNK % (b'"content":"two"', b',"usage":null,"obfuscation":"kJh67"'),
        Text,
    ),
    "chat, thought": (
        "openai", b"", CHUNK % (b'"reasoning_content":"so"', b""),
        CHUNK % (b'"reasoning_content":"\\u00e9\\ud83d\\ude00"', b""), Reasoning,
    ),
    "messages": (
        "anthropic", b"", DELTA % (b'{"type":"text_delta","text":"one"}', b""),
        DELTA % (b'{"type":"text_delta","text":"t\\"wo}"}', b""), Text,
    ),
    "messages, padded": (
        "anthropic", b"", DELTA % (b'{"type":"text_delta","text":"one"}', b"   "),
        DELTA % (b'{"type":"text_delta","text":"} "}', b"          "), Text,
    ),
    "messages, thought": (
        "anthropic", b"", DELTA % (b'{"type":"thinking_delta","thinking":"so"}', b""),
        DELTA % (b'{"type":"thinking_delta","thinking":"as"}', b""), Reasoning,
    ),
    "gemini": (
        "gemini", GEMINI % (b"a", b"1"), GEMINI % (b"one", b"5"), GEMINI % (b"two", b"61"), Text,
    ),
    "ollama": (
        "ollama", LINE % (b"2025-08-20T13:47:52Z", b"content", b"a"),
        LINE % (b"2025-08-20T13:47:52.706Z", b"content", b"one"),
        LINE % (b"2025-08-20T13:47:52.7106465Z", b"content", b"two"), Text,
    ),
    "ollama, thought": (
        "ollama", LINE % (b"2025-08-20T13:47:52Z", b"content", b"a"),
        LINE % (b"2025-08-20T13:47:52.706Z", b"thinking", b"one"),
        LINE % (b"2025-08-20T13:47:52.7106465Z", b"thinking", b"two"), Reasoning,
    ),
    "cohere": (
        "cohere", b"",
        b'event: content-delta\ndata: {"type":"content-delta","index":0,"delta":{"message":'
        b'{"content":{"text":"one"}}}}\n\n',
        b'event: content-delta\ndata: {"type":"content-delta","index":0,"delta":{"message":'
        b'{"content":{"text":"two"}}}}\n\n', Text,
    ),
}  # fmt: skip

MARKS = [
    b'"', b"\\", b"\n", b"\r\n", b"\n\n", b"}", b"{", b",", b'"}', b'","content":"', b"0", b"null",
    b"\\ud800", b"\xff", b" ", b"data: ",
]  # fmt: skip


def taught(name: str):
    """A decoder that has read one usual event, its short way, and another usual event."""
    spoken, before, first, second, kind = USUAL[name]
    decoder = dialect(spoken).decoder()
    decoder.feed(before)
    (frame,) = decoder.feed(first)
    usual = decoder.usual()
    assert usual is not None
    assert usual.learn(frame.raw, frame.events)
    return decoder, usual, second, kind


@pytest.mark.parametrize("name", sorted(USUAL))
def test_the_next_usual_event_is_read_by_its_word(name: str) -> None:
    decoder, usual, second, kind = taught(name)
    word = usual.word(second)
    (frame,) = decoder.feed(second)
    assert frame.events == (kind(orjson.loads(b'"%b"' % word)),)


@pytest.mark.parametrize("name", sorted(USUAL))
@settings(deadline=None)
@given(data=st.data())
def test_whatever_is_read_the_short_way_means_just_that(name: str, data) -> None:
    decoder, usual, second, kind = taught(name)
    bent = data.draw(mutated(second, MARKS))
    word = usual.word(bent)
    if word:
        (frame,) = decoder.feed(bent)
        assert frame.raw == bent
        assert frame.events == (kind(orjson.loads(b'"%b"' % word)),)


@pytest.mark.parametrize("name", sorted(USUAL))
@settings(deadline=None)
@given(word=st.text(min_size=1, max_size=20))
@example(word='"}\n\ndata: {}')
@example(word="\\")
@example(word="   ")
def test_any_word_is_read_the_short_way(name: str, word: str) -> None:
    _, usual, second, _ = taught(name)
    old = usual.word(second)
    inner = orjson.dumps(word)[1:-1]
    assert usual.word(second.replace(b'"%b"' % old, b'"%b"' % inner)) == inner


@pytest.mark.parametrize("name", sorted(USUAL))
def test_several_usual_events_are_read_together_or_not_at_all(name: str) -> None:
    _, usual, second, _ = taught(name)
    word = usual.word(second)
    assert usual.words(second * 3) == [word] * 3
    assert usual.words(second + second[:-1]) == []
    assert usual.words(second + b"data: [DONE]\n\n") == []
    assert usual.words(b"") == []


@pytest.mark.parametrize("name", sorted(USUAL))
def test_nothing_is_read_while_an_event_is_under_way(name: str) -> None:
    decoder, usual, second, _ = taught(name)
    decoder.feed(b"data: half")
    assert usual.word(second) == b""


def test_an_unusual_event_is_forgotten_for() -> None:
    decoder, usual, second, _ = taught("chat")
    assert not usual.learn(b"data: {}\n\n", (Text("x"), Spent(None)))
    assert usual.word(second) == b""
    (frame,) = decoder.feed(second)
    assert usual.learn(frame.raw, frame.events)
    assert usual.word(second) != b""


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        (CHUNK % (b'"content":"a","refusal":"a"', b""), Text("a", 1)),
        (CHUNK % (b'"content":"b"', b""), Text("a")),
        (CHUNK % (b'"content":"a"', b',"x":{"content":"a"}'), Text("a")),
        (b'data: {"choices":[{"delta":\ndata: {"content":"a"}}]}\n\n', Text("\n")),
        (DELTA % (b'{"type":"signature_delta","signature":"s"}', b""), Reasoning("", 0, "s")),
    ],
)
def test_what_could_be_misread_is_not_taken_for_usual(raw: bytes, event) -> None:
    usual = dialect("openai").decoder().usual()
    assert usual is not None
    assert not usual.learn(raw, (event,))


@pytest.mark.parametrize("name", ["openai", "completions", "anthropic"])
@settings(deadline=None)
@given(words=st.lists(st.text(min_size=1, max_size=9), min_size=1), kinds=st.lists(st.booleans()))
def test_what_stands_around_a_word_is_what_encode_writes(name: str, words, kinds) -> None:
    encoder = dialect(name).encoder(id="i", model="m", created=1, include_usage=True)
    for word, thought in zip(words, [*kinds, *[False] * len(words)], strict=False):
        event = Reasoning(word) if thought and name != "completions" else Text(word)
        encoder.encode([event])
        around = encoder.around(event)
        assert around is not None
        assert around[0] + orjson.dumps(word)[1:-1] + around[1] == encoder.encode([event])


@pytest.mark.parametrize("name", ["responses", "gemini", "ollama", "cohere", "bedrock"])
def test_a_format_that_counts_its_events_says_so(name: str) -> None:
    encoder = dialect(name).encoder(id="i", model="m", created=1, include_usage=True)
    encoder.encode([Text("a")])
    assert encoder.around(Text("b")) is None


@settings(deadline=None)
@given(words=st.lists(st.text(min_size=1, max_size=9), min_size=1), thought=st.booleans())
def test_what_counts_its_events_speaks_as_it_encodes(words, thought: bool) -> None:
    kind = Reasoning if thought else Text
    one, two = (
        dialect("responses").encoder(id="i", model="m", created=1, include_usage=True)
        for _ in range(2)
    )
    assert one.speaker(kind("")) is None  # before there is an item of its kind
    first = [each.encode([kind("first")]) for each in (one, two)]
    assert first[0] == first[1]
    speak = one.speaker(kind(""))
    assert speak is not None
    for word in words:
        assert speak(orjson.dumps(word)[1:-1]) == two.encode([kind(word)])
    assert one.speaker(Text("") if thought else Reasoning("")) is None
    assert one.end() == two.end()


@pytest.mark.skipif(not WIRE.exists(), reason="no recorded traffic beside the checkout")
@pytest.mark.parametrize(
    ("spoken", "providers", "kinds", "share"),
    [
        ("openai", ("openai", "groq", "deepseek", "mistral", "openrouter"), ("chat",), 0.7),
        ("anthropic", ("anthropic",), ("messages",), 0.5),
        ("ollama", ("ollama",), ("chat",), 0.9),
        ("gemini", ("gemini", "vertex"), ("generate",), 0.2),
    ],
)
def test_recorded_streams_are_read_alike_both_ways(spoken, providers, kinds, share) -> None:
    tokens = quick = 0
    for one in recorded(providers, kinds):
        if not one["stream"] or "eventstream" in one["stream_format"]:
            continue
        decoder, usual = dialect(spoken).decoder(), None
        for piece in dialect(spoken).decoder().feed(body_of(one)):
            word = usual.word(piece.raw) if usual is not None else b""
            for frame in decoder.feed(piece.raw):
                lone = len(frame.events) == 1 and isinstance(frame.events[0], Text | Reasoning)
                tokens += lone
                if word:
                    quick += 1
                    assert lone, one["id"]
                    assert frame.events[0].text == orjson.loads(b'"%b"' % word), one["id"]
                    continue
                usual = usual or decoder.usual()
                if usual is not None:
                    usual.learn(frame.raw, frame.events)
    assert tokens
    assert quick / tokens > share, (quick, tokens)
