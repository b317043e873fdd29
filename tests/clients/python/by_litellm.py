"""litellm: its openai/, responses/ and anthropic/ models."""

from __future__ import annotations

import json
import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network for prices

import litellm
from loop import Job, read_and_cancel, read_and_close, serve, used, weather
from pydantic import BaseModel

litellm.suppress_debug_info = True
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def options(job: Job) -> dict[str, Any]:
    claude = job.flavour == "anthropic"
    if job.flavour == "responses":  # else it asks for the whole and cuts it into pieces itself
        known = {"litellm_provider": "openai", "supports_native_streaming": True}
        litellm.register_model({job.model: known})
    prefix = {"anthropic": "anthropic", "responses": "openai/responses"}.get(job.flavour, "openai")
    return {
        "model": f"{prefix}/{job.model}",
        "api_base": job.root if claude else job.base_url,
        "api_key": job.key,
        "max_tokens": job.max_tokens,
        "temperature": job.temperature,
        "num_retries": 0,
        "max_retries": 0,
    }


def asked(job: Job) -> dict[str, Any]:
    return {**options(job), "messages": [{"role": "user", "content": job.prompt}]}


def told(response: Any, pieces: int = 0) -> dict[str, Any]:
    usage = getattr(response, "usage", None)
    return {
        "text": response.choices[0].message.content,
        "pieces": pieces,
        "usage": used(usage.prompt_tokens, usage.completion_tokens) if usage else {},
    }


def joined(chunks: list[Any]) -> dict[str, Any]:
    texts = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
    usages = [c.usage for c in chunks if getattr(c, "usage", None)]
    usage = usages[-1] if usages else None
    return {
        "text": "".join(texts),
        "pieces": len(texts),
        "usage": used(usage.prompt_tokens, usage.completion_tokens) if usage else {},
    }


STREAMED: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


def whole(job: Job) -> dict[str, Any]:
    return told(litellm.completion(**asked(job)))


async def whole_async(job: Job) -> dict[str, Any]:
    return told(await litellm.acompletion(**asked(job)))


def stream(job: Job) -> dict[str, Any]:
    return joined(list(litellm.completion(**asked(job), **STREAMED)))


async def stream_async(job: Job) -> dict[str, Any]:
    reader = await litellm.acompletion(**asked(job), **STREAMED)
    return joined([one async for one in reader])


def tools(job: Job) -> dict[str, Any]:
    said: list[Any] = [{"role": "user", "content": job.prompt}]
    tool = {
        "type": "function",
        "function": {"name": "weather", "description": "Weather", "parameters": PARAMETERS},
    }
    calls: list[Any] = []
    while True:
        response = litellm.completion(
            **options(job), messages=said, tools=[tool], stream=job.stream
        )
        if job.stream:
            response = litellm.stream_chunk_builder(list(response), messages=said)
        message = response.choices[0].message
        if not message.tool_calls:
            return {"text": message.content, "calls": calls}
        said.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            given = json.loads(call.function.arguments)
            calls.append([call.function.name, given])
            said.append({"role": "tool", "tool_call_id": call.id, "content": weather(**given)})


def structured(job: Job) -> dict[str, Any]:
    response = litellm.completion(**asked(job), response_format=Person)
    text = response.choices[0].message.content
    return {"object": Person.model_validate_json(text).model_dump()}


def leave(job: Job) -> dict[str, Any]:
    reader = litellm.completion(**asked(job), stream=True)
    return read_and_close(reader, job.pieces, reader.completion_stream.close)


async def leave_async(job: Job) -> dict[str, Any]:
    reader = await litellm.acompletion(**asked(job), stream=True)
    return await read_and_cancel(reader, job.pieces)


if __name__ == "__main__":
    serve(whole, whole_async, stream, stream_async, tools, structured, leave, leave_async)
