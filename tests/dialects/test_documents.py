"""Documents, pictures and sound on their way to targets that take less than the client gave."""

from __future__ import annotations

from base64 import b64encode

import pytest

from proxy.chat import FilePart
from proxy.dialects.media import split_data_url
from proxy.dialects.registry import dialect

NOTE = b64encode("Zwölf Äpfel".encode()).decode()
DOCUMENT = {"type": "document", "title": "note.txt",
            "source": {"type": "base64", "media_type": "text/plain", "data": NOTE}}  # fmt: skip
PICTURE = {"type": "image",
           "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}  # fmt: skip
FOREIGN = ["openai", "responses", "gemini", "bedrock", "cohere", "ollama"]


def messages(*content: dict, **more) -> dict:
    turns = [{"role": "user", "content": list(content)}]
    return {"model": "m", "max_tokens": 9, "messages": turns, **more}


def render(name: str, body: dict, client: str = "anthropic"):
    request = dialect(client).parse(body)
    rendered = dialect(name).render(request, "model")
    return str(rendered.body), {*rendered.dropped, *request.ignored}


@pytest.mark.parametrize("name", ["openai", "responses", "cohere", "ollama"])
def test_a_plain_document_is_told_in_words(name: str) -> None:
    told, dropped = render(name, messages(DOCUMENT))
    assert "Zwölf Äpfel" in told
    assert "note.txt" in told
    assert not dropped


@pytest.mark.parametrize("name", FOREIGN)
def test_a_plain_document_that_a_tool_returned_too(name: str) -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": [DOCUMENT]}
    told, dropped = render(name, messages(result))
    assert "Zwölf Äpfel" in told
    assert not dropped


@pytest.mark.parametrize("name", FOREIGN)
def test_the_same_for_responses(name: str) -> None:
    data = f"data:text/plain;base64,{NOTE}"
    parts = [{"type": "input_file", "filename": "n.txt", "file_data": data},
             {"type": "input_file", "file_id": "file-1"}]  # fmt: skip
    result = {"type": "function_call_output", "call_id": "t", "output": parts}
    told, dropped = render(name, {"model": "m", "input": [result]}, "responses")
    assert "Zwölf Äpfel" in told
    assert dropped == {"input.function_call_output.input_file"}


def test_what_cohere_cannot_see_in_a_result_is_named() -> None:
    result = {"type": "tool_result", "tool_use_id": "t",
              "content": [{"type": "text", "text": "a cat"}, PICTURE]}  # fmt: skip
    told, dropped = render("cohere", messages(result))
    assert "a cat" in told
    assert dropped == {"image_url"}


def test_an_address_that_openai_does_not_open_is_told() -> None:
    found = {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}
    told, dropped = render("openai", messages(found))
    assert "[file: https://x/y.pdf]" in told
    assert dropped == {"file_url"}


def test_an_answer_of_a_form_is_not_named_as_lost() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    form = {"type": "json_schema", "schema": schema}
    told, dropped = render("openai", messages({"type": "text", "text": "q"}, output_format=form))
    assert "additionalProperties" in told
    assert not dropped


def test_responses_usual_values_are_not_named_as_lost() -> None:
    usual = {"model": "m", "input": "hi", "truncation": "disabled", "service_tier": "auto",
             "parallel_tool_calls": True, "tools": [], "background": False, "metadata": {},
             "text": {"format": {"type": "text"}, "verbosity": "medium"}}  # fmt: skip
    request = dialect("responses").parse(usual)
    assert request.ignored == ()
    for name in ("openai", "anthropic", "gemini"):
        assert dialect(name).render(request, "m").dropped == ()


def test_responses_may_hold_sound() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}
    body = {"model": "m", "input": [{"role": "user", "content": [sound]}]}
    (message,) = dialect("responses").parse(body).messages
    assert message.parts == (FilePart("audio", "audio/wav", "UklG"),)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://x/y", None),
        ("data:image/png;base64,QUJD", ("image/png", "QUJD")),
        ("DATA:image/png;Base64,QUJD", ("image/png", "QUJD")),
        ("data:text/plain;charset=utf-8;base64,QUJD", ("text/plain", "QUJD")),
        ("data:,Hello%2C%20World", ("text/plain", b64encode(b"Hello, World").decode())),
        ("data:text/plain,a%c3%a9+b", ("text/plain", b64encode("aé+b".encode()).decode())),
        ("data:;base64,QUJD", ("text/plain", "QUJD")),
        ("data:nothing", None),
    ],
)
def test_what_a_data_url_holds(url: str, found) -> None:
    assert split_data_url(url) == found
