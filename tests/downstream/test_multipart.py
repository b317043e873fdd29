"""The multipart reader: nothing is changed but the field, however the body is cut."""

from __future__ import annotations

import pytest

from proxy.downstream.multipart import Multipart, boundary_of
from proxy.errors import ClientError

FILE = (
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a; name=\\"model\\".wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n\r\n--X\r\n\r\n--XY--\r\nabc\r\n"
)
MODEL = b'--XX\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
EMPTY = b'--XX\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'
END = b"--XX--\r\n"


def read(body: bytes, size: int = 1 << 20) -> tuple[str | None, list[bytes | None]]:
    reader = Multipart(b"XX", b"model")
    out = [one for at in range(0, len(body), size) for one in reader.feed(body[at : at + size])]
    return reader.value, out + reader.finish()


@pytest.mark.parametrize("parts", [(FILE, MODEL, EMPTY), (MODEL, FILE), (EMPTY, MODEL), (MODEL,)])
def test_every_cut_gives_the_same(parts: tuple[bytes, ...]) -> None:
    body = b"".join(parts) + END
    for size in range(1, len(body) + 1):
        value, out = read(body, size)
        assert value == "whisper-1"
        assert out.count(None) == 1
        assert b"".join(b"M" if one is None else one for one in out) == body.replace(
            b"whisper-1", b"M"
        )


def test_a_body_without_the_field_passes_unchanged() -> None:
    for body in (FILE + EMPTY + END, FILE[:-9], END):
        value, out = read(body, 3)
        assert value is None
        assert b"".join(one or b"" for one in out) == body


@pytest.mark.parametrize(
    "body",
    [
        MODEL + MODEL + END,
        b"junk" + MODEL + END,
        MODEL.replace(b'name="model"', b'name="x"; name="model"') + END,
        MODEL.replace(b'name="model"', b"name=\"mo\\del\"") + END,
        MODEL.replace(b'name="model"', b"name*=utf-8''model") + END,
        MODEL.replace(b"form-data", b"attachment") + END,
        MODEL.replace(b"form-data; ", b"form-data;\r\n ") + END,
        b"--XX\nContent-Disposition: form-data; name=\"model\"\n\nx\r\n" + END,
        b"--XX\r\nX: 1\nContent-Disposition: form-data; name=\"model\"\r\n\r\nx\r\n" + END,
        MODEL[:-3],
        MODEL.replace(b"whisper-1", b"w" * 2000) + END,
        MODEL.replace(b"whisper-1", b"\xff") + END,
        b"--XX\r\n" + b"X: 1\r\n" * 3000 + END,
    ],
)  # fmt: skip
def test_what_two_readers_could_read_in_two_ways_is_refused(body: bytes) -> None:
    for size in (1, 7, 1 << 20):
        with pytest.raises(ClientError) as caught:
            read(body, size)
        assert caught.value.status == 400


def test_names_without_quotes_are_read_too() -> None:
    body = MODEL.replace(b'name="model"', b"name=model") + END
    assert read(body)[0] == "whisper-1"


@pytest.mark.parametrize(
    ("kind", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b"; x=1', b"a b"),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ('multipart/form-data; boundary=""', None),
    ],
)
def test_the_boundary(kind: str, boundary: bytes | None) -> None:
    if boundary is None:
        with pytest.raises(ClientError):
            boundary_of(kind)
    else:
        assert boundary_of(kind) == boundary
