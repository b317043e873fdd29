"""What a request says about itself without being understood: its structure, and the text to read.

Structural signals come first and cost nothing: a request with tools needs a model with tools,
whatever its words are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxy.chat import Json

BYTES_PER_TOKEN = 4  # English text; an estimate for limits and price caps, never for bills
LONG_CONTEXT_TOKENS = 32_000


@dataclass(frozen=True, slots=True)
class Signals:
    """text: the last user text. tokens: an estimate of the prompt."""

    text: str
    tokens: int
    tools: bool = False
    images: bool = False
    json_mode: bool = False

    @property
    def category(self) -> str | None:
        """The category that the structure alone decides."""
        if self.tools:
            return "tools"
        if self.tokens >= LONG_CONTEXT_TOKENS:
            return "long_context"
        return None


def read_signals(kind: str, body: Json, prompt_bytes: int) -> Signals:
    """The signals of a checked request body. kind: openai or completions."""
    tokens = prompt_bytes // BYTES_PER_TOKEN
    if kind == "completions":
        prompt = body.get("prompt")
        return Signals(prompt if isinstance(prompt, str) else "", tokens)
    text, images = _last_user_text(body["messages"])
    wanted = body.get("response_format")
    return Signals(
        text,
        tokens,
        tools=bool(body.get("tools") or body.get("functions")),
        images=images,
        json_mode=isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema"),
    )


def _last_user_text(messages: list[Any]) -> tuple[str, bool]:
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content, False
            if isinstance(content, list):
                return _parts(content)
    return "", False


def _parts(content: list[Any]) -> tuple[str, bool]:
    texts: list[str] = []
    images = False
    for part in content:
        if isinstance(part, dict):
            text = part.get("text")
            if isinstance(text, str):
                texts.append(text)
            elif part.get("type") in ("image_url", "input_image", "image"):
                images = True
    return "\n".join(texts), images
