"""OpenAI's Responses: what its clients send and read, and what its models answer."""

from __future__ import annotations

from proxy.dialects.responses_decoder import ResponseDecoder, read_response
from proxy.dialects.responses_encoder import ResponseEncoder, write_response
from proxy.dialects.responses_parse import check_response, parse_response
from proxy.dialects.responses_render import render_response
from proxy.dialects.shapes import read_error, write_error


class Responses:
    """Responses, stateless."""

    name = "responses"
    stream_type = b"text/event-stream"
    plain: tuple[bytes, ...] = (b"event: response.output_text.delta\n",)

    check = staticmethod(check_response)
    parse = staticmethod(parse_response)
    render = staticmethod(render_response)
    decoder = ResponseDecoder
    encoder = ResponseEncoder
    read_answer = staticmethod(read_response)
    write_answer = staticmethod(write_response)
    read_error = staticmethod(read_error)
    write_error = staticmethod(write_error)
