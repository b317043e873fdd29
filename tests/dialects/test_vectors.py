"""Embeddings to and from providers that have another shape than OpenAI's."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import orjson
import pytest

from proxy.dialects import vectors
from proxy.errors import ClientError, UpstreamFailure

WIRE = Path(__file__).resolve().parents[2].parent / "shared" / "wire"
ANSWERS = {
    "gemini": b'{"embeddings":[{"values":[0.5,-1]},{"values":[1,2]}]}',
    "cohere": b'{"embeddings":{"float":[[0.5,-1],[1,2]]},'
    b'"meta":{"billed_units":{"input_tokens":4}}}',
    "ollama": b'{"embeddings":[[0.5,-1],[1,2]],"prompt_eval_count":4}',
}


@pytest.mark.parametrize("dialect", sorted(vectors.NAMES))
@pytest.mark.parametrize("packed", [True, False])
def test_there_and_back(dialect: str, packed: bool) -> None:
    wish = vectors.parse(
        {"input": ["one", "two two"], "encoding_format": "base64" if packed else "float"}
    )
    found = vectors.read(dialect, wish, ANSWERS[dialect])
    told = orjson.loads(vectors.write(found, wish, "m"))
    rows = [one["embedding"] for one in told["data"]]
    if packed:
        rows = [list(struct.unpack("<2f", base64.b64decode(row))) for row in rows]
    assert rows == [[0.5, -1], [1, 2]]
    assert [one["index"] for one in told["data"]] == [0, 1]
    assert told["model"] == "m"
    if dialect == "gemini":
        assert found.usage == (3, 0, 0, 0, 0, True)  # ten bytes
    else:
        assert told["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


def test_what_is_asked() -> None:
    wish = vectors.parse({"input": "one", "dimensions": 8, "user": "x"})
    assert vectors.render(wish, "gemini", "g-1") == (
        "/models/g-1:batchEmbedContents",
        {
            "requests": [
                {
                    "model": "models/g-1",
                    "content": {"parts": [{"text": "one"}]},
                    "outputDimensionality": 8,
                }
            ]
        },
    )
    path, body = vectors.render(wish, "cohere", "c")
    assert (path, body["texts"], body["output_dimension"]) == ("/embed", ["one"], 8)
    path, body = vectors.render(wish, "ollama", "o")
    assert (path, body) == ("/api/embed", {"model": "o", "input": ["one"], "dimensions": 8})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1], [2]]}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": True}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ],
)
def test_what_cannot_be_told_is_refused(body: dict, param: str) -> None:
    with pytest.raises(ClientError) as caught:
        vectors.parse(body)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_more_texts_than_a_provider_takes() -> None:
    wish = vectors.parse({"input": ["a"] * 97})
    with pytest.raises(ClientError, match="at most 96"):
        vectors.render(wish, "cohere", "c")


@pytest.mark.parametrize("dialect", sorted(vectors.NAMES))
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"null", b'{"embeddings":[]}', b'{"embeddings":[[]]}', b"<p>"]
)
def test_what_is_no_answer(dialect: str, body: bytes) -> None:
    wish = vectors.parse({"input": "one"})
    with pytest.raises(UpstreamFailure):
        vectors.read(dialect, wish, body)


@pytest.mark.skipif(not WIRE.is_dir(), reason="the recorded exchanges are not here")
def test_recorded_answers_are_understood() -> None:
    read = 0
    for file in sorted(WIRE.glob("*/embeddings-json-200-*.json")):
        row = orjson.loads(file.read_bytes())
        dialect = row["provider"]
        asked = row.get("request_body") and orjson.loads(row["request_body"])
        if dialect not in vectors.NAMES or not asked:
            continue
        texts = asked.get("texts") or asked.get("input") or ["x"] * len(asked["requests"])
        wish = vectors.parse({"input": texts})
        found = vectors.read(dialect, wish, row["response_body"].encode())
        assert found.usage.prompt > 0
        assert all(isinstance(x, float | int) for vector in found.rows for x in vector)
        read += 1
    assert read >= 15
