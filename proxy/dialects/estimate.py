"""How many tokens a request will probably be, where nobody counts them for us.

Four bytes a token is English prose in the tokenizers of 2026 within a fifth; code and other
languages take more. An estimate for planning a context, never for a bill.
"""

from __future__ import annotations

import orjson

from proxy.chat import (
    CallPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    ResultPart,
    TextPart,
)

BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 5  # roles and separators
TOKENS_PER_TOOL = 12
TOKENS_PER_IMAGE = 1200  # about a megapixel at OpenAI, Anthropic and Google alike
TOKENS_PER_FILE = 3000  # two pages, or two minutes


def estimate(request: ChatRequest) -> int:
    """Tokens of the prompt."""
    tokens = 3 + sum(_message(one) for one in request.messages)
    for tool in request.tools:
        schema = orjson.dumps(tool.parameters) if tool.parameters is not None else b""
        tokens += TOKENS_PER_TOOL + _text(tool.name + tool.description) + _size(len(schema))
    if request.response_format is not None:
        tokens += _size(len(orjson.dumps(request.response_format)))
    return tokens


def _message(message: Message) -> int:
    return TOKENS_PER_MESSAGE + sum(_part(one) for one in message.parts)


def _part(part: Part) -> int:
    match part:
        case TextPart(text=text) | ReasoningPart(text=text):
            return _text(text)
        case ImagePart():
            return TOKENS_PER_IMAGE
        case FilePart():
            return TOKENS_PER_FILE
        case CallPart(name=name, arguments=arguments):
            return TOKENS_PER_TOOL + _text(name + arguments)
        case ResultPart(content=content):
            return TOKENS_PER_TOOL + sum(_part(one) for one in content)


def _text(text: str) -> int:
    return _size(len(text.encode(errors="replace")))


def _size(count: int) -> int:
    return -(-count // BYTES_PER_TOKEN)
