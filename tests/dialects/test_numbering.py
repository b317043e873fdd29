"""Calls told in pieces, as the servers that follow OpenAI really number them."""

from __future__ import annotations

import orjson
import pytest

from proxy.chat import ToolCall
from proxy.dialects.assemble import assemble
from proxy.dialects.registry import dialect

F, G = '{"x": "}{"}', '{"y": [1]}'
TWO = [("f", F), ("g", G)]


def piece(arguments=None, name=None, **fields) -> dict:
    function = {"arguments": arguments, "name": name}
    told = {key: value for key, value in function.items() if value is not None}
    return {**fields, "type": "function", "function": told}


def stream(*deltas: list[dict]) -> bytes:
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": calls}}]} for calls in deltas]
    return b"".join(b"data: %b\n\n" % orjson.dumps(one) for one in chunks)


def called(data: bytes) -> list[tuple[str, str]]:
    events = [one for frame in dialect("openai").decoder().feed(data) for one in frame.events]
    return [(call.name, call.arguments) for call in assemble(events).choices[0].calls]


@pytest.mark.parametrize(
    ("deltas", "calls"),
    [
        pytest.param(
            [[piece("", "f", index=0, id="a"), piece("", "g", index=1, id="b")],
             [piece(G[:4], index=1), piece(F[:3], index=0)],
             [piece(F[3:], index=0), piece(G[4:], index=1)]], TWO, id="in turns"),
        pytest.param([[piece(F, "f", id="a")], [piece(G, "g", id="b")]], TWO, id="no numbers"),
        pytest.param(
            [[piece(F, "f", index=None, id="a"), piece(G, "g", index="x", id="b")]], TWO,
            id="no real numbers"),
        pytest.param(
            [[piece("", "f", id="a")], [piece(F[:4])], [piece(F[4:])], [piece("", "g", id="b")],
             [piece(G)]], TWO, id="no numbers, in pieces"),
        pytest.param(
            [[piece(F, "f", index=0, id="a")], [piece(G, "g", index=0, id="b")]], TWO,
            id="all number nought"),
        pytest.param(
            [[piece("", "f", index=0, id="a")], [piece(F, index=0)],
             [piece("", "g", index=0, id="b")], [piece(G, index=0)]], TWO,
            id="all number nought, in pieces"),
        pytest.param(
            [[piece(F, "f", index=0)], [piece(G, "g", index=0)]], TWO,
            id="all number nought and no ids"),
        pytest.param([[piece(F, "f")], [piece(G, "g")]], TWO, id="neither numbers nor ids"),
        pytest.param(
            [[piece("", "f", index=0, id="a")], [piece(F[:4], "f", index=0, id="a")],
             [piece(F[4:], "f", index=0, id="a")]], TWO[:1], id="id and name again and again"),
        pytest.param(
            [[piece("", "f", index=0)], [piece(F[:4], "f", index=0)], [piece(F[4:], index=0)]],
            TWO[:1], id="a name again, and no id"),
        pytest.param(
            [[piece("", "f", index=0, id="a")], [piece(F, index=0, id="other")]], TWO[:1],
            id="an id that is no name"),
        pytest.param(
            [[piece(F, "f", index=0, id="a")], [piece(" ", index=0)],
             [piece(G, "g", index=1, id="b")]],
            [("f", F + " "), TWO[1]], id="a blank after the end"),
        pytest.param(
            [[piece(F, "f", index=3, id="a")], [piece(G, "g", index=1, id="b")]], TWO[::-1],
            id="other numbers"),
    ],
)  # fmt: skip
def test_every_piece_finds_its_call(deltas, calls) -> None:
    assert called(stream(*deltas)) == calls


def test_the_choices_count_apart() -> None:
    chunk = {"choices": [{"index": n, "delta": {"tool_calls": [piece(F, "f", id=f"c{n}")]}}
                         for n in (0, 1)]}  # fmt: skip
    data = b"data: %b\n\n" % orjson.dumps(chunk)
    events = [one for frame in dialect("openai").decoder().feed(data) for one in frame.events]
    assert events == [ToolCall(0, "c0", "f", F), ToolCall(0, "c1", "f", F, choice=1)]


def test_a_whole_answers_calls_are_counted_by_their_place() -> None:
    calls = [piece(F, "f", index=0, id="a"), piece(G, "g", index=0, id="b")]
    body = {"id": "x", "choices": [{"message": {"tool_calls": calls}, "finish_reason": "stop"}]}
    (choice,) = dialect("openai").read_answer(body).choices
    assert [(one.name, one.arguments) for one in choice.calls] == TWO


def test_a_call_without_an_id_gets_one() -> None:
    encoder = dialect("openai").encoder(id="c", model="m", created=1, include_usage=False)
    told = encoder.encode([ToolCall(0, "", "f", "{}"), ToolCall(1, "", "g", "{}")])
    chunks = [orjson.loads(one[6:]) for one in told.split(b"\n\n")[1:-1]]
    ids = [one["choices"][0]["delta"]["tool_calls"][0]["id"] for one in chunks]
    assert all(ids)
    assert len(set(ids)) == 2
    body = {"id": "x", "choices": [{"message": {"tool_calls": [piece(F, "f")]}}]}
    answer = dialect("openai").read_answer(body)
    message = orjson.loads(dialect("openai").write_answer(answer))["choices"][0]["message"]
    assert message["tool_calls"][0]["id"]
