"""Chat requests as Gemini's generateContent takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

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
from proxy.dialects.content import (
    call_names,
    first_stops,
    inline,
    is_made_up,
    json_object,
    mentioned,
    own_fields,
    turns,
    unplaced,
    wanted_schema,
)
from proxy.dialects.dialect import Rendered
from proxy.dialects.gemini_schema import schema_for
from proxy.dialects.shapes import effort_of

STOPS_MOST = 5  # ai.google.dev/api/generate-content, stopSequences
_UNKNOWN = ("logit_bias", "parallel_tool_calls", "user")
OWN = frozenset(("safetySettings", "cachedContent", "labels"))
GENERATION: Mapping[str, str] = {
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "n": "candidateCount",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_UNDERSTOOD = frozenset(("generationConfig", "tools", "web_search_options"))
MODES: Mapping[str, str] = {"auto": "AUTO", "none": "NONE", "required": "ANY"}

# Budgets of Google's own OpenAI interface, for models before 3
# (ai.google.dev/gemini-api/docs/openai).
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
_VERSION = re.compile(r"gemini-(\d+)")
_LEAST_IS_LOW = re.compile(r"gemini-3\.[78]-flash")  # and of every pro model
PRO_LEAST_BUDGET = 128  # a pro model cannot stop thinking
PRO_MOST_BUDGET = 32_768
FLASH_MOST_BUDGET = 24_576

# Stands for a signature that nobody has, as the documentation of thought signatures allows for
# calls that another model made; Gemini 3 refuses a call without any.
NO_SIGNATURE = "skip_thought_signature_validator"

_TYPES: Mapping[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "csv": "text/csv",
    "html": "text/html",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
}


def render(request: ChatRequest, model: str) -> Rendered:
    """See Dialect.render. The method is in the path; alt=sse asks for events."""
    dropped: set[str] = set()
    names = call_names(request)
    system, conversation = turns(request)
    contents = [
        {
            "role": "model" if side == "assistant" else "user",
            "parts": _parts(parts, names, model, dropped) or [{"text": " "}],
        }
        for side, parts in conversation
    ]
    instruction = [{"text": part.text} for part in system if part.text]
    body: Json = {"contents": contents}
    if not contents:  # instructions alone are asked as a question
        body["contents"] = [{"role": "user", "parts": instruction or [{"text": " "}]}]
    elif instruction:
        body["systemInstruction"] = {"parts": instruction}
    generation = _generation(request, model, dropped)
    if generation:
        body["generationConfig"] = generation
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_tool(one) for one in request.tools]}]
        if request.tool_choice is not None:
            body["toolConfig"] = {"functionCallingConfig": _choice(request.tool_choice)}
    body.update(own_fields(request, OWN))
    own_tools = _own_tools(request, dropped)
    if own_tools:
        body["tools"] = [*body.get("tools", ()), *own_tools]
    dropped.update(unplaced(request, _UNKNOWN, OWN | _UNDERSTOOD))
    path = model if "/" in model else f"models/{model}"
    method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
    return Rendered(f"/{quote(path, safe='/@')}:{method}", body, tuple(sorted(dropped)))


def _generation(request: ChatRequest, model: str, dropped: set[str]) -> Json:
    given = (request.extra or {}).get("generationConfig")
    found: Json = dict(given) if isinstance(given, Mapping) else {}
    for ours, theirs in GENERATION.items():
        value = getattr(request, ours)
        if value is not None and (ours, value) != ("n", 1):
            found[theirs] = value
    if request.stop:
        found["stopSequences"] = first_stops(request, STOPS_MOST, dropped)
    wants_json, schema = wanted_schema(request)
    if wants_json:
        found["responseMimeType"] = "application/json"
        if schema is not None:
            found["responseJsonSchema"] = schema_for(schema)
    thinking = _thinking(request, model)
    if thinking:
        found["thinkingConfig"] = thinking
    return found


def _thinking(request: ChatRequest, model: str) -> Json:
    """What is asked, as a level from Gemini 3 on, as a budget before."""
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if effort is None and budget is None:
        return {}
    off = budget == 0 if effort is None else effort == "none"
    pro = "pro" in model
    if _is_third(model):
        level = effort or effort_of(budget or 0)
        if off or level == "minimal":
            level = "low" if pro or _LEAST_IS_LOW.search(model) else "minimal"
        elif level not in ("low", "medium"):
            level = "high"
        return {"thinkingLevel": level, "includeThoughts": not off}
    if budget is None:
        budget = _BUDGETS.get(effort or "", _BUDGETS["high"])
    least, most = (PRO_LEAST_BUDGET, PRO_MOST_BUDGET) if pro else (0, FLASH_MOST_BUDGET)
    return {"thinkingBudget": min(max(budget, least), most), "includeThoughts": not off}


def _is_third(model: str) -> bool:
    """Whether this is Gemini 3 or later, which knows levels and wants signatures back."""
    version = _VERSION.search(model)
    return "latest" in model if version is None else int(version[1]) >= 3


def _own_tools(request: ChatRequest, dropped: set[str]) -> list[Json]:
    """Gemini's own tools as they are, and a search of OpenAI's as its search."""
    extra = request.extra or {}
    given = extra.get("tools")
    found = [one for one in given if "type" not in one] if isinstance(given, list) else []
    searches = "web_search_options" in extra
    for one in given if isinstance(given, list) else ():
        if str(one.get("type", "")).startswith("web_search"):
            searches = True
        elif "type" in one:
            dropped.add(f"tools.{one['type']}")
    if searches and request.tools:  # older models take either functions or a search
        dropped.add("web_search")
    elif searches:
        found.append({"googleSearch": {}})
    return found


def _tool(tool: Any) -> Json:
    found: Json = {"name": tool.name}
    if tool.description:
        found["description"] = tool.description
    if tool.parameters:
        found["parametersJsonSchema"] = schema_for(tool.parameters)
    return found


def _choice(choice: str) -> Json:
    if choice in MODES:
        return {"mode": MODES[choice]}
    return {"mode": "ANY", "allowedFunctionNames": [choice.removeprefix("function:")]}


def _parts(
    parts: list[Part], names: Mapping[str, str], model: str, dropped: set[str]
) -> list[Json]:
    """A turn's parts. Thoughts are not given back: Gemini wants their signatures only."""
    found: list[Json] = []
    media: list[Json] = []  # what tools showed comes after all of their results
    signed = False
    for part in parts:
        match part:
            case TextPart(text=text):
                if text:
                    found.append({"text": text})
            case ImagePart() | FilePart():
                found.append(_media(part, dropped))
            case ReasoningPart():
                pass
            case CallPart():
                call = _call(part)
                if not signed and not part.signature and _is_third(model):
                    call["thoughtSignature"] = NO_SIGNATURE  # the first call of a turn carries it
                signed = True
                found.append(call)
            case ResultPart():
                found.append(_result(part, names))
                media.extend(
                    _media(one, dropped) for one in part.content if isinstance(one, ImagePart)
                )
    return found + media


def _call(part: CallPart) -> Json:
    call: Json = {"name": part.name, "args": json_object(part.arguments)}
    if part.id and not is_made_up(part.id):
        call["id"] = part.id
    found: Json = {"functionCall": call}
    if part.signature:
        found["thoughtSignature"] = part.signature
    return found


def _result(part: ResultPart, names: Mapping[str, str]) -> Json:
    text = "\n".join(one.text for one in part.content if isinstance(one, TextPart))
    name = part.name or names.get(part.call_id, "") or "tool"
    result: Json = {"name": name, "response": {"error" if part.error else "result": text}}
    if part.call_id and not is_made_up(part.call_id):
        result["id"] = part.call_id
    return {"functionResponse": result}


def _media(part: ImagePart | FilePart, dropped: set[str]) -> Json:
    held = inline(part)
    if held is not None:
        return {"inlineData": {"mimeType": held[0], "data": held[1]}}
    uri = part.url or (part.file_id if isinstance(part, FilePart) else "")
    if not uri:
        dropped.add("file")
        return {"text": mentioned(part)}
    return {"fileData": {"mimeType": _type_of(part, uri), "fileUri": uri}}


def _type_of(part: ImagePart | FilePart, uri: str) -> str:
    ending = uri.partition("?")[0].rpartition(".")[2].lower()
    default = "image/jpeg" if isinstance(part, ImagePart) else "application/pdf"
    return part.media_type or _TYPES.get(ending, default)
