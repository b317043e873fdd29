"""Pictures, documents and sound inside requests: data URLs, base64, the names of formats."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from urllib.parse import unquote_to_bytes

_AUDIO = {"mp3": "audio/mpeg", "mpeg": "audio/mpeg", "m4a": "audio/mp4", "oga": "audio/ogg"}
_FORMATS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mp4": "m4a"}


def split_data_url(url: str) -> tuple[str, str] | None:
    """(media type, base64 data) of a data URL; None for any other URL.

    Data that is not base64 already is made so (RFC 2397 leaves it to the writer).
    """
    if url[:5].lower() != "data:":
        return None
    head, comma, data = url[5:].partition(",")
    if not comma:
        return None
    media_type, _, options = head.partition(";")
    if not options.lower().endswith("base64"):
        data = b64encode(unquote_to_bytes(data)).decode()
    return media_type or "text/plain", data


def data_url(media_type: str, data: str) -> str:
    """A data URL for base64 data."""
    return f"data:{media_type or 'application/octet-stream'};base64,{data}"


def decoded_text(data: str) -> str | None:
    """The text that base64 data holds; None where it is no UTF-8 text."""
    try:
        return b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def audio_type(format: str) -> str:
    """The media type of OpenAI's name of an audio format: wav, mp3, ..."""
    return _AUDIO.get(format) or f"audio/{format}"


def audio_format(media_type: str) -> str:
    """OpenAI's name of an audio format."""
    return _FORMATS.get(media_type) or media_type.rpartition("/")[2]
