"""Chat requests as Bedrock's Converse takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from proxy.chat import (
    CallPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Json,
    Part,
    ReasoningPart,
    ResultPart,
    TextPart,
)
from proxy.dialects.bedrock_thinking import is_adaptive, thinking
from proxy.dialects.content import (
    inline,
    json_object,
    mentioned,
    own_fields,
    schema_words,
    turns,
    unplaced,
    wanted_schema,
)
from proxy.dialects.dialect import Rendered
from proxy.dialects.marks import point

_UNKNOWN = (
    "n",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "parallel_tool_calls",
    "user",
)
OWN = frozenset(
    (
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "guardrailConfig",
        "performanceConfig",
        "promptVariables",
        "requestMetadata",
        "serviceTier",
    )
)
IMAGES = frozenset(("png", "jpeg", "gif", "webp"))
DOCUMENTS: Mapping[str, str] = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
# Media that move, with the formats whose name is not that of their media type.
SOUNDS: Mapping[str, Mapping[str, str]] = {
    "audio": {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "x-m4a": "m4a"},
    "video": {"quicktime": "mov", "x-matroska": "mkv", "x-flv": "flv", "3gpp": "three_gp"},
}
_CACHES = re.compile(r"claude|nova")
# Families without structured output; the others take outputConfig.
_NO_SCHEMA = re.compile(r"nova|titan|llama|claude-(?:3|v2|instant)|cohere|jamba|ai21|palmyra")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9\-()\[\] ]+")
_ID_LENGTH = 64


def render(request: ChatRequest, model: str) -> Rendered:
    """See Dialect.render."""
    dropped: set[str] = set()
    marks = _CACHES.search(model) is not None
    system, conversation = turns(request)
    instruction: list[Json] = []
    for text in system:
        if text.text.strip():
            instruction.append({"text": text.text})
            if text.cache_mark and marks:
                instruction.append(point(text.cache_mark))
    messages = [
        {"role": side, "content": _blocks(parts, dropped, marks=marks) or [{"text": "."}]}
        for side, parts in conversation
    ]
    if not messages or messages[0]["role"] == "assistant":  # a conversation begins with its user
        messages.insert(0, {"role": "user", "content": [{"text": "."}]})
    _end_plainly(messages[-1])
    body: Json = {"messages": messages}
    wants_json, schema = wanted_schema(request)
    if wants_json and (schema is None or _NO_SCHEMA.search(model)):
        instruction.append({"text": schema_words(schema)})
    elif schema is not None:
        body["outputConfig"] = _output(request, schema)
    if instruction:
        body["system"] = instruction
    more = _inference(request, model, body, dropped)
    tools = _tools(request, dropped, marks="claude" in model)
    if tools:
        body["toolConfig"] = tools
    body.update(own_fields(request, OWN))
    if more:
        body["additionalModelRequestFields"] = {
            **more,
            **body.get("additionalModelRequestFields", {}),
        }
    dropped.update(unplaced(request, _UNKNOWN, OWN))
    method = "converse-stream" if request.stream else "converse"
    return Rendered(f"/model/{quote(model, safe='')}/{method}", body, tuple(sorted(dropped)))


def _end_plainly(last: Json) -> None:
    """The beginning of an answer is refused where it ends with a blank."""
    block = last["content"][-1]
    if last["role"] == "assistant" and "text" in block:
        block["text"] = block["text"].rstrip()


def _inference(request: ChatRequest, model: str, body: Json, dropped: set[str]) -> Json:
    """Puts inferenceConfig into the body; the fields that are a model family's own."""
    more = thinking(request, model, dropped)
    thinks = more.get("thinking", {}).get("type") in ("enabled", "adaptive")
    found: Json = {}
    if request.max_tokens is not None:
        found["maxTokens"] = request.max_tokens
    # Claude takes one of temperature and top_p from 4.5 on, and neither while it thinks.
    if request.temperature is not None and not thinks:
        found["temperature"] = min(request.temperature, 1)
        if request.temperature > 1:
            dropped.add("temperature")
    if request.top_p is not None and not thinks:
        if "claude" in model and request.temperature is not None:
            dropped.add("top_p")
        else:
            found["topP"] = request.top_p
    if thinks:
        names = ("temperature", "top_p", "top_k")
        dropped.update(name for name in names if getattr(request, name) is not None)
    if stops := [one for one in request.stop if one]:
        found["stopSequences"] = stops
    if found:
        body["inferenceConfig"] = found
    if request.top_k is not None and not thinks:
        if "claude" in model and not is_adaptive(model):
            more["top_k"] = request.top_k
        elif "nova" in model:
            more["inferenceConfig"] = {"topK": request.top_k}
        else:
            dropped.add("top_k")
    return more


def _output(request: ChatRequest, schema: Mapping[str, Any]) -> Json:
    described = (request.response_format or {}).get("json_schema")
    name = described.get("name") if isinstance(described, Mapping) else None
    wanted = {"name": name or "answer", "schema": orjson.dumps(schema).decode()}
    structure = {"jsonSchema": wanted}
    return {"textFormat": {"type": "json_schema", "structure": structure}}


def _tools(request: ChatRequest, dropped: set[str], *, marks: bool) -> Json:
    """The tools on offer. A conversation with calls in it needs some, whatever it now wants."""
    called = sorted({p.name for m in request.messages for p in m.parts if isinstance(p, CallPart)})
    choice = request.tool_choice
    if choice == "none" and not called:
        return {}
    specs: list[Json] = []
    for one in request.tools:
        specs.append(_spec(one.name, one.description, one.parameters))
        if one.cache_mark and marks:
            specs.append(point(one.cache_mark))
    if not specs:
        specs = [_spec(name, "", None) for name in called]
    if not specs:
        return {}
    found: Json = {"tools": specs}
    if choice == "none":
        dropped.add("tool_choice")
    elif choice is not None:
        named = {"tool": {"name": choice.removeprefix("function:")}}
        known: Mapping[str, Json] = {"auto": {"auto": {}}, "required": {"any": {}}}
        found["toolChoice"] = known.get(choice, named)
    return found


def _spec(name: str, description: str, parameters: Mapping[str, Any] | None) -> Json:
    schema = {"type": "object", "properties": {}, **(parameters or {})}
    spec: Json = {"name": name, "inputSchema": {"json": schema}}
    if description:
        spec["description"] = description
    return {"toolSpec": spec}


def _id(id: str) -> str:
    """An id that Bedrock takes; another provider's may hold more, and be longer."""
    return _NOT_IN_ID.sub("_", id)[-_ID_LENGTH:] or "call"


def _blocks(parts: Iterable[Part], dropped: set[str], *, marks: bool) -> list[Json]:
    found: list[Json] = []
    for part in parts:
        match part:
            case TextPart(text=text):
                if not text.strip():
                    continue
                found.append({"text": text})
            case ImagePart() | FilePart():
                found.append(_media(part, len(found), dropped))
            case ReasoningPart(redacted=hidden) if hidden:
                found.append({"reasoningContent": {"redactedContent": hidden}})
            case ReasoningPart(text=text, signature=signature):
                if signature:  # a thought that nobody signed is refused
                    told = {"text": text, "signature": signature}
                    found.append({"reasoningContent": {"reasoningText": told}})
            case CallPart(id=id, name=name, arguments=arguments):
                call = {"toolUseId": _id(id), "name": name, "input": json_object(arguments)}
                found.append({"toolUse": call})
            case ResultPart():
                found.append({"toolResult": _result(part, dropped)})
        if marks and not isinstance(part, ReasoningPart) and part.cache_mark:
            found.append(point(part.cache_mark))
    if any("document" in block for block in found) and not any("text" in one for one in found):
        found.insert(0, {"text": "."})  # a document needs words beside it
    return found


def _result(part: ResultPart, dropped: set[str]) -> Json:
    content: list[Json] = []
    for one in part.content:
        if isinstance(one, ImagePart):
            content.append(_media(one, len(content), dropped))
        elif one.text.strip():
            content.append({"text": one.text})
    status = "error" if part.error else "success"
    shown = content or [{"text": "(nothing)"}]
    return {"toolUseId": _id(part.call_id), "content": shown, "status": status}


def _media(part: ImagePart | FilePart, place: int, dropped: set[str]) -> Json:
    held = inline(part)
    kind, source = held if held is not None else (part.media_type, "")
    stored: Json = {"bytes": source}
    if part.url.startswith("s3://"):
        stored = {"s3Location": {"uri": part.url}}
    elif held is None:
        stored = {}
    if stored and isinstance(part, ImagePart):
        ending = (kind or f"image/{part.url.rpartition('.')[2]}").removeprefix("image/")
        ending = ending.replace("jpg", "jpeg")
        if ending in IMAGES:
            return {"image": {"format": ending, "source": stored}}
    elif stored and kind.partition("/")[0] in SOUNDS:
        medium, _, ending = kind.partition("/")
        ending = SOUNDS[medium].get(ending, ending)
        return {medium: {"format": ending, "source": stored}}
    elif stored and isinstance(part, FilePart) and kind in DOCUMENTS:
        name = f"{_stem(part.name)} {place}"  # no two documents may share a name
        return {"document": {"format": DOCUMENTS[kind], "name": name, "source": stored}}
    dropped.add("image_url" if isinstance(part, ImagePart) else part.kind)
    return {"text": mentioned(part)}


def _stem(name: str) -> str:
    return _NOT_IN_NAME.sub(" ", name.rpartition(".")[0] or name).strip()[:100] or "document"
