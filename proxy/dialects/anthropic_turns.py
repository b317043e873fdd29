"""The turns of a Messages request: alternating, blocks in each, system words apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from proxy.chat import (
    CallPart,
    FilePart,
    ImagePart,
    Json,
    Message,
    Part,
    ReasoningPart,
    ResultPart,
    TextPart,
)
from proxy.dialects.anthropic_encoder import arguments_of, call_id
from proxy.dialects.marks import marked
from proxy.dialects.media import decoded_text, split_data_url

_FOREIGN_PROOF = "gAAAA"  # how the sealed thoughts of OpenAI begin, which Anthropic refuses
_NO_WORDS = "(no words)"  # a conversation cannot begin with the assistant, nor be empty


def turns(messages: Iterable[Message], dropped: list[str]) -> tuple[list[Json], list[Json]]:
    """(system blocks, turns). System words from the middle move to the front, as Anthropic's own
    compatibility layer does."""
    system: list[Json] = []
    out: list[Json] = []
    for message in messages:
        if message.role in ("system", "developer"):
            system.extend(_blocks(message.parts, dropped))
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message.parts, dropped)
        if not blocks:
            continue
        if out and out[-1]["role"] == role:
            out[-1]["content"].extend(blocks)
        else:
            out.append({"role": role, "content": blocks})
    if not out or out[0]["role"] == "assistant":
        out.insert(0, {"role": "user", "content": [{"type": "text", "text": _NO_WORDS}]})
    _order(out)
    return system, out


def _order(out: list[Json]) -> None:
    """Results open their turn; the last words of a prefilled answer end without blanks; a single
    text stands as a string."""
    for turn in out:
        blocks = turn["content"]
        if turn["role"] == "user":
            blocks.sort(key=lambda block: block["type"] != "tool_result")
        if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
            turn["content"] = blocks[0]["text"]
    last = out[-1]
    if last["role"] == "assistant":
        content = last["content"]
        if isinstance(content, str):
            last["content"] = content.rstrip()
        elif content[-1]["type"] == "text":
            content[-1]["text"] = content[-1]["text"].rstrip()


def calls_in(messages: Iterable[Message]) -> list[str]:
    """The names of the tools that were called in these turns, each once."""
    names = (
        part.name for message in messages for part in message.parts if isinstance(part, CallPart)
    )
    return list(dict.fromkeys(names))


def ends_unsigned(messages: Sequence[Message]) -> bool:
    """Whether the turn that goes on is one of calls whose signed thoughts are lost."""
    if not messages or messages[-1].role != "tool":
        return False
    last = next((one for one in reversed(messages) if one.role == "assistant"), None)
    return last is not None and not any(
        isinstance(part, ReasoningPart) and _signed(part) for part in last.parts
    )


def _signed(part: ReasoningPart) -> bool:
    proof = part.signature or part.redacted
    return bool(proof) and not proof.startswith(_FOREIGN_PROOF)


def _blocks(parts: Iterable[Part], dropped: list[str]) -> list[Json]:
    blocks = (_block(part, dropped) for part in parts)
    return [block for block in blocks if block is not None]


def _block(part: Part, dropped: list[str]) -> Json | None:
    match part:
        case TextPart():
            if not part.text.strip():
                return None  # refused when blank
            return marked({"type": "text", "text": part.text}, part.cache_mark)
        case ImagePart():
            source = _source(part.url, part.media_type, part.data)
            return marked({"type": "image", "source": source}, part.cache_mark)
        case FilePart(kind="audio"):
            dropped.append("input_audio")
            return None
        case FilePart():
            return marked(_document(part), part.cache_mark)
        case ReasoningPart():
            if not _signed(part):
                return None  # an unsigned thought is refused
            if part.redacted:
                return {"type": "redacted_thinking", "data": part.redacted}
            return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        case CallPart():
            call: Json = {
                "type": "tool_use",
                "id": call_id(part.id, part.name, 0),
                "name": part.name,
                "input": arguments_of(part.arguments),
            }
            return marked(call, part.cache_mark)
        case ResultPart():
            return _result(part, dropped)


def _result(part: ResultPart, dropped: list[str]) -> Json:
    content = _blocks([replace(one, cache_mark="") for one in part.content], dropped)
    told: Json = {"type": "tool_result", "tool_use_id": call_id(part.call_id, part.name, 0)}
    marked(told, part.cache_mark)
    if len(content) == 1 and content[0]["type"] == "text":
        told["content"] = content[0]["text"]
    elif content:
        told["content"] = content
    if part.error:
        told["is_error"] = True
    return told


def _source(url: str, media_type: str, data: str) -> Json:
    inside = split_data_url(url) if url else (media_type, data)
    if inside is None:
        return {"type": "url", "url": url}
    return {"type": "base64", "media_type": inside[0] or "image/png", "data": inside[1]}


def _document(part: FilePart) -> Json:
    block: Json = {"type": "document"}
    if part.name:
        block["title"] = part.name
    text = decoded_text(part.data) if part.media_type.startswith("text/") else None
    if part.file_id:
        block["source"] = {"type": "file", "file_id": part.file_id}
    elif text is not None:
        block["source"] = {"type": "text", "media_type": "text/plain", "data": text}
    else:
        media_type = part.media_type or "application/pdf"
        block["source"] = _source(part.url, media_type, part.data)
    return block
