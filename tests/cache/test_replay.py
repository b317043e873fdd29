from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.cache.cache import Cache
from proxy.cache.entry import Entry
from proxy.cache.key import Key, key_of
from proxy.cache.policy import Settings
from proxy.cache.replay import frames_of, mark, take_usage
from proxy.chat import Usage


def sse(*bodies: Any) -> bytes:
    return b"".join(b"data: " + orjson.dumps(body) + b"\n\n" for body in bodies)


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "m-1",
        "system_fingerprint": "fp",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


USAGE = {"prompt_tokens": 9, "completion_tokens": 40, "total_tokens": 49}
USAGE_CHUNK = {**chunk({}), "choices": [], "usage": USAGE}
WORDS = [f"w{n} " for n in range(40)]


def stream(*, usage: bool = False, reasoning: bool = False) -> bytes:
    bodies = [chunk({"role": "assistant", "content": ""})]
    if reasoning:
        bodies += [chunk({"reasoning_content": "think "}), chunk({"reasoning_content": "hard"})]
    bodies += [chunk({"content": word}) for word in WORDS]
    bodies.append(chunk({}, "stop"))
    if usage:
        bodies.append(USAGE_CHUNK)
    return sse(*bodies) + b"data: [DONE]\n\n"


WHOLE = orjson.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "m-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Paris."},
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
)


def key(text: str = "q") -> Key:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    found = key_of(body, tenant="t", route="r", kind="chat")
    assert found is not None
    return found


def kept(**fields: Any) -> tuple[Cache, Entry]:
    cache = Cache(Settings(), lambda: 0.0)
    entry = Entry(usage=Usage(prompt=9, completion=40), **fields)
    cache.put(key(), None, entry)
    cache.tick()
    return cache, entry


def texts(body: bytes) -> list[dict[str, Any]]:
    return [
        orjson.loads(frame[6:])
        for frame in frames_of(body)
        if not frame.startswith(b"data: [DONE]")
    ]


def test_a_stream_is_replayed_byte_for_byte() -> None:
    cache, entry = kept(stream=stream(reasoning=True))
    assert cache.stream_of(entry, include_usage=False) == stream(reasoning=True)


@pytest.mark.parametrize("had_usage", [True, False])
def test_usage_comes_only_where_asked_for_and_is_marked(had_usage: bool) -> None:
    cache, entry = kept(stream=stream(usage=had_usage))
    assert cache.stream_of(entry, include_usage=False) == stream()
    asked = cache.stream_of(entry, include_usage=True)
    assert asked.endswith(b"data: [DONE]\n\n")
    last = texts(asked)[-1]
    assert last["id"] == "chatcmpl-1"
    assert last["model"] == "m-1"
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 9
    assert last["usage"]["completion_tokens"] == 40
    assert last["usage"]["prompt_tokens_details"]["cached_tokens"] == 9
    assert texts(asked)[:-1] == texts(stream())


def test_a_stream_serves_a_whole_answer() -> None:
    cache, entry = kept(stream=stream(usage=True, reasoning=True))
    body = orjson.loads(cache.whole_of(entry))
    assert body["id"] == "chatcmpl-1"
    assert body["choices"][0]["message"]["content"] == "".join(WORDS)
    assert body["choices"][0]["finish_reason"] == "stop"
    assert "think hard" in body["choices"][0]["message"].values()
    assert body["usage"]["total_tokens"] == 49
    assert body["usage"]["prompt_tokens_details"]["cached_tokens"] == 9
    assert cache.whole_of(entry) == cache.whole_of(entry)


def test_a_whole_answer_serves_a_stream() -> None:
    cache, entry = kept(whole=WHOLE)
    body = cache.stream_of(entry, include_usage=True)
    chunks = texts(body)
    assert body.endswith(b"data: [DONE]\n\n")
    assert chunks[0]["id"] == "chatcmpl-1"
    said = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert said == "Paris."
    assert chunks[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == 9
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "stop"


def test_a_whole_answer_is_kept_but_for_the_mark() -> None:
    cache, entry = kept(whole=WHOLE)
    given_, replayed = orjson.loads(WHOLE), orjson.loads(cache.whole_of(entry))
    assert replayed.pop("usage")["prompt_tokens_details"]["cached_tokens"] == 9
    given_.pop("usage")
    assert replayed == given_


def test_the_made_form_counts_in_bytes() -> None:
    cache, entry = kept(stream=stream())
    before = cache.stats()["bytes"]
    whole = cache.whole_of(entry)
    assert cache.stats()["bytes"] == before + len(whole)
    cache.exact.drop(entry.exact)
    assert cache.stats()["bytes"] == 0


@pytest.mark.parametrize(
    ("usage", "marked"),
    [
        ({"prompt_tokens": 3}, {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 3}}),
        (
            {"prompt_tokens": 3, "prompt_tokens_details": {"audio_tokens": 1}},
            {
                "prompt_tokens": 3,
                "prompt_tokens_details": {"audio_tokens": 1, "cached_tokens": 3},
            },
        ),
        (
            {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
            {
                "input_tokens": 3,
                "output_tokens": 1,
                "total_tokens": 4,
                "input_tokens_details": {"cached_tokens": 3},
            },
        ),
        (
            {"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 2},
            {
                "input_tokens": 0,
                "output_tokens": 1,
                "cache_read_input_tokens": 5,
                "cache_creation_input_tokens": 0,
            },
        ),
        ({"odd": 1}, {"odd": 1}),
    ],
)
def test_each_wire_format_marks_cached_tokens_its_own_way(
    usage: dict[str, Any], marked: dict[str, Any]
) -> None:
    assert mark(usage) == marked


@pytest.mark.parametrize(
    "body", [b"", b"data: [DONE]\n\n", b"data: x\n\ndata: {\n\ndata: [DONE]\n\n", stream()]
)
def test_a_stream_without_a_usage_chunk_stays(body: bytes) -> None:
    assert take_usage(body) == (body, b"")
