from __future__ import annotations

import numpy as np
import pytest

from embeddings.modelfile import SHIPPED, read_model
from embeddings.vocabulary import Vocabulary


def vocabulary(*words: bytes) -> Vocabulary:
    text = np.frombuffer(b"\n".join(words), np.uint8)
    return Vocabulary(text, np.arange(10, 10 + len(words), dtype=np.uint32))


def test_every_word_is_found_and_no_other() -> None:
    words = [b"a", b"b", b"ab", b"\xc3\xa9t\xc3\xa9", b"x" * 40, b"0"]
    known = vocabulary(*words)
    assert [known.get(word) for word in words] == list(range(10, 16))
    assert known.get(b"") is None
    assert known.get(b"a\0") is None  # the same number as "a"
    assert known.get(b"ba") is None
    assert dict(known.items()) == dict(zip(words, range(10, 16), strict=True))


def test_words_of_one_bucket_are_told_apart() -> None:
    """A bucket is the bytes as one number, modulo 65,521."""
    first = int.from_bytes(b"word", "little")
    same = (first + 65_521 * 3).to_bytes(4, "little")
    assert b"\n" not in same
    assert vocabulary(b"word", same).get(same) == 11
    assert vocabulary(same, b"word").get(same) == 10
    assert vocabulary(b"word").get(same) is None


def test_a_list_that_does_not_match_is_refused() -> None:
    with pytest.raises(ValueError, match="do not match"):
        Vocabulary(np.frombuffer(b"a\nb", np.uint8), np.zeros(3, np.uint32))


def test_the_shipped_words_are_all_found() -> None:
    arrays = read_model(SHIPPED).arrays
    known = Vocabulary(arrays["vocabulary"], arrays["word_rows"])
    words = arrays["vocabulary"].tobytes().split(b"\n")
    assert [known.get(word) for word in words] == arrays["word_rows"].tolist()
