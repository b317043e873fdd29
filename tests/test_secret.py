"""Secrets: where they come from, and that they never show."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.secret import MAX_BYTES, Secret, resolve


@given(st.text(min_size=20))
def test_no_way_of_showing_it_shows_it(value: str) -> None:
    secret = Secret(value)
    shown = f"{secret} {secret!r} {secret!s} {secret:>40} {[secret]} {{'a': {secret}}}"
    assert value not in shown
    assert secret.reveal() == value
    for dump in (pickle.dumps, orjson.dumps):
        with pytest.raises(TypeError) as caught:
            dump(secret)  # type: ignore[operator]
        assert value not in str(caught.value)


def test_equal_secrets_are_equal_and_copies_are_themselves() -> None:
    secret = Secret("abc")
    assert secret == Secret("abc") != Secret("abd")
    assert secret != "abc"
    assert len({secret, Secret("abc")}) == 1
    assert copy.deepcopy([secret])[0] is secret is copy.copy(secret)


def test_references_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("  from-file\n")
    assert resolve("env:A", {"A": " x \n"}).reveal() == "x"
    assert resolve("file:k", {}, tmp_path).reveal() == "from-file"
    assert resolve(f"file:{tmp_path / 'k'}", {}).reveal() == "from-file"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b" \n", "the file k is empty"),
        (b"\xff\xfe", "the file k is not UTF-8 text"),
        (b"a\r\nHost: evil", "the file k holds characters that no key has (a line break?)"),
        (b"cl\xc3\xa9", "the file k holds characters that no key has (a line break?)"),
        (b"a" * (MAX_BYTES + 1), "the file k is too large for a secret"),
    ],
)
def test_a_file_that_is_no_secret(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "k").write_bytes(content)
    with pytest.raises(ValueError, match=r"^the file") as caught:
        resolve("file:k", {}, tmp_path)
    assert str(caught.value) == words
