"""Requests that two readers could understand in two ways, made by rule: our smuggling corpus.

Each hides a second request, for the model "smuggled", in what one of the readers takes for a body
or for a header. None may be answered, and none may reach a provider. What every reader takes alike
(a leading zero of a length, two spaces in a request line: RFC 9112, section 3) is not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import orjson

INSIDE = orjson.dumps(
    {"model": "alone-smuggled", "messages": [{"role": "user", "content": "smuggled"}]}
)
HIDDEN = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(INSIDE), INSIDE)
)
BODY = b'{"model":"alone-mock-t1-f0-i0","messages":[{"role":"user","content":"outer"}]}'
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)

# Spellings of Transfer-Encoding: chunked that somebody on the way may read and another may not.
CODINGS = (
    b"Transfer-Encoding: chunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding:\tchunked",
    b" Transfer-Encoding: chunked", b"X: y\rTransfer-Encoding: chunked",
    b"X: y\nTransfer-Encoding: chunked", b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: chunked\x00", b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding: chu\xadnked",
    b"Transfer-Encoding: chunked;foo=bar", b'Transfer-Encoding: "chunked"',
    b"Transfer\x00-Encoding: chunked", b"Transfer-Encoding\x00: x",
    b"Transfer-Encoding: CHUNKED", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: ,chunked",
)  # fmt: skip
LENGTHS = (
    b"Content-Length: %d", b"Content-Length: +%d", b"Content-Length: -%d",
    b"Content-Length: 0x%x", b"Content-Length: %d, %d", b"Content-Length: %d\r\nContent-Length: 0",
    b"Content-Length: 0\r\nContent-Length: %d", b"Content-Length : %d", b"Content-Length:\x0b%d",
    b"Content-Length: %d\x00", b"Content-Length: %d_0", b"Content-Length: %d.0",
    b"Content-Length: \xd9\xa1%d", b"Content-Length: 18446744073709551616%d",
)  # fmt: skip
# Chunk framing: the sizes and ends that lenient readers let pass.
CHUNKS = (
    b"+%x\r\n%b\r\n0\r\n\r\n", b"-%x\r\n%b\r\n0\r\n\r\n", b"0x%x\r\n%b\r\n0\r\n\r\n",
    b" %x\r\n%b\r\n0\r\n\r\n", b"%x \n%b\r\n0\r\n\r\n", b"%x\n%b\n0\n\n", b"%x\r%b\r0\r\r",
    b"%x\x00\r\n%b\r\n0\r\n\r\n", b"%x;\n%b\r\n0\r\n\r\n", b"%x\r\n%bXX0\r\n\r\n",
    b"ffffffffffffffff%x\r\n%b\r\n0\r\n\r\n", b"%xg\r\n%b\r\n0\r\n\r\n", b"_%x\r\n%b\r\n0\r\n\r\n",
    b"%x\r\n%b\r\n00x0\r\n\r\n", b"%x\r\n%b\r\n0\r\nContent-Length : 5\r\n\r\n",
)  # fmt: skip
LINES = (
    b"POST /v1/chat/completions HTTP/1.1\n", b"POST /v1/chat/completions\r\n",
    b"POST /v1/chat/completions HTTP/2.0\r\n", b"POST /v1/chat/completions HTTP/1.1 \r\n",
    b"POST /v1/chat/completions HTTP/1.1\rX: y\r\n",
    b"POST\t/v1/chat/completions\tHTTP/1.1\r\n", b"post /v1/chat/completions HTTP/1.1\r\n",
    b"POST /v1/chat/completions HTTP/1.1\x00\r\n", b"POST /v1/chat/completions HTTP/01.1\r\n",
    b"POST /v1/chat/completions HTTP/1.\xb9\r\n", b"POST /v1/chat/completions http/1.1\r\n",
    b"P\x00ST /v1/chat/completions HTTP/1.1\r\n", b"POST /v1/chat\x00/completions HTTP/1.1\r\n",
)  # fmt: skip
HEADERS = (
    b"Host: a\r\nHost: b", b"Host: a/../b", b"Host: a b", b"Host:", b"X", b": y", b"X y: z",
    b"X\x00: y", b"X: \x00y", b"X: y\r\n folded: z", b"X: y\rZ: a", b"X: y\nZ: a\nConnection: z",
    b"X\x7f: y", b"(X): y", b"X\xff: y",
)  # fmt: skip


def corpus() -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every request; each is to be refused, and its connection closed."""
    start = b"POST /v1/chat/completions HTTP/1.1\r\n"
    common = b"Host: localhost\r\nContent-Type: application/json\r\n"
    for (number, coding), order in product(enumerate(CODINGS), (0, 1)):
        length = b"Content-Length: %d" % len(BODY)
        pair = (coding, length) if order else (length, coding)
        yield (
            f"both-{number}-{order}",
            start + common + b"%b\r\n%b\r\n\r\n" % pair + (CHUNKED + HIDDEN),
        )
        zero = (coding, b"Content-Length: 5") if order else (b"Content-Length: 5", coding)
        yield (
            f"zero-{number}-{order}",
            start + common + b"%b\r\n%b\r\n\r\n" % zero + (b"0\r\n\r\n" + HIDDEN),
        )
    for number, shape in enumerate(LENGTHS[1:]):
        values = (len(BODY),) * shape.count(b"%")
        yield f"length-{number}", start + common + shape % values + b"\r\n\r\n" + BODY + HIDDEN
    chunked = start + common + b"Transfer-Encoding: chunked\r\n\r\n"
    for number, shape in enumerate(CHUNKS):
        yield f"chunk-{number}", chunked + shape % (len(BODY), BODY) + HIDDEN
    length = b"Content-Length: %d\r\n\r\n" % len(BODY)
    for number, line in enumerate(LINES):
        yield f"line-{number}", line + common + length + BODY + HIDDEN
    for number, header in enumerate(HEADERS):
        host = b"" if header.startswith(b"Host") else b"Host: localhost\r\n"
        yield f"header-{number}", start + host + header + b"\r\n" + length + BODY + HIDDEN
