"""What a request says about itself without being understood: its structure, and the text to read.

Structural signals come first and cost nothing: a request with tools needs a model with tools,
whatever its words are.
"""

from __future__ import annotations

from typing import Any

from proxy.chat import Json

BYTES_PER_TOKEN = 4  # English text; an estimate for limits and price caps, never for bills
LONG_CONTEXT_TOKENS = 32_000


def structure(body: Json, prompt_bytes: int) -> str | None:
    """The category that a request's structure alone decides, whatever its words are."""
    if body.get("tools") or body.get("functions"):
        return "tools"
    if prompt_bytes >= LONG_CONTEXT_TOKENS * BYTES_PER_TOKEN:
        return "long_context"
    return None


def last_user_text(kind: str, body: Json) -> str:
    """The words to be understood: of a checked body, the last user turn's. kind: its dialect."""
    if kind == "completions":
        prompt = body.get("prompt")
        return prompt if isinstance(prompt, str) else ""
    messages: Any = body.get("input" if kind == "responses" else "messages")
    if isinstance(messages, str):
        return messages
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            if isinstance(content, list):
                return "\n".join(
                    part["text"]
                    for part in content
                    if isinstance(part, dict) and isinstance(part.get("text"), str)
                )
    return ""
