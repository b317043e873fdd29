"""Prompt-cache marks: how long a provider is asked to keep what comes up to here.

Anthropic's form is cache_control beside a block, and clients of OpenAI's format that talk to Claude
write the same; Bedrock's is a block of its own after it.
"""

from __future__ import annotations

from typing import Any

from proxy.chat import CacheMark, Json


def mark_of(block: Json) -> CacheMark:
    """What is said beside a block."""
    control = block.get("cache_control")
    if not control:
        return ""
    return _kept(control)


def point_of(block: Json) -> CacheMark:
    """What Bedrock's block of its own says; the one before it is meant."""
    return _kept(block["cachePoint"]) if "cachePoint" in block else ""


def _kept(control: Any) -> CacheMark:
    return "1h" if isinstance(control, dict) and control.get("ttl") == "1h" else "5m"


def marked(block: Json, mark: CacheMark) -> Json:
    """The block with its mark, if it has one; five minutes are what silence means."""
    if mark:
        ttl = {"ttl": mark} if mark != "5m" else {}
        block["cache_control"] = {"type": "ephemeral", **ttl}
    return block


def point(mark: CacheMark) -> Json:
    """Bedrock's block for a mark."""
    ttl = {"ttl": mark} if mark != "5m" else {}
    return {"cachePoint": {"type": "default", **ttl}}
