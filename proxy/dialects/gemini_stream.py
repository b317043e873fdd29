"""Gemini's streams: one response object an event, or one an element of a JSON array."""

from __future__ import annotations

from typing import Any

from proxy.chat import (
    Event,
    Extra,
    Failed,
    Finished,
    FinishReason,
    Json,
    Opened,
    Reasoning,
    Spent,
    Text,
    ToolCall,
    Usage,
)
from proxy.dialects.citations import notes_of
from proxy.dialects.content import (
    count,
    json_text,
    likely,
    logprobs_json,
    made_up_id,
    string,
)
from proxy.dialects.dialect import Frame
from proxy.dialects.json_array import Objects
from proxy.dialects.sse import Splitter, loaded, payload
from proxy.dialects.usual import Usual

_NOTHING: tuple[Event, ...] = ()

# Words, and the numbers that stand for them where a client asked for enum-encoding=int.
_REASONS: dict[object, FinishReason] = {
    "MAX_TOKENS": "length",
    2: "length",
    "SAFETY": "content_filter",
    3: "content_filter",
    "RECITATION": "content_filter",
    4: "content_filter",
    "BLOCKLIST": "content_filter",
    6: "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    7: "content_filter",
    "SPII": "content_filter",
    8: "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
}
_CODE_PARTS = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")


class GeminiDecoder:
    """Frames of one stream. Which of the two forms it has, its first byte tells."""

    __slots__ = ("_calls", "_finished", "_opened", "_seed", "_splitter")

    def __init__(self) -> None:
        self._splitter: Splitter | Objects | None = None
        self._opened = False
        self._finished = False
        self._seed = ""
        self._calls: dict[int, int] = {}

    def feed(self, data: bytes) -> list[Frame]:
        """See Decoder.feed."""
        splitter = self._splitter
        if splitter is None:
            if not data:
                return []
            splitter = self._splitter = (
                Objects() if data.lstrip()[:1] in (b"[", b"{") else Splitter()
            )
        return [Frame(raw, self._mean(raw)) for raw in splitter.feed(data)]

    def close(self) -> list[Frame]:
        """See Decoder.close."""
        rest = self._splitter.close() if self._splitter is not None else b""
        return [Frame(rest, self._mean(rest))] if rest else []

    def usual(self) -> Usual | None:
        """See Decoder.usual."""
        splitter = self._splitter
        return Usual(splitter) if isinstance(splitter, Splitter) else None

    def _mean(self, raw: bytes) -> tuple[Event, ...]:
        if isinstance(self._splitter, Objects):
            data = raw.lstrip(b"[, \r\n\t")
        elif raw.startswith(b"data: {") and raw.endswith(b"}\r\n\r\n") and raw.count(b"\n") == 2:
            data = raw[6:-4]
        else:
            data = payload(raw)[1]
        said = loaded(data)
        if isinstance(said, list):
            said = said[0] if said else None
        if not isinstance(said, dict):
            return _NOTHING
        error = said.get("error")
        if error:
            return (failed(error),)
        return tuple(self.read(said))

    def read(self, said: Json) -> list[Event]:
        """What one response that is no error means."""
        events: list[Event] = []
        if not self._opened:
            self._opened = True
            self._seed = string(said.get("responseId"))
            events.append(Opened(self._seed, string(said.get("modelVersion"))))
        candidates = said.get("candidates")
        for candidate in candidates if isinstance(candidates, list) else ():
            if isinstance(candidate, dict) and read_candidate(
                candidate, events, self._seed, self._calls
            ):
                self._finished = True
        feedback = said.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason") and not candidates:
            self._finished = True
            events.append(Finished("content_filter"))
        counts = said.get("usageMetadata")
        if isinstance(counts, dict) and (self._finished or not candidates):
            events.append(Spent(usage_of(counts)))  # grows with every event: only the last counts
        return events


def read_candidate(candidate: Json, events: list[Event], seed: str, calls: dict[int, int]) -> bool:
    """Adds the events of one candidate; whether it is finished. calls: of each choice so far."""
    choice = count(candidate.get("index"))
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict):
            _read_part(part, choice, events, seed, calls)
    probable = candidate.get("logprobsResult")
    if isinstance(probable, dict):
        events.append(Extra("logprobs", _logprobs(probable), choice))
    notes = notes_of(_grounds(candidate.get("groundingMetadata")))
    if notes:
        events.append(Extra("annotations", notes, choice))
    reason = candidate.get("finishReason")
    if not reason or reason == "FINISH_REASON_UNSPECIFIED":
        return False
    word = _REASONS.get(reason, "stop")
    events.append(Finished("tool_calls" if word == "stop" and choice in calls else word, choice))
    return True


def _read_part(
    part: Json, choice: int, events: list[Event], seed: str, calls: dict[int, int]
) -> None:
    text = part.get("text")
    if isinstance(text, str):
        if text:
            thought = part.get("thought") is True
            events.append(Reasoning(text, choice) if thought else Text(text, choice))
        return
    call = part.get("functionCall")
    if isinstance(call, dict):
        index = calls.get(choice, 0)
        calls[choice] = index + 1
        name, arguments = string(call.get("name")), json_text(call.get("args"))
        events.append(
            ToolCall(
                index,
                string(call.get("id")) or made_up_id(seed, choice, index, name, arguments),
                name,
                arguments,
                choice,
                string(part.get("thoughtSignature")),
            )
        )
        return
    media = part.get("inlineData")
    if isinstance(media, dict):
        url = f"data:{media.get('mimeType')};base64,{media.get('data')}"
        events.append(Extra("images", [{"type": "image_url", "image_url": {"url": url}}], choice))
        return
    events.extend(Extra(name, part[name], choice) for name in _CODE_PARTS if name in part)


def _logprobs(result: Json) -> Json:
    """What was chosen, and what was likeliest in its place: two lists of one length."""
    chosen, tops = result.get("chosenCandidates"), result.get("topCandidates")
    told = []
    for place, one in enumerate(chosen if isinstance(chosen, list) else ()):
        top = tops[place] if isinstance(tops, list) and place < len(tops) else None
        near = top.get("candidates") if isinstance(top, dict) else None
        likeliest = [
            likely(each, "token", "logProbability")
            for each in (near if isinstance(near, list) else ())
        ]
        told.append((likely(one, "token", "logProbability"), likeliest))
    return logprobs_json(told)


def _grounds(grounding: Any) -> list[Json]:
    """What a search found, as citations."""
    chunks = grounding.get("groundingChunks") if isinstance(grounding, dict) else None
    found: list[Json] = []
    for chunk in chunks if isinstance(chunks, list) else ():
        if isinstance(chunk, dict):
            page = chunk.get("web") or chunk.get("retrievedContext") or chunk.get("maps")
            if isinstance(page, dict):
                found.append({"url": page.get("uri"), "title": page.get("title")})
    return found


def usage_of(counts: Json) -> Usage:
    """Gemini's counts: what tools read is prompt, and thoughts are completion."""
    thoughts = count(counts.get("thoughtsTokenCount"))
    return Usage(
        prompt=count(counts.get("promptTokenCount")) + count(counts.get("toolUsePromptTokenCount")),
        completion=count(counts.get("candidatesTokenCount")) + thoughts,
        cached=count(counts.get("cachedContentTokenCount")),
        reasoning=thoughts,
    )


def failed(error: Any) -> Failed:
    """An error object: its status is a word, its code an HTTP status."""
    if not isinstance(error, dict):
        return Failed(str(error))
    code = error.get("code")
    word = string(error.get("status"))
    return Failed(
        string(error.get("message")) or "the provider failed",
        word,
        word or str(code or ""),
        code if isinstance(code, int) and 400 <= code < 600 else None,
    )
