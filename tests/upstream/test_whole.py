"""Whole answers that pass unchanged: how they ended, what they used, and which are none."""

from __future__ import annotations

import orjson
import pytest

from proxy.chat import Usage
from proxy.dialects.registry import dialect
from proxy.errors import Kind, UpstreamFailure
from proxy.upstream.whole import mended, passed, translated

COUNTS = {"prompt_tokens": 3, "completion_tokens": 5}
USED = Usage(3, 5)


def choices(**choice: object) -> list[object]:
    return [{"index": 0, "message": {"content": "hi"}, **choice}]


@pytest.mark.parametrize(
    ("answer", "used", "finish"),
    [
        ({"choices": choices(finish_reason="length"), "usage": COUNTS}, USED, "length"),
        ({"choices": choices(finish_reason="stop")}, None, "stop"),
        ({"choices": choices(finish_reason=None), "usage": COUNTS}, USED, "stop"),
        ({"choices": choices(finish_reason=""), "usage": None}, None, "stop"),
        ({"choices": choices(finish_reason=7), "usage": COUNTS}, USED, "7"),
        ({"choices": choices(), "usage": COUNTS}, USED, "stop"),
        ({"choices": choices(finish_reason="stop"), "error": None, "usage": COUNTS}, USED, "stop"),
        ({"choices": choices(finish_reason="stop"), "error": {}, "usage": []}, None, "stop"),
        ({"choices": [*choices(finish_reason="a"), *choices(finish_reason="b")]}, None, "a"),
    ],
)
@pytest.mark.parametrize("name", ["openai", "completions"])
def test_end_and_counts_of_an_answer(
    name: str, answer: object, used: Usage | None, finish: str
) -> None:
    assert passed(orjson.dumps(answer), dialect(name)) == (used, finish)


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"cut \ud83d", "cut \ufffd"),
        (r"\ude00\ud83d\ude00 \\ud83d", "\ufffd😀 \\ud83d"),
        (r"\uD83Dx\uD83D\uDE00", "\ufffdx😀"),
    ],
)
def test_half_a_character_is_no_reason_to_lose_an_answer(escaped: str, text: str) -> None:
    body = b'{"choices":[{"message":{"content":"%b"},"finish_reason":"length"}]}' % escaped.encode()
    openai = dialect("openai")
    assert passed(mended(body), openai) == (None, "length")
    told, _ = translated(
        mended(body), dialect("anthropic"), openai, ("id", "m", 1.0), {}, lambda _: None
    )
    assert orjson.loads(told)["content"] == [{"type": "text", "text": text}]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"choices":[{"finish_reason":"stop"}],"error":{"message":"no"}}', Kind.ERROR_FRAME),
        (b'{"choices":[{"finish_reason":"stop"}],"error":"no"}', Kind.ERROR_FRAME),
        (b'{"error":{"message":"no"}}', Kind.ERROR_FRAME),
        (b'{"choices":[{"message":{},"finish_reason":"network_error"}]}', Kind.ERROR_FRAME),
        (b'{"choices":[]}', Kind.EMPTY),
        (b'{"choices":{"0":{"finish_reason":"stop"}}}', Kind.EMPTY),
        (b'{"choices":"stop"}', Kind.EMPTY),
        (b'{"choices":["stop"]}', Kind.EMPTY),
        (b'{"choices":[null]}', Kind.EMPTY),
        (b"{}", Kind.EMPTY),
        (b"[]", Kind.PROTOCOL),
        (b'["choices"]', Kind.PROTOCOL),
        (b'"choices"', Kind.PROTOCOL),
        (b"7", Kind.PROTOCOL),
        (b"", Kind.PROTOCOL),
        (b'{"choices":[{"finish_reason":"stop"}]', Kind.PROTOCOL),
        (b'{"choices":[{"finish_reason":"stop\xff"}]}', Kind.PROTOCOL),
    ],
)
def test_what_is_no_answer(body: bytes, kind: Kind) -> None:
    with pytest.raises(UpstreamFailure) as raised:
        passed(body, dialect("openai"))
    assert raised.value.kind is kind
