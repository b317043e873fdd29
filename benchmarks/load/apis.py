"""The wire formats that can be loaded: how a request is written, and where its tokens are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.load.prompts import Prompt

Json = dict[str, Any]
_VALUE = rb'"\s*:\s*"((?:[^"\\]|\\.)+)"'  # a string that is not empty
_ANY_TEXT = re.compile(rb'"(?:content|text|thinking|arguments)"\s*:\s*"(?!")|"input"\s*:\s*\{')


@dataclass(frozen=True, slots=True)
class Api:
    """One wire format. The pattern finds every text, reasoning or tool-call delta of an event;
    quotes inside strings are escaped, so that text about JSON does not match."""

    name: str
    path: str
    body: Callable[[str, Prompt, bool], Json]
    token: re.Pattern[bytes]
    done: bytes  # in the last event of every complete stream
    finish: tuple[bytes, bytes]  # one of them in some event of every complete stream
    whole: re.Pattern[bytes]  # a text in an answer that is not streamed
    counted: bytes = b'_tokens"'  # in an event that tells the usage


def _messages(prompt: Prompt) -> list[Json]:
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    return [*system, *_turns(prompt)]


def _turns(prompt: Prompt) -> list[Json]:
    turns = (*prompt.history, ("user", prompt.text))
    return [{"role": role, "content": text} for role, text in turns]


def _chat(model: str, prompt: Prompt, stream: bool) -> Json:
    body: Json = {"model": model, "messages": _messages(prompt)}
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if prompt.output_tokens:
        body["max_tokens"] = prompt.output_tokens
    return body


def _completions(model: str, prompt: Prompt, stream: bool) -> Json:
    body: Json = {"model": model, "prompt": prompt.text, "max_tokens": prompt.output_tokens or 128}
    return body | ({"stream": True} if stream else {})


def _anthropic(model: str, prompt: Prompt, stream: bool) -> Json:
    body: Json = {
        "model": model,
        "max_tokens": prompt.output_tokens or 1024,
        "messages": _turns(prompt),
    }
    if prompt.system:
        body["system"] = prompt.system
    return body | ({"stream": True} if stream else {})


def _responses(model: str, prompt: Prompt, stream: bool) -> Json:
    body: Json = {"model": model, "input": _turns(prompt) if prompt.history else prompt.text}
    if prompt.output_tokens:
        body["max_output_tokens"] = prompt.output_tokens
    return body | ({"stream": True} if stream else {})


def _ollama(model: str, prompt: Prompt, stream: bool) -> Json:
    options = {"num_predict": prompt.output_tokens} if prompt.output_tokens else {}
    return {"model": model, "messages": _messages(prompt), "stream": stream, "options": options}


APIS = {
    one.name: one
    for one in (
        Api(
            "chat",
            "/chat/completions",
            _chat,
            re.compile(rb'"(?:content|reasoning_content|reasoning|arguments)' + _VALUE),
            b"[DONE]",
            (b'"finish_reason":"', b'"finish_reason": "'),
            _ANY_TEXT,
        ),
        Api(
            "completions",
            "/completions",
            _completions,
            re.compile(rb'"text' + _VALUE),
            b"[DONE]",
            (b'"finish_reason":"', b'"finish_reason": "'),
            _ANY_TEXT,
        ),
        Api(
            "messages",
            "/messages",
            _anthropic,
            re.compile(rb'"(?:text|thinking|partial_json)' + _VALUE),
            b"message_stop",
            (b'"stop_reason":"', b'"stop_reason": "'),
            _ANY_TEXT,
        ),
        Api(
            "responses",
            "/responses",
            _responses,
            re.compile(rb'"delta' + _VALUE),
            b"response.completed",
            (b"response.completed", b"response.incomplete"),
            _ANY_TEXT,
        ),
        Api(
            "ollama",
            "/api/chat",
            _ollama,
            re.compile(rb'"(?:content|thinking)' + _VALUE),
            b'"done":true',
            (b'"done_reason":"', b'"done_reason": "'),
            _ANY_TEXT,
            b'eval_count"',
        ),
    )
}
