"""Neutral requests for the tests of every dialect that parses and renders them."""

from __future__ import annotations

import orjson
from hypothesis import strategies as st

from proxy.chat import (
    CallPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    ResultPart,
    TextPart,
    Tool,
)

words = st.text('abc déf\n"{}:,', min_size=1, max_size=12).filter(str.strip).map(str.strip)
names = st.text("abcdefgh_", min_size=1, max_size=12)
texts = words.map(TextPart)
images = st.sampled_from(
    [ImagePart(url="https://a.test/x.png"), ImagePart(media_type="image/png", data="aGk=")]
)
files = st.just(FilePart("file", "application/pdf", "aGk=", name="a.pdf"))
arguments = st.dictionaries(names, words, max_size=3).map(lambda one: orjson.dumps(one).decode())


@st.composite
def turns(draw) -> tuple[Message, ...]:
    """System words, then user and assistant in turn, each call followed by its result."""
    said = [Message("system", (TextPart(draw(words)),))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(1, 3))):
        seen = draw(st.lists(st.one_of(images, files), max_size=2))
        said.append(Message("user", (TextPart(draw(words)), *seen)))
        calls = tuple(
            CallPart(f"call_{turn}_{number}", draw(names), draw(arguments))
            for number in range(draw(st.integers(0, 2)))
        )
        spoken = (TextPart(draw(words)),) if not calls or draw(st.booleans()) else ()
        said.append(Message("assistant", (*spoken, *calls)))
        said.extend(
            Message("tool", (ResultPart(call.id, (TextPart(draw(words)),)),)) for call in calls
        )
    said.append(Message("user", (TextPart(draw(words)),)))
    return tuple(said)


tools = st.lists(
    st.builds(
        Tool,
        names,
        words,
        st.just({"type": "object", "properties": {"a": {"type": "string"}}}),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda one: one.name,
).map(tuple)


@st.composite
def requests(draw) -> ChatRequest:
    """What every dialect of a chat can say."""
    offered = draw(st.one_of(st.just(()), tools))
    choices = ["auto", "none", "required", *(f"function:{one.name}" for one in offered)]
    return ChatRequest(
        model="m",
        messages=draw(turns()),
        stream=draw(st.booleans()),
        tools=offered,
        tool_choice=draw(st.sampled_from([None, *choices])) if offered else None,
        max_tokens=draw(st.integers(1, 9000)),
        temperature=draw(st.sampled_from([None, 0, 0.5, 1])),
    )


def whole(value) -> None:
    """Validates what pydantic leaves for later: the items of an Iterable."""
    if isinstance(value, dict):
        for one in value.values():
            whole(one)
    elif not isinstance(value, str | bytes) and hasattr(value, "__iter__"):
        for one in value:
            whole(one)
