"""A text completion request in neutral form, and a neutral request as one."""

from __future__ import annotations

from typing import Any

from proxy.chat import ChatRequest, Json, Message, TextPart
from proxy.dialects.dialect import Rendered
from proxy.dialects.openai_parse import stops, wrong
from proxy.dialects.openai_render import common

_SAME = (
    "max_tokens", "temperature", "top_p", "top_k", "seed", "n", "presence_penalty",
    "frequency_penalty", "logit_bias", "user",
)  # fmt: skip
# What only this format says; a completion elsewhere is a chat of one turn.
_ONLY_HERE = ("suffix", "echo", "best_of")
_UNDERSTOOD = frozenset(
    (*_SAME, *_ONLY_HERE, "model", "prompt", "stream", "stream_options", "stop", "logprobs")
)
# What a chat says and this format cannot.
_NO_PLACE = (
    "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort",
    "top_logprobs",
)  # fmt: skip


def parse_completion(body: Json) -> ChatRequest:
    """See Dialect.parse: the prompt is the only turn."""
    logprobs = body.get("logprobs")
    counted = isinstance(logprobs, int) and not isinstance(logprobs, bool)
    return ChatRequest(
        model=body["model"],
        messages=(Message("user", (TextPart(_prompt(body["prompt"])),)),),
        stream=bool(body.get("stream")),
        stop=stops(body.get("stop")),
        logprobs=True if counted else None,
        top_logprobs=logprobs if counted and logprobs else None,
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        extra={
            name: value
            for name, value in body.items()
            if name not in _UNDERSTOOD and value is not None
        }
        or None,
        ignored=tuple(name for name in _ONLY_HERE if body.get(name)),
        **{name: body[name] for name in _SAME if body.get(name) is not None},
    )


def _prompt(prompt: Any) -> str:
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise wrong("prompt", "must be one text for this model, not tokens nor several texts")
    return prompt


def render_completion(request: ChatRequest, model: str) -> Rendered:
    """See Dialect.render: all turns as one text."""
    body: Json = {"model": model, "prompt": _text(request), **common(request, model)}
    dropped = [name for name in _NO_PLACE if getattr(request, name) not in (None, ())]
    for name in _NO_PLACE:
        body.pop(name, None)
    if body.pop("logprobs", None):
        body["logprobs"] = request.top_logprobs or 1
        dropped = [name for name in dropped if name != "top_logprobs"]
    if request.top_k is not None:
        body["top_k"] = request.top_k
    body.update(request.extra or {})
    return Rendered("/completions", body, tuple(dropped))


def _text(request: ChatRequest) -> str:
    turns = (
        "".join(part.text for part in message.parts if isinstance(part, TextPart))
        for message in request.messages
    )
    return "\n\n".join(turn for turn in turns if turn)
