"""A translated stream is the same however its tokens come: one a read, cut, or many at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.chat import Finished, Reasoning, Spent, Text, ToolCall, Usage
from proxy.dialects.registry import dialect
from proxy.upstream.translated import Translated
from tests.upstream.wire import patience


class Sink:
    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        assert data
        self.sent.append(data)

    def end(self, last: bytes = b"") -> None: ...


class Owner:
    def complete(self) -> None: ...

    def broken(self, failure) -> None:
        raise failure


def events(name: str):
    words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)
    kinds = [words.map(Text), words.map(Text), words.map(Reasoning)]
    if name not in ("ollama", "gemini"):  # which tell a call only when it is whole
        kinds.append(st.builds(ToolCall, st.just(0), st.just("t"), st.just("f"), st.just("{}")))
    return st.lists(st.one_of(*kinds), min_size=1, max_size=20)


def relayed(client: str, provider: str, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """(what the client gets, what is kept of it)."""
    sink = Sink()
    encoder = dialect(client).encoder(id="i", model="m", created=1, include_usage=True)
    relay = Translated(Owner(), sink, dialect(provider).decoder(), patience(), encoder)
    first = relay.begin([], b"")
    for piece in pieces:
        relay.feed(piece)
    relay.close()
    return first + b"".join(sink.sent) + relay.rest, relay.text


@pytest.mark.parametrize("client", ["openai", "anthropic", "responses", "completions"])
@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "ollama", "cohere"])
@settings(deadline=None)
@given(data=st.data())
def test_the_way_tokens_arrive_does_not_matter(client: str, provider: str, data) -> None:
    told = data.draw(events(provider))
    encoder = dialect(provider).encoder(id="i", model="m", created=1, include_usage=True)
    stream = [encoder.encode([one]) for one in told]
    stream += [encoder.encode([Finished("stop"), Spent(Usage(1, 2))]), encoder.end()]
    stream = [piece for piece in stream if piece]
    alone, kept = relayed(client, provider, stream)
    many = data.draw(st.integers(2, 4))
    grouped = [b"".join(stream[at : at + many]) for at in range(0, len(stream), many)]
    together, _ = relayed(client, provider, grouped)
    whole = b"".join(stream)
    size = data.draw(st.integers(1, 64))
    cut, _ = relayed(client, provider, [whole[i : i + size] for i in range(0, len(whole), size)])
    assert alone == together == cut == kept
