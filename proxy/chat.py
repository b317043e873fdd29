"""What a conversation is, whatever the wire format: requests, events, answers.

Dialects translate between their wire format and these values. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Json = dict[str, Any]

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class Usage(NamedTuple):
    """Token counts as PROVIDERS normalises them: prompt includes cached tokens,
    completion includes reasoning tokens. A tuple: one is made for every request, and a frozen
    dataclass takes four times as long to make."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0
    estimated: bool = False

    @property
    def total(self) -> int:
        return self.prompt + self.completion


# ---- events: what one frame of a stream means --------------------------------------------------
# Values, though not frozen: some are made for every token, and freezing triples what that takes.


@dataclass(slots=True)
class Opened:
    """The stream began: headers, a role chunk, message_start. Not a token."""

    id: str = ""
    model: str = ""
    created: int = 0


@dataclass(slots=True)
class Text:
    text: str
    choice: int = 0


@dataclass(slots=True)
class Reasoning:
    text: str
    choice: int = 0
    signature: str = ""  # Anthropic's and Gemini's proof that the thought is theirs


@dataclass(slots=True)
class ToolCall:
    """A piece of a tool call: id and name come with its first piece, arguments in any."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    choice: int = 0
    signature: str = ""  # Gemini's, to be given back with the call


@dataclass(slots=True)
class Extra:
    """Something the neutral form has no field for (citations, logprobs), as the wire's JSON."""

    field: str
    value: Any
    choice: int = 0


@dataclass(slots=True)
class Finished:
    reason: FinishReason
    choice: int = 0


@dataclass(slots=True)
class Spent:
    usage: Usage


@dataclass(slots=True)
class Failed:
    """An error inside the stream, in the provider's words."""

    message: str
    type: str = ""
    code: str = ""
    status: int | None = None


@dataclass(slots=True)
class Done:
    """The wire's own end mark ([DONE], message_stop, done:true)."""


REDACTED = "redacted_thinking"  # Extra's field for thoughts that were encrypted: a list of texts

Event = Opened | Text | Reasoning | ToolCall | Extra | Finished | Spent | Failed | Done


def is_token(event: Event) -> bool:
    """Whether this counts as a first token: non-empty content."""
    match event:
        case Text(text=text) | Reasoning(text=text):
            return bool(text)
        case ToolCall():
            return bool(event.id or event.name or event.arguments)
        case _:
            return False


# ---- requests ---------------------------------------------------------------------------------


CacheMark = Literal["", "5m", "1h"]  # a prompt-cache breakpoint, and how long it should hold


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str
    cache_mark: CacheMark = ""  # after this part


@dataclass(frozen=True, slots=True)
class ImagePart:
    url: str = ""  # https or data URL as given
    media_type: str = ""  # for data
    data: str = ""  # base64
    detail: str = ""
    cache_mark: CacheMark = ""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A document or audio clip: media type plus base64 data, a URL, or the provider's file id."""

    kind: Literal["audio", "file"]
    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    name: str = ""
    cache_mark: CacheMark = ""


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    text: str
    signature: str = ""
    redacted: str = ""  # a thought that its provider encrypted, wanted back as it is


@dataclass(frozen=True, slots=True)
class CallPart:
    id: str
    name: str
    arguments: str  # JSON text
    signature: str = ""  # Gemini's proof of the thought behind it, wanted back with the call
    cache_mark: CacheMark = ""


@dataclass(frozen=True, slots=True)
class ResultPart:
    call_id: str
    content: tuple[TextPart | ImagePart, ...]
    error: bool = False
    name: str = ""
    cache_mark: CacheMark = ""


Part = TextPart | ImagePart | FilePart | ReasoningPart | CallPart | ResultPart


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "developer", "user", "assistant", "tool"]
    parts: tuple[Part, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    cache_mark: CacheMark = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request in neutral form. None means: the caller did not say."""

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None  # "auto" | "none" | "required" | "function:NAME"
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: Mapping[str, Any] | None = None  # OpenAI's object
    reasoning_effort: str | None = None
    reasoning_budget: int | None = None  # tokens
    user: str | None = None
    include_usage: bool = False
    extra: Mapping[str, Any] | None = None  # OpenAI chat's other fields, by its names, as given
    ignored: tuple[str, ...] = ()  # what the caller's format said and no other has a place for


# ---- whole answers ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    text: str = ""
    reasoning: str = ""
    reasoning_signature: str = ""
    calls: tuple[CallPart, ...] = ()
    finish: FinishReason | None = None
    extra: Mapping[str, Any] | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    id: str
    model: str
    created: int
    choices: tuple[Choice, ...]
    usage: Usage | None = None
