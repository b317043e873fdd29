"""Anthropic's Messages: what its clients send and read, and what its models answer."""

from __future__ import annotations

import orjson

from proxy.dialects.anthropic_decoder import MessageDecoder, read_message
from proxy.dialects.anthropic_encoder import MessageEncoder, write_message
from proxy.dialects.anthropic_parse import check_message, parse_message
from proxy.dialects.anthropic_render import render_message
from proxy.dialects.anthropic_shapes import error_body, error_reading


class Anthropic:
    """Messages."""

    name = "anthropic"
    stream_type = b"text/event-stream"
    plain: tuple[bytes, ...] = (b"event: content_block_delta\n",)

    check = staticmethod(check_message)
    parse = staticmethod(parse_message)
    render = staticmethod(render_message)
    decoder = MessageDecoder
    encoder = MessageEncoder
    read_answer = staticmethod(read_message)
    write_answer = staticmethod(write_message)
    read_error = staticmethod(error_reading)
    write_error = staticmethod(error_body)


def count_answer(tokens: int) -> bytes:
    """The answer to a count of tokens."""
    return orjson.dumps({"input_tokens": tokens})
