"""What is nearly right: valid bytes and JSON, with a few places changed."""

from __future__ import annotations

from itertools import pairwise

import orjson
from hypothesis import strategies as st


@st.composite
def cut(draw, stream: bytes) -> list[bytes]:
    """The stream in pieces of any length."""
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *places, len(stream)]
    return [stream[a:b] for a, b in pairwise(edges) if a < b]


@st.composite
def mutated(draw, stream: bytes, dictionary: list[bytes]) -> bytes:
    """The stream with up to six changes: a piece put in, left out, doubled or overwritten."""
    found = stream
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(found)))
        length = draw(st.integers(0, 12))
        piece = draw(st.one_of(st.sampled_from(dictionary), st.binary(max_size=6)))
        match draw(st.integers(0, 3)):
            case 0:
                found = found[:at] + piece + found[at:]
            case 1:
                found = found[:at] + found[at + length :]
            case 2:
                found = found[: at + length] + found[at:]
            case _:
                found = found[:at] + piece + found[at + len(piece) :]
    return found


@st.composite
def bent(draw, value, json):
    """Valid JSON with up to three of its values, at any depth, replaced, left out or doubled."""
    found = orjson.loads(orjson.dumps(value))
    for _ in range(draw(st.integers(0, 3))):
        places = list(_places(found))
        if not places:
            break
        parent, key = draw(st.sampled_from(places))
        match draw(st.integers(0, 3)):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, list):
                parent.insert(key, parent[key])
            case _:
                parent[key] = draw(json)
    return found


def _places(value):
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])
